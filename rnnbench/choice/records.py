"""The record of a choice."""

from typing import Final, Literal

from rnnbench.data.audit import DatasetSummary
from rnnbench.records import Record
from rnnbench.results.schema import Comparison, Interval, MissingTrial

CHOICE_VERSION: Final = 1


class Candidate(Record):
    """A model that was judged on training documents that it had not learned."""

    name: str
    params: int
    accuracy: float
    """The share of right answers to all judged documents, as a mean over seeds."""
    of_parts: list[float]
    """The accuracy on each part, as a mean over seeds."""
    spread: Interval | None
    """95 % interval of the mean over other folds and seeds; ``None`` for a single training."""
    interval: Interval
    """95 % interval over other documents and, with several seeds, over other seeds."""
    seeds: int
    fit_seconds: float
    """The mean time of a training, in seconds."""
    against_best: Comparison | None
    """The best candidate compared with this one; ``None`` for the best itself."""

    @property
    def is_clearly_worse(self) -> bool:
        """Whether it is clearly worse than the best."""
        return self.against_best is not None and self.against_best.is_clear


class ChoiceResults(Record):
    """The content of ``choice.json``."""

    schema_version: Literal[1] = CHOICE_VERSION
    name: str
    command: str
    """The command line of the choice."""
    dataset: DatasetSummary
    """The whole dataset; none of its test documents was used."""
    folds: int | None
    """The number of folds; ``None`` if the last documents were judged."""
    last: float | None
    """The share of the last training documents, which were judged; ``None`` with folds."""
    judged: int
    """The number of training documents that were judged."""
    seeds: list[int]
    epochs: int
    n_models: int
    """The number of models and points of grids in the config."""
    searched: int | None
    """The number of points of each grid that were drawn; ``None`` if all were tried."""
    candidates: list[Candidate]
    """The best first; models that lack trials are left out."""
    missing: list[MissingTrial]
    """Trials that failed or were not run."""

    def how(self) -> str:
        """Return in words which documents were judged."""
        parts = f"{self.folds} folds" if self.folds else f"the last {self.last:.0%}"
        return f"{self.judged:,} of {self.dataset.train_size:,} training documents ({parts})"
