"""The tracker ``tensorboard``: an event file for each trial, written without TensorFlow."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from rnnbench.tracking.base import Tracker

if TYPE_CHECKING:
    from rnnbench.config.schema import Benchmark
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

    def start(self, folder: Path, benchmark: "Benchmark", trials: Sequence["Trial"]) -> None:  # noqa: ARG002
        """Note the folder, which gets one for each trial."""
        self._folder = folder / "tensorboard"
        self._running: dict[Trial, _EventFile] = {}

    def trial_started(self, trial: "Trial") -> None:
        """Begin an event file with the hyperparameters; an earlier attempt at the trial goes."""
        from rnnbench.tracking.facts import settings_of, stem_of

        if trial in self._running:
            self._running.pop(trial).close()
        folder = self._folder / stem_of(trial)
        folder.mkdir(parents=True, exist_ok=True)
        for earlier in folder.glob(f"{EVENTS}.*"):
            earlier.unlink()
        events = self._running[trial] = _EventFile(folder)
        events.add(0, _start(settings_of(trial), group=folder.name))

    def epoch_ended(self, trial: "Trial", epoch: int, loss: float, accuracy: float) -> None:
        """Write the scalars of an epoch."""
        self._running[trial].add(epoch, _scalars({"loss": loss, "accuracy": accuracy}))

    def trial_finished(
        self, trial: "Trial", result: "TrialResult", metrics: Mapping[str, float]
    ) -> None:
        """Write the scalars on the validation documents, and the final ones."""
        from rnnbench.tracking.facts import final_numbers, validation_of

        for epoch, scores in validation_of(result.record.history):
            self._running[trial].add(epoch, _scalars(scores))
        self._running[trial].add(result.record.epochs, _scalars(final_numbers(result, metrics)))
        self._end(trial, "STATUS_SUCCESS")

    def trial_failed(self, trial: "Trial", reason: str) -> None:  # noqa: ARG002
        """Note that the trial failed."""
        self._end(trial, "STATUS_FAILURE")

    def close(self) -> None:
        """Note that the trials that are still running were interrupted."""
        for trial in list(self._running):
            self._end(trial, "STATUS_UNKNOWN")

    def _end(self, trial: "Trial", status: str) -> None:
        events = self._running.pop(trial)
        events.add(trial.epochs, _end(status))
        events.close()


class _EventFile:
    """An event file in the format of TensorBoard; each event is written at once.

    Args:
        folder: a new file is made in it.
    """

    def __init__(self, folder: Path):
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        self._event = Event
        path = folder / f"{EVENTS}.{int(time.time())}.rnnbench"
        self._file: BinaryIO = path.open("wb", buffering=0)
        self._records = RecordWriter(self._file)
        self._write(file_version="brain.Event:2")  # the first event of every file

    def add(self, step: int, summary: Any) -> None:
        """Write a summary."""
        self._write(step=step, summary=summary)

    def _write(self, **facts: Any) -> None:
        event = self._event(wall_time=time.time(), **facts)
        self._records.write(event.SerializeToString())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _scalars(values: Mapping[str, float]) -> Any:
    """Return a summary with a number under each tag."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    found = [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
    return Summary(value=found)


def _start(settings: Mapping[str, bool | float | str], group: str) -> Any:
    """Return the summary that begins a row of the tab HPARAMS."""
    from tensorboard.plugins.hparams import metadata, plugin_data_pb2

    start = plugin_data_pb2.SessionStartInfo(group_name=group, start_time_secs=time.time())
    for key, value in settings.items():
        if isinstance(value, bool):
            start.hparams[key].bool_value = value
        elif isinstance(value, str):
            start.hparams[key].string_value = value
        else:
            start.hparams[key].number_value = value
    data = plugin_data_pb2.HParamsPluginData(session_start_info=start)
    return _hparams(metadata.SESSION_START_INFO_TAG, data)


def _end(status: str) -> Any:
    """Return the summary that ends a row of the tab HPARAMS."""
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    end = plugin_data_pb2.SessionEndInfo(
        status=api_pb2.Status.Value(status), end_time_secs=time.time()
    )
    data = plugin_data_pb2.HParamsPluginData(session_end_info=end)
    return _hparams(metadata.SESSION_END_INFO_TAG, data)


def _hparams(tag: str, data: Any) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata

    described = metadata.create_summary_metadata(data)
    value = Summary.Value(tag=tag, metadata=described, tensor=metadata.NULL_TENSOR)
    return Summary(value=[value])
