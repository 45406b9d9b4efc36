"""A finished run, as it was stored: ``StoredRun``.

``run.results`` is its summary, and ``run.trials["svm"]`` are the trials of a model.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnbench.config.schema import Benchmark
    from rnnbench.environment import Facts
    from rnnbench.labels import Labels
    from rnnbench.results.schema import Results
    from rnnbench.training.outcome import TrialResult


@dataclass(frozen=True, eq=False)
class StoredRun:
    """A finished run."""

    folder: Path
    results: "Results"
    trials: "dict[str, list[TrialResult]]"
    """Of each model, in the order of the seeds in the config."""
    benchmark: "Benchmark"
    """The resolved config."""
    environment: "Facts"

    @property
    def config(self) -> dict[str, Any]:
        """The resolved config as plain data."""
        return self.benchmark.model_dump(mode="json", exclude_none=True)

    @property
    def labels(self) -> "Labels":
        """The topics of the test documents, as positions in the list of topics.

        The shape is ``(n_test,)``. If documents may have any number of topics, it is
        ``(n_test, n_topics)``, with 0 and 1.
        """
        trials, *_ = self.trials.values()
        return trials[0].labels
