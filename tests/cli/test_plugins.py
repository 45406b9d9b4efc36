"""The user's own models, and parts of other packages, through the commands."""

import json
import sys
from pathlib import Path

import pytest
from newswires import write_files
from plugin_files import (
    MAKE,
    example,
    run_rnnbench,
    write_distribution,
    write_module,
    write_nearest,
    write_scale,
)

from rnnbench.results.run import load_results

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


METRICS = """
    from my_package.metrics import BRIER
    from rnnbench.plugin import Metric


    def divide(labels, scores):
        return 1 / 0


    NAN = Metric(name="nan", header="nan", function=lambda labels, scores: float("nan"))
    WRONG = Metric(name="wrong", header="wrong", function=divide)
"""
METRIC_NAMES = ("brier", "wrong", "nan")
TRACKERS = """
    from rnnbench.plugin import Tracker


    class Notes(Tracker):
        '''Notes the accuracy of each trial.'''

        name = "notes"

        def start(self, folder, benchmark, trials):
            print("Welcome to the notes!")
            self.file = folder / "notes.txt"

        def trial_finished(self, trial, result, metrics):
            with self.file.open("a") as file:
                file.write(f"{trial}: {metrics['accuracy']}\\n")


    class Clumsy(Tracker):
        name = "clumsy"

        def trial_started(self, trial):
            raise OSError("no space in the notes")
"""


class Place:
    """A working folder with configs, documents, and the user's own code."""

    def __init__(self, folder, documents):
        self.folder, self.site = folder, folder / "site"
        write_files(folder / "sgml", documents)
        (folder / "own.yaml").write_text(CONFIG)
        (folder / "tiny.yaml").write_text(TINY)
        write_module(folder, "nets", NETS)

    def rnnbench(self, *arguments):
        """Run the command in a process of its own."""
        return run_rnnbench(*arguments, site=self.site, cwd=self.folder)


@pytest.fixture(scope="module")
def place(tmp_path_factory, tiny_sgml):
    """With packages that bring a layer, a baseline, metrics and trackers."""
    place = Place(tmp_path_factory.mktemp("own"), tiny_sgml)
    write_nearest(write_scale(place.site), name="neighbours")
    places = {name: f"made_up_metrics:{name.upper()}" for name in METRIC_NAMES}
    entries = places | {"broken": "made_up_broken:BROKEN"}
    modules = {"made_up_metrics": METRICS, "my_package.metrics": example("metrics")}
    modules["made_up_broken"] = "import not_installed_anywhere"
    source = {"group": "rnnbench.metrics", "name": "measures"}
    write_distribution(place.site, entries, modules, **source)
    entries = {"notes": "made_up_trackers:Notes", "clumsy": "made_up_trackers:Clumsy"}
    source = {"group": "rnnbench.trackers", "name": "books"}
    write_distribution(place.site, entries, {"made_up_trackers": TRACKERS}, **source)
    return place


@pytest.fixture
def here(tmp_path, tiny_sgml, working_folder):
    """The same in the working folder of this process, with nothing trained and no
    packages.
    """
    assert working_folder == tmp_path
    return Place(tmp_path, tiny_sgml)


# Layers, baselines and networks


@pytest.fixture(scope="module")
def tried(place):
    """A run of all models, some of which fail, as do a metric and a tracker."""
    options = ("--jobs", "1", "--save-models", "--track", "notes,clumsy", "--verbose")
    return place.rnnbench("run", "own.yaml", *options)


def test_each_model_that_fails_is_named_with_its_reason(tried):
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


def test_models_that_fail_are_missing_in_the_results(place, tried):
    for name in WORKING.split(","):
        assert f" {name} " in tried.stdout
    assert "3 of 6 trials are missing: " in " ".join(tried.stdout.split())
    table = (place.folder / "results/own/table.md").read_text()
    assert "| of_nothing | failed: python: nets:of_nothing" in table
    results = load_results(place.folder / "results/own")
    assert {*results.missing_models} == {"of_nothing", "that_fails", "that_cannot_fit"}


WARNINGS = [
    "metric 'broken' of the package measures cannot be loaded from made_up_broken:BROKEN: "
    "ModuleNotFoundError: No module named 'not_installed_anywhere' (made_up_broken.py, line 1); "
    "it is left out",
    "metric 'nan' of the package measures failed: ValueError: its value is nan; it is left out",
    "metric 'wrong' of the package measures failed: ZeroDivisionError: division by zero "
    "(made_up_metrics.py, line 7); it is left out",
]


def test_metrics_that_fail_are_named(tried):
    assert [
        line for line in tried.stderr.splitlines() if line.startswith("metric")
    ] == WARNINGS


def test_a_run_computes_a_metric(place, tried):
    for model in load_results(place.folder / "results/own").models:
        assert 0 < (mean := model.metrics["brier"].mean) < 1
        assert "wrong" not in model.metrics
        assert f"{mean:.4f}" in tried.stdout
    explained = "Brier score: mean squared error of the probabilities."
    assert explained in " ".join(tried.stdout.split())


@pytest.mark.usefixtures("tried")
def test_a_tracker_records_a_run(place):
    accuracies = {
        f"{model.name} seed {trial.seed}: {trial.metrics['accuracy']}"
        for model in load_results(place.folder / "results/own").models
        for trial in model.trials
    }
    tracked = place.folder / "results/own/tracking"
    assert {*(tracked / "notes.txt").read_text().splitlines()} == accuracies
    assert (tracked / "notes.log").read_text() == "Welcome to the notes!\n"


def test_a_tracker_that_fails_does_not_end_a_run(tried):
    reason = (
        "tracker 'clumsy' of the package books failed: OSError: no space in the notes"
    )
    assert tried.stderr.count(reason) == 1


@pytest.mark.usefixtures("here", "quick")
def test_runs_are_compared_by_a_metric_that_came_later(cli, place, install):
    assert cli("run", "tiny.yaml", "--out", "before", "--quiet").exit_code == 0
    install(place.site)

    compared = cli("compare", "before", "before", "--fail-if", "brier rises 0")

    assert compared.exit_code == 0, compared.stderr
    assert (
        "before/results.json: it lacks brier, nan, wrong; recomputed" in compared.stderr
    )
    assert "passed: brier rises 0: 1 model (not measured: svm)" in compared.stderr
    assert "Lower is better: log-loss, Brier score." in " ".join(
        compared.stdout.split()
    )
    refused = cli("compare", "before", "before", "--fail-if", "broken rises 0")
    assert refused.exit_code == 2
    assert "metric 'broken' of the package measures cannot be loaded" in refused.stderr


@pytest.mark.parametrize("model", ["from_python", "from_plugin"])
@pytest.mark.usefixtures("tried")
def test_their_saved_models_can_be_used(cli, place, install, model):
    install(place.site)
    install(
        place.folder
    )  # for nets.py; it is the working folder of those who work there

    done = cli(
        "predict", place.folder / "results/own", model, "net profit rose", "--json"
    )

    assert done.exit_code == 0
    (prediction,) = json.loads(done.stdout)["predictions"]
    assert {entry["topic"] for entry in prediction["topics"]} == {"earn", "acq"}


def test_a_module_that_is_missing_is_named_before_anything_is_trained(
    cli, place, here, install
):
    install(place.site)

    done = cli("run", "own.yaml", "--set", "models.of_nothing.python=absent.nets:make")

    assert done.exit_code == 2
    assert done.stderr.endswith(
        "python: absent.nets:make: no module absent.nets (should be installed, or in the working "
        "folder)\n"
    )
    assert not [*here.folder.glob("results/own/trials/*")]


def test_a_plug_in_that_cannot_be_used_stops_no_other_command(cli, here, install):
    install(write_nearest(here.site))
    entries = {"scale": "absent:It"}
    facts = {"group": "rnnbench.layers", "name": "broken"}
    install(write_distribution(here.folder / "broken", entries, {}, **facts))

    done = cli("run", "own.yaml", "--models", "of_nothing")

    assert done.exit_code == 2
    place = (
        "own.yaml:9: models.from_plugin.layers.1: layer 'scale' of the package broken"
    )
    for words in (place, "ModuleNotFoundError: No module named 'absent'"):
        assert words in done.stderr
    assert not (here.folder / "results").exists()
    assert cli("models", "show", "tiny.yaml").exit_code == 0
    assert cli("config", "new", "new.yaml").exit_code == 0


@pytest.mark.usefixtures("here")
def test_plug_ins_are_shown_like_built_in_kinds(cli, place, install):
    install(place.site)
    only = ["--set", "models={own: {baseline: {nearest: {k: 2}}}}"]

    assert "nearest (k: 2)" in cli("models", "show", "own.yaml", *only).stdout
    shown = cli("models", "show", "own.yaml", "own", *only).stdout
    assert "The topic of the nearest texts." in shown
    new = cli("config", "new").stdout
    assert "- scale: {start: 1.0}" in new
    assert "nearest: {k: 1}" in new
    wrong = cli(
        "run", "own.yaml", "--set", "models.from_plugin.layers.1.scale.start=two"
    )
    assert "layers.1.scale.start: got 'two' (should be a valid number" in wrong.stderr


# Sources


@pytest.fixture
def with_sources(here, install):
    """A package with the source ``notes``, and one that cannot be imported."""
    entries = {"notes": "made_up_notes:NOTES", "broken": "not_there:BROKEN"}
    modules = {"made_up_notes": example("sources")}
    install(write_distribution(here.site, entries, modules, group="rnnbench.sources"))
    (here.folder / "own.notes").write_text("cats,meow purr\ndogs,woof\n" * 5)


@pytest.mark.usefixtures("with_sources")
def test_a_source_of_another_package_is_used_like_a_built_in_one(cli, caplog):
    brought = cli("data", "prepare", "--data", "notes", "--path", "own.notes", "--json")
    facts = json.loads(brought.stdout)
    assert (facts["source"], facts["from"], facts["documents"]) == (
        "notes",
        "own.notes",
        10,
    )
    shown = json.loads(cli("data", "show", "0", "--data", "notes", "--json").stdout)
    assert (shown["topic"], shown["words"]) == ("cats", ["meow", "purr"])
    assert not caplog.messages

    sources = json.loads(cli("data", "show", "--sources", "--json").stdout)["sources"]
    assert [*sources] == ["keras", "sgml", "r52", "r8", "modapte", "files", "notes"]


@pytest.mark.usefixtures("with_sources")
def test_files_are_recognised_by_sources_of_other_packages(cli):
    recognised = cli("data", "prepare", "--path", "own.notes")

    assert "notes (own.notes)" in recognised.stdout
    assert (
        "source 'broken' of the package made-up cannot be loaded" in recognised.stderr
    )
    assert recognised.stderr.count("it is left out") == 1
    assert not cli("data", "prepare", "--path", "sgml").exit_code


@pytest.mark.usefixtures("with_sources")
def test_a_source_that_fails_is_named(cli):
    failing = cli("data", "prepare", "--data", "notes", "--path", ".")
    broken = cli("data", "prepare", "--data", "broken", "--path", ".")
    without = cli("data", "prepare", "--data", "notes")

    assert (failing.exit_code, broken.exit_code, without.exit_code) == (2, 2, 3)
    assert (
        "'notes' of the package made-up failed: IsADirectoryError: " in failing.stderr
    )
    message = (
        "source 'broken' of the package made-up cannot be loaded from not_there:BROKEN"
    )
    assert message in broken.stderr
    assert "  notes: it can only be read from a file" in without.stderr
    assert (
        "--data notes --path FILE: a .notes file with a topic, a comma"
        in without.stderr
    )


# Kinds of task

PICKY = """
def picky(labels, answers):
    if (answers == labels).all() or np.ptp(answers) == 0:
        return STARS.score(labels, answers)
    raise LookupError("no such answers")


"""
STARS = example("tasks").replace("CLOSENESS =", PICKY + "CLOSENESS =")


@pytest.fixture
def run_task(cli, here, install):
    """Install a package with the task ``stars`` and its metric, and run a config of
    that task.
    """
    rows = [
        f"word{number % 4},{number % 4 if number % 7 else 4}" for number in range(70)
    ]
    (here.folder / "stars.csv").write_text("\n".join(["text,label", *rows]))
    models = "{bayes: {baseline: multinomial_naive_bayes}}"
    data = "{path: stars.csv, task: stars}"
    (here.folder / "stars.yaml").write_text(
        f"name: stars\ndata: {data}\nmodels: {models}\n"
    )

    def run(source, *arguments):
        entries = {"stars": "made_up_stars:STARS"}
        modules = {"made_up_stars": source}
        write_distribution(
            here.site, entries, modules, group="rnnbench.tasks", name="sky"
        )
        entries = {"closeness": "made_up_stars:CLOSENESS"}
        install(
            write_distribution(
                here.site, entries, {}, group="rnnbench.metrics", name="near"
            )
        )
        return cli("run", "stars.yaml", *arguments)

    return run


@pytest.mark.parametrize(
    ("right", "wrong", "reason"),
    [
        (
            'main = "closeness"',
            'main = "nearness"',
            "there is no metric 'nearness' (allowed: ",
        ),
        ('main = "closeness"', "", "it has no `main` (should be a text)"),
        ('tasks=("stars",),', "", "the metric 'closeness' is for other tasks ("),
        (
            "is_of_answers=True,",
            "",
            "the metric 'closeness' needs scores (should have is_of_ans",
        ),
        ("1 / (1 +", "2 / (1 +", "its parts give a score of 2 (allowed: 0 to 1)"),
        (
            "=STARS.score",
            "=lambda labels, answers: 0.5",
            "its metric 'closeness' gives 0.5",
        ),
    ],
)
def test_a_task_without_a_usable_metric_is_refused_before_training(
    run_task, here, right, wrong, reason
):
    assert right in STARS

    refused = run_task(STARS.replace(right, wrong))

    assert refused.exit_code == 2
    assert "task 'stars' of the package sky cannot be used: " in refused.stderr
    assert reason in " ".join(refused.stderr.split())
    assert not [*here.folder.glob("results/*/trials/*")]


@pytest.mark.usefixtures("quick")
def test_a_metric_of_a_task_that_fails_on_some_answers_ends_in_a_sentence(run_task):
    ended = run_task(STARS.replace("=STARS.score", "=picky"))

    assert ended.exit_code == 2
    assert (
        "metric 'closeness' of the package near failed: LookupError: no" in ended.stderr
    )
    assert "the metric 'closeness' of the task stars has no value" in ended.stderr


# Trackers; for what those of this package record, see tests/plugins/test_trackers.py


@pytest.mark.usefixtures("here")
def test_a_tracker_that_cannot_be_used_is_refused_before_anything_is_trained(
    cli, monkeypatch
):
    monkeypatch.setitem(sys.modules, "wandb", None)

    for name, message in (
        ("csv", "--track: tracking: got 'csv' (allowed: "),
        ("wandb", "needs wandb: pip"),
    ):
        refused = cli("run", "tiny.yaml", "--track", name)

        assert refused.exit_code == 2
        assert message in refused.stderr
    assert not Path("results").exists()


# Commands

COMMANDS = """
    from rnnbench.plugin import Command

    GREET = Command("greet", "made_up_greeting:greet", "Greet somebody.")
    LOST = Command("lost", "not_there:find", "Find it.", "Look at results")
    TEXT = Command("text", "made_up_greeting:EXAMPLES", "No function.")
    RUN = Command("run", "made_up_greeting:greet", "Take the place of ours.")
"""
GREETING = """
    EXAMPLES = "Examples:\\n\\n- `rnnbench greet you`"


    def greet(name: str, twice: bool = False):
        '''Greet NAME.'''
        print(f"Hello, {name}!" * (1 + twice))
"""


@pytest.fixture
def with_commands(tmp_path, install):
    names = {
        name: f"made_up_commands:{name.upper()}"
        for name in ("greet", "lost", "text", "run")
    }
    modules = {"made_up_commands": COMMANDS, "made_up_greeting": GREETING}
    entries = names | {"broken": "absent:It"}
    install(write_distribution(tmp_path, entries, modules, group="rnnbench.commands"))


@pytest.mark.usefixtures("with_commands")
def test_help_lists_commands_of_a_package_without_importing_what_they_do(cli, caplog):
    lines = cli("--help").stdout.splitlines()

    (line,) = [number for number, line in enumerate(lines) if "Greet somebody." in line]
    assert "Plug-ins" in lines[line - 1]
    assert any("Compare models on your own texts" in line for line in lines)
    assert "made_up_greeting" not in sys.modules
    (warning,) = caplog.messages
    assert warning.startswith(
        "command 'broken' of the package made-up cannot be loaded"
    )


@pytest.mark.usefixtures("with_commands")
def test_a_command_of_a_package_runs_like_ours(cli):
    assert cli("greet", "you", "--twice").stdout == "Hello, you!Hello, you!\n"
    assert "rnnbench greet you" in cli("greet", "--help").stdout


@pytest.mark.usefixtures("with_commands")
def test_completion_gives_names_alone_even_if_a_command_is_broken(
    cli, monkeypatch, caplog
):
    asked = {"COMP_WORDS": "rnnbench gre", "COMP_CWORD": "1"}
    for name, value in ({"_RNNBENCH_COMPLETE": "complete_bash"} | asked).items():
        monkeypatch.setenv(name, value)

    done = cli()

    assert (done.stdout.split(), done.stderr, caplog.messages) == (["greet"], "", [])


@pytest.mark.parametrize(
    ("name", "place", "error"),
    [
        ("lost", "not_there:find", "ModuleNotFoundError"),
        ("text", "made_up_greeting:EXAMPLES", "TypeError"),
        ("broken", "absent:It", "ModuleNotFoundError"),
    ],
)
@pytest.mark.usefixtures("with_commands")
def test_a_command_that_cannot_be_loaded_is_named(cli, name, place, error):
    done = cli(name)

    assert done.exit_code == 2
    reason = f"command '{name}' of the package made-up cannot be loaded from {place}: {error}"
    assert done.stderr.startswith(reason)
