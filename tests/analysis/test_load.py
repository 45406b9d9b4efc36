"""A finished run, read back from its folder."""

import json
import re
import shutil

import numpy as np
import pytest
from factories import MARGINS, SOFTMAX, benchmark, dataset_summary, result

from rnnbench.analysis.summary import load_run, summarize_run
from rnnbench.config.load import dump
from rnnbench.environment import environment
from rnnbench.errors import UserError
from rnnbench.results.run import load_results, save_run
from rnnbench.results.store import Store
from rnnbench.storage import DamagedResultError, write_facts

PLAN = benchmark(
    models={
        "rnn": {"layers": [{"simple_rnn": {"units": 3}}, SOFTMAX]},
        "svm": {"baseline": "tfidf_linear_svm"},
    },
    training={"epochs": 1, "seeds": [7, 3]},
)
TRIALS = [
    result(answers=(0, 0, 0, 1), model="rnn", seed=7, fingerprint="7" * 64),
    result(answers=(0, 0, 1, 2), model="rnn", seed=3, fingerprint="3" * 64),
    result(answers=(2, 0, 1, 1), model="svm", seed=7, fingerprint="a" * 64, **MARGINS),
]
RESULTS = summarize_run(PLAN, dataset_summary(), TRIALS, "rnnbench run small.yaml")
RECORD, PREDICTIONS = "trials/rnn-seed3*.json", "predictions/rnn-seed3*.npz"
FILES = ["results.json", "config.yaml", "environment.json", RECORD, PREDICTIONS]
ENVIRONMENT = environment(["keras"], jobs=2, threads=1)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a run, as ``rnnbench run`` leaves it."""
    folder = tmp_path_factory.mktemp("finished") / "small"
    store = Store(folder)
    store.save_environment(ENVIRONMENT)
    for trial in TRIALS:
        store.save(trial)
    save_run(folder, RESULTS, {"config.yaml": dump(PLAN, folder)})
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    """A copy of that folder, to be damaged."""
    return shutil.copytree(finished, tmp_path / "small")


def find(folder, pattern):
    (file,) = folder.glob(pattern)
    return file


def refusal(folder, pattern, reason=""):
    """Expect an error that names a file, and the reason."""
    name = re.escape(find(folder, pattern).name)
    return pytest.raises(DamagedResultError, match=rf"^unusable result: .*{name}[\s\S]*{reason}")


def change(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_run_comes_back_as_it_was_left(finished):
    run = load_run(finished)

    assert run.folder == finished
    assert run.results == load_results(finished) == RESULTS
    assert run.benchmark == PLAN
    assert run.environment == ENVIRONMENT
    assert {name: [trial.record for trial in each] for name, each in run.trials.items()} == {
        "rnn": [TRIALS[0].record, TRIALS[1].record],  # in the order of the seeds
        "svm": [TRIALS[2].record],
    }
    np.testing.assert_array_equal(run.trials["svm"][0].scores, TRIALS[2].scores)


@pytest.mark.parametrize("kind", ["nowhere", "empty", "a file", "unfinished"])
def test_a_folder_without_a_finished_run_is_refused(folder, kind):
    (folder / "results.json").unlink()
    if kind != "unfinished":
        shutil.rmtree(folder)
    if kind == "empty":
        folder.mkdir()
    elif kind == "a file":
        folder.touch()

    with pytest.raises(UserError) as caught:
        load_run(folder)

    assert str(caught.value) == (
        f"{folder}: no results.json in it (should be a folder that `rnnbench run` finished, such "
        "as results/all)"
    )


def test_the_summary_is_read_without_the_trials_and_what_needs_them_names_its_command(folder):
    shutil.rmtree(folder / "trials")
    shutil.rmtree(folder / "predictions")

    assert load_results(folder) == RESULTS
    with pytest.raises(DamagedResultError) as caught:
        load_run(folder)
    assert str(caught.value) == (
        f"unusable result: {folder}: it holds only the summary of a run, without trials (to train "
        "them again: rnnbench run small.yaml)"
    )


def test_a_summary_without_a_metric_is_made_anew_from_the_trials_with_a_warning(folder, caplog):
    older = RESULTS.model_copy(update={"metrics": RESULTS.metrics[:-1]})
    save_run(folder, older, {"config.yaml": dump(PLAN, folder)})
    file = folder / "results.json"
    before = file.read_bytes()

    assert load_run(folder).results == RESULTS

    assert caplog.messages == [f"{file}: it lacks log_loss; recomputed from the stored trials"]
    assert file.read_bytes() == before


@pytest.mark.parametrize("damage", [None, b"", b"\xff\xfe\x00", b"[" * 100_000])
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_named(folder, name, damage):
    file = find(folder, name)
    file.write_bytes(file.read_bytes()[:-20] if damage is None else damage)

    with refusal(folder, name):
        load_run(folder)


@pytest.mark.parametrize("is_folder", [False, True], ids=["missing", "a folder in its place"])
@pytest.mark.parametrize("name", FILES[1:])  # without results.json a run is not finished
def test_a_missing_file_is_named(folder, name, is_folder):
    with refusal(folder, name):
        file = find(folder, name)
        file.unlink()
        if is_folder:
            file.mkdir()
        load_run(folder)


@pytest.mark.parametrize(
    ("name", "old", "new", "reason"),
    [
        ("results.json", "1.5", "1.4", "does not match its checksum"),
        (RECORD, "1.5", "1.4", "does not match its checksum"),
        ("config.yaml", "adam", "sgd", ""),
        ("environment.json", "keras", "torch", "; run the benchmark again with --fresh$"),
    ],
)
def test_a_changed_file_is_noticed(folder, name, old, new, reason):
    change(find(folder, name), old, new)

    with refusal(folder, name, reason):
        load_run(folder)


OTHER_MODEL = {
    "source": "a paper",
    "model": "gru",
    "accuracy": 0.5,
    "yardstick": "over documents",
    "is_of_our_model": False,
    "intervals": {"gru": {"low": 0.0, "high": 1.0}},
}
WRONG = [
    ("results.json", "dataset.majority_topic", "wheat", "is none of the topics"),
    ("results.json", "models.0.metrics.macro_f1", ..., "no macro_f1"),
    ("results.json", "models.0.metrics.accuracy.mean", 1.5, "no share"),
    ("results.json", "models.0.trials.1.metrics.accuracy", 0.25, "seed 3 is 0.25, but .* give 1"),
    ("results.json", "models.1.trials.0.metrics.macro_f1", ..., "macro_f1 of svm seed 7 is nan"),
    (
        "results.json",
        "models.0.metrics.accuracy.mean",
        0.5,
        "accuracy of rnn is 0.5, but .* give 0.7",
    ),
    ("results.json", "comparisons.0.difference", 0.5, "difference of rnn and svm is 0.5, but"),
    ("results.json", "published", [OTHER_MODEL], "a model that is not there"),
    ("environment.json", "versions", "keras 3", "versions: .*dictionary"),
    ("environment.json", "colour", {}, "colour: Extra"),
]


@pytest.mark.parametrize(("name", "key", "value", "reason"), WRONG)
def test_a_value_that_no_run_has_is_named_even_if_its_checksum_is_right(
    folder, name, key, value, reason
):
    forge(folder / name, key, value)

    with refusal(folder, name, reason):
        load_run(folder)


def forge(file, key, value):
    """Set a value, or remove it if it is ``...``, and put the checksum right."""
    facts = json.loads(file.read_bytes())
    del facts["checksum"]
    *above, last = key.split(".")
    tree = facts
    for part in above:
        tree = tree[int(part)] if isinstance(tree, list) else tree[part]
    if value is ...:
        del tree[last]
    else:
        tree[last] = value
    write_facts(file, facts)


def test_a_trial_of_another_run_in_the_folder_changes_nothing(folder):
    Store(folder).save(result(model="rnn", seed=3, fingerprint="9" * 64))

    assert [each.record for each in load_run(folder).trials["rnn"]] == [
        TRIALS[0].record,
        TRIALS[1].record,
    ]


@pytest.mark.parametrize(
    "text", ["name: !!python/object/apply:os.getcwd []\n", "name: small\n", "models: {}\nname: x\n"]
)
def test_an_invalid_config_is_named_with_its_line(folder, text):
    save_run(folder, RESULTS, {"config.yaml": text})

    with refusal(folder, "config.yaml", ":1: "):
        load_run(folder)


def test_a_config_that_lacks_a_model_of_the_results_is_named(folder):
    text = dump(PLAN, folder).replace("  svm:", "  bayes:")
    save_run(folder, RESULTS, {"config.yaml": text})

    with refusal(folder, "config.yaml", " svm$"):
        load_run(folder)
