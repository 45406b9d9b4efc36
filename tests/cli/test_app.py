import re
import shlex
import subprocess
import sys

import pytest
from factories import run_folder
from typer.core import TyperGroup
from typer.main import get_command

import rnnbench
from rnnbench.cli.app import COMMANDS, app, load_command


def tree():
    """Every command by its words on the command line, groups included."""
    commands = {(): get_command(app)}
    for name in COMMANDS:
        commands[name,] = command = load_command(name)
        if isinstance(command, TyperGroup):
            commands |= {
                (name, part): child for part, child in command.commands.items()
            }
    return commands


TREE = tree()
EXAMPLES = [
    (words, example)
    for words, command in TREE.items()
    for example in re.findall(r"^- `(.+)`$", command.epilog or "", re.MULTILINE)
]


@pytest.mark.parametrize(
    ("words", "example"), EXAMPLES, ids=[example for _, example in EXAMPLES]
)
def test_every_example_in_the_help_is_a_valid_command_line(words, example):
    program, *typed = shlex.split(example.partition(" > ")[0].partition(" < ")[0])
    command = next(found for n in (2, 1) if (found := tuple(typed[:n])) in TREE)

    assert (program, *typed[: len(words)]) == ("rnnbench", *words)
    assert not isinstance(TREE[command], TyperGroup)
    TREE[command].make_context(
        " ".join(command), typed[len(command) :]
    )  # parses, runs nothing


@pytest.mark.parametrize("command", TREE, ids=" ".join)
def test_every_command_has_help_with_examples(cli, command):
    result = cli(*command, "--help")

    assert result.exit_code == 0
    example = " ".join(["• rnnbench", *command])
    printed = " ".join(result.output.split())
    assert f"Examples: {example}" in printed or isinstance(TREE[command], TyperGroup)


@pytest.mark.parametrize("command", TREE, ids=" ".join)
def test_nothing_is_cut_from_help_in_a_narrow_terminal(cli, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "50")

    assert "…" not in cli(*command, "--help").output


@pytest.mark.parametrize("command", TREE, ids=" ".join)
def test_help_has_no_type_for_options_without_a_value(cli, command):
    assert "bool" not in cli(*command, "--help").output


def places_in_help(cli, command, parts):
    """Where the help of a command has some parts."""
    text = " ".join(cli(*command, "--help").output.split())
    return [text.index(part) for part in parts]


def test_the_help_begins_with_a_quick_start_before_the_groups_of_commands(cli):
    words = ["Quick start:", "rnnbench run smoke", "rnnbench report results/all"]
    groups = dict.fromkeys(command.group for command in COMMANDS.values())

    places = places_in_help(cli, [], [*words, *groups])
    assert places == sorted(places)


@pytest.mark.parametrize("words", ["rnnbench run tweets.csv", "rnnbench verdict"])
def test_the_quick_start_names_the_ways_in_for_own_data(cli, words):
    quick_start, _, _ = cli("--help").output.partition("Options")

    assert words in quick_start


def test_the_options_of_a_run_stand_in_groups(cli):
    parts = ["Other sources of documents", "How trials run", "--executor"]

    places = places_in_help(cli, ["run"], parts)
    assert places == sorted(places)


def test_the_first_options_of_a_run_are_the_ten_that_people_use_first():
    first = [
        option.opts[0]
        for option in load_command("run").params
        if option.param_type_name == "option" and option.rich_help_panel is None
    ]

    what_is_trained = ["--text", "--label", "--models", "--seeds", "--epochs", "--set"]
    what_is_kept = ["--out", "--save-models", "--verbose"]
    assert first == [*what_is_trained, "--jobs", *what_is_kept]


def test_the_version_is_printed(cli):
    assert cli("--version").output == f"rnnbench {rnnbench.__version__}\n"


def test_a_command_that_only_reads_imports_nothing_that_takes_long(tmp_path):
    run_folder(tmp_path / "run", {"rnn": [(0, 0, 0, 1)]})
    commands = (
        "config check smoke --no-build",
        "config show smoke",
        "config new",
        "models show all",
    )
    code = (
        "import sys\n"
        "from rnnbench.cli.app import app\n"
        "def heavy(command, *modules):\n"
        "    app(command, standalone_mode=False)\n"
        "    return {*modules, 'tensorflow', 'keras'} & set(sys.modules)\n"
        "assert not heavy(['--help'], 'numpy', 'pydantic', 'yaml')\n"
        f"for words in {[*TREE]}:\n"
        "    found = heavy([*words, '--help'], 'matplotlib', 'scipy.special', 'sklearn')\n"
        "    assert not found, (words, found)\n"
        f"for command in {commands}:\n"
        "    assert not heavy(command.split(), 'sklearn'), command\n"
        "for command in ('compare run run', 'leaderboard run'):\n"
        "    assert not heavy(command.split(), 'matplotlib'), command\n"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, cwd=tmp_path
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rnu"], "Did you mean 'run'?"),
        (["run"], "Missing argument"),
        (["run", "a.yaml", "--epoch", "1"], "No such option"),
        (["run", "a.yaml", "--jobs", "0"], "--jobs"),
    ],
)
def test_a_wrong_command_line_is_the_users_error(cli, arguments, message):
    result = cli(*arguments)

    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("data show --sources all", "--sources: lists all sources"),
        (
            "config show --schema config --set a=1",
            "--set: changes a CONFIG, not a schema",
        ),
        ("leaderboard results --model ''", "--model: needs --badge"),
    ],
)
def test_what_would_be_ignored_is_refused(cli, words, message):
    result = cli(*shlex.split(words))

    assert result.exit_code == 2
    assert message in result.stderr
