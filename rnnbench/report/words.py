"""Numbers and short phrases, as tables and captions show them.

>>> short_p(0.00012)
'1e-04'
>>> possible_ranks((1, 3))
'1 to 3'
"""

from collections.abc import Iterable, Sequence
from functools import partial

from rnnbench.data.summary import DatasetSummary
from rnnbench.metrics import Metric, Quantity, all_usable_metrics
from rnnbench.report.table import MISSING, Columns
from rnnbench.results.comparison import SIGNIFICANT, TOO_FEW_SEEDS, Difference
from rnnbench.results.schema import ModelSummary, Results, Statistic
from rnnbench.stats import many_models
from rnnbench.stats.correctness import ANOVA, N_BLOCKS
from rnnbench.text import counted, either, sentences

CLEAR = "clear"
NOT_CLEAR = "not clear"
"""The verdicts on a difference, beside too few seeds."""
SHORT = 12
"""Characters shown of a commit or a fingerprint."""


# Numbers


def number_text(value: float | None, form: str = ".4f") -> str:
    """Return a number as text, or ``MISSING`` in place of ``None``."""
    return MISSING if value is None else format(value, form)


def short_p(p: float) -> str:
    """Return a p-value: two digits, or one digit and a power of ten."""
    return f"{p:.2g}" if p >= 0.001 else f"{p:.0e}"


def mean_text(quantity: Quantity, model: ModelSummary) -> str:
    """Return the mean of a metric or cost over the seeds of a model."""
    mean = model.mean_of(quantity.name)
    return MISSING if mean is None else quantity.spell(mean)


def with_interval(quantity: Quantity, model: ModelSummary) -> str:
    """Return the mean of a metric, and its interval over documents and seeds, if any.

    The interval is in brackets.
    """
    text = mean_text(quantity, model)
    interval = model.intervals.get(quantity.name)
    if interval is None or text == MISSING:
        return text
    return f"{text} ({interval:{quantity.format}})"


def loss_columns(models: Iterable[ModelSummary]) -> Columns[ModelSummary]:
    """Return a column for each loss, with its interval, that any of ``models`` has."""
    columns: Columns[ModelSummary] = {}
    for metric in metrics_of(models):
        if metric.is_loss:
            columns[header_of(metric)] = partial(with_interval, metric)
    return columns


def header_of(metric: Metric) -> str:
    """Return the header of a metric beside the main one, whose cells may be losses."""
    if metric.is_loss:
        return f"{metric.header} (95 % interval)"
    return metric.header


def mean_and_interval(statistic: Statistic | None, form: str = ".4f") -> str:
    """Return a mean and, over several seeds, half the width of its 95 % interval."""
    if statistic is None:
        return MISSING
    mean = format(statistic.mean, form)
    if statistic.over_seeds is None:
        return mean
    return f"{mean} ± {statistic.over_seeds.high - statistic.mean:{form}}"


def over_its_seeds(results: Results, metric: str, model: ModelSummary) -> str:
    """Return a metric over the seeds of a model, and their number if some failed."""
    text = mean_and_interval(model.metrics[metric])
    n = len(model.trials)
    n_missing = sum(trial.model == model.name for trial in results.missing)
    if n_missing:
        text += f" ({n} of {n + n_missing} seeds)"
    return text


def metrics_of(models: Iterable[ModelSummary]) -> list[Metric]:
    """Return the metrics, other than the main one, that any of ``models`` has."""
    present = {name for model in models for name in model.metrics if name != model.main}
    return [metric for metric in all_usable_metrics() if metric.name in present]


def short_hash(text: str | None) -> str:
    """Return the start of a fingerprint, or of a commit with its ``+``, if any."""
    if not text:
        return MISSING
    shown = text[:SHORT]
    if len(text) > SHORT and text.endswith("+"):  # files were changed since
        shown += "+"
    return shown


def minute(date: str | None) -> str:
    """Return the date and time of a run, without seconds."""
    return (date or MISSING).replace("T", " ")[:16]


# Verdicts


def direction(difference: Difference) -> str:
    """Return the direction of a change."""
    return "up" if difference.difference > 0 else "down"


def worse(against_best: Difference | None, of_best: str = MISSING) -> str:
    """Return whether a model is clearly worse than the best, which has ``of_best``."""
    if against_best is None:
        return of_best
    verdict = against_best.verdict
    return {CLEAR: "yes", NOT_CLEAR: "no"}.get(verdict, verdict)


def possible_ranks(ranks: tuple[int, int] | None) -> str:
    """Return an interval of ranks, if there is one."""
    if ranks is None:
        return MISSING
    first, last = ranks
    return str(first) if first == last else f"{first} to {last}"


def condition(differences: Sequence[Difference]) -> str:
    """Return what few seeds mean for ``differences``; nothing if all have enough."""
    parts = []
    if any(pair.n_seeds == 1 and not pair.has_too_few_seeds for pair in differences):
        parts.append(
            "With one seed, intervals are over documents alone, and p-values are about "
            "these trainings, not about the models."
        )
    if any(pair.has_too_few_seeds for pair in differences):
        parts.append(
            f"{TOO_FEW_SEEDS.capitalize()}: with 1 or 2, p-values cannot be relied on; "
            "use 3 or more, preferably 5."
        )
    return sentences(*parts)


def smallest_p(
    dataset: DatasetSummary, pairs: Sequence[Difference], n_comparisons: int
) -> str:
    """Return a sentence if documents are in so few groups that p-values have a limit.

    A group is a cluster or a block of documents in order of time.
    """
    if dataset.clusters:
        n_groups = max(dataset.clusters) + 1
        noun = "cluster"
    elif dataset.in_order:
        n_groups = min(dataset.n_tests, N_BLOCKS)
        noun = "block"
    else:
        return ""
    smallest = many_models.smallest_p(n_groups)
    is_limited = any(pair.method != ANOVA for pair in pairs)
    if not is_limited or smallest <= SIGNIFICANT / max(1, n_comparisons):
        return ""
    return (
        f"With {counted(n_groups, noun)}, no p-value of single trainings can be below "
        f"{short_p(smallest)}."
    )


# What numbers are over


def over_seeds(n_seeds: int) -> str:
    """Return what a mean is over."""
    return f"mean ± 95 % over {n_seeds} seeds" if n_seeds > 1 else "1 seed"


def scope(n_seeds: int) -> str:
    """Return what the interval of a score is over, for a model with these seeds."""
    return "over documents and seeds" if n_seeds > 1 else "over documents"


def scope_of(differences: Iterable[Difference]) -> str:
    """Return what the intervals of differences are over."""
    n_seeds = 0
    for difference in differences:
        n = difference.n_seeds or 1
        if difference.has_too_few_seeds:
            n += 1
        n_seeds = max(n_seeds, n)
    return scope(n_seeds)


def in_blocks(n: int) -> str:
    """Return how intervals and p-values treat ``n`` documents in order of time."""
    blocks = counted(min(n, N_BLOCKS), "block")
    return f"in order of time, in {blocks} that count as independent"


def remarks_on_tests(dataset: DatasetSummary) -> str:
    """Return remarks to be put behind the number of test documents, if any."""
    remarks = []
    if dataset.n_left_out:
        remarks.append(
            f"without the {dataset.n_left_out:,} that are in the training set, too"
        )
    if dataset.clusters:
        n_clusters = counted(max(dataset.clusters) + 1, "cluster")
        remarks.append(f"in {n_clusters} that count as independent")
    elif dataset.in_order:
        remarks.append(in_blocks(dataset.test_size))
    return f" ({'; '.join(remarks)})" if remarks else ""


def documents(dataset: DatasetSummary, held_out: str = "") -> str:
    """Return how many documents there are, less any ``held_out`` of training."""
    remarks = remarks_on_tests(dataset)
    if not dataset.train_size:
        return f"{counted(dataset.n_tests, 'document')} to test on{remarks}"
    train = f"{dataset.train_size:,} documents to train on{held_out}"
    return f"{train}, {dataset.n_tests:,} to test on{remarks}"


def which_epoch(results: Results) -> str:
    """Return the epoch at which the networks of a run are evaluated."""
    shares = set()
    epochs = set()
    for model in results.models:
        if not model.is_baseline:
            share = model.training.get("validation_split", results.validation_split)
            shares.add(share)
            epochs.add(model.training.get("epochs", results.epochs))
    counts = either(sorted(epochs))
    ways = []
    if 0 in shares:
        ways.append(f"the last of {counts}")
    held_out = either(f"{100 * share:.3g}%" for share in sorted(shares) if share)
    if held_out:
        ways.append(f"the best of {counts} on {held_out} of the training documents")
    return ", or ".join(ways)
