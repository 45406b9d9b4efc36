"""What is stored of a speed benchmark."""

from typing import Any, Literal

from rnnbench.records import Record

SPEED_SCHEMA_VERSION = 1


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
    """How fast this machine multiplies ``(rows, inner)(inner, columns)`` on one core.

    ``count`` such products are carried out one after the other; the time is that of one.
    """

    rows: int
    inner: int
    columns: int
    count: int
    microseconds: float
    gflops: float


class ProductTime(Record):
    """What the matrix products of a model's optimizer step cost on one core, and nothing else."""

    model: str
    ms_per_step: float | None
    """``None`` where all products are too thin to be bound by arithmetic."""


class SpeedResults(Record):
    """The content of ``speed.json``."""

    schema_version: Literal[1] = SPEED_SCHEMA_VERSION
    name: str
    dataset_fingerprint: str
    train_size: int
    timesteps: int
    epochs: int
    batch_size: int
    optimizer: str
    seeds: list[int]
    contenders: list[ContenderTimes]
    products: list[ProductRate]
    product_times: list[ProductTime]
    environment: dict[str, Any]
