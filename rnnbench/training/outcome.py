"""What one trial gives: its record, and the predictions that it was computed from."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rnnbench.records import SCHEMA_VERSION, Record


class History(Record):
    """What the model scored while it was trained, by epoch; empty where there are no epochs.

    A loss that was not a number is ``None``.
    """

    loss: list[float | None] = []
    """Cross-entropy on the training wires."""
    accuracy: list[float | None] = []
    """On the training wires."""
    val_loss: list[float | None] = []
    """Cross-entropy on the validation wires, where some are held out."""
    val_accuracy: list[float | None] = []
    """On the validation wires."""


class TrialRecord(Record):
    """One model, trained once."""

    schema_version: Literal[2] = SCHEMA_VERSION
    fingerprint: str
    """Of everything that can change the outcome: model, data, training, seed, versions."""
    source: str
    """Where the newswires came from."""
    dataset_fingerprint: str
    model: str
    seed: int
    engine: str
    """What trained it: ``compiled``, ``keras`` or ``scikit-learn``."""
    stock_layers: list[str] = []
    """Recurrent layers that the engine ``compiled`` left to Keras's own code, and why."""
    cpu: str
    threads: int
    """Threads of the process that trained it."""
    params: int
    """Trained parameters."""
    accuracy: float
    """Share of the test wires that got their topic."""
    scores: Literal["probabilities", "margins"]
    """What the model gives for a wire and a topic."""
    epochs: int
    """Epochs of training, 0 where a model knows none."""
    best_epoch: int | None = None
    """The epoch whose weights were kept, where validation wires chose it; else the last."""
    steps: int
    """Optimizer steps."""
    fit_seconds: float
    """Wall time of the training, preparation and compilation included."""
    ms_per_step: float | None
    """An epoch's wall time by its steps; the median over the epochs after the first."""
    history: History = History()


@dataclass(frozen=True)
class TrialResult:
    """A record and the predictions it was computed from.

    Attributes:
        record: the numbers.
        labels: int32 ``(n_test,)``, the true topics.
        scores: float32 ``(n_test, n_topics)``; the largest of a row is the answer.
        model: the trained model as the content of a ``.keras`` file, where it is to be kept.
    """

    record: TrialRecord
    labels: NDArray[np.int32]
    scores: NDArray[np.float32]
    model: bytes | None = None

    @property
    def answers(self) -> NDArray[np.intp]:
        """The topics that were answered, ``(n_test,)``."""
        return self.scores.argmax(axis=1)
