"""The user's own models, and parts of other packages, through the commands."""

import inspect
import json
import sys
from pathlib import Path

import in_process
import pytest
from in_process import InProcess
from newswires import write_files
from plugin_files import (
    MAKE,
    run_rnnbench,
    write_distribution,
    write_module,
    write_nearest,
    write_scale,
)

import rnnbench
from rnnbench import job
from rnnbench.registry import Registry
from rnnbench.results.run import load_results
from rnnbench.results.schema import Results
from rnnbench.runner import executors
from rnnbench.runner.executors import Executor, LocalExecutor

DATA = "data: {source: sgml, path: sgml, maxlen: 50, test_split: 0.5}"
CONFIG = f"""\
name: own
{DATA}
training: {{epochs: 1, batch_size: 4}}
models:
  from_python: {{python: nets:make, arguments: {{units: 2}}}}
  from_plugin:
    layers:
      - embedding: {{dim: 2}}
      - scale: {{start: 2.0}}
      - pooling: {{by: mean}}
      - dense: {{units: topics, activation: softmax}}
  from_baseline: {{baseline: {{nearest: {{k: 2}}}}}}
  that_cannot_fit: {{baseline: {{nearest: {{k: 0}}}}}}
  of_nothing: {{python: nets:of_nothing}}
  that_fails: {{python: nets:that_fails}}
"""
WORKING = "from_python,from_plugin,from_baseline"
NETS = f"""{MAKE}

    def of_nothing(shape):
        return None


    def that_fails(shape):
        raise LookupError("no weights today")
"""
TINY = f"""\
name: tiny
{DATA}
models:
  bayes: {{baseline: multinomial_naive_bayes}}
  svm: {{baseline: tfidf_linear_svm}}
"""


def lay_out(folder, documents):
    """Write configs, documents, and the user's own code."""
    write_files(folder / "sgml", documents)
    (folder / "own.yaml").write_text(CONFIG)
    (folder / "tiny.yaml").write_text(TINY)
    write_module(folder, "nets", NETS)
    return folder


def rnnbench_in(folder, *arguments):
    """Run the command in a process of its own, with the packages in ``site``."""
    return run_rnnbench(*arguments, site=folder / "site", cwd=folder)


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_sgml):
    """A folder with all that, and with two packages."""
    folder = lay_out(tmp_path_factory.mktemp("own"), tiny_sgml)
    write_nearest(write_scale(folder / "site"), name="neighbours")
    return folder


@pytest.fixture
def here(tiny_sgml, working_folder):
    """The same in the working folder of this process, with nothing trained and no packages."""
    return lay_out(working_folder, tiny_sgml)


@pytest.fixture
def quick(monkeypatch):
    """Trials in this process: workers start slowly."""
    monkeypatch.setattr(job, "executor_class", lambda _: InProcess)


# Layers, baselines and networks


@pytest.fixture(scope="module")
def tried(place):
    """A run of all models, some of which fail."""
    return rnnbench_in(place, "run", "own.yaml", "--jobs", "1", "--save-models")


def test_each_model_that_fails_is_named_with_its_reason_and_without_a_traceback(place, tried):
    assert tried.returncode == 1
    for line in (
        "of_nothing seed 0: failed: python: nets:of_nothing returned NoneType, not a keras.Model",
        "that_fails seed 0: failed: python: nets:that_fails failed: LookupError: no weights today "
        "(nets.py, line ",
        "that_cannot_fit seed 0: failed: baseline 'nearest' of the package neighbours failed: "
        "InvalidParameterError: ",
        "3 of 6 trials failed; results/own/ has the results of the others.",
    ):
        assert tried.stderr.count(line) == 1
    assert "Traceback" not in tried.stderr
    for name in WORKING.split(","):
        assert f" {name} " in tried.stdout
    assert "3 of 6 trials are missing: " in " ".join(tried.stdout.split())
    table = (place / "results/own/table.md").read_text()
    assert "| of_nothing | failed: python: nets:of_nothing" in table
    results = load_results(place / "results/own")
    assert {*results.missing_models} == {"of_nothing", "that_fails", "that_cannot_fit"}


@pytest.mark.parametrize("model", ["from_python", "from_plugin"])
@pytest.mark.usefixtures("tried")
def test_their_saved_models_can_be_used(cli, place, install, model):
    install(place / "site")
    install(place)  # for nets.py; it is the working folder of those who work there

    done = cli("predict", place / "results/own", model, "net profit rose", "--json")

    assert done.exit_code == 0
    (found,) = json.loads(done.stdout)["predictions"]
    assert {each["topic"] for each in found["topics"]} == {"earn", "acq"}


@pytest.mark.usefixtures("tried")
def test_a_change_of_the_users_module_makes_another_model_of_it(place):
    file = place / "nets.py"
    before = file.read_text()
    try:
        file.write_text("def make(shape, units): raise LookupError('it was called again')")
        changed = rnnbench_in(place, "run", "own.yaml", "--models", WORKING, "--jobs", "1")
    finally:
        file.write_text(before)

    assert changed.returncode == 1
    assert "2 of 3 trials are stored already and are not trained again" in changed.stderr
    assert "python: nets:make failed: LookupError: it was called again" in changed.stderr


def test_a_module_that_is_missing_is_named_before_anything_is_trained(cli, place, here, install):
    install(place / "site")

    done = cli("run", "own.yaml", "--set", "models.of_nothing.python=absent.nets:make")

    assert done.exit_code == 2
    assert done.stderr.endswith(
        "python: absent.nets:make: no module absent.nets (should be installed, or in the working "
        "folder)\n"
    )
    assert not [*here.glob("results/own/trials/*")]


BROKEN = {
    "layer": "own.yaml:9: models.from_plugin.layers.1: layer 'scale' of the package broken",
    "baseline": "own.yaml:12: models.from_baseline.baseline: baseline 'nearest' of the package "
    "broken",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_plug_in_that_cannot_be_used_is_named_and_stops_no_other_command(
    cli, here, install, kind
):
    others = write_nearest if kind == "layer" else write_scale
    install(others(here / "site"))
    entries = {"scale" if kind == "layer" else "nearest": "absent:It"}
    broken = {"group": f"rnnbench.{kind}s", "name": "broken"}
    install(write_distribution(here / "broken", entries, {}, **broken))

    done = cli("run", "own.yaml", "--models", "of_nothing")

    assert done.exit_code == 2
    assert BROKEN[kind] in done.stderr
    assert "ModuleNotFoundError: No module named 'absent'" in done.stderr
    assert not (here / "results").exists()
    assert cli("models", "show", "tiny.yaml").exit_code == 0
    assert cli("config", "new", "new.yaml").exit_code == 0


@pytest.mark.usefixtures("here")
def test_plug_ins_are_listed_and_shown_like_built_in_kinds(cli, place, install):
    install(place / "site")
    only = ["--set", "models={own: {baseline: {nearest: {k: 2}}}}"]

    assert "nearest (k: 2)" in cli("models", "show", "own.yaml", *only).stdout
    shown = cli("models", "show", "own.yaml", "own", *only).stdout
    assert "The topic of the nearest texts." in shown
    new = cli("config", "new").stdout
    assert "- scale: {start: 1.0}" in new
    assert "nearest: {k: 1}" in new
    wrong = cli("run", "own.yaml", "--set", "models.from_plugin.layers.1.scale.start=two")
    assert "layers.1.scale.start: got 'two' (should be a valid number" in wrong.stderr


# Sources

TWEETS = """
    from rnnbench.data.corpus import corpus_of_words
    from rnnbench.data.source import Source


    def read(path):
        rows = [line.split(",") for line in path.read_text().splitlines()]
        topics = sorted({topic for topic, _ in rows})
        documents = [text.split() for _, text in rows]
        words = sorted({word for words in documents for word in words})
        labels = [topics.index(topic) for topic, _ in rows]
        return corpus_of_words(documents, words, labels, topics)


    TWEETS = Source(
        name="tweets",
        help="Tweets on two topics.",
        file="a .tweets file of topics and texts",
        read=read,
        tokenize=str.split,
        patterns=("*.tweets",),
    )
"""


@pytest.fixture
def with_sources(here, install):
    """A package with the source ``tweets``, and one that cannot be imported."""
    entries = {"tweets": "made_up_tweets:TWEETS", "broken": "not_there:BROKEN"}
    modules = {"made_up_tweets": TWEETS}
    install(write_distribution(here / "site", entries, modules, group="rnnbench.sources"))
    (here / "own.tweets").write_text("cats,meow purr\ndogs,woof\n" * 5)


@pytest.mark.usefixtures("with_sources")
def test_a_source_of_another_package_is_used_like_a_built_in_one(cli, caplog):
    brought = cli("data", "prepare", "--data", "tweets", "--path", "own.tweets", "--json")
    facts = json.loads(brought.stdout)
    assert (facts["source"], facts["from"], facts["documents"]) == ("tweets", "own.tweets", 10)
    shown = json.loads(cli("data", "show", "0", "--data", "tweets", "--json").stdout)
    assert (shown["topic"], shown["words"]) == ("cats", ["meow", "purr"])
    assert not caplog.messages

    sources = json.loads(cli("data", "show", "--sources", "--json").stdout)["sources"]
    assert [*sources] == ["keras", "sgml", "r52", "r8", "files", "tweets"]


@pytest.mark.usefixtures("with_sources")
def test_files_are_recognised_by_sources_of_other_packages(cli):
    recognised = cli("data", "prepare", "--path", "own.tweets")

    assert "tweets (own.tweets)" in recognised.stdout
    assert "source 'broken' of the package made-up cannot be loaded" in recognised.stderr
    assert recognised.stderr.count("it is left out") == 1
    assert not cli("data", "prepare", "--path", "sgml").exit_code


@pytest.mark.usefixtures("with_sources")
def test_a_source_that_fails_is_named(cli):
    failing = cli("data", "prepare", "--data", "tweets", "--path", ".")
    broken = cli("data", "prepare", "--data", "broken", "--path", ".")
    without = cli("data", "prepare", "--data", "tweets")

    assert (failing.exit_code, broken.exit_code, without.exit_code) == (2, 2, 3)
    assert "'tweets' of the package made-up failed: IsADirectoryError: " in failing.stderr
    message = "source 'broken' of the package made-up cannot be loaded from not_there:BROKEN"
    assert message in broken.stderr
    assert "  tweets: it can only be read from a file" in without.stderr
    assert "--data tweets --path FILE: a .tweets file of topics and texts" in without.stderr


# Metrics

METRICS = """
    import numpy as np

    from rnnbench.metrics import Metric


    def brier_score(labels, scores):
        return np.mean((np.exp(scores) - np.eye(scores.shape[1])[labels]) ** 2)


    def divide(labels, scores):
        return 1 / 0


    BRIER = Metric(
        name="brier",
        header="Brier score",
        higher_is_better=False,
        needs_log_probabilities=True,
        description="mean squared error of the probabilities",
        function=brier_score,
    )
    NAN = Metric(name="nan", header="nan", function=lambda labels, scores: float("nan"))
    WRONG = Metric(name="wrong", header="wrong", function=divide)
"""
WARNINGS = [
    "metric 'broken' of the package made-up cannot be loaded from made_up_broken:BROKEN: "
    "ModuleNotFoundError: No module named 'not_installed_anywhere' (made_up_broken.py, line 1); "
    "it is left out",
    "metric 'wrong' of the package made-up failed: ZeroDivisionError: division by zero "
    "(made_up_metrics.py, line 12); it is left out",
    "metric 'nan' of the package made-up failed: ValueError: its value is nan; it is left out",
]


@pytest.mark.usefixtures("quick")
def test_a_run_computes_and_compares_a_metric_and_names_those_that_fail(cli, here):
    without = cli("run", "tiny.yaml", "--out", "before", "--quiet")
    assert without.exit_code == 0, without.stderr
    entries = {
        "brier": "made_up_metrics:BRIER",
        "broken": "made_up_broken:BROKEN",
        "wrong": "made_up_metrics:WRONG",
        "nan": "made_up_metrics:NAN",
    }
    modules = {"made_up_metrics": METRICS, "made_up_broken": "import not_installed_anywhere"}
    write_distribution(here / "site", entries, modules, group="rnnbench.metrics")

    after = rnnbench_in(here, "run", "tiny.yaml", "--out", "after", "--quiet", "--verbose")

    assert [line for line in after.stderr.splitlines() if "metric" in line] == WARNINGS
    bayes, svm = load_results(here / "after").models
    mean = bayes.metrics["brier"].mean
    assert 0 < mean < 1
    assert "brier" not in svm.metrics, "it has no probabilities"
    assert "wrong" not in bayes.metrics
    assert f"{mean:.4f}" in after.stdout
    explained = "Brier score: mean squared error of the probabilities."
    assert explained in " ".join(after.stdout.split())

    compared = rnnbench_in(here, "compare", "before", "after", "--fail-if", "brier rises 0")
    assert compared.returncode == 0, compared.stderr
    assert "before/results.json: it lacks brier, wrong, nan; recomputed" in compared.stderr
    assert "passed: brier rises 0: 1 model (not measured: svm)" in compared.stderr
    assert "Lower is better: log-loss, Brier score." in " ".join(compared.stdout.split())

    refused = rnnbench_in(here, "compare", "before", "after", "--fail-if", "broken rises 0")
    assert refused.returncode == 2
    assert "metric 'broken' of the package made-up cannot be loaded" in refused.stderr


# Executors


def test_trials_run_where_an_installed_package_has_them_run(cli, here, install, monkeypatch):
    modules = {"made_up": inspect.getsource(in_process), "fails": "raise OSError('no cluster')"}
    entries = {"in-process": "made_up:InProcess", "broken": "fails:x"}
    install(write_distribution(here / "site", entries, modules, group="rnnbench.executors"))
    fresh = Registry("executor", Executor, [LocalExecutor], holds_classes=True)
    monkeypatch.setattr(executors, "EXECUTORS", fresh)

    there = cli("run", "tiny.yaml", "--executor", "in-process", "--models", "bayes")

    assert there.exit_code == 0, there.stderr
    assert "bayes seed 0: started" in there.stderr
    assert "1 of 1 trials are stored" in cli("run", "tiny.yaml", "--models", "bayes").stderr
    refused = cli("run", "tiny.yaml", "--executor", "broken")
    assert refused.exit_code == 2
    assert "executor 'broken' of the package made-up cannot be loaded" in refused.stderr


# Trackers; for what those of this package record, see tests/tracking/test_trackers.py

TRACKERS = """
    import rnnbench


    class Notes(rnnbench.Tracker):
        '''Notes the accuracy of each trial.'''

        name = "notes"

        def start(self, folder, benchmark, trials):
            print("Welcome to the notes!")
            self.file = folder / "notes.txt"

        def trial_finished(self, trial, result, metrics):
            with self.file.open("a") as file:
                file.write(f"{trial}: {metrics['accuracy']}\\n")


    class Clumsy(rnnbench.Tracker):
        name = "clumsy"

        def trial_started(self, trial):
            raise OSError("no space in the notes")
"""


@pytest.mark.usefixtures("quick")
def test_trackers_of_a_package_record_a_run_and_one_that_fails_does_not_end_it(cli, here, install):
    entries = {"notes": "made_up_trackers:Notes", "clumsy": "made_up_trackers:Clumsy"}
    modules = {"made_up_trackers": TRACKERS}
    install(write_distribution(here / "site", entries, modules, group="rnnbench.trackers"))
    (here / "tracked.yaml").write_text("extends: tiny.yaml\ntracking: [notes, clumsy]\n")

    done = cli("run", "tracked.yaml", "--json", "--quiet")

    assert done.exit_code == 0, done.stderr
    results = Results.model_validate_json(done.stdout)
    accuracies = {
        f"{model.name} seed {trial.seed}: {trial.metrics['accuracy']}"
        for model in results.models
        for trial in model.trials
    }
    tracked = here / "results/tiny/tracking"
    assert {*(tracked / "notes.txt").read_text().splitlines()} == accuracies
    assert (tracked / "notes.log").read_text() == "Welcome to the notes!\n"
    about_the_data, message = done.stderr.splitlines()
    assert "sgml" in about_the_data
    assert message.startswith("tracker 'clumsy' of the package made-up failed: OSError: no space")


@pytest.mark.usefixtures("here")
def test_a_tracker_that_cannot_be_used_is_refused_before_anything_is_trained(cli, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)

    unknown = cli("run", "tiny.yaml", "--track", "csv")
    absent = cli("run", "tiny.yaml", "--track", "tensorboard,wandb")

    assert (unknown.exit_code, absent.exit_code) == (2, 2)
    assert "no tracker 'csv' (allowed: tensorboard, mlflow, wandb)\n" in unknown.stderr
    assert "tracker 'wandb' needs wandb: pip install 'rnnbench[wandb]'\n" in absent.stderr
    assert not Path("results").exists()


@pytest.mark.usefixtures("quick")
def test_a_program_names_trackers_too(here):
    run = rnnbench.run("tiny.yaml", models="bayes", track="tensorboard", progress=False)

    assert run.benchmark.tracking == ("tensorboard",)
    assert len([*(here / "results/tiny/tracking/tensorboard").iterdir()]) == 1
    stored = json.loads((here / "results/tiny/results.json").read_text())
    assert stored["command"] == "rnnbench run results/tiny/config.yaml --out results/tiny"
