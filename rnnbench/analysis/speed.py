"""What the times of a speed benchmark come down to."""

from collections import defaultdict

import numpy as np

from rnnbench.results.speed import ContenderTimes, SpeedResults, TableTime


def ms_per_step(contender: ContenderTimes, model: str) -> float:
    """Return the median over all trials of ``model`` in all rounds."""
    trials = [trial for each in contender.rounds for trial in each.trials]
    return float(np.median([trial.ms_per_step for trial in trials if trial.model == model]))


def table_seconds(contender: ContenderTimes) -> float:
    """Return the median over rounds of what the whole table took."""
    return float(np.median([each.seconds for each in contender.rounds]))


def speed_ratios(contender: ContenderTimes, baseline: ContenderTimes) -> list[float]:
    """Return how many times faster the table is than ``baseline``'s, in each round.

    A round's two tables were trained one soon after the other, so their ratio is worth more
    than that of medians over rounds.
    """
    pairs = zip(baseline.rounds, contender.rounds, strict=True)
    return [slow.seconds / fast.seconds for slow, fast in pairs]


def overhead_seconds(contender: ContenderTimes) -> float:
    """Return what the slowest process spent on anything but steps: the median over rounds.

    That is its start, compilation, predictions, and what epochs took beyond the median one.
    """
    return float(np.median([max(_overheads(each)) for each in contender.rounds]))


def _overheads(table: TableTime) -> list[float]:
    """Return, for each process, the time until it is done less that of its steps."""
    by_process = defaultdict(list)
    for trial in table.trials:
        by_process[trial.process].append(trial)
    return [
        max(trial.started + trial.seconds for trial in trials)
        - sum(trial.steps * trial.ms_per_step / 1000 for trial in trials)
        for trials in by_process.values()
    ]


def peak_memory_mb(contender: ContenderTimes) -> float:
    """Return the most memory that any of its processes held."""
    return max(trial.peak_memory_mb for each in contender.rounds for trial in each.trials)


def contender(results: SpeedResults, name: str) -> ContenderTimes | None:
    """Return a contender by name, if it took part."""
    return next((each for each in results.contenders if each.name == name), None)
