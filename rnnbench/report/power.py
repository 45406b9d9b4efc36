"""What a run could have shown, as a table."""

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
        "detectable alone": lambda each: f"{each.detectable:.4f}",
        "detectable (Holm)": lambda each: f"{each.detectable_corrected:.4f}",
        "seeds needed": _seeds,
    }
    return table_of(pairs, columns, _caption(results) if pairs else "All differences are clear.")


def _seeds(pair: PairPower) -> str:
    if pair.seeds_needed:
        return f"{pair.seeds_needed:,}"
    return "more documents" if pair.is_spread_known else MISSING


def _caption(results: Results) -> str:
    n = results.n_corrected_for
    return (
        "The pairs without a clear difference. Detectable: the true difference that 80 % of runs "
        f"with {results.dataset.test_size:,} test documents and these seeds would find, if it were "
        f"the only one tested (p below 0.05), or in the first step of Holm's correction for {n} "
        f"comparison{'s' * (n != 1)}. Seeds needed: of each model, for a true difference as large "
        f"as the measured one to be clear in 80 % of runs; if even {MOST:,} are too few, more test "
        "documents are needed."
    )
