"""The table of how many documents each model can answer with few errors.

``risk_table(run)`` has a row for each model with scores; ``risk_curves(run)`` are the
curves of its seeds.
"""

from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter

import numpy as np

from rnnbench.report.table import Table, with_points
from rnnbench.results.stored_run import StoredRun
from rnnbench.stats.selective import RiskCoverage, risk_coverage

ERRORS = (0.01, 0.02, 0.05)


@lru_cache(maxsize=1)  # a table, a sentence and a plot show the same curves
def risk_curves(run: StoredRun) -> dict[str, list[RiskCoverage]]:
    """Return the curve of each seed of the models whose scores are known, by name."""
    curves = {}
    for model, trials in run.trials.items():
        if trials[0].record.score_kind == "answers":
            continue
        of_model = []
        for trial in trials:
            wrong = trial.answers != trial.labels
            of_model.append(risk_coverage(trial.sureness, wrong))
        curves[model] = of_model
    return curves


def mean_coverage(curves: Sequence[RiskCoverage], error: float) -> float:
    """Return the largest share of documents answered at an error: mean over seeds."""
    shares = []
    for curve in curves:
        shares.append(curve.coverage_at(error))
    return float(np.mean(shares))


def risk_table(run: StoredRun) -> Table:
    """Return the share of test documents that each model answers at some errors."""
    rows = []
    for model, curves in risk_curves(run).items():
        row = [model]
        for error in ERRORS:
            row.append(f"{100 * mean_coverage(curves, error):.1f} %")
        area = np.mean(list(map(attrgetter("area"), curves)))
        rows.append([*row, f"{area:.4f}"])
    headers = ["model", "at 1 % error", "at 2 % error", "at 5 % error", "area"]
    caption = (
        "at 1 % error: the largest share of test documents that can be answered, the "
        "surest first, so that at most 1 % of the answers are wrong; means over seeds. "
        "The surest have the highest probability or margin. area: the mean error over "
        "all shares. rnnbench predict --answer-where promises an error for new texts."
    )
    return with_points(Table(headers, rows, caption))
