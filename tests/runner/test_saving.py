"""Networks are saved by a process of their own, whose death costs one trial at most."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from factories import corpus, train, trial
from newswires import write_files

from rnnbench.data.dataset import make_dataset
from rnnbench.models.build import predict
from rnnbench.models.saved import from_bytes
from rnnbench.models.shape import Shape
from rnnbench.runner import saving
from rnnbench.runner.events import PhaseBegan
from rnnbench.runner.executors import TrialFailure
from rnnbench.runner.saving import Saver


@pytest.fixture
def kept(tmp_path):
    """A trial whose network is kept."""
    return replace(trial(tmp_path, training={"engine": "native", "epochs": 1}), keep_model=True)


@pytest.fixture
def dataset(kept):
    return make_dataset(corpus(), kept.data)


@pytest.fixture
def saver(dataset):
    events = []
    saver = Saver(Shape.of(dataset), events.append)
    saver.events = events
    yield saver
    saver.close()


def test_the_file_of_some_weights_is_the_network_that_was_trained(tmp_path, kept, dataset, saver):
    trained = train(tmp_path, kept)
    assert trained.model is None

    file = saver.file_of(kept, trained.weights)

    scores = np.log(predict(from_bytes(file), dataset.x_test))
    np.testing.assert_allclose(scores, trained.scores, atol=1e-5)
    phases = [PhaseBegan(kept, name) for name in ("loading TensorFlow", "saving network")]
    assert saver.events == phases


def test_weights_that_do_not_fit_fail_their_trial_alone(tmp_path, kept, saver):
    weights = train(tmp_path, kept).weights

    failure = saver.file_of(kept, weights[:-1])

    assert failure.reason.startswith("ValueError: ")
    assert isinstance(saver.file_of(kept, weights), bytes)


def test_the_death_of_the_process_fails_its_trial_alone(tmp_path, kept, saver, monkeypatch):
    weights = train(tmp_path, kept).weights
    monkeypatch.setattr(saving, "_prepare", _die)
    failure = saver.file_of(kept, weights)
    monkeypatch.undo()

    assert isinstance(failure, TrialFailure)
    reason = "its network cannot be saved: a worker process died (killed, or out of memory?)"
    assert failure.reason.startswith(reason)
    assert isinstance(saver.file_of(kept, weights), bytes)


def _die(_):
    os._exit(1)


CONFIG = """\
name: tiny
data: {source: sgml, path: sgml, test_split: 0.5}
training: {epochs: 1}
models:
  plain: {layers: [simple_rnn: {units: 3}, dense: {units: topics, activation: softmax}]}
"""

STRUCK = """
import os, signal, sys
from rnnbench.__main__ import main
from rnnbench.runner import saving

told = saving.event_of

def strike(*arguments):
    os.kill(os.getpid(), signal.SIGINT)
    return told(*arguments)

saving.event_of = strike
signal.signal(signal.SIGINT, signal.default_int_handler)  # under nohup, it is ignored
sys.argv = ["rnnbench", "run", "tiny.yaml", "--save-models"]
main()
assert "tensorflow" not in sys.modules
"""


def test_ctrl_c_waits_until_a_network_is_saved(tmp_path, tiny_sgml):
    write_files(tmp_path / "sgml", tiny_sgml)
    (tmp_path / "tiny.yaml").write_text(CONFIG)
    environment = os.environ | {"RNNBENCH_CACHE": str(tmp_path / "cache")}

    done = subprocess.run(
        [sys.executable, "-c", STRUCK],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=False,
    )

    assert done.returncode == 128 + signal.SIGINT, done.stderr
    (record,) = (tmp_path / "results/tiny/trials").iterdir()
    assert json.loads(record.read_text())["model_sha256"]
