"""The records of a speed benchmark."""

from collections import defaultdict
from typing import Any, Final, Literal

import numpy as np

from rnnbench.records import Record

SPEED_VERSION: Final = 1


class TrialTime(Record):
    """The cost of one training."""

    model: str
    seed: int
    accuracy: float
    """Share of test documents with the right topic, as proof that the contender really trains."""
    ms_per_step: float
    """An epoch's wall time divided by its steps; the median over the epochs after the first."""
    steps: int
    seconds: float
    """Wall time of the whole trial, compilation and predictions included."""
    started: float
    """Seconds from the start of the contender to that of the trial."""
    process: int
    peak_memory_mb: float
    """Peak memory of the process up to the end of the trial, in 10**6 bytes."""


class TableTime(Record):
    """One contender's time for the whole table in one round."""

    seconds: float
    """Wall time from starting the processes to the last prediction."""
    trials: list[TrialTime]

    @property
    def overhead_seconds(self) -> float:
        """The longest time that a process spent outside training steps."""
        by_process = defaultdict(list)
        for trial in self.trials:
            by_process[trial.process].append(trial)
        return max(
            max(trial.started + trial.seconds for trial in trials)
            - sum(trial.steps * trial.ms_per_step / 1000 for trial in trials)
            for trials in by_process.values()
        )


class ContenderTimes(Record):
    """One way of training, over all rounds."""

    name: str
    what: str
    """The way of training in words."""
    jobs: int
    threads: int
    rounds: list[TableTime]

    @property
    def trials(self) -> list[TrialTime]:
        """The trials of all rounds."""
        return [trial for table in self.rounds for trial in table.trials]

    def ms_per_step(self, model: str) -> float:
        """Return the median over all trials of ``model`` in all rounds."""
        times = [trial.ms_per_step for trial in self.trials if trial.model == model]
        return float(np.median(times))

    @property
    def table_seconds(self) -> float:
        """The time of the whole table: the median over rounds."""
        return float(np.median([table.seconds for table in self.rounds]))

    @property
    def overhead_seconds(self) -> float:
        """The time outside training steps of the slowest process: the median over rounds.

        It includes start-up, compilation, predictions, and the excess of slow epochs over the
        median.
        """
        return float(np.median([table.overhead_seconds for table in self.rounds]))

    def speedups(self, baseline: "ContenderTimes") -> list[float]:
        """Return for each round how many times faster than ``baseline`` the whole table was.

        The two tables of a round were trained soon after each other, on a machine in a similar
        state; ratios of medians over rounds would lose that.
        """
        pairs = zip(baseline.rounds, self.rounds, strict=True)
        return [slow.seconds / fast.seconds for slow, fast in pairs]


class ProductRate(Record):
    """The speed of the product ``(rows, inner)(inner, columns)`` on one core of this machine.

    ``count`` such products are carried out one after the other; the time is that of one.
    """

    rows: int
    inner: int
    columns: int
    count: int
    microseconds: float
    gflops: float


class ProductTime(Record):
    """The time of the matrix products alone in one optimizer step of a model, on one core."""

    model: str
    ms_per_step: float | None
    """``None`` if all products are too thin to be bound by arithmetic."""


class SpeedResults(Record):
    """The content of ``speed.json``."""

    schema_version: Literal[1] = SPEED_VERSION
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
