import subprocess
import sys

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
    assert "Examples:" in result.output


def test_the_version_is_printed(cli):
    assert cli("--version").output == f"rnnbench {rnnbench.__version__}\n"


def test_help_imports_nothing_that_takes_long():
    code = (
        "import sys\n"
        "from rnnbench.cli.app import app\n"
        f"for command in {COMMANDS}:\n"
        "    app([*command, '--help'], standalone_mode=False)\n"
        "heavy = {'tensorflow', 'keras', 'sklearn', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


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
