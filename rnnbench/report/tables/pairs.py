"""The tables of pairs of models of a run: their differences, and the power."""

from collections.abc import Sequence

from rnnbench.analysis.equivalence import Equivalence
from rnnbench.analysis.power import PairPower
from rnnbench.report import words
from rnnbench.report.table import MISSING, Columns, Table, table_of
from rnnbench.results.comparison import Comparison
from rnnbench.results.schema import Results
from rnnbench.stats.power import MOST
from rnnbench.text import counted, sentences

CORRECTED = "p (corrected)"
VERDICT = "verdict"


def comparisons_table(results: Results) -> Table:
    """Return the differences of pairs of models, and of each model and the majority."""
    pairs = results.comparisons
    columns: Columns[Comparison] = {
        f"{results.dataset.kind.score_name} of": lambda pair: f"{pair.a} - {pair.b}",
        "difference": lambda pair: f"{pair.difference:+z.4f}",
        f"95 % interval {words.scope_of(pairs)}": lambda pair: f"{pair.interval:+z.4f}",
        "p": lambda pair: words.short_p(pair.p),
        CORRECTED: lambda pair: words.short_p(pair.p_corrected),
        VERDICT: lambda pair: pair.verdict,
    }
    methods = "; ".join(sorted({pair.method for pair in pairs}))
    n_comparisons = counted(results.n_corrected_for, "comparison")
    caption = [
        f"p-values: {methods}; before and after the correction for {n_comparisons}."
    ]
    if len(results.models) > 2:
        caption.append(
            "Whether a model could be the best is another question, which the first "
            "table answers."
        )
    caption.append(words.smallest_p(results.dataset, pairs, results.n_corrected_for))
    models = [pair.names for pair in pairs]
    return table_of(pairs, columns, sentences(*caption), models=models)


def equivalence_table(
    pairs: Sequence[Equivalence], points: float, results: Results
) -> Table:
    """Return which pairs of models are surely equal, up to a margin."""
    columns: Columns[Equivalence] = {
        f"{results.dataset.kind.score_name} of": lambda pair: f"{pair.a} - {pair.b}",
        "difference": lambda pair: f"{pair.difference:+z.4f}",
        "surely within": lambda pair: words.number_text(pair.surely_within),
        f"equal within {points / 100:g}": _equality,
    }
    caption = "There are fewer than two models to compare."
    if pairs:
        caption = (
            "Surely within: the smallest margin that the true difference stays within, "
            "by two one-sided tests at 5 % for each pair, not corrected for several "
            "pairs; '-' with too few seeds."
        )
    models = [(pair.a, pair.b) for pair in pairs]
    return table_of(pairs, columns, caption, models=models)


def _equality(pair: Equivalence) -> str:
    if pair.is_equal:
        return "surely"
    return "not surely"


def power_table(pairs: Sequence[PairPower], results: Results) -> Table:
    """Return the difference of each pair that most runs like this one would show."""
    columns: Columns[PairPower] = {
        f"{results.dataset.kind.score_name} of": lambda pair: (
            f"{pair.comparison.a} - {pair.comparison.b}"
        ),
        "difference": lambda pair: f"{pair.comparison.difference:+z.4f}",
        CORRECTED: lambda pair: words.short_p(pair.comparison.p_corrected),
        "detectable alone": lambda pair: words.number_text(pair.detectable),
        "detectable (corrected)": lambda pair: words.number_text(
            pair.detectable_corrected
        ),
        "seeds needed": _seeds_needed,
    }
    caption = "No pair of models is without a clear difference."
    if pairs:
        caption = _about_power(results)
    models = [pair.comparison.names for pair in pairs]
    return table_of(pairs, columns, caption, models=models)


def _seeds_needed(pair: PairPower) -> str:
    if pair.seeds_needed:
        return f"{pair.seeds_needed:,}"
    if pair.is_spread_known and pair.comparison.difference != 0:
        return "more documents"
    return MISSING


def _about_power(results: Results) -> str:
    dataset = results.dataset
    n_comparisons = counted(results.n_corrected_for, "comparison")
    return (
        "The pairs of models without a clear difference. Detectable alone: the "
        "smallest true difference that about three quarters of runs with "
        f"{dataset.test_size:,} test documents{words.remarks_on_tests(dataset)} and "
        "these seeds would find if no other were tested (p below 0.05). Detectable "
        "(corrected): the same in the first step of the correction for "
        f"{n_comparisons}. Both are '-' if they would be above 1, or if a model has "
        "one or two seeds. Seeds needed: seeds of each model with which a true "
        "difference equal to the measured one would be clear as often; 'more "
        f"documents' if even {MOST:,} are too few, '-' if a model has only one seed or "
        "the two are equal."
    )
