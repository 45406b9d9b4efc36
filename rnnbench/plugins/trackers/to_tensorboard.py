"""The tracker ``tensorboard``: an event file for each trial, written without TensorFlow."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from rnnbench.config.schema import Benchmark
from rnnbench.plugins.trackers import TrialTracker, settings_of, stem_of
from rnnbench.training.trial import Trial

EVENTS = "events.out.tfevents"
"""The start of the names by which TensorBoard finds event files."""
STATUSES = {
    "FINISHED": "STATUS_SUCCESS",
    "FAILED": "STATUS_FAILURE",
    "KILLED": "STATUS_UNKNOWN",
}


class TensorBoardTracker(TrialTracker):
    """Scalars by epoch; hyperparameters and final metrics for the tab HPARAMS.

    The writers of TensorBoard would import TensorFlow, which takes seconds, only to write files.
    """

    name = "tensorboard"
    modules = ("tensorboard",)
    install = "pip install tensorboard"

    def start(self, folder: Path, benchmark: Benchmark, trials: Sequence[Trial]) -> None:  # noqa: ARG002
        """Note the folder, which gets one for each trial."""
        self._folder = folder / "tensorboard"

    def begin(self, trial: Trial) -> "_EventFile":
        """Begin an event file with the hyperparameters; an earlier attempt at the trial goes."""
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb

        folder = self._folder / stem_of(trial)
        folder.mkdir(parents=True, exist_ok=True)
        for earlier in folder.glob(f"{EVENTS}.*"):
            earlier.unlink()
        events = _EventFile(folder)
        events.write(step=0, summary=hparams_pb(settings_of(trial), trial_id=folder.name))
        return events

    def write(self, run: "_EventFile", epoch: int, values: Mapping[str, float]) -> None:
        """Write a number under each tag."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        scalars = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
        run.write(step=epoch, summary=Summary(value=scalars))

    def end(self, run: "_EventFile", trial: Trial, status: str, reason: str = "") -> None:  # noqa: ARG002
        """Write how the trial ended."""
        run.write(step=trial.epochs, summary=_end_pb(STATUSES[status]))
        run.close()


class _EventFile:
    """An event file in the format of TensorBoard; each event is written at once.

    Args:
        folder: a new file is made in it.
    """

    def __init__(self, folder: Path):
        from tensorboard.summary.writer.record_writer import RecordWriter

        path = folder / f"{EVENTS}.{int(time.time())}.rnnbench"
        self._file: BinaryIO = path.open("wb", buffering=0)
        self._records = RecordWriter(self._file)
        self.close = self._file.close
        self.write(file_version="brain.Event:2")  # the first event of every file

    def write(self, **facts: Any) -> None:
        """Write an event of now."""
        from tensorboard.compat.proto.event_pb2 import Event

        self._records.write(Event(wall_time=time.time(), **facts).SerializeToString())


def _end_pb(status: str) -> Any:
    """Return the summary that ends a row of the tab HPARAMS, as ``hparams_pb`` begins it."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    number = api_pb2.Status.Value(status)
    end = plugin_data_pb2.SessionEndInfo(status=number, end_time_secs=time.time())
    described = metadata.create_summary_metadata(
        plugin_data_pb2.HParamsPluginData(session_end_info=end)
    )
    tag, nothing = metadata.SESSION_END_INFO_TAG, metadata.NULL_TENSOR
    return Summary(value=[Summary.Value(tag=tag, metadata=described, tensor=nothing)])
