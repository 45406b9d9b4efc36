"""The sections about other metrics and costs, calibration and learning curves."""

from rnnbench.analysis.errors import N_BINS, calibration_error
from rnnbench.metrics import METRICS
from rnnbench.report.sections.base import Reported, ReportSection, SectionPart
from rnnbench.report.table import Table, with_points
from rnnbench.report.tables.metrics import cost_table, metrics_table
from rnnbench.report.words import metrics_of, scope, which_epoch


def metrics(reported: Reported) -> ReportSection:
    """Return the other metrics, and the costs."""
    results = reported.results
    parts: list[SectionPart] = []
    if metrics_of(results.models):
        parts.append(("table", metrics_table(results)))
    if results.is_trained_here:
        parts.append(("table", cost_table(results)))
    second = results.dataset.kind.second
    result = ""
    if second is not None:
        score, name = max(
            (model.metrics[second].mean, model.name) for model in results.models
        )
        result = f"best {METRICS[second].header}: {score:.4f} ({name})"
    return ReportSection("metrics", "Other metrics and costs", parts, "", result)


def calibration(reported: Reported) -> ReportSection:
    """Return how far the probabilities of answers are from the share of right ones."""
    results = reported.results
    rows = []
    errors = []
    for name, trials in reported.run.trials.items():
        if all(trial.record.score_kind == "log_probabilities" for trial in trials):
            error, interval = calibration_error(
                trials,
                in_order=results.dataset.in_order,
                clusters=results.dataset.clusters,
            )
            rows.append([name, f"{error:.3f}", f"{interval:.3f}"])
            errors.append(f"{error:.3f} ({name})")
    if not rows:
        return ReportSection("calibration", "Calibration", [])
    headers = ["model", "ECE", f"95 % interval {scope(len(results.seeds_used))}"]
    caption = (
        f"Expected calibration error (ECE): in {N_BINS} bins of equal width, how far "
        "the mean probability of answers is from their accuracy. Chance makes it too "
        "high; the interval allows for that. Models without probabilities are left out."
    )
    table = with_points(Table(headers, rows, caption))
    lowest = min(errors)
    highest = max(errors)
    result = f"expected calibration error {lowest}"
    if highest != lowest:
        result += f" to {highest}"
    parts: list[SectionPart] = [("table", table)]
    return ReportSection("calibration", "Calibration", parts, "", result)


def learning(reported: Reported) -> ReportSection:
    """Return the place of the learning curves of models that trained in epochs."""
    lead = (
        "Lines are medians over seeds, in bands from the lowest to the highest. On the "
        "training documents, they are means over the batches of an epoch, while the "
        "weights still change."
    )
    result = f"epoch of the networks: {which_epoch(reported.results)}"
    return ReportSection("learning", "Learning curves", [], lead, result)
