"""Kept networks as ``.keras`` files.

A separate process makes them, so neither the run nor the processes that train with machine code
need TensorFlow.
"""

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path

from rnnbench.data.audit import DatasetSummary
from rnnbench.models.descriptions import Network
from rnnbench.models.layers.base import Shape
from rnnbench.runner.events import Listener
from rnnbench.runner.executors.base import Task, TrialFailure
from rnnbench.runner.executors.child import Died, Done, Phase, event_of
from rnnbench.runner.executors.local import Worker
from rnnbench.storage import UnwritableError, temporary_folder
from rnnbench.training.engines import ENGINES, OnEpoch
from rnnbench.training.outcome import Weights
from rnnbench.training.phases import begin
from rnnbench.training.trial import Trial

SILENCE_SECONDS = 600.0
"""A process that is silent for this long counts as dead; importing TensorFlow can take minutes."""


class Saver(ExitStack):
    """Makes ``.keras`` files. The first starts a process; leaving the context ends it.

    Args:
        dataset: that the networks are trained on.
        listener: told of each phase.
    """

    def __init__(self, dataset: DatasetSummary, listener: Listener):
        super().__init__()
        self._dataset, self._listener = dataset, listener
        self._worker: Worker | None = None

    def file_of(self, trial: Trial, weights: Weights) -> bytes | TrialFailure:
        """Return the content of the ``.keras`` file of a trial's network, or why there is none.

        If the process dies, another one tries once more.
        """
        shape = Shape(self._dataset.timesteps, len(self._dataset.topics), trial.n_ids)
        task = Task(partial(_keras_file, shape, weights), _import_tensorflow)
        try:
            outcome = self._attempt(task, trial)
            if isinstance(outcome, Died):
                outcome = self._attempt(task, trial)
        except (OSError, UnwritableError) as error:  # no process or folder can be made
            outcome = TrialFailure(str(error))
        if isinstance(outcome, Died):
            outcome = TrialFailure(str(outcome))
        if isinstance(outcome, TrialFailure):
            return replace(outcome, reason=f"its network cannot be saved: {outcome.reason}")
        return outcome

    def _attempt(self, task: Task[bytes], trial: Trial) -> bytes | TrialFailure | Died:
        worker = self._worker = self._worker or self._start()
        worker.give(task, trial, Path())
        death: Died | None = None
        while not death and wait([worker.connection], SILENCE_SECONDS):
            message = worker.receive()
            if isinstance(message, Done):
                return message.outcome  # type: ignore[no-any-return]
            if isinstance(message, Died):
                death = message
            if isinstance(message, Phase):
                self._listener(event_of(trial, message))
        self._worker = None
        self.close()
        silence = f"its process was silent for {SILENCE_SECONDS:.0f} s"
        return death or Died(has_started=True, last_words="", cause=silence)

    def _start(self) -> Worker:
        folder = self.enter_context(temporary_folder())
        worker = Worker(1, folder / "saver.log")
        self.callback(worker.end)
        return worker


def _import_tensorflow(_: Trial) -> None:
    ENGINES["compiled"].prepare(1)


def _keras_file(shape: Shape, weights: Weights, trial: Trial, _: Path, __: OnEpoch) -> bytes:
    import keras

    from rnnbench.models.build import build
    from rnnbench.models.saved import to_bytes

    assert isinstance(trial.model, Network)  # noqa: S101 - no other model is kept
    begin("saving network")
    keras.utils.clear_session()  # or names and memory would grow with every network
    built = build(trial.model, shape, trial.seed)
    with ENGINES.blamed(trial.engine.name):
        built.set_weights(weights)
    return to_bytes(built)
