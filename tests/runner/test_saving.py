"""A separate process saves networks, and its death costs one trial at most."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from multiprocessing import active_children

import numpy as np
import pytest
from factories import corpora, corpus, train, trial
from newswires import write_files

from rnnbench.data import cache
from rnnbench.data.audit import summarize_dataset
from rnnbench.data.dataset import make_dataset
from rnnbench.models.build import predict
from rnnbench.models.saved import from_bytes
from rnnbench.runner import saving
from rnnbench.runner.events import PhaseBegan
from rnnbench.runner.executors import TrialFailure
from rnnbench.runner.saving import Saver


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("corpora")


@pytest.fixture(scope="module")
def kept(folder):
    """A trial whose network is kept."""
    return replace(trial(folder, training={"engine": "native", "epochs": 1}), keep_model=True)


@pytest.fixture(scope="module")
def trained(folder, kept):
    return train(folder, kept)


@pytest.fixture(scope="module")
def dataset(folder, kept):
    (file,) = corpora(folder).values()
    return summarize_dataset(cache.read(file), make_dataset(corpus(), kept.data))


@pytest.fixture(scope="module")
def saver(dataset):
    events, others = [], set(active_children())
    with Saver(dataset, events.append) as saver:
        saver.events, saver.others = events, others
        yield saver


@pytest.fixture
def strike(monkeypatch, tmp_path):
    """Make the process die or hang a few times."""

    def strike(times, act):
        monkeypatch.setattr(saving, "_import_tensorflow", partial(_strike, tmp_path, times, act))

    return strike


def _strike(folder, times, act, _):
    if len(list(folder.iterdir())) < times:
        (folder / str(os.getpid())).touch()
        act()


_die, _hang = partial(os._exit, 1), partial(time.sleep, 60)


def test_the_file_of_some_weights_is_the_network_that_was_trained(kept, trained, saver):
    assert trained.model is None
    saver.events.clear()

    file = saver.file_of(kept, trained.weights)

    x_test = make_dataset(corpus(), kept.data).x_test
    scores = np.log(predict(from_bytes(file), x_test))
    np.testing.assert_allclose(scores, trained.scores, atol=1e-5)
    assert saver.events[-1] == PhaseBegan(kept, "saving network")


def test_the_names_of_layers_do_not_depend_on_the_networks_that_were_saved_before(
    kept, trained, saver
):
    first, again = (from_bytes(saver.file_of(kept, trained.weights)) for _ in range(2))

    assert [each.name for each in first.layers] == [each.name for each in again.layers]


def test_weights_that_do_not_fit_fail_their_trial_alone(kept, trained, saver):
    failure = saver.file_of(kept, trained.weights[:-1])

    assert failure.reason.startswith("its network cannot be saved: ValueError: ")
    assert isinstance(saver.file_of(kept, trained.weights), bytes)


def test_a_process_that_is_killed_between_two_networks_is_replaced(kept, trained, saver):
    saver.file_of(kept, trained.weights)
    (process,) = set(active_children()) - saver.others
    process.kill()
    process.join()

    assert isinstance(saver.file_of(kept, trained.weights), bytes)


def test_a_process_that_dies_is_replaced_once(tmp_path, kept, trained, saver, strike):
    strike(1, _die)
    assert isinstance(saver.file_of(kept, trained.weights), bytes)
    assert len(list(tmp_path.iterdir())) == 1, "it did die"


def test_a_process_that_dies_again_fails_its_trial_alone(kept, trained, saver, strike):
    strike(2, _die)
    failure = saver.file_of(kept, trained.weights)

    assert isinstance(failure, TrialFailure)
    reason = "its network cannot be saved: a worker process died (killed, or out of memory?)"
    assert failure.reason.startswith(reason)
    assert isinstance(saver.file_of(kept, trained.weights), bytes)


def test_a_process_that_is_silent_counts_as_dead(
    tmp_path, kept, trained, saver, strike, monkeypatch
):
    saver.file_of(kept, trained.weights)  # so that it is started, and has imported TensorFlow
    strike(2, _hang)
    monkeypatch.setattr(saving, "SILENCE_SECONDS", 3.0)

    failure = saver.file_of(kept, trained.weights)

    assert list(tmp_path.iterdir()), "it did hang"
    assert failure.reason == "its network cannot be saved: its process was silent for 3 s"


def test_a_machine_that_starts_no_process_fails_the_trial(kept, trained, dataset, monkeypatch):
    def fail(*_):
        raise OSError("too many processes")

    monkeypatch.setattr(saving, "Worker", fail)
    with Saver(dataset, pytest.fail) as saver:
        failure = saver.file_of(kept, trained.weights)

    assert failure.reason == "its network cannot be saved: too many processes"


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

sys.modules["rnnbench.__main__"].TOGETHER = 0  # they come at once
told, strikes = saving.event_of, [signal.SIGINT] * int(sys.argv[1])

def strike(*arguments):
    while strikes:
        os.kill(os.getpid(), strikes.pop())
    return told(*arguments)

saving.event_of = strike
signal.signal(signal.SIGINT, signal.default_int_handler)  # under nohup, it is ignored
sys.argv = ["rnnbench", "run", "tiny.yaml", "--save-models"]
try:
    main()
finally:
    assert not {"tensorflow", "keras"} & set(sys.modules)
"""


@pytest.mark.parametrize("strikes", [1, 2])
def test_ctrl_c_waits_until_a_network_is_saved_but_a_second_one_does_not(
    tmp_path, tiny_sgml, strikes
):
    write_files(tmp_path / "sgml", tiny_sgml)
    (tmp_path / "tiny.yaml").write_text(CONFIG)

    done = subprocess.run(
        [sys.executable, "-c", STRUCK, str(strikes)],
        timeout=300,
        cwd=tmp_path,
        env=os.environ | {"RNNBENCH_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 128 + signal.SIGINT, done.stderr
    records = list((tmp_path / "results/tiny").glob("trials/*.json"))
    assert [bool(json.loads(each.read_text())["model_sha256"]) for each in records] == [True] * (
        strikes == 1
    )
