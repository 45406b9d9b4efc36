"""The power of the comparisons of a run, as a table."""

from collections.abc import Sequence
from dataclasses import replace

from rnnbench.analysis.comparisons import MOST, PairPower
from rnnbench.report.numbers import MISSING, remarks_on_tests, short_p
from rnnbench.report.table import Columns, Table, table_of
from rnnbench.results.schema import Results
from rnnbench.words import counted


def power_table(pairs: Sequence[PairPower], results: Results) -> Table:
    """Return a row for each pair, with the difference that 80 % of such runs would show."""
    columns: Columns[PairPower] = {
        "accuracy of": lambda each: f"{each.comparison.a} - {each.comparison.b}",
        "difference": lambda each: f"{each.comparison.difference:+z.4f}",
        "p (Holm)": lambda each: short_p(each.comparison.p_holm),
        "detectable alone": lambda each: _difference(each.detectable),
        "detectable (Holm)": lambda each: _difference(each.detectable_corrected),
        "seeds needed": _seeds,
    }
    caption = _caption(results) if pairs else "There is no pair without a clear difference."
    models = [(each.comparison.a, each.comparison.b) for each in pairs]
    return replace(table_of(pairs, columns, caption), models=models)


def _difference(value: float | None) -> str:
    return MISSING if value is None else f"{value:.4f}"


def _seeds(pair: PairPower) -> str:
    if pair.seeds_needed:
        return f"{pair.seeds_needed:,}"
    is_told = pair.is_spread_known and pair.comparison.difference != 0
    return "more documents" if is_told else MISSING


def _caption(results: Results) -> str:
    dataset, n = results.dataset, results.n_corrected_for
    return (
        "The pairs of models without a clear difference. Detectable alone: the smallest true "
        f"difference that 80 % of runs with {dataset.test_size:,} test documents"
        f"{remarks_on_tests(dataset)} and these seeds would find if no other were tested (p below "
        "0.05). Detectable (Holm): the same in the first step of Holm's correction for "
        f"{counted(n, 'comparison')}. Both are '-' if they would be above 1, or if a model has one "
        "or two seeds. Seeds needed: seeds of each model with which a true difference equal to the "
        f"measured one would be clear in 80 % of runs; 'more documents' if even {MOST:,} are too "
        "few, '-' if a model has only one seed or the accuracies are equal."
    )
