"""The metrics of trials; a plug-in whose metric fails is left out.

>>> metrics_of(trial)  # doctest: +SKIP
{'accuracy': 0.85, 'macro_f1': 0.72, 'log_loss': 0.61}
"""

import logging
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnbench.metrics import METRICS, Metric, usable_metrics
from rnnbench.registry import PluginError
from rnnbench.results.compact import corrected_values
from rnnbench.training.outcome import Floats, TrialResult

log = logging.getLogger("rnnbench.analysis.summary")
Values = NDArray[np.float64]


class MeasuredTrial(NamedTuple):
    """The metrics of a trial, by name."""

    means: dict[str, float]
    losses: dict[str, Values]
    """By document, ``(n_test,)``; see ``Metric.is_loss``."""


Metrics = dict[TrialResult, MeasuredTrial]


def compute_metrics(
    trials: Sequence[TrialResult], level: int = logging.WARNING
) -> Metrics:
    """Return the metrics of each trial; failing plug-ins are logged at ``level``."""
    metrics = usable_metrics(trials[0].record.task)
    errors: dict[str, PluginError] = {}
    computed: Metrics = {}
    for trial in trials:
        computed[trial] = _measure(trial, metrics, errors)
    for name in metrics:
        if name in errors:
            log.log(level, "%s; it is left out", errors[name])
            for measured in computed.values():
                measured.means.pop(name, None)
                measured.losses.pop(name, None)
    return computed


def _measure(
    trial: TrialResult, metrics: Mapping[str, Metric], errors: dict[str, PluginError]
) -> MeasuredTrial:
    """Return the metrics of a trial without those in ``errors``, and add new errors."""
    measured = MeasuredTrial({}, {})
    scores = trial.scores  # read once: they may be in a file
    for name, metric in metrics.items():
        if name in errors:
            continue
        try:
            with METRICS.blamed(name):
                values = values_of(metric, trial, scores)
        except PluginError as error:
            errors[name] = error
            continue
        if values is None:
            continue
        measured.means[name] = float(values.mean())
        if metric.is_loss and values.ndim:
            measured.losses[name] = values
    return measured


def values_of(metric: Metric, trial: TrialResult, scores: Floats) -> Values | None:
    """Return a metric of a trial, ``()``, or its values by document, ``(n_test,)``.

    It is ``None`` if these documents or ``scores`` have none.
    """
    if not metric.suits(trial.record.score_kind):
        return None
    if trial.record.compact and not metric.is_of_answers:
        values = corrected_values(metric, trial, scores)
    else:
        values = metric.values(trial.labels, trial.answers, scores)
    if values is not None and not math.isfinite(values.mean()):
        raise ValueError(f"its value is {values.mean()}")
    return values


def metrics_of(trial: TrialResult) -> dict[str, float]:
    """Return the metrics of one trial; ``compute_metrics`` names failing plug-ins."""
    return compute_metrics([trial], logging.DEBUG)[trial].means
