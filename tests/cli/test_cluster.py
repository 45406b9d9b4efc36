"""The commands that train, on a Dask cluster."""

import signal
import subprocess
import sys
import time

import pytest
from clusters import Cluster, children, cluster, wait_for
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
def folder(tmp_path, tiny_sgml, monkeypatch):
    """A working folder with a config, its documents, and a package with a network."""
    write_files(tmp_path / "sgml", tiny_sgml)
    (tmp_path / "tiny.yaml").write_text(CONFIG)
    package = tmp_path / "my_models"
    package.mkdir()
    for name, code in (("__init__", ""), ("networks", NETWORKS), ("layers", LAYERS)):
        (package / f"{name}.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def start(made: Cluster, *arguments: str, **environment: str) -> subprocess.Popen:
    """Start ``rnnbench`` on a cluster."""
    command = ["-m", "rnnbench", *arguments, "--executor", "dask", "--scheduler", str(made.file)]
    return subprocess.Popen(
        [sys.executable, *command],
        env={**made.environment, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(process: subprocess.Popen, text: str) -> str:
    """Read messages of a process until one has ``text``; return all of them."""
    said = ""
    while text not in said:
        line = process.stderr.readline()
        assert line, f"it ended, and said:\n{said}"
        said += line
    return said


def finish(process, status, seconds=30):
    """Return what a process says until it ends with a status."""
    _, said = process.communicate(timeout=seconds)
    assert process.returncode == status, said
    assert "Traceback" not in said
    return said


def test_ctrl_c_ends_children_on_all_workers_and_another_run_finishes_what_is_left(made):
    process = start(made, "run", "tiny.yaml")
    until(process, "bayes seed 0: test accuracy")
    wait_for(lambda: len(children(made.folder)) == 2, "both children")

    begin = time.monotonic()
    process.send_signal(signal.SIGINT)

    assert "1 of 2 trials are stored in results/tiny/" in finish(process, 130)
    assert time.monotonic() - begin < 10
    assert not children(made.folder)

    pause = made.folder / "go-on"
    pause.touch()
    said = finish(start(made, "run", "tiny.yaml"), 0, 120)
    assert "1 of 2 trials are stored already" in said
    results = rnnbench.load_run("results/tiny")
    assert results.trials["mine"][0].record.machine.worker in {"w0", "w1"}

    finish(start(made, "choose", "tiny.yaml", "--models", "bayes", "--last", "0.3"), 0, 60)
    pause.unlink()


def test_a_run_whose_scheduler_is_silent_or_lost_ends_and_is_finished_by_local_processes(cli, made):
    process = start(made, "run", "tiny.yaml")
    until(process, "bayes seed 0: test accuracy")
    made.scheduler.send_signal(signal.SIGSTOP)
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert "1 of 2 trials are stored in results/tiny/" in finish(process, 130)
    assert time.monotonic() - begin < 20
    made.scheduler.send_signal(signal.SIGCONT)
    wait_for(lambda: not children(made.folder), "the end of its children")

    process = start(made, "run", "tiny.yaml")
    until(process, "1 of 2 trials are stored already")
    wait_for(lambda: children(made.folder), "its child")
    made.scheduler.kill()
    said = finish(process, 3)

    scheduler = f"--executor dask --scheduler {made.file}"
    assert f"This command continues from there:\n  rnnbench run tiny.yaml {scheduler}\n" in said
    assert "the connection to the scheduler is lost; finished trials are stored" in said
    assert "1 of 1 trials are stored already" in cli("run", "tiny.yaml", "--models", "bayes").stderr
