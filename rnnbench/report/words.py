"""Numbers and verdicts in words: in tables, in the main results of a run, and on a
badge.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rnnbench.data.audit import DatasetSummary
from rnnbench.errors import UserError, did_you_mean
from rnnbench.metrics import (
    FIT_SECONDS,
    Metric,
    Quantity,
    all_usable_metrics,
    find_quantity,
)
from rnnbench.report.table import MISSING
from rnnbench.results.schema import (
    SIGNIFICANT,
    TOO_FEW_SEEDS,
    Comparison,
    Difference,
    ModelSummary,
    Results,
    Statistic,
)
from rnnbench.stats import many_models
from rnnbench.stats.correctness import N_BLOCKS
from rnnbench.stats.paired import ANOVA
from rnnbench.text import counted, either, listed, sentences

CLEAR, NOT_CLEAR = (
    "clear",
    "not clear",
)  # the verdicts on a difference, beside too few seeds


def findings(results: Results, stuck: Mapping[str, str] | None = None) -> list[str]:
    """Return the verdict in sentences; ``stuck``: the seeds of models that give one
    answer.
    """
    best, dataset, few = results.best, results.dataset, TOO_FEW_SEEDS.capitalize()
    others = _by_verdict(results.against_best)
    pairs = results.comparisons_of(dataset.majority_name)
    against = _by_verdict(pairs)
    level, undecided = others[NOT_CLEAR], others[TOO_FEW_SEEDS]
    leads = "leads with" if len(results.models) > 1 else "has"
    is_alone = others[CLEAR] and not level and not undecided
    it = f"always answering '{dataset.majority_topic}', which scores {dataset.majority_score:.3f}"
    verdicts = {
        f"Clearly worse than {it}": [
            name for name in against[CLEAR] if pairs[name].difference > 0
        ],
        f"Not clearly better than {it}": against[NOT_CLEAR],
        f"{few} for a verdict against {it}": against[TOO_FEW_SEEDS],
    }
    found = [
        f"{verdict}: {listed(names)}." for verdict, names in verdicts.items() if names
    ]
    alone = [f"{name} ({seeds})" for name, seeds in (stuck or {}).items()]
    said = [
        f"This run is partial: {results.n_missing_in_words()}."
        if results.missing
        else "",
        dataset.estimate_in_words(),
        f"{best.name} {leads} a {dataset.score_name} of {best.score.mean:.3f} (95 % interval "
        f"{best.interval:.3f}){', and is clearly better than all other models' * bool(is_alone)}.",
        f"Cannot be told apart from it: {listed(level)}." if level else "",
        f"{few} to tell it from {listed(undecided)}." if undecided else "",
        cheapest(results) if level else "",
        *(found or [f"Clearly better than {it}: all models."]),
        f"Always gives the same answer: {listed(alone)}." if alone else "",
    ]
    return [sentence for sentence in said if sentence]


def cheapest(results: Results) -> str:
    """Return the cheapest model that is not clearly worse, in a sentence; empty if not
    known.
    """
    found = {
        one.name: one.fit_seconds.mean for one in results.models if one.fit_seconds
    }
    if results.cheapest is None or len(found) == 1:
        return ""
    itself = "the best itself, " * (results.cheapest == results.best.name)
    seconds = f"{itself}trained in {found[results.cheapest]:{FIT_SECONDS.format}} s"
    return f"Cheapest model that is not clearly worse: {results.cheapest} ({seconds})."


def _by_verdict(comparisons: Mapping[str, Comparison]) -> dict[str, list[str]]:
    """Return the names of models by the verdicts on them."""
    names: dict[str, list[str]] = {CLEAR: [], NOT_CLEAR: [], TOO_FEW_SEEDS: []}
    for name, comparison in comparisons.items():
        names[comparison.verdict].append(name)
    return names


def unclear_from(results: Results, model: ModelSummary) -> str:
    """Return which of the best and the majority do not clearly differ from a model, if
    any.
    """
    majority = results.dataset.majority_name
    comparisons = {
        "the best": results.against_best.get(model.name),
        majority: results.comparisons_of(model.name).get(majority),
    }
    unclear = []
    if model.name == results.best.name:
        unclear.append("best")
    for text, comparison in comparisons.items():
        if comparison is not None and not comparison.is_clear:
            unclear.append(TOO_FEW_SEEDS if comparison.has_too_few_seeds else text)
    return ", ".join(dict.fromkeys(unclear)) or MISSING


def which_epoch(results: Results) -> str:
    """Return the epoch at which the networks of a run are evaluated."""
    own = [model.training for model in results.models if not model.is_baseline]
    shares = {
        training.get("validation_split", results.validation_split) for training in own
    }
    counts = either(
        sorted({training.get("epochs", results.epochs) for training in own})
    )
    ways = [f"the last of {counts}"] if 0 in shares else []
    if held_out := either(f"{100 * share:.3g}%" for share in sorted(shares) if share):
        ways.append(f"the best of {counts} on {held_out} of the training documents")
    return ", or ".join(ways)


def make_badge(
    results: Results, model: str | None, metric: str | None
) -> dict[str, Any]:
    """Return the JSON of an endpoint badge (https://shields.io/badges/endpoint-badge).

    By default, it is about the main metric, and the model with the best value.
    ``UserError`` is raised if there is no such model or metric, or the model does not
    have the metric.
    """
    from rnnbench.analysis.boards import metric_of, score_of  # a run needs no boards

    metric = metric_of(results.dataset, metric)
    quantity = find_quantity(metric, "--metric")
    models = {found.name: found for found in results.models}
    if model is None:
        model = max(models, key=lambda name: score_of(models[name], quantity.name))
    if model not in models:
        raise UserError(f"--model: no model '{model}' ({did_you_mean(model, models)})")
    if (value := models[model].statistic(metric)) is None:
        raise UserError(f"--metric {metric}: {model} has no {metric}")
    partial = " (partial run)" if results.missing else ""
    majority = results.comparisons_of(model)[results.dataset.majority_name]
    colour = "brightgreen" if majority.difference > 0 else "red"
    if metric != models[model].main:
        colour = "blue"
    elif not majority.is_clear:
        colour = "lightgrey"
    text = f"{model} {mean_and_interval(value, quantity.format)}{partial}"
    return {
        "schemaVersion": 1,
        "label": quantity.header,
        "message": text,
        "color": colour,
    }


def metrics_of(models: Iterable[ModelSummary]) -> list[Metric]:
    """Return the metrics, other than the main one, that any of ``models`` has."""
    present = {name for model in models for name in model.metrics if name != model.main}
    return [metric for metric in all_usable_metrics() if metric.name in present]


def in_blocks(n: int) -> str:
    """Return how intervals and p-values treat ``n`` documents in order of time."""
    return f"in order of time, in {counted(min(n, N_BLOCKS), 'block')} that count as independent"


def remarks_on_tests(dataset: DatasetSummary) -> str:
    """Return remarks on the test documents, to be put behind their number; empty if
    none.
    """
    left_out = f"without the {dataset.n_left_out:,} that are in the training set, too"
    remarks = [left_out] if dataset.n_left_out else []
    if dataset.clusters:
        n_clusters = counted(max(dataset.clusters) + 1, "cluster")
        remarks.append(f"in {n_clusters} that count as independent")
    elif dataset.in_order:
        remarks.append(in_blocks(dataset.test_size))
    return f" ({'; '.join(remarks)})" if remarks else ""


def documents(dataset: DatasetSummary, held_out: str = "") -> str:
    """Return how many documents there are to train on, less any ``held_out``, and to
    test on.
    """
    remarks = remarks_on_tests(dataset)
    if not dataset.train_size:
        return f"{counted(dataset.n_tests, 'document')} to test on{remarks}"
    train = f"{dataset.train_size:,} documents to train on{held_out}"
    return f"{train}, {dataset.n_tests:,} to test on{remarks}"


def scope(n_seeds: int) -> str:
    """Return what the interval of a score is over, for a model with ``n_seeds``
    seeds.
    """
    return "over documents and seeds" if n_seeds > 1 else "over documents"


def scope_of(differences: Iterable[Difference]) -> str:
    """Return what the intervals of differences are over."""
    return scope(
        max((pair.n_seeds or 1) + pair.has_too_few_seeds for pair in differences)
    )


def mean_text(quantity: Quantity, model: ModelSummary) -> str:
    """Return the mean of a metric or cost over the seeds of a model."""
    mean = model.mean_of(quantity.name)
    return MISSING if mean is None else quantity.spell(mean)


def number(value: float | None, form: str = ".4f") -> str:
    """Return a number as text, or ``MISSING`` in place of ``None``."""
    return MISSING if value is None else format(value, form)


def mean_and_interval(statistic: Statistic | None, form: str = ".4f") -> str:
    """Return a mean and half the width of its 95 % interval over seeds; one seed has
    none.
    """
    if statistic is None:
        return MISSING
    mean, over_seeds = format(statistic.mean, form), statistic.over_seeds
    return f"{mean} ± {over_seeds.high - statistic.mean:{form}}" if over_seeds else mean


def worse(against_best: Difference | None, of_best: str = MISSING) -> str:
    """Return in words whether a model is clearly worse than the best; the best has
    ``of_best``.
    """
    verdict = against_best.verdict if against_best else of_best
    return {"clear": "yes", "not clear": "no"}.get(verdict, verdict)


def short_p(p: float) -> str:
    """Return a p-value in at most six characters: two digits, or one digit and a power
    of ten.
    """
    return f"{p:.2g}" if p >= 0.001 else f"{p:.0e}"


def no_clear_difference(results: Results) -> str:
    """Return a caption that says what no clear difference from the best or the majority
    means.
    """
    n_comparisons = counted(results.n_corrected_for, "comparison")
    if len(results.models) == 1:
        return f"No clear difference: a p-value of 0.05 or more, corrected for {n_comparisons}."
    return (
        "No clear difference from the best: the p-value of being as good as the best is 0.05 or "
        f"more. From {results.dataset.majority_name}: a p-value of 0.05 or more, corrected for "
        f"{n_comparisons}."
    )


def smallest_p(
    dataset: DatasetSummary, pairs: Sequence[Difference], n_comparisons: int
) -> str:
    """Return a sentence if the documents are in so few groups that p-values have a
    limit.
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


def possible_ranks(ranks: tuple[int, int]) -> str:
    """Return an interval of ranks."""
    first, last = ranks
    return str(first) if first == last else f"{first} to {last}"


def condition(differences: Sequence[Difference]) -> str:
    """Return what few seeds mean for ``differences``; nothing if all have enough."""
    is_one = any(
        pair.n_seeds == 1 and not pair.has_too_few_seeds for pair in differences
    )
    return sentences(
        "With one seed, intervals are over documents alone, and p-values are about these "
        "trainings, not about the models." * is_one,
        f"{TOO_FEW_SEEDS.capitalize()}: with 1 or 2, p-values cannot be relied on; use 3 or "
        "more, preferably 5." * any(pair.has_too_few_seeds for pair in differences),
    )
