"""What is stored of a benchmark: one record a trial, and one summary of them all."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION = 1


class Record(BaseModel):
    """A stored document; unknown keys are refused, so that nothing is dropped in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")


class History(Record):
    """What the trained model scored on the training wires while it was trained, by epoch.

    A loss that was not a number is ``None``.
    """

    loss: list[float | None]
    accuracy: list[float | None]


class TrialRecord(Record):
    """One model, trained once."""

    schema_version: Literal[1] = SCHEMA_VERSION
    fingerprint: str
    """Of everything that can change the outcome: model, data, training, seed, versions."""
    source: str
    """Where the newswires came from."""
    dataset_fingerprint: str
    model: str
    seed: int
    engine: str
    stock_layers: list[str] = []
    """Recurrent layers that the engine ``compiled`` left to Keras's own code, and why."""
    cpu: str
    threads: int
    """Threads of the process that trained it."""
    params: int
    """Trainable parameters."""
    accuracy: float
    """Share of the test wires that got their topic."""
    macro_f1: float
    """Mean F1 over the topics that stand in the test set."""
    predicted_topics: list[int]
    """Labels that were predicted at least once."""
    epochs: int
    steps: int
    """Optimizer steps."""
    fit_seconds: float
    """Wall time of the training, preparation and compilation included."""
    ms_per_step: float
    """An epoch's wall time by its steps; the median over the epochs after the first."""
    history: History


@dataclass(frozen=True)
class TrialResult:
    """A record and the predictions it was computed from.

    Attributes:
        record: the numbers.
        labels: int32 ``(n_test,)``, the true topics.
        probabilities: float32 ``(n_test, n_topics)``.
    """

    record: TrialRecord
    labels: NDArray[np.int32]
    probabilities: NDArray[np.float32]


class Statistic(Record):
    """A number over several trials."""

    mean: float
    std: float | None
    """Sample standard deviation; ``None`` for a single trial."""
    n: int
    """Number of trials, each with a seed of its own."""


class TrialSummary(Record):
    """A trial as it stands in ``results.json``."""

    seed: int
    accuracy: float
    macro_f1: float
    fit_seconds: float
    ms_per_step: float
    epochs: int


class ModelSummary(Record):
    """One model over all its seeds."""

    name: str
    params: int
    accuracy: Statistic
    macro_f1: Statistic
    ms_per_step: Statistic
    fit_seconds: Statistic
    topics_predicted: int
    """Topics that any of its trials predicted for any test wire."""
    stock_layers: list[str] = []
    """Recurrent layers that the engine ``compiled`` left to Keras's own code, and why."""
    reference_accuracy: float | None
    """The published accuracy, where it was measured in the same setting."""
    trials: list[TrialSummary]


class DatasetSummary(Record):
    """The dataset, and what always answering its most frequent topic scores."""

    source: str
    origin: str
    fingerprint: str
    """Of the padded arrays, the labels and the names of the topics."""
    corpus_fingerprint: str
    train_size: int
    test_size: int
    timesteps: int
    classes: int
    majority_topic: str
    majority_accuracy: float
    majority_macro_f1: float


class Results(Record):
    """The content of ``results.json``."""

    schema_version: Literal[1] = SCHEMA_VERSION
    name: str
    dataset: DatasetSummary
    seeds: list[int]
    epochs: int
    engine: str
    threads: list[int]
    """Threads a training, as many numbers as there are different ones."""
    reference_source: str | None
    models: list[ModelSummary]
