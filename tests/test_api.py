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
from newswires import write_files

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
    ("name", "new_name"),
    [
        ("Layer", "Layer"),
        ("hold_out", "hold_out"),
        ("Assignment", "FitRequest"),
        ("Recipe", "TrainingSettings"),
        ("Explanation", "Explanation"),
    ],
)
def test_a_name_of_before_is_found_with_a_warning(name, new_name):
    message = f"rnnbench.{name} is now rnnbench.plugin.{new_name}"
    with pytest.warns(DeprecationWarning, match=message):
        value = getattr(rnnbench, name)

    assert value is getattr(plugin, new_name)
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
    base = rnnbench.load_config(CONFIG)
    (folder / "base.yaml").write_text(base.model_dump_json())
    (folder / "mine.yaml").write_text("extends: base.yaml\ntraining: {epochs: 7}\n")
    settings = {
        "training.batch_size": np.int64(5),
        "data.path": "\N{SNOWMAN}",
    }

    changed = rnnbench.load_config("mine.yaml", settings)

    assert changed.models == base.models
    assert changed.training.epochs == 7
    assert changed.training.batch_size == 5
    assert changed.data.path.name == "\N{SNOWMAN}"


def test_a_loaded_config_is_loaded_as_it_is():
    settings = {
        "training.batch_size": np.int64(5),
        "data.path": "\N{SNOWMAN}",
    }
    config = rnnbench.load_config(CONFIG, settings)

    assert rnnbench.load_config(config) == config


@pytest.mark.parametrize(
    "section",
    [
        pytest.param(CONFIG, id="config"),
        pytest.param({"data": {"source": "sgml"}}, id="part of a config"),
        pytest.param({"source": "sgml"}, id="data section"),
        pytest.param(rnnbench.Data(source="sgml"), id="loaded data section"),
    ],
)
def test_a_dataset_is_the_padded_arrays_of_a_config_or_of_its_data_section(section):
    settings = {
        "data.path": "sgml",
        "data.maxlen": 50,
    }

    dataset = rnnbench.load_dataset(section, settings)

    assert dataset.x_train.shape == (len(dataset.y_train), dataset.timesteps)
    assert dataset.timesteps != 7
    assert set(dataset.topics) == {"earn", "acq"}


def test_a_dataset_has_the_length_of_its_data_section():
    section = rnnbench.Data(source="sgml", pad_length=7)

    dataset = rnnbench.load_dataset(section, {"data.path": "sgml", "data.maxlen": 50})

    assert dataset.timesteps == 7
    assert dataset.x_train.shape == (len(dataset.y_train), 7)
    assert set(dataset.topics) == {"earn", "acq"}


def test_a_script_runs_a_benchmark_without_a_guard(folder):
    (folder / "script.py").write_text(SCRIPT)
    command = [sys.executable, "script.py"]

    done = subprocess.run(command, check=True, capture_output=True, text=True)

    assert "nb" in done.stdout
    assert "Traceback" not in done.stderr
    run = rnnbench.load_run("results/mine")
    assert [row["model"] for row in run.to_dicts()] == ["nb"]
    expected = "rnnbench run results/mine/config.yaml --out results/mine"
    assert run.results.command == expected


class Forgets(InProcess):
    """Leaves the last trial out."""

    def run(self, trials, *others):
        yield from super().run(trials[:-1], *others)


class Interrupted(InProcess):
    def run(self, *arguments):
        yield next(super().run(*arguments))
        raise KeyboardInterrupt


@pytest.fixture
def with_broken(monkeypatch):
    """The config of a model that can be trained, with one that fails."""

    def fail(*_):
        raise LookupError("no weights")

    monkeypatch.setattr(Stratified, "pipeline", fail)
    models = {
        "nb": MODELS["nb"],
        "broken": {"baseline": "stratified"},
    }
    return CONFIG | {"models": models}


def test_a_model_that_fails_alone_leaves_no_run(folder, with_broken):
    with pytest.raises(rnnbench.FailedTrialsError) as caught:
        run("broken", with_broken, out="none")

    assert caught.value.run is None
    assert not (folder / "none/results.json").exists()


def test_a_model_that_fails_leaves_the_others_in_a_partial_run(with_broken):
    message = r"(?s)no weights.*2 of 3 trial"
    with pytest.raises(rnnbench.FailedTrialsError, match=message) as caught:
        run(None, with_broken)

    partial = caught.value.run
    assert [row["model"] for row in partial.to_dicts()] == ["nb"]
    assert re.search(r"broken\s.*failed:", repr(partial), re.DOTALL)
    again = rnnbench.load_run(partial.folder)
    assert again.results == partial.results
    missing = [(trial.model, trial.seed) for trial in again.results.missing]
    assert missing == [("broken", 0), ("broken", 1)]


def test_an_executor_that_gives_up_leaves_a_partial_run(folder):
    reason = "gave no outcome for .* seed 0"
    rest = "1 of 2 trials have no result; results/mine/ has the"
    message = f"{reason}\n{rest}"
    with (
        EXECUTORS.override("local", Forgets),
        pytest.raises(rnnbench.FailedTrialsError, match=message) as error,
    ):
        run(["nb", "smooth"])

    assert error.value.exit_code == PluginError.exit_code
    partial = rnnbench.load_run(folder / "results" / "mine").results
    assert len(partial.models) == 1
    (missing,) = partial.missing
    first_line, *_ = str(error.value).splitlines()
    assert missing.reason == first_line


def test_the_same_call_goes_on_from_what_ctrl_c_left():
    with (
        EXECUTORS.override("local", Interrupted),
        pytest.raises(KeyboardInterrupt, match="1 of 2 trials are stored") as caught,
    ):
        run(["nb", "smooth"], fresh=True)

    assert isinstance(caught.value, rnnbench.InterruptedRunError)
    assert len(caught.value.run.results.models) == 1
    again = run(["nb", "smooth"])
    assert len(again.results.models) == 2


UNREADABLE = CONFIG | {"models": {"nb": {"baseline": "\udcff"}}}


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        pytest.param(
            "jobs",
            "x",
            r"^jobs: got 'x' \(should be a valid integer",
            id="jobs that are no number",
        ),
        pytest.param(
            "jobs",
            0,
            r"^jobs: got 0 \(should be 1 or more\)",
            id="no jobs",
        ),
        pytest.param(
            "models",
            5,
            r"^models: got 5 \(should be a valid",
            id="a number as models",
        ),
        pytest.param(
            "models",
            ["lstm"],
            "no model 'lstm'",
            id="an unknown model",
        ),
        pytest.param(
            "epochs",
            0,
            r"^epochs: training\.epochs: got 0",
            id="no epochs",
        ),
        pytest.param(
            "data",
            "kears",
            r"^data: data\.source: .*did you mean 'keras'",
            id="a misspelled source",
        ),
        pytest.param(
            "settings",
            5,
            r"^settings: 5: should be key\.path=value",
            id="a number as settings",
        ),
        pytest.param(
            "settings",
            {"training.epochs": "ten"},
            r"training\.epochs: got 'ten'",
            id="a word as a setting",
        ),
        pytest.param(
            "settings",
            ["training.epochs=1", 4],
            r"settings: 4: should be key\.path=value",
            id="a number among settings",
        ),
        pytest.param(
            "config",
            UNREADABLE,
            r"models\.nb.*udcff",
            id="a name that cannot be decoded",
        ),
        pytest.param(
            "scheduler",
            "tcp://host:1",
            "--scheduler: the executor 'in-process' takes no address",
            id="an address that the executor does not take",
        ),
        pytest.param(
            "out",
            "",
            "out: names no folder",
            id="no folder",
        ),
    ],
)
def test_a_wrong_argument_is_named_before_anything_is_trained(
    folder, argument, value, message
):
    arguments = {"config": CONFIG, "path": "sgml"} | {argument: value}

    with pytest.raises(rnnbench.UserError, match=message):
        rnnbench.run(**arguments)

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
    expected = pd.DataFrame(two_models.to_dicts())

    frame = two_models.to_frame()

    pd.testing.assert_frame_equal(frame, expected)


def test_the_stored_table_of_models_makes_a_frame(two_models):
    table = pd.read_csv(two_models.folder / "table.csv")

    frame = two_models.summary_frame()

    pd.testing.assert_frame_equal(frame, table, check_dtype=False)


def test_the_table_of_a_run_is_a_frame(two_models):
    pd.testing.assert_frame_equal(two_models.table, two_models.summary_frame())


def test_a_run_names_its_best_model():
    ran = stored("a", {"rnn": [9, 12], "svm": [15]})

    assert ran.best == "svm"


def test_a_run_has_the_accuracy_of_a_model():
    ran = stored("a", {"rnn": [9, 12], "svm": [15]})

    assert ran.accuracy() == 0.75
    assert ran.accuracy("svm") == 0.75
    assert ran.accuracy("rnn") == pytest.approx(0.525)
    with pytest.raises(rnnbench.UserError, match="no model 'svn'"):
        ran.accuracy("svn")


def test_what_a_run_is_made_of_is_shown_in_few_words():
    ran = stored("a", {"rnn": [9]})

    assert repr(ran.trials["rnn"]) == "[TrialResult('rnn', seed 0)]"
    assert repr(ran.results).endswith(", of rnn)")
    assert repr(ran.benchmark).endswith(", of rnn)")


def test_a_dataset_is_shown_in_few_words():
    dataset = rnnbench.load_dataset("own_texts")

    assert repr(dataset) == "Dataset(450 to train on, 150 to test on)"


def test_scores_are_arrays_by_seed_document_topic():
    run = stored("a", {"rnn": [9, 12]})

    scores = run.scores("rnn")

    assert scores.shape == (2, 20, 3)
    is_right = scores.argmax(axis=2) == run.labels
    assert is_right.mean(axis=1).tolist() == [0.45, 0.6]


@pytest.fixture
def runs(folder):  # noqa: ARG001 - it is the working folder
    """A run, and a worse one."""
    return [
        stored("one", {"rnn": [18, 17, 18]}),
        stored("two", {"rnn": [2, 3, 2]}),
    ]


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


@pytest.fixture
def part(folder):  # noqa: ARG001 - it is the working folder
    """A run that is about a part of the test documents."""
    run = stored("one", {"rnn": [18]})
    sizes = {"test_size": 19, "n_left_out": 1}
    dataset = run.results.dataset.model_copy(update=sizes)
    results = run.results.model_copy(update={"dataset": dataset})
    return replace(run, results=results)


def test_no_report_is_written_of_a_part_of_the_test_documents(part):
    message = "a report is about all test documents"
    with pytest.raises(rnnbench.UserError, match=message):
        part.write_report(words=0)


def test_no_site_is_written_of_a_part_of_the_test_documents(part):
    message = "a report is about all test documents"
    with pytest.raises(rnnbench.UserError, match=message):
        rnnbench.site([part])

    assert not Path("site").exists()


def test_no_site_is_written_of_nothing():
    with pytest.raises(rnnbench.UserError, match="runs: names none"):
        rnnbench.site([])

    assert not Path("site").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metrics": []}, "metrics: names none"),
        ({"metrics": "f1"}, "metrics: no metric 'f1'"),
        ({"words": -1}, "words: got -1"),
        ({"errors": -1}, "errors: got -1"),
    ],
)
def test_a_wrong_argument_of_a_site_is_named(arguments, message):
    run = stored("one", {"rnn": [18]})

    with pytest.raises(rnnbench.UserError, match=message):
        rnnbench.site([run], **arguments)

    assert not Path("site").exists()


def test_results_show_themselves_as_text_or_html():
    run = stored("a", {"nb": [18], "rnn": [9, 12]})
    comparison = rnnbench.compare(run, run)
    board = rnnbench.leaderboard([run])

    for result in (run, comparison, board):
        assert "0.9000" in repr(result)
        assert str(result) == repr(result)
        assert ">0.9000</td>" in result._repr_html_()


def test_plots_are_axes_to_go_on_with():
    run = stored("a", {"nb": [18], "rnn": [9, 12]})
    comparison = rnnbench.compare(run, run)
    _, (left, right) = plt.subplots(2)

    accuracy = run.plot("accuracy", "rnn", ax=left)
    changes = comparison.plot(ax=right)
    curves = run.plot("learning_curves", curve="accuracy")

    assert accuracy is left
    assert changes is right
    assert curves.get_xlabel() == "epoch"
    plt.close("all")


def test_a_misspelled_plot_is_named():
    run = stored("a", {"nb": [18], "rnn": [9, 12]})

    with pytest.raises(rnnbench.UserError, match="did you mean 'confusion'"):
        run.plot("confusions")


@pytest.fixture
def two_datasets():
    """A leaderboard of the same two models on two datasets."""
    rights = {"nb": [18], "rnn": [9, 12]}
    runs = runs_on_datasets({"r8": rights, "r52": rights})
    return rnnbench.leaderboard(runs)


def test_a_leaderboard_over_several_datasets_has_mean_ranks(two_datasets):
    ranks = two_datasets.mean_ranks()

    assert ranks.models == {"nb": 1, "rnn": 2}


def test_mean_ranks_have_a_diagram(two_datasets):
    axes = two_datasets.plot()

    assert axes.get_title() == "Mean rank by accuracy over 2 datasets (1 is best)"
    assert two_datasets.plot(ax=axes) is axes
    plt.close("all")


def test_a_diagram_of_ranks_needs_two_datasets():
    run = stored("a", {"nb": [18], "rnn": [9]})
    board = rnnbench.leaderboard([run])

    with pytest.raises(rnnbench.UserError, match="needs 2 datasets or more, got 1"):
        board.plot()


def test_the_stored_command_repeats_the_run():
    ran = run(
        "nb",
        seeds=np.int64(1),
        jobs=1,
        save_models=True,
        compact=True,
        out="here",
    )

    options = "--jobs 1 --save-models --compact --out here"
    assert ran.results.command == f"rnnbench run here/config.yaml {options}"
    assert ran.results.seeds == [0]
    (trial,) = ran.trials["nb"]
    assert trial.record.compact


def test_a_run_is_stored_in_files():
    ran = run("nb", save_models=True, compact=True, out="here")

    files = {file.name for file in ran.folder.glob("[!.]*.*")}
    assert files == set(FILES[RESULTS])
    again = rnnbench.load_run("here")
    np.testing.assert_array_equal(again.scores("nb"), ran.scores("nb"))


@pytest.mark.usefixtures("one_plot")
def test_a_report_is_written_beside_the_results_of_its_run_alone():
    run = stored("a", {"nb": [18]})
    other = stored("a", {"nb": [17]})

    message = "it now holds another run; load it again"
    with pytest.raises(rnnbench.UserError, match=message):
        run.write_report(words=0)
    assert not (run.folder / "report.html").exists()
    report = other.write_report(words=0)
    assert report.read_text().startswith("<!doctype html>")


@pytest.fixture(scope="module")
def kept(tmp_path_factory, tiny_sgml):
    """A run of a naive Bayes with a network of two seeds, whose models were kept."""
    folder = tmp_path_factory.mktemp("kept")
    path = write_files(folder / "sgml", tiny_sgml)
    with EXECUTORS.override("local", InProcess):
        return rnnbench.run(
            CONFIG,
            models=["nb", "rnn"],
            path=path,
            save_models=True,
            progress=False,
            out=folder / "out",
        )


def test_models_that_were_kept_answer_texts(kept):
    rnn = kept.model("rnn")

    first_seed = rnn.answers("net profit rose", top=1)
    second_seed = kept.model("rnn", seed=1).answers(["net profit rose", "it rose"])

    (first,) = first_seed
    second, short = second_seed
    words = [prediction.words for prediction in (first, second, short)]
    assert words == [3, 3, 2]
    assert first.topics != second.topics[:1], "another seed gives other weights"
    assert len(first.topics) == 1
    assert len(second.topics) > 1


def test_the_best_model_that_was_kept_answers_texts(kept):
    rnn = kept.model("rnn")
    best = kept.model()

    assert best.answers([]) == []
    assert rnn.answers([]) == []
    no_words, unknown_word = best.answers(["", "zzz"])
    assert no_words.words == 0
    assert unknown_word.words == 1


def test_the_best_model_that_was_kept_answers_one_text(kept):
    best = kept.model()

    assert best.name == kept.results.best.name
    assert best.answers("it rose") == best.answers(["it rose"])


def test_answers_are_a_frame(kept):
    texts = ["net profit rose", "zzz", ""]

    frame = kept.prediction_frame(texts)

    columns = ["predicted", "probability", "second_best", "unknown_words", "problem"]
    assert list(frame.columns) == columns
    assert frame["problem"][1:].tolist() == ["unknown words", "no words"]
    assert frame["predicted"][0] == kept.predict(texts)[0].answer


def test_a_run_answers_by_a_kept_model(kept):
    second_seed = kept.model("rnn", seed=1)
    (answer,) = second_seed.answers("net profit rose")

    (prediction,) = kept.predict("net profit rose", "rnn", seed=1, top=1)

    best_topic = answer.topics[:1]
    assert prediction == answer.model_copy(update={"topics": best_topic})


def test_a_kept_model_may_be_unsure(kept):
    model = kept.model("rnn")
    (sure,) = model.answers("net profit rose", top=1)

    (unsure,) = model.answers("net profit rose", unsure_below=1)

    assert unsure.answer == "unsure"
    assert unsure.topics[0].topic == sure.answer


def test_a_kept_model_explains_its_answers(kept):
    model = kept.model("rnn")

    (prediction,) = model.answers("net profit rose", unsure_below=1, explain=True)

    topic = prediction.topics[0].topic
    expected = f"How much the log-probability of {topic} falls without the word"
    assert prediction.decided_by.meaning == expected


KEPT_TEXTS = ["net profit rose", "it buys unit 3", "zzz"]


@pytest.mark.parametrize("name", ["nb", "rnn"])
def test_a_kept_model_has_probabilities_like_scikit_learn(kept, name):
    model = kept.model(name)

    shares = model.predict_proba(KEPT_TEXTS)

    assert model.name == name
    assert model.kind == "probability"
    assert shares.shape == (3, len(model.classes_))
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("name", ["nb", "rnn"])
def test_a_kept_model_has_predictions_like_scikit_learn(kept, name):
    model = kept.model(name)

    predicted = model.predict(iter(KEPT_TEXTS))

    best = model.predict_proba(KEPT_TEXTS).argmax(axis=1)
    np.testing.assert_array_equal(predicted, model.classes_[best])
    for topic, answer in zip(predicted, model.answers(KEPT_TEXTS[:2]), strict=False):
        assert answer.topics[0].topic == topic


@pytest.mark.parametrize("name", ["nb", "rnn"])
def test_a_kept_model_predicts_none_or_one(kept, name):
    model = kept.model(name)

    assert model.predict([]).tolist() == []
    first, *_ = model.predict(KEPT_TEXTS)
    assert model.predict(KEPT_TEXTS[0]).tolist() == [first]


def test_a_run_that_is_loaded_again_has_its_best_model(kept):

    again = rnnbench.load_run(kept.folder)

    assert again.model().name == kept.results.best.name


@pytest.fixture
def naive_bayes(kept):
    """A naive Bayes that was kept."""
    return kept.model("nb")


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(None, id="nothing"),
        pytest.param(b"profit", id="bytes"),
        pytest.param(pd.DataFrame({"text": KEPT_TEXTS}), id="frame"),
        pytest.param({"text": KEPT_TEXTS}, id="dict"),
    ],
)
def test_a_kept_model_takes_a_list_of_texts_alone(naive_bayes, texts):
    message = r"texts: got .*should be a list, or a column"
    with pytest.raises(rnnbench.UserError, match=message):
        naive_bayes.predict(texts)


@pytest.mark.parametrize("text", [float("nan"), b"profit", ["profit", 5]])
def test_a_kept_model_takes_texts_alone(naive_bayes, text):
    message = r"text 2: got \w+ \(should be a text\)"
    with pytest.raises(rnnbench.UserError, match=message):
        naive_bayes.predict(["net profit rose", text])


def test_a_kept_model_takes_no_number_for_a_text(naive_bayes):
    with pytest.raises(rnnbench.UserError, match=r"text 1: got int"):
        naive_bayes.predict([5])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            {"name": 5},
            "name: got 5 (should be a valid string)",
            id="a number as a name",
        ),
        pytest.param(
            {"name": "../nb"},
            "no model '../nb' (allowed: nb",
            id="a path as a name",
        ),
        pytest.param(
            {"seed": "x"},
            "seed: got 'x' (should be a valid integer",
            id="a seed that is no number",
        ),
        pytest.param(
            {"name": "nb", "seed": 9},
            "nb has no seed 9 (allowed: 0",
            id="an unknown seed",
        ),
    ],
)
def test_a_wrong_name_or_seed_of_a_kept_model_is_named(kept, arguments, message):
    with pytest.raises(rnnbench.UserError, match=re.escape(message)):
        kept.model(**arguments)


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("top", 0, "top: got 0 (should be greater than 0)"),
        ("unsure_below", 2, "unsure_below: got 2 (should be less "),
        ("explain", "x", "explain: got 'x' (should be a valid b"),
    ],
)
def test_a_wrong_argument_of_answers_is_named(naive_bayes, argument, value, message):
    with pytest.raises(rnnbench.UserError, match=re.escape(message)):
        naive_bayes.answers("it rose", **{argument: value})


def test_a_number_in_place_of_a_run_is_named():
    message = "run: got 5 (should be a valid string)"
    with pytest.raises(rnnbench.UserError, match=re.escape(message)):
        rnnbench.badge(5)


OWN = []
LABELS = []
for number in range(40):
    label = number % 2
    verb = "buy" if label else "see"
    OWN.append(f"{verb} you {number}")
    LABELS.append(label)


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param((np.array(OWN), np.array(LABELS)), id="arrays"),
        pytest.param(pd.DataFrame({"body": OWN, "kind": LABELS}), id="frame"),
    ],
)
def test_texts_of_a_program_are_kept_beside_the_results(texts):
    options = {"models": "multinomial_naive_bayes", "progress": False}

    first = rnnbench.run(texts, out="own", **options)

    assert first.results.models[0].score.mean == 1
    lines = Path("own/texts.jsonl").read_text().splitlines()
    assert len(lines) == 40
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
    frame = pd.DataFrame({"text": OWN, "label": LABELS})
    turned = pd.DataFrame({"text": OWN[::-1], "label": LABELS})
    options = {"models": "multinomial_naive_bayes", "progress": False}

    first = rnnbench.run(frame, **options).folder
    other = rnnbench.run(turned, **options).folder
    again = rnnbench.run(frame, **options).folder

    assert first != other
    assert first == again
    assert first.parent == Path("results")
    assert other.parent == Path("results")
    assert re.fullmatch("texts-[0-9a-f]{8}", first.name)


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
    days = pd.to_datetime(LABELS, unit="D")
    frame = pd.DataFrame({"body": OWN, "day": days})

    ran = rnnbench.run(
        frame, out="own", models="multinomial_naive_bayes", progress=False
    )

    topics = {count.topic[:10] for count in ran.results.dataset.topics}
    assert topics == {"1970-01-01", "1970-01-02"}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(7, id="a number"),
        pytest.param((OWN,), id="one list"),
        pytest.param((OWN, LABELS[1:]), id="lists of two lengths"),
        pytest.param((1, 2), id="two numbers"),
        pytest.param(("ab", "cd"), id="two texts"),
        pytest.param(({*OWN}, LABELS), id="a set"),
        pytest.param(pd.Series(OWN), id="a series"),
        pytest.param(
            pd.DataFrame([OWN[:2]], columns=["text", "text"]),
            id="columns of one name",
        ),
    ],
)
def test_other_things_than_texts_and_labels_are_refused(data):
    message = "should be a data frame, or two lists of equal"
    with pytest.raises(rnnbench.UserError, match=message):
        rnnbench.run(CONFIG, data=data)


def test_texts_that_cannot_be_used_are_not_in_the_way_of_others():
    options = {"models": "multinomial_naive_bayes", "progress": False, "out": "mine"}

    with pytest.raises(rnnbench.UserError, match="1 different label"):
        rnnbench.run((OWN, [1] * 40), **options)

    with pytest.raises(rnnbench.UserError, match="no document is left to test on"):
        rnnbench.run((OWN, LABELS), settings={"data.fit_on_all": 1.0}, **options)
    assert not Path("mine").exists(), "its data were prepared"
    booleans = np.array(LABELS, bool)
    ran = rnnbench.run((iter(OWN), booleans), **options)
    topics = [count.topic for count in ran.results.dataset.topics]
    assert topics == ["false", "true"]


@pytest.mark.parametrize("name", ["config.yaml", "results.json", "table.md", "trials"])
def test_a_folder_in_the_place_of_a_file_or_the_other_way_round_is_named(folder, name):
    made_up = scored_run({"nb": [18]}, folder=folder / "results" / "mine")
    results = write_run(made_up)
    place = results / name
    if place.is_file():
        place.unlink()
        place.mkdir()
    else:
        shutil.rmtree(place, ignore_errors=True)
        place.touch()
    before = sorted(results.rglob("*"))

    message = f"results/mine/{name}: cannot be written: "
    with pytest.raises(rnnbench.RnnbenchError, match=message):
        run("nb")

    after = [file for file in results.rglob("*") if file.name[0] != "."]
    assert sorted(after) == before
