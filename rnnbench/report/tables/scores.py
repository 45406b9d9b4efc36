"""The tables of scores of a run, and what their captions say about it.

``result_tables`` has all tables that ``rnnbench run --verbose`` prints, ``short_table``
the one that it prints by default.
"""

import json
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from rnnbench.analysis.uneven import uneven_models
from rnnbench.metrics import METRICS
from rnnbench.points import model_of, short, values_of
from rnnbench.report import words
from rnnbench.report.findings import no_clear_difference, unclear_from
from rnnbench.report.table import MISSING, Columns, Table, table_of, with_points
from rnnbench.report.tables.metrics import cost_table, metrics_table
from rnnbench.report.tables.published import published_tables
from rnnbench.results.schema import ModelSummary, Results
from rnnbench.section import call
from rnnbench.text import either, listed, numbers, plural, sentences

LONGEST_REASON = 40
UNCLEAR_FROM = "no clear difference from"
"""The header of the column that decides between models."""


def result_tables(results: Results) -> list[Table]:
    """Return the tables of a run: scores, published ones, other metrics, costs."""
    tables = [score_table(results), *published_tables(results)]
    if words.metrics_of(results.models):
        tables.append(metrics_table(results))
    if results.is_trained_here:
        tables.append(cost_table(results))
    return tables


def short_table(results: Results) -> Table:
    """Return the scores, and only what a reader needs so as not to misread them."""
    caption = sentences(about_data_in_short(results), uneven_in_words(results))
    beside = None
    if results.dataset.has_unequal_labels:
        beside = results.dataset.kind.second
    losses = words.loss_columns(results.models)
    columns = _columns(results, beside) | losses
    table = _score_table(results, columns, caption)
    return replace(table, n_optional=len(losses))


def score_table(results: Results) -> Table:
    """Return the scores and verdicts, with all about the run in the caption."""
    caption = [trained_on(results), _about_verdicts(results)]
    if results.dataset.leaks:
        caption.append(f"{results.dataset.duplicates_in_words()}.")
    rest = results.without_duplicates
    if rest:
        verdicts = verdicts_without(results)
        caption.append(f"On the other {rest.test_size:,}, {verdicts}.")
    return _score_table(results, _columns(results), sentences(*caption))


def wide_score_table(results: Results) -> Table:
    """Return the scores and verdicts for a page, also without duplicates."""
    columns = _columns(results)
    majority = MISSING
    rest = results.without_duplicates
    if rest:
        scores = rest.scores
        columns["without duplicates"] = lambda model: words.mean_and_interval(
            scores[model.name]
        )
        majority = f"{rest.majority_score:.4f}"
    return _score_table(results, columns, _about_verdicts(results), majority)


def _columns(results: Results, beside: str | None = None) -> Columns[ModelSummary]:
    """Return the columns of scores, with one more metric ``beside`` the main one."""
    dataset = results.dataset
    n_seeds = len(results.seeds_used)
    columns: Columns[ModelSummary] = {
        "model": lambda model: model.name,
        f"{dataset.score_name} ({words.over_seeds(n_seeds)})": partial(
            words.over_its_seeds, results, dataset.kind.main
        ),
    }
    if beside:
        columns[METRICS[beside].header] = partial(words.mean_text, METRICS[beside])
    columns[f"95 % interval {words.scope(n_seeds)}"] = lambda model: (
        f"{model.interval:.4f}"
    )
    if any(model.at_half for model in results.models):
        columns["at 0.5"] = lambda model: words.mean_and_interval(model.at_half)
        columns["below"] = lambda model: words.number_text(model.below, ".4g")
    columns[UNCLEAR_FROM] = partial(unclear_from, results)
    return columns


def _score_table(
    results: Results,
    columns: Columns[ModelSummary],
    caption: str,
    majority_without_duplicates: str = MISSING,
) -> Table:
    """Return a row for each model, for those without a result, and for the majority."""
    table = table_of(results.models, columns, caption)
    rows = list(table.rows)
    for name, trial in results.missing_models.items():
        reason = trial.reason
        if trial.error is not None:  # the caption has all of it
            _, _, innermost = trial.error.rpartition(" failed: ")
            shown = textwrap.shorten(innermost, LONGEST_REASON, placeholder="...")
            reason = f"failed: {shown}"
        rows.append(_padded([name, reason], len(columns)))
    dataset = results.dataset
    majority = [dataset.majority_name, f"{dataset.majority_score:.4f}"]
    majority = _padded(majority, len(columns))
    majority[-1] = majority_without_duplicates
    return with_points(replace(table, rows=[*rows, majority], is_last_apart=True))


def _padded(cells: list[str], n_columns: int) -> list[str]:
    return cells + [MISSING] * (n_columns - len(cells))


def _about_verdicts(results: Results) -> str:
    n_corrected_for = results.n_corrected_for
    return sentences(
        no_clear_difference(results),
        words.condition(results.comparisons),
        words.smallest_p(results.dataset, results.comparisons, n_corrected_for),
        uneven_in_words(results),
    )


def uneven_in_words(results: Results) -> str:
    """Return a warning about models whose mean over seeds can mislead, if any."""
    ranges = []
    for model in uneven_models(results):
        scores = model.scores
        ranges.append(f"{model.name} ({min(scores):.4f} to {max(scores):.4f})")
    if not ranges:
        return ""
    return (
        f"Uneven seeds: {listed(ranges)}. These seeds do not look like one normal "
        "group (Anderson and Darling's test, p below 0.01), so means and intervals can "
        "mislead: look at single seeds."
    )


def trained_on(results: Results) -> str:
    """Return what is missing from a run, its data, its seeds and its training."""
    about = about_data(results)
    if not results.is_trained_here:
        return sentences(about, "Only the answers of the models are known.")
    noun = plural(max(results.threads, default=0), "thread")
    training = f"{either(results.threads)} {noun} per training."
    if not all(model.is_baseline for model in results.models):
        epoch = words.which_epoch(results)
        training = f"Epoch: {epoch}. Engine: {results.engine}, {training}"
    special = _with_their_own_training(results.models)
    if special:
        training += f" Models with their own training values: {', '.join(special)}."
    return sentences(about, training)


def _with_their_own_training(models: Sequence[ModelSummary]) -> Sequence[str]:
    """Return the models with training values that no column shows, with these."""
    calls = dict[str, None]()
    for model in models:
        in_columns = values_of(model.name)
        hidden = {
            key: value
            for key, value in model.training.items()
            if in_columns.get(short(key)) not in (str(value), json.dumps(value))
        }
        if hidden:
            calls[call(model_of(model.name), hidden)] = None
    return list(calls)


def about_data(results: Results) -> str:
    """Return the data, the seeds and the decisions of a run."""
    dataset = results.dataset
    held_out = ""
    if results.validation_split:
        held_out = f" (less {100 * results.validation_split:.3g}%, held out)"
    sizes = words.documents(dataset, held_out)
    if dataset.timesteps:
        sizes += f", {dataset.timesteps} steps"
    return _about(
        results, f"{sizes}, fingerprint {words.short_hash(dataset.fingerprint)}"
    )


def about_data_in_short(results: Results) -> str:
    """Return the number of documents, the seeds and the decisions of a run."""
    dataset = results.dataset
    sizes = f"{dataset.train_size:,} documents to train on"
    if dataset.n_tests:
        sizes = f"{dataset.n_tests:,} documents to test on"
    return _about(results, sizes)


def _about(results: Results, sizes: str) -> str:
    dataset = results.dataset
    parts = []
    if results.missing:
        parts.append(f"This run is partial; {results.missing_in_words()}.")
    parts += [
        dataset.estimate_in_words(),
        f"Data: {dataset.source} ({dataset.origin}), {sizes}.",
        f"Seeds: {numbers(results.seeds_used)}.",
    ]
    if results.decision:
        parts.append(
            f"Answers: {results.decision.in_words(dataset.noun)}. At 0.5: with the "
            "probability 0.5, or the margin 0, as the threshold. Below: test documents "
            f"in which no {dataset.noun} reaches the threshold, which are given the "
            "best one or none."
        )
    return sentences(*parts)


def verdicts_without(results: Results) -> str:
    """Return which verdicts change without duplicates."""
    changes = []
    for before, after in results.changed_verdicts:
        change = f"({before.verdict} with them, {after.verdict} without)"
        if before.verdict == after.verdict:
            change = "(clear in the other direction)"
        changes.append(f"{before.a} - {before.b} {change}")
    if not changes:
        return "all verdicts are the same"
    return f"verdicts change: {listed(changes)}"
