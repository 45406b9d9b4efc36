import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rnnbench.cli.app import COMMANDS, app
from rnnbench.config import shipped
from rnnbench.terminal.options import line as line_of

FILES = ["base.yaml", "configs/all.yaml", "text.txt", "results/unfinished/results.txt"]
RUNS = ["results/all", "results/reference/all", "mine"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working folder with configs and as much of some runs as is read."""
    monkeypatch.chdir(tmp_path)
    for name in [*FILES, *(f"{run}/results.json" for run in RUNS)]:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("models: [")
    Path("waiting").mkdir()
    os.mkfifo("waiting/results.json")


def variables(line):
    """The environment in which bash calls a program when TAB is pressed at the end of a
    line.
    """
    last = len(line.split(" ")) - 1
    return {
        "_RNNBENCH_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(last),
    }


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("", [*COMMANDS]),
        ("data sh", ["show"]),
        ("run --see", ["--seeds"]),
        *(
            (f"{command} ", ["base.yaml", "configs/all.yaml", *shipped.listed()])
            for command in (
                "run",
                "config check",
                "config check base.yaml",
                "models show",
            )
        ),
        ("run configs/a", ["configs/all.yaml"]),
        ("config new mine.yaml --from stacked_l", ["stacked_lstm"]),
        ("run lstm --track ", ["mlflow", "tensorboard", "wandb"]),
        ("run lstm --track wandb,m", ["wandb,mlflow"]),
        ("run lstm --data r", ["r52", "r8"]),
        ("run lstm --executor d", ["dask"]),
        ("explain lstm g", ["gru"]),
        ("leaderboard mine --metric bal", ["balanced_accuracy"]),
        ("site mine --metric accuracy --metric bal", ["balanced_accuracy"]),
        ("bench-speed lstm --only keras,n", ["keras,native", "keras,native-1"]),
        ("compare mine mine --format j", ["junit"]),
        ("report ", RUNS),
        ("compare mine results/a", ["results/all"]),
    ],
)
def test_tab_suggests_names_that_fit(line, offered):
    done = CliRunner().invoke(
        app, env=variables(f"rnnbench {line}"), prog_name="rnnbench"
    )

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.split() == offered


def test_suggestions_need_no_large_package():
    code = """
import atexit, sys
sys.argv[0] = "rnnbench"
large = {"matplotlib", "pandas", "scipy.special", "sklearn", "tensorflow"}
atexit.register(lambda: print("imported:", *sorted(large & set(sys.modules))))
from rnnbench.__main__ import main
main()
"""
    environment = os.environ | variables("rnnbench run base.yaml --track m")
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )

    assert done.stdout.split() == ["mlflow", "imported:"]


def test_the_program_is_called_by_its_path_where_the_shell_does_not_find_it(
    monkeypatch, tmp_path
):
    here = tmp_path / "here" / "rnnbench"
    other = tmp_path / "other" / "rnnbench"
    for program in (here, other):
        program.parent.mkdir()
        program.touch(mode=0o755)
    monkeypatch.setattr(sys, "argv", [str(here), "run", "all"])

    monkeypatch.setenv("PATH", str(other.parent))
    assert line_of("report", Path("my results")) == f"{here} report 'my results'"
    monkeypatch.setenv("PATH", str(here.parent))
    assert line_of("report", Path("results")) == "rnnbench report results"
    monkeypatch.setattr(sys, "argv", ["rnnbench/__main__.py", "run", "all"])
    assert line_of("report") == "rnnbench report"
