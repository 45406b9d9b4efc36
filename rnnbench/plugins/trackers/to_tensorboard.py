"""The tracker ``tensorboard``: an event file for each trial, written without TensorFlow."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from rnnbench.config.schema import Benchmark
from rnnbench.plugins.trackers import final_numbers, settings_of, stem_of, validation_of
from rnnbench.tracking import Tracker
from rnnbench.training.outcome import TrialResult
from rnnbench.training.trial import Trial

EVENTS = "events.out.tfevents"
"""The start of the names by which TensorBoard finds event files."""


class TensorBoardTracker(Tracker):
    """Scalars by epoch; hyperparameters and final metrics for the tab HPARAMS.

    The writers of TensorBoard would import TensorFlow, which takes seconds, only to write files.
    """

    name = "tensorboard"
    modules = ("tensorboard",)
    install = "pip install tensorboard"

    def start(self, folder: Path, benchmark: Benchmark, trials: Sequence[Trial]) -> None:  # noqa: ARG002
        """Note the folder, which gets one for each trial."""
        self._folder = folder / "tensorboard"
        self._running: dict[Trial, _EventFile] = {}

    def trial_started(self, trial: Trial) -> None:
        """Begin an event file with the hyperparameters; an earlier attempt at the trial goes."""
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb

        if trial in self._running:
            self._running.pop(trial).close()
        folder = self._folder / stem_of(trial)
        folder.mkdir(parents=True, exist_ok=True)
        for earlier in folder.glob(f"{EVENTS}.*"):
            earlier.unlink()
        events = self._running[trial] = _EventFile(folder)
        events.write(step=0, summary=hparams_pb(settings_of(trial), trial_id=folder.name))

    def epoch_ended(self, trial: Trial, epoch: int, loss: float, accuracy: float) -> None:
        """Write the scalars of an epoch."""
        self._running[trial].write_scalars(epoch, {"loss": loss, "accuracy": accuracy})

    def trial_finished(
        self, trial: Trial, result: TrialResult, metrics: Mapping[str, float]
    ) -> None:
        """Write the scalars on the validation documents, and the final ones."""
        for epoch, scores in validation_of(result.record.history):
            self._running[trial].write_scalars(epoch, scores)
        final = final_numbers(result, metrics)
        self._running[trial].write_scalars(result.record.epochs, final)
        self._end(trial, "STATUS_SUCCESS")

    def trial_failed(self, trial: Trial, reason: str) -> None:  # noqa: ARG002
        """Note that the trial failed."""
        self._end(trial, "STATUS_FAILURE")

    def close(self) -> None:
        """Note that the trials that are still running were interrupted."""
        for trial in list(self._running):
            self._end(trial, "STATUS_UNKNOWN")

    def _end(self, trial: Trial, status: str) -> None:
        events = self._running.pop(trial)
        events.write(step=trial.epochs, summary=_end_pb(status))
        events.close()


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

    def write_scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Write a number under each tag."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        scalars = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
        self.write(step=step, summary=Summary(value=scalars))


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
