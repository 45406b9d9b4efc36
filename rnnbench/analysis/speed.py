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


def speed_ratio(contender: ContenderTimes, baseline: ContenderTimes) -> float:
    """Return how many times faster the table is than ``baseline``'s: the median over rounds.

    A round's two tables were trained one soon after the other, so their ratio is worth more
    than that of the medians.
    """
    pairs = zip(baseline.rounds, contender.rounds, strict=True)
    return float(np.median([slow.seconds / fast.seconds for slow, fast in pairs]))


def throughput(contender: ContenderTimes) -> float:
    """Return the epochs' work done in a second by all processes while all of them train.

    It is the number of processes over the time that one spends on a step of each model.
    """
    models = {trial.model for trial in contender.rounds[0].trials}
    return contender.jobs * 1000 / sum(ms_per_step(contender, model) for model in models)


def overhead_seconds(contender: ContenderTimes) -> float:
    """Return the most that a process spent on anything but steps: start, compilation, tests."""
    return max(overhead for each in contender.rounds for overhead in _overheads(each))


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
