"""Numbers as text: means, intervals and p-values."""

from collections.abc import Iterable

from rnnbench.analysis.intervals import N_BLOCKS
from rnnbench.data.audit import DatasetSummary
from rnnbench.metrics import Metric, Quantity, usable_metrics
from rnnbench.results.schema import (
    TOO_FEW_SEEDS,
    Comparison,
    Difference,
    Interval,
    ModelSummary,
    Statistic,
)
from rnnbench.text import counted

MISSING = "-"
"""Stands for a value that there is not."""
SECOND = "macro_f1"
"""The metric that is shown with its spread, as accuracy is."""


def metrics_of(models: Iterable[ModelSummary]) -> list[Metric]:
    """Return the metrics, other than accuracy, that any of ``models`` has."""
    present = {name for model in models for name in model.metrics} - {"accuracy"}
    return [metric for name, metric in usable_metrics().items() if name in present]


def in_blocks(n: int) -> str:
    """Return how intervals and p-values treat ``n`` documents in order of time."""
    return f"in order of time, in {counted(min(n, N_BLOCKS), 'block')} that count as independent"


def remarks_on_tests(dataset: DatasetSummary) -> str:
    """Return remarks on the test documents, to be put behind their number; empty if none."""
    n = dataset.n_left_out
    remarks = [f"without the {n:,} that are in the training set, too"] if n else []
    remarks += [in_blocks(dataset.test_size)] if dataset.in_order else []
    return f" ({'; '.join(remarks)})" if remarks else ""


def interval_text(interval: Interval) -> str:
    """Return both ends of an interval."""
    return f"{interval.low:.4f} to {interval.high:.4f}"


def scope(n_seeds: int) -> str:
    """Return what the interval of an accuracy is over, for a model with ``n_seeds`` seeds."""
    return "over documents and seeds" if n_seeds > 1 else "over documents"


def scope_of(differences: Iterable[Difference]) -> str:
    """Return what the intervals of differences are over."""
    return scope(
        max((difference.n_seeds or 1) + difference.has_too_few_seeds for difference in differences)
    )


def signed_interval_text(interval: Interval) -> str:
    """Return both ends of an interval of a difference."""
    return f"{interval.low:+z.4f} to {interval.high:+z.4f}"


def comparison_text(compared: Comparison) -> str:
    """Return the models of a comparison, their difference, its interval and its verdict."""
    low, high = compared.interval.low, compared.interval.high
    verdict = f"({low:+z.3f} to {high:+z.3f}, {compared.verdict})"
    return f"{compared.a} - {compared.b} {compared.difference:+z.3f} {verdict}"


def mean_text(quantity: Quantity, model: ModelSummary) -> str:
    """Return the mean of a metric or cost over the seeds of a model."""
    mean = model.mean_of(quantity.name)
    return MISSING if mean is None else format(mean, quantity.format)


def mean_and_interval(statistic: Statistic) -> str:
    """Return a mean and half the width of its 95 % interval over seeds; one seed has none."""
    if statistic.over_seeds is None:
        return f"{statistic.mean:.4f}"
    return f"{statistic.mean:.4f} ± {statistic.over_seeds.high - statistic.mean:.4f}"


def quantity_text(quantity: Quantity, value: Statistic | None) -> str:
    """Return the mean of a metric or cost with its interval over seeds, in its own format."""
    if value is None:
        return MISSING
    mean = format(value.mean, quantity.format)
    if value.over_seeds is None:
        return mean
    return f"{mean} ± {format(value.over_seeds.high - value.mean, quantity.format)}"


def mean_and_std(mean: float, std: float | None) -> str:
    """Return a mean and a standard deviation, if there is one."""
    return f"{mean:.4f}" if std is None else f"{mean:.4f} ± {std:.4f}"


def short_p(p: float) -> str:
    """Return a p-value in at most six characters: two digits, or one digit and a power of ten."""
    return f"{p:.2g}" if p >= 0.001 else f"{p:.0e}"


def condition(differences: Iterable[Difference]) -> str:
    """Return what few seeds mean for ``differences``; nothing if all have enough."""
    found, sentences = list(differences), []
    if any(difference.n_seeds == 1 and not difference.has_too_few_seeds for difference in found):
        sentences.append(
            "With one seed, intervals are over documents alone, and p-values are about these "
            "trainings, not about the models."
        )
    if any(difference.has_too_few_seeds for difference in found):
        sentences.append(
            f"{TOO_FEW_SEEDS.capitalize()}: with 1 or 2, p-values cannot be relied on; use 3 or "
            "more, preferably 5."
        )
    return " ".join(sentences)
