"""The section about how many documents can be answered with few errors."""

from rnnbench.report.sections.base import Reported, ReportSection
from rnnbench.report.tables.risk import mean_coverage, risk_curves, risk_table

FEW = 0.02
"""The share of errors that the summary speaks of."""


def unsure(reported: Reported) -> ReportSection:
    """Return how many documents each model answers at some errors."""
    by_model = risk_curves(reported.run)
    if not by_model:
        return ReportSection("unsure", "Unsure answers", [])
    best = 0.0
    for curves in by_model.values():
        best = max(best, mean_coverage(curves, FEW))
    result = (
        f"up to {100 * best:.1f} % of the documents can be answered with at most "
        f"{100 * FEW:g} % of errors"
    )
    table = risk_table(reported.run)
    return ReportSection("unsure", "Unsure answers", [("table", table)], "", result)
