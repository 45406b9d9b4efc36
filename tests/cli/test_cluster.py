"""The commands that train, on a Dask cluster."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from clusters import after, children, cluster, wait_for
from newswires import write_files

import rnnbench

CONFIG = """
name: tiny
data: {source: sgml, path: sgml, test_split: 0.5}
training: {epochs: 1, seeds: 1}
models:
  bayes: {baseline: multinomial_naive_bayes}
  mine: {python: "my_models.networks:build"}
"""
NETWORKS = """
import os, time
from my_models.layers import layers

def build(shape):
    while "PAUSE" in os.environ and not os.path.exists(os.environ["PAUSE"]):
        time.sleep(0.1)
    import keras
    return keras.Sequential([keras.Input((shape.timesteps,), dtype="int32"), *layers(shape)])
"""
LAYERS = """
def layers(shape):
    from keras.layers import Dense, Embedding, GlobalAveragePooling1D
    yield Embedding(shape.n_ids, 2)
    yield GlobalAveragePooling1D()
    yield Dense(shape.n_topics, activation="softmax")
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A cluster on which networks wait until there is a file called ``go-on``."""
    folder = tmp_path_factory.mktemp("cluster")
    with cluster(folder, 2, PAUSE=str(folder / "go-on")) as started:
        yield started


@pytest.fixture(autouse=True)
def folder(working_folder, tiny_sgml):
    """A working folder with a config, its documents, and a package with a network."""
    write_files(working_folder / "sgml", tiny_sgml)
    (working_folder / "tiny.yaml").write_text(CONFIG)
    package = working_folder / "my_models"
    package.mkdir()
    for name, code in (("__init__", ""), ("networks", NETWORKS), ("layers", LAYERS)):
        (package / f"{name}.py").write_text(code)


@pytest.fixture
def on_cluster(cli, made, monkeypatch):
    """Runs a command on the cluster in this process."""

    def run(*words):
        command = [*words, "--executor", "dask", "--scheduler", str(made.file)]
        monkeypatch.setattr("sys.argv", ["rnnbench", *command])
        return cli(*command)

    return run


def test_ctrl_c_ends_children_on_all_workers_and_another_run_finishes_what_is_left(
    made, on_cluster
):
    command = [
        "-m",
        "rnnbench",
        "run",
        "tiny.yaml",
        "--executor",
        "dask",
        "--scheduler",
        made.file,
    ]
    process = subprocess.Popen(
        [sys.executable, *command],
        env=made.environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(
        lambda: is_stored("bayes") and len(children(made.folder)) == 2,
        "both children",
        300,
    )

    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)

    assert time.monotonic() - begin < 10
    assert process.returncode == 130, said
    assert "1 of 2 trials are stored in results/tiny/" in said
    assert "Traceback" not in said
    assert not children(made.folder)

    pause = made.folder / "go-on"
    pause.touch()
    finished = on_cluster("run", "tiny.yaml")
    pause.unlink()
    assert finished.exit_code == 0, finished.stderr
    assert "1 of 2 trials are stored already" in finished.stderr
    results = rnnbench.load_run("results/tiny")
    assert results.trials["mine"][0].record.machine.worker in {"w0", "w1"}

    chosen = on_cluster("choose", "tiny.yaml", "--models", "bayes", "--last", "0.3")
    assert chosen.exit_code == 0, chosen.stderr


def is_stored(model):
    return any(Path("results/tiny/trials").glob(f"{model}-*.json"))


def test_a_run_whose_scheduler_is_lost_is_finished_by_local_processes(
    cli, made, on_cluster
):
    after(lambda: is_stored("bayes"), made.scheduler.kill)
    lost = on_cluster("run", "tiny.yaml")

    assert lost.exit_code == 3
    scheduler = f"--executor dask --scheduler {made.file}"
    again = (
        f"This command continues from there:\n  rnnbench run tiny.yaml {scheduler}\n"
    )
    for words in ("the connection to the scheduler is lost", again):
        assert words in lost.stderr
    assert (
        "1 of 1 trials are stored already"
        in cli("run", "tiny.yaml", "--models", "bayes").stderr
    )
