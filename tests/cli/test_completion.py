import json
import os
import subprocess
import sys
import time

import pytest

RNNBENCH = "import sys; sys.argv[0] = 'rnnbench'; from rnnbench.cli.app import main; main()"

TAKES_RUNS = """
from typing import Annotated
import typer
from rnnbench.cli import completion
def predict(
    run: Annotated[str, typer.Argument(autocompletion=completion.run_folders)],
    model: Annotated[str, typer.Argument(autocompletion=completion.model_of_run)],
):
    pass
app = typer.Typer()
app.command()(predict)
app(prog_name="rnnbench")
"""
"""A command with the parameters of `rnnbench predict`."""

LSTM = "{layers: [lstm: {units: 2}, dense: {units: topics, activation: softmax}]}"


@pytest.fixture
def complete(tmp_path):
    """Press TAB at the end of a line, as bash does, in a folder of the test's own."""

    def press_tab(line, program=RNNBENCH):
        words = line.split(" ")
        variables = {
            "_RNNBENCH_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
        }
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | variables,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        return done.stdout.split()

    return press_tab


@pytest.fixture
def write(tmp_path):
    """Write a file in the folder where TAB is pressed."""

    def write_file(name, content=""):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)

    return write_file


@pytest.fixture
def write_run(write):
    """Write the summary of a run, as far as a completer looks at it."""

    def write_results(folder, **is_baseline):
        models = [{"name": name, "is_baseline": is_it} for name, is_it in is_baseline.items()]
        write(f"{folder}/results.json", json.dumps({"models": models, "checksum": "wrong"}))

    return write_results


def test_config_files_are_those_of_the_working_folder_and_of_configs(complete, write):
    for name in ("mine.yaml", "configs/all.yaml", "configs/gru.yaml", "other/no.yaml", "no.txt"):
        write(name)

    assert complete("rnnbench run ") == ["mine.yaml", "configs/all.yaml", "configs/gru.yaml"]
    assert complete("rnnbench run configs/a") == ["configs/all.yaml"]


@pytest.mark.parametrize(
    "command",
    ["bench-speed", "data info", "config check", "config show", "models show --config"],
)
def test_every_command_that_takes_a_config_offers_them(complete, write, command):
    write("mine.yaml")

    assert complete(f"rnnbench {command} m") == ["mine.yaml"]


def test_several_configs_can_be_completed(complete, write):
    write("a.yaml")
    write("b.yaml")

    assert complete("rnnbench config check a.yaml b") == ["b.yaml"]


def test_models_are_those_of_the_config_on_the_line_and_of_what_it_extends(complete, write):
    write("base.yaml", f"models: {{first: {LSTM}}}")
    write("a.yaml", f"extends: base.yaml\nmodels: {{second: {LSTM}}}")

    assert complete("rnnbench run a.yaml --models ") == ["first", "second"]
    assert complete("rnnbench run a.yaml --epochs 3 --models s") == ["second"]
    assert complete("rnnbench models show --config a.yaml s") == ["second"]


def test_a_list_of_models_goes_on_with_those_that_are_not_in_it(complete, write):
    write("a.yaml", f"models: {{lstm: {LSTM}, lstm_2: {LSTM}, gru: {LSTM}}}")

    assert complete("rnnbench run a.yaml --models lstm,") == ["lstm,lstm_2", "lstm,gru"]
    assert complete("rnnbench run a.yaml --models=gru,lstm,l") == ["gru,lstm,lstm_2"]


def test_a_config_need_not_be_right_to_be_read(complete, write):
    write("a.yaml", "nmae: a\nmodels: {half_written: }")

    assert complete("rnnbench run a.yaml --models ") == ["half_written"]


def test_runs_are_the_folders_with_results(complete, write, write_run):
    for folder in ("results/all", "results/reference/all", "mine"):
        write_run(folder)
    write("results/unfinished/config.yaml")

    assert complete("rnnbench ", TAKES_RUNS) == ["results/all", "results/reference/all", "mine"]
    assert complete("rnnbench results/a", TAKES_RUNS) == ["results/all"]


def test_models_of_a_run_are_its_networks_whether_or_not_the_file_is_as_written(
    complete, write_run
):
    write_run("results/all", lstm=False, gru=False, most_frequent=True)

    assert complete("rnnbench results/all ", TAKES_RUNS) == ["lstm", "gru"]
    assert complete("rnnbench results/all g", TAKES_RUNS) == ["gru"]


@pytest.mark.parametrize(
    "line",
    [
        "rnnbench run --models ",
        "rnnbench run nowhere.yaml --models ",
        "rnnbench run . --models ",
        "rnnbench run broken.yaml --models ",
        "rnnbench run bytes.yaml --models ",
        "rnnbench run list.yaml --models ",
        "rnnbench run empty.yaml --models ",
        "rnnbench run itself.yaml --models ",
        "rnnbench models show ",
    ],
)
def test_where_there_are_no_models_nothing_is_offered_and_nothing_said(
    complete, write, tmp_path, line
):
    write("broken.yaml", "models: {a: [")
    write("list.yaml", "models: [a, b]")
    write("empty.yaml")
    write("itself.yaml", "extends: itself.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")

    assert complete(line) == []


@pytest.mark.parametrize("content", [None, "{", "[]", '{"models": [{}]}'])
def test_where_there_is_no_run_nothing_is_offered_and_nothing_said(complete, write, content):
    if content is not None:
        write("run/results.json", content)

    assert complete("rnnbench run ", TAKES_RUNS) == []


def test_the_answer_comes_at_once(complete, write):
    write("a.yaml", f"models: {{lstm: {LSTM}}}")

    assert min(_seconds(complete, "rnnbench run a.yaml --models ") for _ in range(3)) < 0.5


def _seconds(complete, line):
    start = time.perf_counter()
    complete(line)
    return time.perf_counter() - start
