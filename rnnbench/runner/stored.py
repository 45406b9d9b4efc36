"""The results of trials that are stored, as many of them in memory as fit."""

from collections.abc import Iterable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from rnnbench.results.store import Store
from rnnbench.training.outcome import LightResult, TrialResult
from rnnbench.training.trial import Trial

MOST_IN_MEMORY = 256 * 2**20
"""The most bytes of scores that a run keeps in memory; others are read again when needed."""


class Results(dict[Trial, TrialResult]):
    """The results of trials that are stored, without their models.

    Scores are kept in memory up to a limit. Those of others are read again when they are needed, so
    that a run with thousands of trials does not need as much memory as they have together.
    """

    def __init__(self, store: Store):
        super().__init__()
        self._store, self._free = store, MOST_IN_MEMORY
        self._labels: dict[bytes, NDArray[np.int32]] = {}

    def keep(self, trial: Trial, result: TrialResult) -> None:
        """Add the result of a trial that is stored."""
        if self._store.is_compact:
            result = self._store.compact(result)
        self._free -= result.scores.nbytes
        if self._free >= 0:
            self[trial] = result
            return
        labels = self._labels.setdefault(result.labels.tobytes(), result.labels)
        read = partial(self._store.scores, trial.name, trial.seed, trial.fingerprint)
        self[trial] = LightResult(result, labels, read)

    def find(self, trials: Iterable[Trial]) -> None:
        """Add the results of those trials that are stored."""
        for trial in trials:
            name, seed, fingerprint = trial.name, trial.seed, trial.fingerprint
            found = self._store.find(name, seed, fingerprint, with_model=trial.keep_model)
            if found is not None:
                self.keep(trial, found)


def find_stored(trials: Iterable[Trial], store: Store) -> dict[Trial, TrialResult]:
    """Return the results of the trials that are stored."""
    results = Results(store)
    results.find(trials)
    return results
