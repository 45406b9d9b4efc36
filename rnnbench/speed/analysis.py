"""Summaries of the times of a contender."""

from collections import defaultdict

import numpy as np

from rnnbench.speed.records import ContenderTimes, TableTime


def ms_per_step(contender: ContenderTimes, model: str) -> float:
    """Return the median over all trials of ``model`` in all rounds."""
    times = [trial.ms_per_step for trial in contender.trials if trial.model == model]
    return float(np.median(times))


def table_seconds(contender: ContenderTimes) -> float:
    """Return the time of the whole table: the median over rounds."""
    return float(np.median([table.seconds for table in contender.rounds]))


def speedups(contender: ContenderTimes, baseline: ContenderTimes) -> list[float]:
    """Return for each round how many times faster than ``baseline`` the whole table was.

    The two tables of a round were trained one soon after the other, so the machine was in a similar
    state; ratios of medians over rounds would lose that.
    """
    pairs = zip(baseline.rounds, contender.rounds, strict=True)
    return [slow.seconds / fast.seconds for slow, fast in pairs]


def overhead_seconds(contender: ContenderTimes) -> float:
    """Return the time outside training steps of the slowest process: the median over rounds.

    It includes start-up, compilation, predictions, and the excess of slow epochs over the median.
    """
    return float(np.median([_overhead(table) for table in contender.rounds]))


def _overhead(table: TableTime) -> float:
    """Return the most that a process's end comes after the sum of its steps."""
    by_process = defaultdict(list)
    for trial in table.trials:
        by_process[trial.process].append(trial)
    return max(
        max(trial.started + trial.seconds for trial in trials)
        - sum(trial.steps * trial.ms_per_step / 1000 for trial in trials)
        for trials in by_process.values()
    )
