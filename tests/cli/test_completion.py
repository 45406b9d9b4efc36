import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rnnbench.cli.app import COMMANDS, app

LSTM = "{layers: [lstm: {units: 2}, dense: {units: topics, activation: softmax}]}"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def variables(line):
    """What bash tells a program when TAB is pressed at the end of a line."""
    last = len(line.split(" ")) - 1
    return {
        "_RNNBENCH_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(last),
    }


def complete(line):
    """Press TAB at the end of a line."""
    done = CliRunner().invoke(app, env=variables(line), prog_name="rnnbench")
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout.split()


def write(name, content=""):
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


def write_run(folder, **is_baseline):
    """Write as much of a run's summary as completion reads."""
    models = [{"name": name, "is_baseline": is_it} for name, is_it in is_baseline.items()]
    write(f"{folder}/results.json", json.dumps({"models": models, "checksum": "wrong"}))


def test_commands_are_completed():
    assert complete("rnnbench ") == list(COMMANDS)
    assert complete("rnnbench data s") == ["show"]
    assert complete("rnnbench run --see") == ["--seeds"]


def test_config_files_are_those_of_the_working_folder_and_of_configs():
    for name in ("mine.yaml", "configs/all.yaml", "configs/gru.yaml", "other/no.yaml", "no.txt"):
        write(name)

    assert complete("rnnbench run ") == ["mine.yaml", "configs/all.yaml", "configs/gru.yaml"]
    assert complete("rnnbench run configs/a") == ["configs/all.yaml"]


@pytest.mark.parametrize(
    "command",
    ["bench-speed", "data info", "config check", "config show", "models show --config"],
)
def test_every_command_that_takes_a_config_offers_them(command):
    write("mine.yaml")

    assert complete(f"rnnbench {command} m") == ["mine.yaml"]


def test_several_configs_can_be_completed():
    write("a.yaml")
    write("b.yaml")

    assert complete("rnnbench config check a.yaml b") == ["b.yaml"]


def test_models_are_those_of_the_config_on_the_line_and_of_the_configs_it_extends():
    write("base.yaml", f"models: {{first: {LSTM}}}")
    write("a.yaml", f"extends: base.yaml\nmodels: {{second: {LSTM}}}")

    assert complete("rnnbench run a.yaml --models ") == ["first", "second"]
    assert complete("rnnbench run a.yaml --epochs 3 --models s") == ["second"]
    assert complete("rnnbench models show --config a.yaml s") == ["second"]


def test_a_list_of_models_is_continued_with_those_that_are_not_in_it():
    write("a.yaml", f"models: {{lstm: {LSTM}, lstm_2: {LSTM}, gru: {LSTM}}}")

    assert complete("rnnbench run a.yaml --models lstm,") == ["lstm,lstm_2", "lstm,gru"]
    assert complete("rnnbench run a.yaml --models=gru,lstm,l") == ["gru,lstm,lstm_2"]


def test_a_config_need_not_be_valid():
    write("a.yaml", "nmae: a\nmodels: {half_written: }")

    assert complete("rnnbench run a.yaml --models ") == ["half_written"]


def test_runs_are_the_folders_with_results():
    for folder in ("results/all", "results/reference/all", "mine"):
        write_run(folder)
    write("results/unfinished/config.yaml")

    assert complete("rnnbench predict ") == ["results/all", "results/reference/all", "mine"]
    assert complete("rnnbench compare mine results/a") == ["results/all"]


def test_models_of_a_run_are_its_networks_even_if_its_checksum_is_wrong():
    write_run("results/all", lstm=False, gru=False, most_frequent=True)

    assert complete("rnnbench predict results/all ") == ["lstm", "gru"]
    assert complete("rnnbench predict results/all g") == ["gru"]


@pytest.mark.parametrize(
    "line",
    [
        "run --models ",
        "run nowhere.yaml --models ",
        "run . --models ",
        "run broken.yaml --models ",
        "run bytes.yaml --models ",
        "run list.yaml --models ",
        "run empty.yaml --models ",
        "run itself.yaml --models ",
        "models show ",
    ],
)
def test_without_models_nothing_is_offered_and_nothing_printed(line):
    write("broken.yaml", "models: {a: [")
    write("list.yaml", "models: [a, b]")
    write("empty.yaml")
    write("itself.yaml", "extends: itself.yaml")
    Path("bytes.yaml").write_bytes(b"\xff\xfe\x00")

    assert complete(f"rnnbench {line}") == []


@pytest.mark.parametrize("content", [None, "{", "[]", '{"models": [{}]}'])
def test_without_a_run_nothing_is_offered_and_nothing_printed(content):
    if content is not None:
        write("run/results.json", content)

    assert complete("rnnbench predict run ") == []


def test_the_answer_comes_at_once():
    write("a.yaml", f"models: {{lstm: {LSTM}}}")

    assert min(seconds("rnnbench run a.yaml --models ") for _ in range(3)) < 0.5


def seconds(line):
    """The processor time that it takes a new process to answer."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = "import sys; sys.argv[0] = 'rnnbench'; from rnnbench.cli.app import main; main()"
    subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | variables(line),
        check=True,
        capture_output=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
