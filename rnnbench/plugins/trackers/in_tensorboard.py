"""The tracker for TensorBoard, whose own writers would import TensorFlow."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnnbench import Benchmark
from rnnbench.plugin import Trial
from rnnbench.plugins.trackers.of_trials import Status, TrialTracker, settings_of

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

EVENTS = "events.out.tfevents"
"""The start of the names by which TensorBoard finds event files."""
STATUSES: dict[Status, str] = {
    "FAILED": "STATUS_FAILURE",
    "KILLED": "STATUS_UNKNOWN",
    "FINISHED": "STATUS_SUCCESS",
}


class TensorBoardTracker(TrialTracker["RecordWriter"]):
    """Scalars and hyperparameters, in a file of events for each trial."""

    name = "tensorboard"
    modules = ("tensorboard",)
    install = "pip install 'rnnbench[tensorboard]'"

    def start(
        self,
        folder: Path,
        benchmark: Benchmark,  # noqa: ARG002
        trials: Sequence[Trial],  # noqa: ARG002
    ) -> None:
        self._folder = folder / "tensorboard"

    def _begin(self, trial: Trial) -> "RecordWriter":
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb
        from tensorboard.summary.writer.record_writer import RecordWriter

        # as the files of the trial are called
        name = f"{trial.name}-seed{trial.seed}-{trial.fingerprint[:16]}"
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        for earlier in folder.glob(f"{EVENTS}.*"):  # of an earlier attempt
            earlier.unlink()
        path = folder / f"{EVENTS}.{int(time.time())}.rnnbench"
        file = path.open("wb", buffering=0)  # each event is written at once
        events = RecordWriter(file)
        _begin_file(events)
        summary = hparams_pb(settings_of(trial), trial_id=name)
        _add_summary(events, 0, summary)
        return events

    def _write(
        self, run: "RecordWriter", epoch: int, values: Mapping[str, float]
    ) -> None:
        scalars = [{"tag": tag, "simple_value": value} for tag, value in values.items()]
        _add_summary(run, epoch, {"value": scalars})

    def _end(
        self,
        run: "RecordWriter",
        trial: Trial,
        status: Status,
        reason: str = "",  # noqa: ARG002
    ) -> None:
        """End the row of the tab HPARAMS, as ``hparams_pb`` begins it."""
        from tensorboard.plugins.hparams import metadata
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

        end = {"status": STATUSES[status], "end_time_secs": time.time()}
        data = HParamsPluginData(session_end_info=end)
        value = {
            "tag": metadata.SESSION_END_INFO_TAG,
            "tensor": metadata.NULL_TENSOR,
            "metadata": metadata.create_summary_metadata(data),
        }
        _add_summary(run, trial.epochs, {"value": [value]})
        run.close()


def _begin_file(events: "RecordWriter") -> None:
    """Write the event that is the first one of every file."""
    from tensorboard.compat.proto.event_pb2 import Event

    event = Event(wall_time=time.time(), file_version="brain.Event:2")
    events.write(event.SerializeToString())


def _add_summary(
    events: "RecordWriter", step: int, summary: "Summary | dict[str, object]"
) -> None:
    from tensorboard.compat.proto.event_pb2 import Event

    event = Event(wall_time=time.time(), step=step, summary=summary)
    events.write(event.SerializeToString())
