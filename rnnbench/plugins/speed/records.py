"""The content of ``speed.json``: the times of contenders, and of matrix products."""

from collections import defaultdict
from statistics import mean, median
from typing import Annotated, Literal

from rnnbench.plugin import StoredRecord, formerly


class TrialTime(StoredRecord):
    """The cost of one training."""

    model: str
    seed: int
    score: Annotated[float, formerly("accuracy")]
    """As proof that the contender really trains."""
    ms_per_step: float
    """Wall time; the median over the epochs after the first."""
    steps: int
    seconds: float
    """Wall time of the whole trial, compilation and predictions included."""
    started: float
    """In seconds after the contender."""
    process: int
    peak_memory_mb: float
    """Of the process so far, libraries included, in 10**6 bytes."""


class TableTime(StoredRecord):
    """One contender's time for the whole table in one round."""

    seconds: float
    """Wall time from starting the processes to the last prediction."""
    trials: list[TrialTime]

    @property
    def overhead_seconds(self) -> float:
        """The longest time that a process spent outside steps.

        Each step counts as long as the median one of its training.
        """
        ends = defaultdict[int, float](float)
        in_steps = defaultdict[int, float](float)
        for trial in self.trials:
            process = trial.process
            ends[process] = max(ends[process], trial.started + trial.seconds)
            in_steps[process] += trial.steps * trial.ms_per_step / 1000
        return max(end - in_steps[process] for process, end in ends.items())


class ContenderTimes(StoredRecord):
    """One way of training, over all rounds."""

    name: str
    what: str
    """The way of training in words."""
    jobs: int
    threads: int
    rounds: list[TableTime]
    cannot_train: list[str] = []
    """Models of the benchmark that it was not timed with."""

    @property
    def trials(self) -> list[TrialTime]:
        return [trial for table in self.rounds for trial in table.trials]

    def ms_per_step(self, model: str) -> float | None:
        """Return the median time of a step; ``None`` if it cannot train the model."""
        if model in self.cannot_train:
            return None
        return median(
            trial.ms_per_step for trial in self.trials if trial.model == model
        )

    def seconds(self) -> float | None:
        """Return the median time for all models; ``None`` if it cannot train all."""
        if self.cannot_train:
            return None
        return median(table.seconds for table in self.rounds)

    def score(self) -> float | None:
        """Return the mean score of all models; ``None`` if it cannot train all."""
        if self.cannot_train:
            return None
        return mean(trial.score for trial in self.trials)

    def speedups(self, baseline: "ContenderTimes") -> list[float]:
        """Return how many times faster than a baseline it was in each round.

        A machine changes between rounds. There is nothing to compare if one of the two
        cannot train all models.
        """
        if self.cannot_train or baseline.cannot_train:
            return []
        pairs = zip(baseline.rounds, self.rounds, strict=True)
        return [slow.seconds / fast.seconds for slow, fast in pairs]


class ProductRate(StoredRecord):
    """The speed of one of ``count`` products ``(rows, inner)(inner, columns)``.

    They are computed on one core.
    """

    rows: int
    inner: int
    columns: int
    count: int
    microseconds: float
    gflops: float


class ProductTime(StoredRecord):
    """The time of the matrix products alone in one step of a model, on one core."""

    model: str
    ms_per_step: float | None
    """``None`` if all are too thin to be bound by arithmetic."""


class SpeedResults(StoredRecord):
    """The content of ``speed.json``."""

    schema_version: Literal[1] = 1
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
    environment: dict[str, object]
