"""The section about how many documents can be answered with few errors."""

from rnnbench.report.sections.base import Part, Reported, ReportSection
from rnnbench.report.tables.risk import risk_table


def unsure(reported: Reported) -> ReportSection:
    """Return how many documents each model answers at some errors."""
    table = risk_table(reported.run)
    if not table.rows:
        return ReportSection("unsure", "Unsure answers", [])
    *_, at_most, _, _ = zip(*table.rows, strict=True)
    parts: list[Part] = [("table", table)]
    best = max(at_most, key=lambda share: float(share.split()[0]))
    result = f"up to {best} of the documents can be answered with at most 2 % of errors"
    return ReportSection("unsure", "Unsure answers", parts, "", result)
