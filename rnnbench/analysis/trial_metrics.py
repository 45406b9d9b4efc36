"""The metrics of trials; a plug-in whose metric fails is left out.

>>> metrics_of(trial)  # doctest: +SKIP
{'accuracy': 0.85, 'macro_f1': 0.72, 'log_loss': 0.61}
"""

import logging
import math
from collections.abc import Sequence

from rnnbench.metrics import METRICS, Metric, usable_metrics
from rnnbench.registry import PluginError
from rnnbench.results.compact import corrected_metric
from rnnbench.training.outcome import TrialResult

log = logging.getLogger("rnnbench.analysis.summary")
Metrics = dict[TrialResult, dict[str, float]]  # those of each trial, by name


def compute_metrics(
    trials: Sequence[TrialResult], level: int = logging.WARNING
) -> Metrics:
    """Return the metrics of each trial; failing plug-ins are logged at ``level``."""
    computed: Metrics = {trial: {} for trial in trials}
    for metric in usable_metrics(trials[0].record.task).values():
        try:
            with METRICS.blamed(metric.name):
                values = [_value_of(metric, trial) for trial in trials]
        except PluginError as error:
            log.log(level, "%s; it is left out", error)
            continue
        for trial, value in zip(trials, values, strict=True):
            if value is not None:
                computed[trial][metric.name] = value
    return computed


def _value_of(metric: Metric, trial: TrialResult) -> float | None:
    """Return a metric of a trial; ``None`` if its documents or its scores have none."""
    if not metric.suits(trial.record.score_kind):
        return None
    if trial.record.compact and not metric.is_of_answers:
        value = corrected_metric(metric, trial)
    else:
        value = metric.of(trial.labels, trial.answers, trial.scores)
    if value is not None and not math.isfinite(value):
        raise ValueError(f"its value is {value}")
    return value


def metrics_of(trial: TrialResult) -> dict[str, float]:
    """Return the metrics of one trial; ``compute_metrics`` names failing plug-ins."""
    return compute_metrics([trial], logging.DEBUG)[trial]
