"""The power of the comparisons of a run, as a table."""

from collections.abc import Sequence

from rnnbench.analysis.power import MOST, PairPower
from rnnbench.report.numbers import MISSING, short_p
from rnnbench.report.table import Columns, Table, table_of
from rnnbench.results.schema import Results


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
    return table_of(pairs, columns, _caption(results) if pairs else "All differences are clear.")


def _difference(value: float | None) -> str:
    return MISSING if value is None else f"{value:.4f}"


def _seeds(pair: PairPower) -> str:
    if pair.seeds_needed:
        return f"{pair.seeds_needed:,}"
    return "more documents" if pair.is_spread_known else MISSING


def _caption(results: Results) -> str:
    n = results.n_corrected_for
    return (
        "The pairs without a clear difference. Detectable alone: the smallest true difference that "
        f"80 % of runs with {results.dataset.test_size:,} test documents and these seeds would "
        "find if no other were tested (p below 0.05). Detectable (Holm): the same in the first "
        f"step of Holm's correction for {n} comparison{'s' * (n != 1)}. Seeds needed: seeds of "
        "each model with which a true difference equal to the measured one would be clear in 80 % "
        f"of runs; 'more documents' if even {MOST:,} are too few, '-' if a model has only one seed."
    )
