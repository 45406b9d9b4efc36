"""A finished run, read back from its folder."""

import re
import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from factories import SOFTMAX, benchmark, dataset_summary, result

from rnnbench.analysis.summary import summarize_run
from rnnbench.config.load import dump
from rnnbench.environment import environment
from rnnbench.errors import UserError
from rnnbench.report.folder import write_report
from rnnbench.results.files import DamagedResultError, OtherVersionError, write_document
from rnnbench.results.run import load_results, load_run, save_results
from rnnbench.results.schema import Results
from rnnbench.results.store import Store
from rnnbench.storage import sha256_file

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
    result(answers=(2, 0, 1, 1), model="svm", seed=7, fingerprint="a" * 64, score_kind="margins"),
]
RESULTS = summarize_run(PLAN, dataset_summary(), TRIALS, "rnnbench run small.yaml")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a run, as ``rnnbench run`` leaves it."""
    folder = tmp_path_factory.mktemp("finished") / "small"
    store = Store(folder)
    store.save_environment(environment(["keras"], jobs=2, threads=1))
    for trial in TRIALS:
        store.save(trial)
    write_report(folder, RESULTS, dump(PLAN, folder))
    return folder


@pytest.fixture
def folder(finished, tmp_path):
    """A copy of that folder, to be damaged."""
    return shutil.copytree(finished, tmp_path / "small")


def test_a_run_comes_back_as_it_was_left(finished):
    run = load_run(finished)

    assert run.folder == finished
    assert run.results == RESULTS
    assert run.benchmark == PLAN
    assert run.environment == environment(["keras"], jobs=2, threads=1)


def test_the_trials_of_each_model_come_by_seed_as_the_run_asked_for_them(finished):
    trials = load_run(finished).trials

    assert {name: [trial.record for trial in each] for name, each in trials.items()} == {
        "rnn": [TRIALS[0].record, TRIALS[1].record],
        "svm": [TRIALS[2].record],
    }
    np.testing.assert_array_equal(trials["rnn"][1].answers, [0, 0, 1, 2])
    np.testing.assert_array_equal(trials["svm"][0].scores, TRIALS[2].scores)


def test_a_folder_may_be_moved(folder):
    assert load_run(folder.rename(folder.with_name("moved"))).results == RESULTS


@pytest.mark.parametrize("what", ["nowhere", "empty", "a file", "unfinished"])
def test_where_there_is_no_finished_run_the_user_is_told_what_one_is(folder, what):
    if what == "nowhere":
        shutil.rmtree(folder)
    elif what == "empty":
        shutil.rmtree(folder)
        folder.mkdir()
    elif what == "a file":
        shutil.rmtree(folder)
        folder.touch()
    else:
        (folder / "results.json").unlink()

    with pytest.raises(UserError) as caught:
        load_run(folder)

    assert str(caught.value) == (
        f"{folder}: no results.json in it (should be a folder that `rnnbench run` finished, as "
        "results/all)"
    )


def test_the_summary_alone_is_read_without_the_trials(folder):
    shutil.rmtree(folder / "trials")
    shutil.rmtree(folder / "predictions")

    assert load_results(folder) == RESULTS


STEM = "rnn-seed3-3333333333333333"
RECORD, PREDICTIONS = f"trials/{STEM}.json", f"predictions/{STEM}.npz"
FILES = ["results.json", "config.yaml", "environment.json", RECORD, PREDICTIONS]


def named(name):
    """Return the start of the error that names this file."""
    return f"^unusable result: .*{re.escape(name)}"


@pytest.mark.parametrize("name", FILES[1:])
def test_a_file_that_is_missing_is_named(folder, name):
    (folder / name).unlink()

    with pytest.raises(DamagedResultError, match=named(name)):
        load_run(folder)


def _truncate(file):
    file.write_bytes(file.read_bytes()[:-20])


def _empty(file):
    file.write_bytes(b"")


def _no_text(file):
    file.write_bytes(b"\xff\xfe\x00")


def _list(file):
    file.write_text("[1, 2]")


def _nest(file):
    file.write_text("[" * 100_000)


def _make_a_folder(file):
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *product(FILES, [_truncate, _empty, _no_text, _list, _nest]),
        *product(FILES[1:], [_make_a_folder]),  # a run without results.json is not finished
    ],
)
def test_a_file_that_is_damaged_is_named(folder, name, damage):
    damage(folder / name)

    with pytest.raises(DamagedResultError, match=named(name)):
        load_run(folder)


@pytest.mark.parametrize("name", ["results.json", RECORD])
def test_a_number_that_was_changed_is_noticed(folder, name):
    text = (folder / name).read_text()
    changed = text.replace('"params": 10', '"params": 11')
    assert changed != text

    (folder / name).write_text(changed)

    with pytest.raises(DamagedResultError, match=f"{named(name)}.*another checksum"):
        load_run(folder)


@pytest.mark.parametrize("name", ["results.json", RECORD])
def test_a_file_of_another_version_is_named_with_both_versions(folder, name):
    text = (folder / name).read_text()
    (folder / name).write_text(text.replace('"schema_version": ', '"schema_version": 9'))

    with pytest.raises(
        OtherVersionError, match=f"{named(name)}: it has schema version 9., .* reads .; run"
    ):
        load_run(folder)


def test_results_with_keys_of_another_kind_are_refused_even_with_their_checksum(folder):
    write_document(folder / "results.json", RESULTS, config_sha256="0" * 64, note="by hand")

    with pytest.raises(DamagedResultError, match=rf"{named('results.json')}[\s\S]*note"):
        load_run(folder)


def test_a_trial_of_another_configuration_beside_it_changes_nothing(folder):
    Store(folder).save(result(model="rnn", seed=3, fingerprint="9" * 64))

    assert load_run(folder).trials["rnn"][1].record == TRIALS[1].record


@pytest.mark.parametrize("fingerprint", ["../" * 9 + "etc/passwd", "3" * 63, "F" * 64])
def test_a_fingerprint_that_was_made_up_never_becomes_a_path(folder, fingerprint):
    text = RESULTS.model_dump_json().replace("3" * 64, fingerprint)
    crafted = Results.model_validate_json(text)
    save_results(folder, crafted)

    with pytest.raises(DamagedResultError, match=named(str(folder)) + ".* 64 lower-case"):
        load_run(folder)


def test_predictions_of_another_trial_are_noticed(folder):
    other = PREDICTIONS.replace("3", "7")
    shutil.copy(folder / other, folder / PREDICTIONS)

    with pytest.raises(DamagedResultError, match=f"{named(PREDICTIONS)}: not what was stored with"):
        load_run(folder)


class _Hostile:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


def test_predictions_that_would_run_code_are_named_and_run_none(folder, tmp_path):
    trace = tmp_path / "trace"
    hostile = np.array([_Hostile(trace)], dtype=object)
    np.savez(folder / PREDICTIONS, labels=hostile, scores=TRIALS[1].scores)
    write_document(
        folder / RECORD,
        TRIALS[1].record,
        predictions_sha256=sha256_file(folder / PREDICTIONS),
    )

    with pytest.raises(DamagedResultError, match=named(PREDICTIONS)):
        load_run(folder)

    assert not trace.exists()


def rewrite_config(folder, text):
    """Change the config as if it had been written so."""
    (folder / "config.yaml").write_text(text)
    save_results(folder, RESULTS)


@pytest.mark.parametrize("name", ["config.yaml", "environment.json"])
def test_a_file_beside_the_results_that_was_changed_is_noticed(folder, name):
    text = (folder / name).read_text()
    changed = text.replace("adam", "sgd").replace("keras", "torch")
    assert changed != text

    (folder / name).write_text(changed)

    with pytest.raises(DamagedResultError, match=named(name)):
        load_run(folder)


def test_an_environment_that_is_damaged_has_to_be_measured_anew(folder):
    _truncate(folder / "environment.json")

    with pytest.raises(DamagedResultError, match=r"; run the benchmark again with --fresh$"):
        load_run(folder)


def test_results_of_before_there_were_checksums_of_configs_have_to_be_made_again(folder):
    write_document(folder / "results.json", RESULTS)

    with pytest.raises(
        OtherVersionError, match=f"{named('results.json')}.*run the benchmark again"
    ):
        load_results(folder)


def test_a_run_that_goes_on_elsewhere_can_still_be_read(folder):
    other = environment(["keras"], jobs=7, threads=3)
    Store(folder).save_environment(other)

    assert load_run(folder).environment == other


@pytest.mark.parametrize(
    "text", ["name: !!python/object/apply:os.getcwd []\n", "name: small\n", "models: {}\nname: x\n"]
)
def test_a_config_that_is_none_is_named_with_its_line(folder, text):
    rewrite_config(folder, text)

    with pytest.raises(DamagedResultError, match=rf"{named('config.yaml')}:1: "):
        load_run(folder)


def test_a_config_that_lacks_a_model_of_the_results_is_named(folder):
    text = (folder / "config.yaml").read_text()
    rewrite_config(folder, text.replace("  svm:", "  bayes:"))

    with pytest.raises(DamagedResultError, match=r"^unusable result: .*: config\.yaml .* svm$"):
        load_run(folder)
