import subprocess
import sys
import time

import pytest
from typer.main import get_command

import rnnbench
from rnnbench.cli.app import app

COMMANDS = [[], *([name] for name in get_command(app).commands)]
COMMANDS += [["data", name] for name in get_command(app).commands["data"].commands]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(cli, command):
    result = cli(*command, "--help")

    assert result.exit_code == 0
    assert " ".join(["rnnbench", *command]) in result.output
    assert "Example" in result.output


def test_the_version_is_printed(cli):
    assert cli("--version").output == f"rnnbench {rnnbench.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_answers_at_once_and_without_tensorflow(command):
    code = (
        f"import sys; sys.argv = ['rnnbench', *{command}, '--help']\n"
        "from rnnbench.cli.app import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'tensorflow', 'keras', 'sklearn', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    fastest = min(_seconds(code) for _ in range(3))

    assert fastest < 0.5


def _seconds(code):
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    return time.perf_counter() - start


@pytest.mark.parametrize(
    "arguments",
    [["rnu"], ["run"], ["run", "a.yaml", "--epoch", "1"], ["run", "a.yaml", "--jobs", "0"]],
    ids=["unknown command", "no config", "unknown option", "no jobs"],
)
def test_a_wrong_command_line_is_the_users_error(cli, arguments):
    result = cli(*arguments)

    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_python_m_rnnbench_is_the_same_command():
    command = [sys.executable, "-m", "rnnbench", "--version"]

    assert rnnbench.__version__ in subprocess.check_output(command, text=True)
