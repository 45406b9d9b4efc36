"""Kept networks as ``.keras`` files.

They are made in a process of their own, so that neither those that train with machine code nor the
run itself need TensorFlow.
"""

from contextlib import ExitStack
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path

from rnnbench.models.descriptions import Network
from rnnbench.models.shape import Shape
from rnnbench.runner.events import Listener
from rnnbench.runner.executors.base import Task, TrialFailure
from rnnbench.runner.executors.child import DIED, Died, Done, Phase, event_of
from rnnbench.runner.executors.local import Worker
from rnnbench.storage import temporary_folder
from rnnbench.training.engines import ENGINES, OnEpoch
from rnnbench.training.outcome import Weights
from rnnbench.training.phases import begin
from rnnbench.training.trial import Trial


class Saver:
    """Makes ``.keras`` files; its process is started for the first. Close it at the end.

    Args:
        shape: of the dataset.
        listener: told of each phase.
    """

    def __init__(self, shape: Shape, listener: Listener):
        self._shape, self._listener = shape, listener
        self._worker: Worker | None = None
        self._ends = ExitStack()
        self.close = self._ends.close

    def file_of(self, trial: Trial, weights: Weights) -> bytes | TrialFailure:
        """Return the content of the ``.keras`` file of a trial's network, or why there is none."""
        worker = self._worker = self._worker or self._start()
        worker.give(Task(partial(_keras_file, self._shape, weights), _prepare), trial, Path())
        while True:
            wait([worker.connection])
            message = worker.receive()
            if isinstance(message, Phase):
                self._listener(event_of(trial, message))
            elif isinstance(message, Done):
                return message.outcome  # type: ignore[no-any-return]
            elif isinstance(message, Died):
                self._worker = None
                return TrialFailure(f"its network cannot be saved: {DIED}\n{message.last_words}")

    def _start(self) -> Worker:
        folder = self._ends.enter_context(temporary_folder())
        worker = Worker(1, folder / "saver.log")
        self._ends.callback(worker.end)
        return worker


def _prepare(_: Trial) -> None:
    ENGINES["compiled"].prepare(1)


def _keras_file(shape: Shape, weights: Weights, trial: Trial, _: Path, __: OnEpoch) -> bytes:
    from rnnbench.models.build import build
    from rnnbench.models.saved import to_bytes

    assert isinstance(trial.model, Network)  # noqa: S101 - no other model is kept
    begin("saving network")
    built = build(trial.model, shape, trial.seed)
    built.set_weights(weights)
    return to_bytes(built)
