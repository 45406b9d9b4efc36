"""The record of a choice."""

from typing import Any, Final, Literal

from rnnbench.data.audit import DatasetSummary
from rnnbench.records import Record
from rnnbench.results.schema import Comparison, Interval, MissingTrial

CHOICE_VERSION: Final = 2


class Candidate(Record):
    """A model that answered training documents that it had not learned."""

    name: str
    params: int
    accuracy: float
    """The share of right answers to all held-out documents, as a mean over seeds."""
    of_parts: list[float]
    """The accuracy on each part, as a mean over seeds."""
    over_parts: Interval | None
    """95 % interval of the mean over other folds and seeds; ``None`` for a single training."""
    interval: Interval
    """95 % interval over other documents and, with several seeds, over other seeds."""
    training: dict[str, Any] = {}
    """Training values that are set for this model alone."""
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

    schema_version: Literal[2] = CHOICE_VERSION
    name: str
    command: str
    """The command line of the choice."""
    dataset: DatasetSummary
    """The whole dataset; none of its test documents was used."""
    folds: int | None
    """The number of folds; ``None`` if the last documents were held out."""
    last: float | None
    """The share of the training documents, the last ones, that was held out; ``None`` with
    folds."""
    held_out: int
    """The number of training documents that were held out, in all folds together."""
    seeds: list[int]
    epochs: list[int]
    """The distinct numbers of epochs of networks."""
    n_models: int
    """The number of models and points of grids in the config."""
    searched: int | None
    """The most points of each grid that were to be drawn; ``None`` if all were tried."""
    sampler: str | None
    """The name and version of the sampler that drew them."""
    candidates: list[Candidate]
    """The best first; models that lack trials are left out."""
    missing: list[MissingTrial]
    """Trials that failed or were not run."""

    def how(self) -> str:
        """Return in words which documents were held out."""
        parts = f"{self.folds} folds" if self.folds else f"the last {100 * (self.last or 0):.3g}%"
        return f"{self.held_out:,} of {self.dataset.train_size:,} training documents ({parts})"
