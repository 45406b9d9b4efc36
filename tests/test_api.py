"""The public names of the package, as a program or a notebook uses them."""

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from factories import runs_on_datasets, scored_run, write_run
from in_process import InProcess
from matplotlib import pyplot as plt

import rnnbench
from rnnbench import plugin
from rnnbench.metrics import COSTS, usable_metrics
from rnnbench.models.baselines import Stratified
from rnnbench.registry import PluginError
from rnnbench.results.store import FILES, RESULTS
from rnnbench.runner.executors import EXECUTORS

MODELS = {
    "nb": {"baseline": {"multinomial_naive_bayes": {"alpha": 0.5}}},
    "smooth": {"baseline": {"multinomial_naive_bayes": {"alpha": 50.0}}},
    "rnn": {
        "layers": [
            {"simple_rnn": {"units": 3}},
            {"dense": {"units": "topics", "activation": "softmax"}},
        ]
    },
}
CONFIG = {
    "name": "mine",
    "data": {"source": "sgml", "test_split": 0.5},
    "training": {"epochs": 1, "seeds": 2},
    "models": MODELS,
}
SCRIPT = f"""
import rnnbench

run = rnnbench.run({CONFIG}, path="sgml", seeds=1, models="nb", progress=False)
print(run)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, tiny_sgml_folder, monkeypatch, quick):  # noqa: ARG001
    """The working folder, with made-up newswires; trials need no processes."""
    monkeypatch.chdir(tmp_path)
    tiny_sgml_folder.rename("sgml")
    return tmp_path


def run(models, config=CONFIG, **arguments):
    """Run some of the models on the made-up newswires."""
    return rnnbench.run(config, models=models, path="sgml", progress=False, **arguments)


def stored(name, rights, **facts):
    """Store a run that never happened, and load it."""
    facts = {"records": {model: {"ms_per_step": 2.0} for model in rights}} | facts
    return rnnbench.load_run(write_run(scored_run(rights, folder=name, **facts)))


def test_every_public_name_can_be_imported():
    for name in rnnbench.__all__:
        assert getattr(rnnbench, name) is not None
    assert set(dir(rnnbench)) == set(rnnbench.__all__)
    assert len(rnnbench.__all__) <= 31
    with pytest.raises(AttributeError, match="Layers"):
        _ = rnnbench.Layers


def test_every_name_for_plugins_can_be_imported():
    for name in plugin.__all__:
        assert getattr(plugin, name) is not None
    with pytest.raises(AttributeError, match="Layers"):
        _ = plugin.Layers


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("Layer", "rnnbench.plugin.Layer", plugin.Layer),
        ("hold_out", "rnnbench.plugin.hold_out", plugin.hold_out),
        ("Assignment", "rnnbench.plugin.FitRequest", plugin.FitRequest),
        ("Recipe", "rnnbench.plugin.TrainingSettings", plugin.TrainingSettings),
        ("Explanation", "rnnbench.plugin.Explanation", plugin.Explanation),
    ],
)
def test_a_name_of_before_is_found_with_a_warning(name, place, value):
    with pytest.warns(DeprecationWarning, match=f"rnnbench.{name} is now {place}"):
        assert getattr(rnnbench, name) is value
    assert name not in dir(rnnbench)


def test_importing_a_name_of_before_names_the_line(tmp_path):
    module = tmp_path / "old_layer.py"
    module.write_text("\nfrom rnnbench import Layer\n")

    done = subprocess.run(
        [sys.executable, "-W", "always", module],
        check=True,
        capture_output=True,
        text=True,
    )

    assert "old_layer.py:2: DeprecationWarning" in done.stderr


def test_the_import_loads_nothing_heavy():
    code = (
        "import sys, rnnbench\n"
        "assert not {'numpy', 'pydantic', 'rich', 'sklearn'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_functions_load_no_tensorflow():
    code = (
        "import sys, rnnbench.plugin\n"
        "rnnbench.load_config, rnnbench.Run, rnnbench.plugin.Engine\n"
        "heavy = {'tensorflow', 'keras', 'pandas', 'matplotlib'}\n"
        "assert not heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_config_is_loaded_from_a_mapping_or_a_file_with_changes(folder):
    (folder / "mine.yaml").write_text("extends: base.yaml\ntraining: {epochs: 7}\n")
    (folder / "base.yaml").write_text(rnnbench.load_config(CONFIG).model_dump_json())

    settings = {"training.batch_size": np.int64(5), "data.path": "\N{SNOWMAN}"}
    changed = rnnbench.load_config("mine.yaml", settings)

    assert changed.models == rnnbench.load_config(CONFIG).models
    assert (changed.training.epochs, changed.training.batch_size) == (7, 5)
    assert changed.data.path.name == "\N{SNOWMAN}"
    assert rnnbench.load_config(changed) == changed


@pytest.mark.parametrize(
    "section", [CONFIG, {"data": {"source": "sgml"}}, {"source": "sgml"}, 7]
)
def test_a_dataset_is_the_padded_arrays_of_a_config_or_of_its_data_section(section):
    section = rnnbench.Data(source="sgml", pad_length=7) if section == 7 else section

    dataset = rnnbench.load_dataset(section, {"data.path": "sgml", "data.maxlen": 50})

    assert dataset.x_train.shape == (len(dataset.y_train), dataset.timesteps)
    assert set(dataset.topics) == {"earn", "acq"}
    assert (dataset.timesteps == 7) == isinstance(section, rnnbench.Data)


def test_a_script_runs_a_benchmark_without_a_guard(folder):
    (folder / "script.py").write_text(SCRIPT)

    done = subprocess.run(
        [sys.executable, "script.py"], check=True, capture_output=True, text=True
    )

    assert "nb" in done.stdout
    assert "Traceback" not in done.stderr
    run = rnnbench.load_run("results/mine")
    assert [row["model"] for row in run.to_dicts()] == ["nb"]
    assert (
        run.results.command
        == "rnnbench run results/mine/config.yaml --out results/mine"
    )


class Forgets(InProcess):
    """Leaves the last trial out."""

    def run(self, trials, *others):
        yield from super().run(trials[:-1], *others)


class Interrupted(InProcess):
    def run(self, *arguments):
        yield next(super().run(*arguments))
        raise KeyboardInterrupt


def test_a_model_that_fails_leaves_the_others_in_a_partial_run(folder, monkeypatch):
    def fail(*_):
        raise LookupError("no weights")

    monkeypatch.setattr(Stratified, "pipeline", fail)
    broken = CONFIG | {
        "models": {"nb": MODELS["nb"], "broken": {"baseline": "stratified"}}
    }

    with pytest.raises(rnnbench.FailedTrialsError) as all_failed:
        run("broken", broken, out="none")
    with pytest.raises(
        rnnbench.FailedTrialsError, match=r"(?s)no weights.*2 of 3 trial"
    ) as caught:
        run(None, broken)

    is_stored = (folder / "none/results.json").exists()
    assert (all_failed.value.run, is_stored) == (None, False)
    partial = caught.value.run
    assert [row["model"] for row in partial.to_dicts()] == ["nb"]
    assert re.search(r"broken\s.*failed:", repr(partial), re.DOTALL)
    again = rnnbench.load_run(partial.folder)
    assert again.results == partial.results
    missing = [(trial.model, trial.seed) for trial in again.results.missing]
    assert missing == [("broken", 0), ("broken", 1)]


def test_an_executor_that_gives_up_leaves_a_partial_run(folder):
    told = "gave no outcome for .* seed 0\n1 of 2 trials have no result; results/mine/ has the"
    with (
        EXECUTORS.override("local", Forgets),
        pytest.raises(rnnbench.FailedTrialsError, match=told) as error,
    ):
        run(["nb", "smooth"])

    assert error.value.exit_code == PluginError.exit_code
    partial = rnnbench.load_run(folder / "results" / "mine").results
    assert len(partial.models) == 1
    assert [trial.reason for trial in partial.missing] == [
        str(error.value).splitlines()[0]
    ]


def test_the_same_call_goes_on_from_what_ctrl_c_left():
    with (
        EXECUTORS.override("local", Interrupted),
        pytest.raises(KeyboardInterrupt, match="1 of 2 trials are stored") as caught,
    ):
        run(["nb", "smooth"], fresh=True)

    assert isinstance(caught.value, rnnbench.InterruptedRunError)
    assert len(caught.value.run.results.models) == 1
    assert len(run(["nb", "smooth"]).results.models) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"jobs": "x"}, r"^jobs: got 'x' \(should be a valid integer"),
        ({"models": 5}, r"^models: got 5 \(should be a valid"),
        ({"settings": 5}, r"^settings: 5: should be key\.path=value"),
        ({"jobs": 0}, r"^jobs: got 0 \(should be 1 or more\)"),
        ({"models": ["lstm"]}, "no model 'lstm'"),
        ({"epochs": 0}, r"^epochs: training\.epochs: got 0"),
        ({"data": "kears"}, r"^data: data\.source: .*did you mean 'keras'"),
        ({"settings": {"training.epochs": "ten"}}, r"training\.epochs: got 'ten'"),
        (
            {"settings": ["training.epochs=1", 4]},
            r"settings: 4: should be key\.path=value",
        ),
        (
            {"config": CONFIG | {"models": {"nb": {"baseline": "\udcff"}}}},
            r"models\.nb.*udcff",
        ),
        (
            {"scheduler": "tcp://host:1"},
            "--scheduler: the executor 'in-process' takes no address",
        ),
        ({"out": ""}, "out: names no folder"),
    ],
)
def test_a_wrong_argument_is_named_before_anything_is_trained(
    folder, arguments, message
):
    with pytest.raises(rnnbench.UserError, match=message):
        rnnbench.run(**{"config": CONFIG, "path": "sgml"} | arguments)
    assert not (folder / "results").exists()


def test_a_misspelled_argument_is_a_type_error():
    with pytest.raises(TypeError, match="unexpected keyword argument 'epoch'"):
        rnnbench.run(CONFIG, epoch=3)


@pytest.fixture
def two_models(folder):  # noqa: ARG001 - it is the working folder
    """A run of naive Bayes with one seed and a network with two."""
    models = {name: MODELS[name] for name in ("nb", "rnn")}
    return stored("a", {"nb": [18], "rnn": [9, 12]}, models=models)


def test_rows_are_trials_with_every_metric_and_cost(two_models):
    rows = two_models.to_dicts()

    trials = [(row["model"], row["seed"]) for row in rows]
    assert trials == [("nb", 0), ("rnn", 0), ("rnn", 1)]
    assert [row["accuracy"] for row in rows] == [0.9, 0.45, 0.6]
    assert {*usable_metrics(), *COSTS, "params", "epochs"} <= rows[0].keys()


def test_rows_have_the_settings_that_differ(two_models):
    rows = two_models.to_dicts()

    alphas = [row["baseline.multinomial_naive_bayes.alpha"] for row in rows]
    assert alphas == [0.5, None, None]
    assert [row["layers.0.simple_rnn.units"] for row in rows] == [None, 3, 3]


def test_rows_make_frames(two_models):
    frame = pd.DataFrame(two_models.to_dicts())
    pd.testing.assert_frame_equal(two_models.to_frame(), frame)
    table = pd.read_csv(two_models.folder / "table.csv")
    summary = two_models.summary_frame()
    pd.testing.assert_frame_equal(summary, table, check_dtype=False)


def test_the_table_of_a_run_is_a_frame(two_models):
    pd.testing.assert_frame_equal(two_models.table, two_models.summary_frame())


def test_a_run_names_its_best_model():
    assert stored("a", {"rnn": [9, 12], "svm": [15]}).best == "svm"


def test_a_run_has_the_accuracy_of_a_model():
    ran = stored("a", {"rnn": [9, 12], "svm": [15]})

    assert ran.accuracy() == ran.accuracy("svm") == 0.75
    assert ran.accuracy("rnn") == pytest.approx(0.525)
    with pytest.raises(rnnbench.UserError, match="no model 'svn'"):
        ran.accuracy("svn")


def test_what_a_run_is_made_of_is_shown_in_few_words():
    ran = stored("a", {"rnn": [9]})

    assert repr(ran.trials["rnn"]) == "[TrialResult('rnn', seed 0)]"
    assert repr(ran.results).endswith(", of rnn)")
    assert repr(ran.benchmark).endswith(", of rnn)")
    assert (
        repr(rnnbench.load_dataset("own_texts"))
        == "Dataset(450 to train on, 150 to test on)"
    )


def test_scores_are_arrays_by_seed_document_topic():
    run = stored("a", {"rnn": [9, 12]})

    is_right = run.scores("rnn").argmax(axis=2) == run.labels

    assert run.scores("rnn").shape == (2, 20, 3)
    assert np.mean(is_right, axis=1).tolist() == [0.45, 0.6]


@pytest.fixture
def runs(folder):  # noqa: ARG001 - it is the working folder
    """A run, and a worse one."""
    return [stored("one", {"rnn": [18, 17, 18]}), stored("two", {"rnn": [2, 3, 2]})]


def test_runs_are_compared(runs):
    comparison = rnnbench.compare(*runs)

    assert comparison.models[0].difference == pytest.approx(-46 / 60)


def test_runs_are_ranked(runs):
    (board,) = rnnbench.leaderboard(runs).boards

    assert [entry.run for entry in board.entries] == ["one", "two"]


def test_runs_have_a_history(runs):
    history = rnnbench.history(runs)

    assert history.histories[0].entries[1].changes["rnn"].is_clear
    assert "rnn down" in repr(history)


def test_a_run_has_a_badge(runs):
    assert rnnbench.badge(runs[0], "rnn")["message"] == "rnn 0.8833 ± 0.0717"


def test_an_unknown_metric_is_the_users_error(runs):
    message = "metric: no metric 'f1'"
    with pytest.raises(rnnbench.UserError, match=message):
        rnnbench.history(runs, metric="f1")
    with pytest.raises(rnnbench.UserError, match=message):
        rnnbench.leaderboard(runs, metric="f1")
    with pytest.raises(rnnbench.UserError, match=message):
        rnnbench.badge(runs[0], metric="f1")


def test_no_site_is_written_of_nothing_or_of_a_part_of_the_test_documents():
    run = stored("one", {"rnn": [18]})
    left_out = run.results.dataset.model_copy(update={"test_size": 19, "n_left_out": 1})
    part = replace(run, results=run.results.model_copy(update={"dataset": left_out}))

    with pytest.raises(
        rnnbench.UserError, match="a report is about all test documents"
    ):
        part.write_report(words=0)
    for runs, arguments, message in (
        ([], {}, "runs: names none"),
        ([run], {"metrics": []}, "metrics: names none"),
        ([run], {"metrics": "f1"}, "metrics: no metric 'f1'"),
        ([run], {"words": -1}, "words: got -1"),
        ([run], {"errors": -1}, "errors: got -1"),
        ([part], {}, "a report is about all test documents"),
    ):
        with pytest.raises(rnnbench.UserError, match=message):
            rnnbench.site(runs, **arguments)
    assert not Path("site").exists()


def test_results_show_themselves_as_text_or_html():
    run = stored("a", {"nb": [18], "rnn": [9, 12]})

    for result in (run, rnnbench.compare(run, run), rnnbench.leaderboard([run])):
        assert "0.9000" in repr(result) == str(result)
        assert ">0.9000</td>" in result._repr_html_()


def test_plots_are_axes_to_go_on_with():
    run = stored("a", {"nb": [18], "rnn": [9, 12]})
    _, (left, right) = plt.subplots(2)

    assert run.plot("accuracy", "rnn", ax=left) is left
    assert rnnbench.compare(run, run).plot(ax=right) is right
    assert run.plot("learning_curves", curve="accuracy").get_xlabel() == "epoch"
    with pytest.raises(rnnbench.UserError, match="did you mean 'confusion'"):
        run.plot("confusions")
    plt.close("all")


def test_a_leaderboard_over_several_datasets_has_mean_ranks():
    rights = {"nb": [18], "rnn": [9, 12]}
    board = rnnbench.leaderboard(runs_on_datasets({"r8": rights, "r52": rights}))

    assert board.mean_ranks().models == {"nb": 1, "rnn": 2}


def test_mean_ranks_have_a_diagram():
    rights = {"nb": [18], "rnn": [9, 12]}
    board = rnnbench.leaderboard(runs_on_datasets({"r8": rights, "r52": rights}))

    axes = board.plot()

    assert axes.get_title() == "Mean rank by accuracy over 2 datasets (1 is best)"
    assert board.plot(ax=axes) is axes
    plt.close("all")


def test_a_diagram_of_ranks_needs_two_datasets():
    with pytest.raises(rnnbench.UserError, match="needs 2 datasets or more, got 1"):
        rnnbench.leaderboard([stored("a", {"nb": [18], "rnn": [9]})]).plot()


def test_the_stored_command_repeats_the_run():
    wanted = {
        "path": "sgml",
        "models": "nb",
        "jobs": 1,
        "save_models": True,
        "compact": True,
    }

    run = rnnbench.run(CONFIG, seeds=np.int64(1), out="here", progress=False, **wanted)

    assert {file.name for file in run.folder.glob("[!.]*.*")} == set(FILES[RESULTS])
    expected = (
        "rnnbench run here/config.yaml --jobs 1 --save-models --compact --out here"
    )
    assert run.results.command == expected
    assert run.results.seeds == [0]
    assert run.trials["nb"][0].record.compact
    np.testing.assert_array_equal(
        rnnbench.load_run("here").scores("nb"), run.scores("nb")
    )


def test_a_report_is_written_beside_the_results_of_its_run_alone():
    run = stored("a", {"nb": [18]})
    other = stored("a", {"nb": [17]})

    with pytest.raises(
        rnnbench.UserError, match="it now holds another run; load it again"
    ):
        run.write_report(words=0)
    assert not (run.folder / "report.html").exists()
    assert other.write_report(words=0).read_text().startswith("<!doctype html>")


def test_models_that_were_kept_answer_texts():
    kept = run(["nb", "rnn"], save_models=True)
    rnn = kept.model("rnn")

    first_seed = rnn.answers("net profit rose", top=1)
    second_seed = kept.model("rnn", seed=1).answers(["net profit rose", "it rose"])

    assert [prediction.words for prediction in (*first_seed, *second_seed)] == [3, 3, 2]
    assert first_seed[0].topics != second_seed[0].topics[:1], (
        "another seed gives other weights"
    )
    assert len(second_seed[0].topics) > 1 == len(first_seed[0].topics)


def test_the_best_model_that_was_kept_answers_texts():
    kept = run(["nb", "rnn"], save_models=True)
    rnn = kept.model("rnn")
    best = kept.model()

    assert best.answers([]) == rnn.answers([]) == []
    assert [prediction.words for prediction in best.answers(["", "zzz"])] == [0, 1]
    assert best.name == kept.results.best.name
    assert best.answers("it rose") == best.answers(["it rose"])


def test_answers_are_a_frame():
    kept = run(["nb"], save_models=True)
    texts = ["net profit rose", "zzz", ""]

    frame = kept.prediction_frame(texts)

    columns = ["predicted", "probability", "second_best", "unknown_words", "problem"]
    assert list(frame.columns) == columns
    assert frame["problem"][1:].tolist() == ["unknown words", "no words"]
    assert frame["predicted"][0] == kept.predict(texts)[0].answer


def test_a_run_answers_by_a_kept_model():
    kept = run(["nb", "rnn"], save_models=True)
    rnn = kept.model("rnn")
    first_seed = rnn.answers("net profit rose", top=1)
    second_seed = kept.model("rnn", seed=1).answers(["net profit rose", "it rose"])

    assert kept.predict("net profit rose", "rnn", seed=1, top=1) == [
        second_seed[0].model_copy(update={"topics": second_seed[0].topics[:1]})
    ]
    (prediction,) = rnn.answers("net profit rose", unsure_below=1, explain=True)
    assert (prediction.answer, prediction.topics[0].topic) == (
        "unsure",
        first_seed[0].answer,
    )
    expected = (
        f"How much the log-probability of {first_seed[0].answer} falls without the word"
    )
    assert prediction.decided_by.meaning == expected


def test_a_kept_model_is_like_a_classifier_of_scikit_learn():
    kept = run(["nb", "rnn"], save_models=True)
    texts = ["net profit rose", "it buys unit 3", "zzz"]

    for name in ("nb", "rnn"):
        model = kept.model(name)
        shares = model.predict_proba(texts)

        described = (model.name, model.kind, shares.shape)
        assert described == (name, "probability", (3, len(model.classes_)))
        np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
        predicted = model.predict(iter(texts))
        np.testing.assert_array_equal(predicted, model.classes_[shares.argmax(axis=1)])
        assert [
            prediction.topics[0].topic for prediction in model.answers(texts[:2])
        ] == predicted[:2].tolist()
        assert model.predict([]).tolist() == []
        assert model.predict(texts[0]).tolist() == predicted[:1].tolist()
    assert rnnbench.load_run(kept.folder).model().name == kept.results.best.name


def test_a_kept_model_takes_texts_alone():
    model = run(["nb"], save_models=True).model("nb")
    texts = ["net profit rose", "it buys unit 3", "zzz"]

    for wrong in (None, b"profit", pd.DataFrame({"text": texts}), {"text": texts}):
        with pytest.raises(
            rnnbench.UserError, match=r"texts: got .*should be a list, or a column"
        ):
            model.predict(wrong)
    for wrong in (float("nan"), b"profit", ["profit", 5]):
        with pytest.raises(
            rnnbench.UserError, match=r"text 2: got \w+ \(should be a text\)"
        ):
            model.predict([texts[0], wrong])
    with pytest.raises(rnnbench.UserError, match=r"text 1: got int"):
        model.predict([5])


def test_a_wrong_argument_of_a_kept_model_is_named():
    kept = run("nb", save_models=True)
    model = kept.model()
    wrong = {
        "name: got 5 (should be a valid string)": lambda: kept.model(5),
        "no model '../nb' (allowed: nb": lambda: kept.model("../nb"),
        "seed: got 'x' (should be a valid integer": lambda: kept.model(seed="x"),
        "nb has no seed 9 (allowed: 0": lambda: kept.model("nb", seed=9),
        "top: got 0 (should be greater than 0)": lambda: model.answers("it rose", 0),
        "unsure_below: got 2 (should be less ": lambda: model.answers(
            "it rose", unsure_below=2
        ),
        "run: got 5 (should be a valid string)": lambda: rnnbench.badge(5),
        "explain: got 'x' (should be a valid b": lambda: model.answers(
            "it rose", explain="x"
        ),
    }
    for message, call in wrong.items():
        with pytest.raises(rnnbench.UserError, match=re.escape(message)):
            call()


OWN = [f"{'buy' if number % 2 else 'see'} you {number}" for number in range(40)]
LABELS = [number % 2 for number in range(40)]


@pytest.mark.parametrize(
    "texts",
    [(np.array(OWN), np.array(LABELS)), pd.DataFrame({"body": OWN, "kind": LABELS})],
    ids=["arrays", "frame"],
)
def test_texts_of_a_program_are_kept_beside_the_results(texts):
    options = {"models": "multinomial_naive_bayes", "progress": False}

    first = rnnbench.run(texts, out="own", **options)
    assert first.results.models[0].score.mean == 1
    assert len(Path("own/texts.jsonl").read_text().splitlines()) == 40
    again = rnnbench.run("own/config.yaml", out="own", **options)
    assert again.results.fingerprints == first.results.fingerprints
    refused = r"texts\.jsonl: holds other texts \(give `out` the name of another folder, or leave"
    with pytest.raises(rnnbench.UserError, match=refused):
        rnnbench.run((OWN[1:], LABELS[1:]), out="own", **options)
    both = rnnbench.leaderboard(["own", first])
    assert len(both.boards[0].entries) == 1


def test_texts_of_several_labels_have_no_accuracy():
    labels = ["buy; odd" if number % 2 else "see" for number in range(40)]
    settings = {"data.label_separator": ";"}

    ran = rnnbench.run(
        (OWN, labels), models="tfidf_linear_svm", settings=settings, progress=False
    )

    assert ran.best == "tfidf_linear_svm"
    with pytest.raises(rnnbench.UserError, match="no accuracy"):
        ran.accuracy()


def test_each_frame_has_a_folder_of_results_by_its_content():
    first, other = (
        pd.DataFrame({"text": texts, "label": LABELS}) for texts in (OWN, OWN[::-1])
    )
    options = {"models": "multinomial_naive_bayes", "progress": False}

    folders = [rnnbench.run(frame, **options).folder for frame in (first, other, first)]

    assert folders[0] != folders[1]
    assert folders[0] == folders[2]
    assert {folder.parent for folder in folders} == {Path("results")}
    assert re.fullmatch("texts-[0-9a-f]{8}", folders[0].name)


def test_each_column_of_texts_has_a_folder_of_results():
    frame = pd.DataFrame({"title": OWN, "body": OWN[::-1], "label": LABELS})
    options = {"models": "multinomial_naive_bayes", "progress": False}

    of_titles = rnnbench.run(frame, text="title", **options)
    of_bodies = rnnbench.run(frame, settings={"data.text": "body"}, **options)

    assert of_titles.folder != of_bodies.folder
    assert rnnbench.load_run(of_titles.folder).best == of_titles.best
    assert rnnbench.run(frame, text="title", **options).folder == of_titles.folder


def test_a_choice_on_a_frame_has_a_folder_of_its_own():
    frame = pd.DataFrame({"text": OWN, "label": LABELS})
    options = {"models": "multinomial_naive_bayes", "folds": 2, "progress": False}

    choice = rnnbench.choose(frame, then_fit=True, **options)

    assert re.fullmatch("choice-texts-[0-9a-f]{8}", choice.folder.name)
    assert choice.fitted.predict([OWN[0]])


def test_dates_in_a_frame_stay_dates():
    days = pd.DataFrame({"body": OWN, "day": pd.to_datetime(LABELS, unit="D")})
    run = rnnbench.run(
        days, out="own", models="multinomial_naive_bayes", progress=False
    )
    assert {count.topic[:10] for count in run.results.dataset.topics} == {
        "1970-01-01",
        "1970-01-02",
    }


@pytest.mark.parametrize(
    "data",
    [
        *(7, (OWN,), (OWN, LABELS[1:]), (1, 2), ("ab", "cd"), ({*OWN}, LABELS)),
        *(pd.Series(OWN), pd.DataFrame([OWN[:2]], columns=["text", "text"])),
    ],
)
def test_other_things_than_texts_and_labels_are_refused(data):
    with pytest.raises(
        rnnbench.UserError, match="should be a data frame, or two lists of equal"
    ):
        rnnbench.run(CONFIG, data=data)


def test_texts_that_cannot_be_used_are_not_in_the_way_of_others():
    options = {"models": "multinomial_naive_bayes", "progress": False, "out": "mine"}

    with pytest.raises(rnnbench.UserError, match="1 different label"):
        rnnbench.run((OWN, [1] * 40), **options)

    with pytest.raises(rnnbench.UserError, match="no document is left to test on"):
        rnnbench.run((OWN, LABELS), settings={"data.fit_on_all": 1.0}, **options)
    assert not Path("mine").exists(), "its data were prepared"
    booleans = rnnbench.run((iter(OWN), np.array(LABELS, bool)), **options)
    assert [count.topic for count in booleans.results.dataset.topics] == [
        "false",
        "true",
    ]


@pytest.mark.parametrize("name", ["config.yaml", "results.json", "table.md", "trials"])
def test_a_folder_in_the_place_of_a_file_or_the_other_way_round_is_named(folder, name):
    results = write_run(scored_run({"nb": [18]}, folder=folder / "results" / "mine"))
    if (results / name).is_file():
        (results / name).unlink()
        (results / name).mkdir()
    else:
        shutil.rmtree(results / name, ignore_errors=True)
        (results / name).touch()
    before = sorted(results.rglob("*"))

    with pytest.raises(
        rnnbench.RnnbenchError, match=f"results/mine/{name}: cannot be written: "
    ):
        run("nb")

    assert [
        file for file in sorted(results.rglob("*")) if file.name[0] != "."
    ] == before
