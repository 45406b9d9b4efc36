"""Which networks can hardly lead any more, while the other seeds are being trained.

``Standing().note(event)`` is a sentence about such a network, or nothing.
"""

import math
from collections import defaultdict
from statistics import fmean

from rnnbench.runner import events
from rnnbench.text import counted


class Standing:
    """The scores of the trials that have finished."""

    def __init__(self) -> None:
        self._n_left: defaultdict[str, int] = defaultdict(int)  # by model
        self._scores: defaultdict[str, list[float]] = defaultdict(list)

    def note(self, event: events.Event) -> str | None:
        """Take an event into account; return what it says of its network, once."""
        match event:
            case events.Planned(to_train, []):  # stored trials have no score here
                for trial in to_train:
                    self._n_left[trial.name] += 1
            case events.Finished(trial, score, _, result) if trial.name in self._n_left:
                self._n_left[trial.name] -= 1
                self._scores[trial.name].append(score)
                if result and trial.epochs and not trial.part:
                    return self._warning(trial.name, len(result.labels))
            case events.Failed(trial):
                self._n_left.pop(trial.name, None)
        return None

    def _warning(self, name: str, n_tests: int) -> str | None:
        """Return that a network would have to be unusually good with its other seeds.

        That is better than its best seed so far by two standard errors of a score on
        so many documents. This was wrong in 0.02 % of cases among the seeds of the
        stored runs.
        """
        n_left = self._n_left[name]
        ended = [other for other, left in self._n_left.items() if not left]
        if not n_left or not ended:
            return None
        leader = max(ended, key=lambda other: fmean(self._scores[other]))
        to_reach = fmean(self._scores[leader])
        scores = self._scores[name]
        needed = ((len(scores) + n_left) * to_reach - sum(scores)) / n_left
        best = max(scores)
        margin = 2 * math.sqrt(best * (1 - best) / n_tests)
        if needed <= best + margin:
            return None
        del self._n_left[name]  # it is said once
        return (
            f"{name} can hardly lead any more: {counted(n_left, 'seed')} would have to "
            f"reach {needed:.4f}, as {leader} has {to_reach:.4f}"
        )
