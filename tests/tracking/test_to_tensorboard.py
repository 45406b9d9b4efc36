"""Event files of trials that start anew, fail, or are interrupted."""

import subprocess
import sys
from types import ModuleType

import pytest
from factories import benchmark, result, trial

from rnnbench.tracking.to_tensorboard import TensorBoardTracker


@pytest.fixture
def trials(tmp_path):
    return [trial(tmp_path, seed=seed, training={"epochs": 2}) for seed in range(3)]


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Reads the event file of a trial; without TensorFlow, whose import takes seconds."""
    monkeypatch.setitem(
        sys.modules, "tensorboard.compat.notf", ModuleType("tensorboard.compat.notf")
    )
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def read(seed):
        (folder,) = (tmp_path / "tensorboard").glob(f"rnn-seed{seed}-*")
        return EventAccumulator(str(folder)).Reload()

    return read


def status_of(events):
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    content = events.SummaryMetadata(metadata.SESSION_END_INFO_TAG).plugin_data.content
    end = plugin_data_pb2.HParamsPluginData.FromString(content).session_end_info
    return api_pb2.Status.Name(end.status)


def started(folder, trials):
    tracker = TensorBoardTracker()
    tracker.start(folder, benchmark(), trials)
    for one in trials:
        tracker.trial_started(one)
        tracker.epoch_ended(one, 1, 1.0, 0.25)
    return tracker


def test_an_epoch_can_be_read_at_once(tmp_path, trials, read):
    started(tmp_path, trials)

    assert [(each.step, each.value) for each in read(0).Scalars("loss")] == [(1, 1.0)]


def test_each_trial_ends_as_it_did(tmp_path, trials, read):
    tracker = started(tmp_path, trials)

    tracker.trial_finished(trials[0], result(), {"accuracy": 0.75})
    tracker.trial_failed(trials[1], "no training today")
    tracker.close()

    statuses = [status_of(read(seed)) for seed in range(3)]
    assert statuses == ["STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_UNKNOWN"]


def test_a_trial_that_starts_again_takes_the_place_of_its_earlier_attempt(tmp_path, trials, read):
    tracker = started(tmp_path, trials)
    tracker.trial_started(trials[0])
    tracker.epoch_ended(trials[0], 1, 0.5, 0.25)
    started(tmp_path, trials[1:])

    assert [each.value for each in read(0).Scalars("loss")] == [0.5]
    assert [each.value for each in read(1).Scalars("loss")] == [1.0]


def test_event_files_are_written_without_tensorflow(tmp_path):
    code = (
        "import sys; from pathlib import Path; from rnnbench.tracking import to_tensorboard as it; "
        "it._EventFile(Path(sys.argv[1])).add(0, it._start({'units': 3}, 'rnn')); "
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True)
