import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rnnbench.analysis.compare import parse_gate
from rnnbench.cli.app import COMMANDS, app
from rnnbench.config import shipped

MODEL = "{layers: [lstm: {units: 2}, dense: {units: topics, activation: softmax}]}"
CONFIGS = {
    "base.yaml": f"models: {{gru: {MODEL}}}",
    "more.yaml": f"extends: base.yaml\nmodels: {{lstm: {MODEL}, lstm_2: {MODEL}}}",
    "configs/all.yaml": "nmae: a\nmodels: {half_written: }",
    "bad/broken.yaml": "models: {a: [",
    "bad/list.yaml": "models: [a, b]",
    "bad/empty.yaml": "",
    "bad/itself.yaml": "extends: itself.yaml",
    "text.txt": "",
}
LAYERS = ("0.lstm.units", "1.dense.units", "1.dense.activation")
NETWORKS = [{"name": "lstm", "is_baseline": False}, {"name": "gru"}]
RUNS = {
    "results/all": {"models": [*NETWORKS, {"name": "svm", "is_baseline": True}], "checksum": "?"},
    "results/reference/all": [],
    "mine": {"models": [{}]},
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A working folder with configs, good and bad, and as much of some runs as is read."""
    monkeypatch.chdir(tmp_path)
    runs = {f"{run}/results.json": json.dumps(results) for run, results in RUNS.items()}
    for name, content in (CONFIGS | runs | {"results/unfinished/results.txt": ""}).items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(content)
    Path("bad/bytes.yaml").write_bytes(b"\xff\xfe\x00")
    Path("waiting").mkdir()
    os.mkfifo("waiting/results.json")


def variables(line):
    """The environment in which bash calls a program when TAB is pressed at the end of a line."""
    last = len(line.split(" ")) - 1
    return {"_RNNBENCH_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(last)}


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("", [*COMMANDS]),
        ("data sh", ["show"]),
        ("run --see", ["--seeds"]),
        *(
            (f"{command} ", ["base.yaml", "more.yaml", "configs/all.yaml", *shipped.names()])
            for command in (
                *("run", "bench-speed", "data info", "config check", "config show"),
                *("models list", "models show"),
            )
        ),
        ("models show m", ["more.yaml"]),
        ("config check base.yaml m", ["more.yaml"]),
        ("run configs/a", ["configs/all.yaml"]),
        ("run stacked_l", ["stacked_lstm"]),
        ("run lstm --models ", ["lstm"]),
        ("run lstm --track ", ["tensorboard", "mlflow", "wandb", "csv"]),
        ("run lstm --track csv,", ["csv,tensorboard", "csv,mlflow", "csv,wandb"]),
        ("config copy stacked_l", ["stacked_lstm"]),
        ("run configs/all.yaml --models ", ["half_written"]),
        ("run more.yaml --models ", ["gru", "lstm", "lstm_2"]),
        ("run more.yaml --epochs 3 --models g", ["gru"]),
        ("run more.yaml --models lstm,", ["lstm,gru", "lstm,lstm_2"]),
        ("run more.yaml --models=gru,lstm,l", ["gru,lstm,lstm_2"]),
        ("models show more.yaml g", ["gru"]),
        ("explain ", ["simple_rnn", "gru", "lstm"]),
        ("explain lstm g", ["gru"]),
        ("data show 0 zo", ["zoo", "zoo_baselines", "zoo_networks"]),
        ("run lstm --data r", ["r52", "r8"]),
        ("leaderboard mine --metric bal", ["balanced_accuracy"]),
        ("site mine --metric accuracy --metric bal", ["balanced_accuracy"]),
        ("history mine --metric ms", ["ms_per_step"]),
        ("badge results/all --model s", ["svm"]),
        ("bench-speed lstm --only torch", ["torch", "torch-plain"]),
        ("bench-speed lstm --only keras,c", ["keras,compiled", "keras,compiled-1"]),
        ("compare mine mine --format j", ["junit"]),
        (
            "run base.yaml --set training.e",
            [f"training.{key}=" for key in ("epochs", "ema", "engine")],
        ),
        ("run --set data.pad", ["data.pad_length=", "data.padding="]),
        ("run base.yaml --set models.", [f"models.gru.layers.{key}=" for key in LAYERS]),
        ("run bad/broken.yaml --set data.pa", ["data.path=", "data.pad_length=", "data.padding="]),
        ("report ", ["results/all", "results/reference/all", "mine"]),
        ("compare mine results/a", ["results/all"]),
        ("predict results/all ", ["lstm", "gru"]),
        ("predict results/all g", ["gru"]),
        *(
            (f"predict {run} ", [])
            for run in ("mine", "results/reference/all", "waiting", "nowhere")
        ),
        *(
            (f"run bad/{name}.yaml --models ", [])
            for name in ("broken", "bytes", "list", "empty", "itself", "missing")
        ),
        ("run bad --models ", []),
        ("run --models ", []),
        ("models show nowhere ", []),
    ],
)
def test_tab_offers_everything_that_fits_and_never_fails(line, offered):
    done = CliRunner().invoke(app, env=variables(f"rnnbench {line}"), prog_name="rnnbench")

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.split() == offered


def test_gates_are_offered_with_the_direction_that_is_worse():
    line = "rnnbench compare mine mine --fail-if "

    done = CliRunner().invoke(app, env=variables(line), prog_name="rnnbench")

    offered = done.stdout.splitlines()
    assert offered[0] == "accuracy drops significantly"
    assert {"macro_f1 drops 5%", "log_loss rises 5%", "ms_per_step rises 5%"} < {*offered}
    for gate in offered:
        parse_gate(gate)


def test_an_answer_needs_no_large_package():
    code = """
import atexit, sys
sys.argv[0] = "rnnbench"
large = {"matplotlib", "pandas", "scipy", "sklearn", "tensorflow"}
atexit.register(lambda: print("imported:", *sorted(large & set(sys.modules))))
from rnnbench.__main__ import main
main()
"""
    environment = os.environ | variables("rnnbench run more.yaml --models ")
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    )

    assert done.stdout.split() == ["gru", "lstm", "lstm_2", "imported:"]
