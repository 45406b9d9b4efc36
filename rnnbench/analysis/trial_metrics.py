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
from rnnbench.training.outcome import Floats, TrialResult

log = logging.getLogger("rnnbench.analysis.summary")
Metrics = dict[TrialResult, dict[str, float]]  # those of each trial, by name


def compute_metrics(
    trials: Sequence[TrialResult], level: int = logging.WARNING
) -> Metrics:
    """Return the metrics of each trial; failing plug-ins are logged at ``level``."""
    computed: Metrics = {}
    metrics = usable_metrics(trials[0].record.task)
    errors: dict[str, PluginError] = {}
    for trial in trials:
        values = {}
        scores = trial.scores  # read once: they may be in a file
        for name, metric in metrics.items():
            if name in errors:
                continue
            try:
                with METRICS.blamed(name):
                    value = _value_of(metric, trial, scores)
            except PluginError as error:
                errors[name] = error
                continue
            if value is not None:
                values[name] = value
        computed[trial] = values
    for name in metrics:
        if name in errors:
            log.log(level, "%s; it is left out", errors[name])
            for values in computed.values():
                values.pop(name, None)
    return computed


def _value_of(metric: Metric, trial: TrialResult, scores: Floats) -> float | None:
    """Return a metric of a trial; ``None`` if its documents or its scores have none."""
    if not metric.suits(trial.record.score_kind):
        return None
    if trial.record.compact and not metric.is_of_answers:
        value = corrected_metric(metric, trial)
    else:
        value = metric.of(trial.labels, trial.answers, scores)
    if value is not None and not math.isfinite(value):
        raise ValueError(f"its value is {value}")
    return value


def metrics_of(trial: TrialResult) -> dict[str, float]:
    """Return the metrics of one trial; ``compute_metrics`` names failing plug-ins."""
    return compute_metrics([trial], logging.DEBUG)[trial]
