"""What is stored of a speed benchmark."""

from typing import Any, Literal

from rnnbench.results.schema import SCHEMA_VERSION, Record


class TrialTime(Record):
    """What one training cost."""

    model: str
    seed: int
    accuracy: float
    """Share of the test wires that got their topic: shows that all contenders train."""
    ms_per_step: float
    """An epoch's wall time by its steps; the median over the epochs after the first."""
    steps: int
    seconds: float
    """Wall time of all that is done for the trial, compilation and predictions included."""
    started: float
    """When it began, in seconds after the contender did."""
    process: int
    peak_memory_mb: float
    """The most memory that the process had held by the end of the trial, in 10**6 bytes."""


class TableTime(Record):
    """What one contender needed for the whole table in one round."""

    seconds: float
    """Wall time from nothing to the last prediction."""
    trials: list[TrialTime]


class ContenderTimes(Record):
    """One way of training, over all rounds."""

    name: str
    what: str
    jobs: int
    threads: int
    rounds: list[TableTime]


class ProductRate(Record):
    """How fast this machine multiplies ``(rows, inner)(inner, columns)`` on one core."""

    rows: int
    inner: int
    columns: int
    microseconds: float
    gflops: float


class Bound(Record):
    """What the matrix products of a model's optimizer step cost on one core, and nothing else."""

    model: str
    ms_per_step: float


class SpeedResults(Record):
    """The content of ``speed.json``."""

    schema_version: Literal[1] = SCHEMA_VERSION
    name: str
    dataset_fingerprint: str
    train_size: int
    timesteps: int
    epochs: int
    seeds: list[int]
    contenders: list[ContenderTimes]
    products: list[ProductRate]
    bounds: list[Bound]
    environment: dict[str, Any]
