"""No command writes over files of the user's, wherever it is told to write."""

import json
import os
import shutil
from pathlib import Path

import pytest
from factories import run_folder, speed_results
from in_process import InProcess
from newswires import write_table

from rnnbench.plugins.speed.tables import write_speed
from rnnbench.results.store import KINDS
from rnnbench.runner.executors import EXECUTORS
from rnnbench.storage import atomic_write

CONFIG = """\
# My own comment.
extends: base.yaml
name: mine
models:
  nb: {baseline: multinomial_naive_bayes}
  always: {baseline: most_frequent}
  rnn: {layers: [simple_rnn: {units: 2}, dense: {units: topics, activation: softmax}]}
"""
RUN = ("run", "mine.yaml", "--models", "nb,always", "--jobs", "1", "--quiet")
CHOOSE = (
    "choose",
    "mine.yaml",
    "--models",
    "nb,always",
    "--folds",
    "2",
    "--jobs",
    "1",
    "--quiet",
)
SPEED = ("bench-speed", "mine.yaml", "--models", "rnn", "--only", "native-1", "--quiet")
SITE = ("site", "finished")
NAMES = [
    *(
        "config.yaml",
        "environment.json",
        "constraints.txt",
        "table.md",
        "table.csv",
        "choice.md",
    ),
    *(
        "report.html",
        "report.md",
        "index.html",
        "speed.md",
        "speed-config.yaml",
        *KINDS,
    ),
    *(
        "trials/a.json",
        "predictions/a.npz",
        "models/a.npz",
        "plots/mine.png",
        "tracking/a.csv",
    ),
]
"""Files that rnnbench writes, or that lie in folders that it writes into."""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, quick):  # noqa: ARG001 - trains in this process
    """The working folder, with a config, one that it extends, and a table of texts."""
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(CONFIG)
    Path("base.yaml").write_text(
        "data: {source: files, path: table.csv, test_split: 0.5}\n"
    )
    rows = [
        ("cheap pills", "spam") if n % 3 else (f"lunch at {n}", "ham")
        for n in range(40)
    ]
    write_table(Path("table.csv"), rows)
    return tmp_path


@pytest.fixture
def kept(cli):
    """Runs a command that is refused with a message, and must leave all files as they
    are.
    """

    def run(message, *command):
        before = contents()
        done = cli(*command)
        assert (done.exit_code, done.stdout) == (2, "")
        assert message in done.stderr
        assert contents() == before

    return run


def contents():
    """Return what every file in the working folder holds."""
    files = (
        file for file in Path().rglob("*") if file.is_file() and file.name != ".lock"
    )
    return {str(file): file.read_bytes() for file in files}


def write(*files):
    for file in map(Path, files):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("mine")


@pytest.mark.parametrize(
    "command", [RUN, CHOOSE, SPEED, SITE], ids=lambda command: command[0]
)
def test_a_folder_of_the_users_is_refused_whatever_is_in_it(kept, command):
    run_folder(Path("finished"), {"rnn": [(0, 0, 0, 1)]})
    write(*(f"own/{name}" for name in NAMES))
    kept("(use --out to name a new or empty folder", *command, "--out", "own")
    for name in NAMES if command is RUN else ("report.html", "trials/a.json"):
        write(f"one/{name}")
        kept("(use --out to name a new or empty folder", *command, "--out", "one")
        shutil.rmtree("one")
    for name in (".lock", ".lock.json"):
        write(f"hidden/{name}")
        kept(f"hidden/{name}: rnnbench did not write it", *command, "--out", "hidden")
        shutil.rmtree("hidden")
    kept("out: names no folder", *command, "--out", "")


def test_the_working_folder_is_refused(kept):
    others = "base.yaml, mine.yaml, table.csv"
    kept(
        f".: holds something other than a run: {others} (use --out", *RUN, "--out", "."
    )


def test_a_folder_of_another_kind_of_result_is_refused(kept):
    run_folder(Path("finished"), {"rnn": [(0, 0, 0, 1)]})
    write_speed(Path("speed"), speed_results(), "name: mine\n")

    kept("finished: holds a run", *SPEED, "--out", "finished")
    kept("finished: holds a run", *CHOOSE, "--out", "finished")
    kept("speed: holds a speed benchmark", *RUN, "--out", "speed")


def test_a_run_is_not_written_over_a_verdict(cli, kept):
    write_table(Path("answers.csv"), [("a", "a"), ("b", "b")], ("prediction", "label"))
    assert cli("verdict", "answers.csv", "--out", "out").exit_code == 0

    kept("out: holds a verdict (use --out", *RUN, "--out", "out")


def test_a_verdict_is_not_written_over_an_interrupted_run(cli, kept):
    write_table(Path("answers.csv"), [("a", "a"), ("b", "b")], ("prediction", "label"))
    assert cli(*RUN, "--out", "out").exit_code == 0
    Path("out/results.json").unlink()

    fault = "out: holds trials that are not those of a verdict (use --out"
    kept(fault, "verdict", "answers.csv", "--out", "out")


@pytest.mark.parametrize(
    "command", [RUN, CHOOSE, SPEED, SITE], ids=lambda command: command[0]
)
@pytest.mark.parametrize("name", [".bashrc", ".config/settings", ".ssh/id"])
def test_a_home_folder_that_has_only_hidden_files_is_refused(kept, command, name):
    run_folder(Path("finished"), {"rnn": [(0, 0, 0, 1)]})
    write(f"home/{name}")

    kept("home: holds something other than ", *command, "--out", "home")


@pytest.mark.parametrize("name", [" ", "  ", "\t"])
def test_blanks_name_no_folder(kept, name):
    kept("out: names no folder", *RUN, "--out", name)


def test_neither_a_hidden_file_nor_an_early_interruption_is_an_obstacle(cli):
    write("run/.gitignore", "run/config.yaml")
    for name in ("run/trials", "run/predictions", "chosen/trials"):
        Path(name).mkdir(parents=True)

    assert cli(*RUN, "--out", "run").exit_code == 0
    assert cli(*CHOOSE, "--out", "chosen").exit_code == 0
    assert Path("run/.gitignore").read_text() == "mine"


@pytest.mark.parametrize("stored", ["interrupted", "older"])
def test_a_run_that_is_not_finished_is_continued(cli, stored):
    assert cli(*RUN, "--out", "out").exit_code == 0
    results = Path("out/results.json")
    older = json.loads(results.read_text()) | {"schema_version": 3}
    if stored == "older":
        results.write_text(json.dumps(older))
    else:
        results.unlink()
    write("out/notes.txt")

    assert cli(*RUN, "--out", "out").exit_code == 0
    assert Path("out/notes.txt").read_text() == "mine"


def test_a_run_that_takes_the_place_of_another_says_so_and_an_interrupted_one_does_not(
    cli,
):
    class Interrupted(InProcess):
        def run(self, *arguments):
            yield next(super().run(*arguments))
            raise KeyboardInterrupt

    assert cli(*RUN).stderr == cli(*RUN).stderr == ""
    finished = contents()
    other = (*RUN, "--set", "data.seed=5")
    with EXECUTORS.override("local", Interrupted):
        ended = cli(*other)
        again = cli(*other, "--out", "results/mine", "--fresh")

    assert ended.exit_code == 130
    assert "results/mine: this will replace the results of rnnbench " in ended.stderr
    assert (
        "mine: keeps its earlier, whole run until this one is whole\n" in ended.stderr
    )
    changed = {name for name, _ in finished.items() - contents().items()}
    assert changed <= {"results/mine/environment.json"}
    assert "this will replace" not in again.stderr
    assert cli(*other).exit_code == 0
    assert (
        Path("results/mine/results.json").read_bytes()
        != finished["results/mine/results.json"]
    )


def test_a_run_may_read_what_lies_in_its_folder_unless_it_is_written_there(cli, kept):
    assert cli(*RUN, "--out", "out").exit_code == 0
    stored = Path("out/config.yaml").read_text()
    again = ("run", "out/config.yaml", *RUN[2:], "--out", "out")
    assert cli(*again, "--seeds", "2").exit_code == 0, "it is as it was stored"
    Path("out/config.yaml").write_text(stored)
    assert cli(*again).exit_code == 0, "it keeps its text"
    Path("extending.yaml").write_text("extends: out/config.yaml\nname: other\n")
    kept("out/config.yaml: results would", "run", "extending.yaml", "--out", "out")

    for name in ("mine.yaml", "base.yaml", "table.csv"):
        shutil.copy(name, f"out/own-{name}")
    Path("out/own-mine.yaml").write_text(CONFIG.replace("base.yaml", "own-base.yaml"))
    command = ("run", "out/own-mine.yaml", *RUN[2:], "--out", "out")
    assert cli(*command, "--path", "out/own-table.csv").exit_code == 0
    shutil.copy("table.csv", "out/table.csv")
    kept(
        "out/table.csv: results would overwrite it", *command, "--path", "out/table.csv"
    )
    Path("out/config.yaml").write_text(stored + "# My own comment.\n")
    kept("out/config.yaml: results would overwrite it", *again)
    Path("out/trials/own.yaml").write_text("extends: ../config.yaml\n")
    kept(
        "out/trials/own.yaml: results would",
        "run",
        "out/trials/own.yaml",
        "--out",
        "out",
    )


def test_results_may_not_lie_among_texts_which_their_txt_files_would_join(kept):
    write("texts/ham/1.txt", "texts/spam/1.txt")
    Path("linked").symlink_to("texts")

    for command in (RUN, CHOOSE):
        for out in ("texts/run", "linked/ham/run"):
            kept(f"{out}: in texts, results", *command, "--path", "texts", "--out", out)


def test_a_speed_benchmark_is_not_written_over_its_config(kept):
    write_speed(
        Path("speed"), speed_results(), CONFIG.replace("base.yaml", "../base.yaml")
    )
    command = ("bench-speed", "speed/speed-config.yaml", *SPEED[2:], "--out", "speed")

    kept("speed/speed-config.yaml: results would overwrite it", *command)


@pytest.mark.usefixtures("one_plot")
def test_a_report_replaces_only_reports_and_other_results_remove_only_reports(
    cli, kept
):
    assert cli(*RUN, "--out", "out").exit_code == 0
    report = ("report", "out", "--words", "0")
    pages = ("report.html", "report.md")
    plots = (
        "out/plots/mine.png",
        "out/plots/confusion-mine.png",
        "out/plots/accuracy.png",
    )
    write(*(f"out/{page}" for page in pages), *plots)
    assert cli(*RUN, "--out", "out", "--seeds", "2").exit_code == 0
    for page in pages:
        kept(f"out/{page}: rnnbench did not write it (move it away)", *report)
        assert Path(f"out/{page}").read_text() == "mine", (
            "other results did not remove it either"
        )
        Path(f"out/{page}").unlink()
    kept(f"{plots[-1]}: rnnbench did not write it (move it away)", *report)
    Path(plots[-1]).unlink()
    assert cli(*report).exit_code == 0
    assert Path("out/plots/accuracy.png").exists()
    assert cli(*RUN, "--out", "out").exit_code == 0

    assert {str(file) for file in Path("out/plots").iterdir()} == set(plots[:-1])
    assert not list(Path("out").glob("report.*"))


@pytest.mark.usefixtures("one_plot")
def test_a_report_that_was_interrupted_is_written_again(cli, monkeypatch):
    run = run_folder(Path("finished"), {"rnn": [(0, 0, 0, 1)]})
    written = []

    def interrupted(path):
        written.append(path)
        if len(written) > 2:
            raise KeyboardInterrupt
        return atomic_write(path)

    with monkeypatch.context() as patch:
        patch.setattr("rnnbench.report.page.atomic_write", interrupted)
        assert cli("report", run, "--words", "0").exit_code == 130

    assert cli("report", run, "--words", "0").exit_code == 0


def test_a_badge_replaces_only_a_badge(cli, kept):
    run = run_folder(Path("finished"), {"rnn": [(0, 0, 0, 1)]})
    for _ in range(2):
        assert cli("leaderboard", run, "--badge", "badge.json").exit_code == 0

    Path("index.json").write_text(
        '{"schemaVersion": 2, "manifests": []}'
    )  # of container images
    for name in ("mine.yaml", "finished/results.json", "index.json"):
        kept(
            f"--badge {name}: exists and is not a badge",
            "leaderboard",
            run,
            "--badge",
            name,
        )


def test_a_badge_replaces_no_pipe(kept):
    run = run_folder(Path("finished"), {"rnn": [(0, 0, 0, 1)]})
    os.mkfifo("pipe")
    kept(
        "pipe: cannot be written: not a regular file",
        "leaderboard",
        run,
        "--badge",
        "pipe",
    )
    assert Path("pipe").is_fifo()


def test_a_diagram_replaces_a_file_only_with_force(kept):
    write("mine.svg")

    kept(
        "--plot mine.svg: exists already (--force",
        "leaderboard",
        "sets",
        "--plot",
        "mine.svg",
    )
    kept("--force: needs --plot", "leaderboard", "sets", "--force")


def test_an_environment_that_somebody_removes_meanwhile_is_named(cli, monkeypatch):
    def gone(folder):
        raise FileNotFoundError(folder)

    monkeypatch.setattr("rnnbench.runner.run.load_environment", gone)

    done = cli(*RUN, "--out", "out")

    assert done.exit_code == 1
    assert done.stderr.endswith(
        "out: its files were removed during the run; run it again\n"
    )


@pytest.mark.parametrize(
    ("command", "removed"),
    [(RUN, "out"), (RUN, "out/predictions"), (CHOOSE, "out/trials")],
)
def test_trials_that_somebody_removes_meanwhile_are_named(cli, command, removed):
    class Removing(InProcess):
        def run(self, *arguments):
            first, *others = super().run(*arguments)
            yield first
            shutil.rmtree(removed)
            yield from others

    with EXECUTORS.override("local", Removing):
        done = cli(*command, "--out", "out")

    assert done.exit_code == 1
    n_trials = {"run": 2, "choose": 4}[command[0]]
    assert (
        f"out: files of 1 of {n_trials} trials were removed during the" in done.stderr
    )
    assert "always seed 0" in done.stderr or "nb seed 0" in done.stderr
    assert "This command continues from there:" in done.stderr
    assert cli(*command, "--out", "out").exit_code == 0
