"""The sections about the scores of models, and about their differences."""

from dataclasses import replace

from rnnbench.analysis.pairs import SHOWN_IN_PAIRS, in_order_of
from rnnbench.analysis.power import power_of_pairs
from rnnbench.analysis.summary import drop_duplicates
from rnnbench.report.sections.base import Reported, ReportSection, SectionPart
from rnnbench.report.table import number_first
from rnnbench.report.tables.metrics import metrics_table
from rnnbench.report.tables.pairs import VERDICT, comparisons_table, power_table
from rnnbench.report.tables.published import PLACE, published_tables
from rnnbench.report.tables.scores import (
    UNCLEAR_FROM,
    score_table,
    verdicts_without,
    wide_score_table,
)
from rnnbench.results.schema import by_score
from rnnbench.results.stored_run import StoredRun
from rnnbench.text import counted, heading

SHOWN_PAIRS = 20
"""Pairs without a clear difference that are shown; a command shows all of them."""


def best_first(run: StoredRun) -> StoredRun:
    """Return the run with models and pairs in the order of score."""
    results = run.results
    models = by_score(results.models)
    names = [model.name for model in models]
    order = [*names, results.dataset.majority_name]
    rest = results.without_duplicates
    if rest:
        pairs = in_order_of(order, rest.comparisons)
        rest = rest.model_copy(update={"comparisons": pairs})
    pairs = in_order_of(order, results.comparisons)
    results = results.model_copy(
        update={"models": models, "comparisons": pairs, "without_duplicates": rest}
    )
    return replace(
        run, results=results, trials={name: run.trials[name] for name in names}
    )


def score(reported: Reported) -> ReportSection:
    """Return the scores of the models."""
    name = reported.results.dataset.kind.score_name
    table = number_first(wide_score_table(reported.results), UNCLEAR_FROM)
    lead = f"Models are in the order of their {name}."
    if reported.results.is_trained_here:
        lead += " Networks are blue, baselines orange."
    return ReportSection("score", heading(name), [("table", table)], lead)


def published(reported: Reported) -> ReportSection:
    """Return the published scores, and where each source is found."""
    results = reported.results
    parts: list[SectionPart] = []
    for table in published_tables(results):
        parts.append(("table", number_first(table, PLACE)))
    sources = {}
    n_above = 0
    for earlier in results.published:
        if earlier.where:
            sources[earlier.source] = earlier.where
        name = earlier.model if earlier.is_of_our_model else results.best.name
        if earlier.lies(name) == "above":
            n_above += 1
    if sources:
        parts.append(("facts", sources))
    result = f"{n_above} of {len(results.published)} above our intervals"
    return ReportSection("published", "Published results", parts, "", result)


def differences(reported: Reported) -> ReportSection:
    """Return the differences of the models in pairs."""
    results = reported.results
    table = number_first(comparisons_table(results), VERDICT)
    lead = "Intervals are not corrected for the number of comparisons; verdicts are."
    if len(results.models) > SHOWN_IN_PAIRS:
        lead += " The plot shows only the pairs with the best."
    n_clear = sum(pair.is_clear for pair in results.comparisons)
    n_pairs = counted(len(results.comparisons), "difference")
    result = f"{n_clear} of {n_pairs} clear"
    return ReportSection("differences", "Differences", [("table", table)], lead, result)


def duplicates(reported: Reported) -> ReportSection:
    """Return the tables without duplicates, if some test documents are duplicates."""
    dataset = reported.results.dataset
    parts: list[SectionPart] = []
    if 0 < len(dataset.leaks) < dataset.test_size:
        rest = best_first(drop_duplicates(reported.run)).results
        caption = f"On the other {rest.dataset.test_size:,} documents."
        for table in (
            number_first(score_table(rest), UNCLEAR_FROM),
            number_first(comparisons_table(rest), VERDICT),
            metrics_table(rest),
        ):
            parts.append(("table", replace(table, caption=caption)))
    lead = (
        f"{dataset.duplicates_in_words()}. The tables have the columns of those above."
    )
    result = verdicts_without(reported.results)
    return ReportSection("duplicates", "Without duplicates", parts, lead, result)


def power(reported: Reported) -> ReportSection:
    """Return what the run could have found."""
    pairs = power_of_pairs(reported.run)
    table = power_table(pairs[:SHOWN_PAIRS], reported.results)
    lead = (
        "The differences that this run could have found, and the seeds that would show "
        "more."
    )
    if len(pairs) > SHOWN_PAIRS:
        lead += (
            f" The first {SHOWN_PAIRS} pairs are shown; rnnbench compare RUN shows all "
            "of them."
        )
    result = f"{counted(len(pairs), 'pair')} without a clear difference"
    return ReportSection("power", "Power", [("table", table)], lead, result)
