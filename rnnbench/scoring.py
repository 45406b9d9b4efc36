"""Whether the metrics of a kind of task can score its answers, before any training."""

from math import isclose

import numpy as np

from rnnbench.errors import did_you_mean
from rnnbench.labels import Labels
from rnnbench.metrics import METRICS
from rnnbench.tasks import TASKS, TaskKind

ROUNDING = 1e-9  # the largest difference that summing in another order can make


def metric_fault(task: TaskKind) -> str:
    """Return why the metrics of a task cannot compare models; empty if they can.

    ``PluginError``: a metric of another package cannot be loaded.
    """
    for attribute in ("main", "score_name"):
        if not isinstance(getattr(task, attribute, None), str):
            return f"it has no `{attribute}` (should be a text)"
    for name in (task.main, task.second):
        if name is None:
            continue
        if name not in METRICS:
            return f"there is no metric '{name}' ({did_you_mean(name, METRICS)})"
        if not task.is_among(METRICS[name].tasks):
            others = ", ".join(METRICS[name].tasks)
            return f"the metric '{name}' is for other tasks ({others})"
    metric = METRICS[task.main]
    if not metric.is_of_answers:
        return (
            f"the metric '{metric.name}' needs scores (should have is_of_answers=True)"
        )
    if not metric.higher_is_better:
        return (
            f"the metric '{metric.name}' is a loss (should have higher_is_better=True)"
        )
    return ""


def scoring_fault(task: TaskKind, labels: Labels) -> str:
    """Return why answers to documents with these labels cannot be scored, if so.

    The main metric must lie between 0 and 1, and agree with the ``score`` that the task
    computes from its ``parts``. Both are tried on the right answers, and on the first
    topic for all documents. ``PluginError``: the code of the task or of the metric
    failed.
    """
    metric = METRICS[task.main]
    with TASKS.blamed(task.name):
        cases = [labels, task.always(0, labels)]
        scores = [task.score(labels, answers) for answers in cases]
    with METRICS.blamed(metric.name):
        values = [metric.of(labels, answers, np.zeros(0)) for answers in cases]
    for score, value in zip(scores, values, strict=True):
        if not 0 <= score <= 1:
            return f"its parts give a score of {score:.6g} (allowed: 0 to 1)"
        answer = "no value"
        if value is not None:
            if isclose(value, score, rel_tol=ROUNDING, abs_tol=ROUNDING):
                continue
            answer = f"{value:.6g}"
        return (
            f"its parts give a score of {score:.6g}, but its metric '{metric.name}' "
            f"gives {answer} (they should agree)"
        )
    return ""
