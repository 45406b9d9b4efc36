"""A choice as tables."""

from rnnbench.choice.records import Candidate, ChoiceResults
from rnnbench.metrics import FIT_SECONDS
from rnnbench.report.table import Columns, Table, interval_text, table_of, with_points


def choice_table(results: ChoiceResults) -> Table:
    """Return a row for each candidate, the best first."""
    over = _over(results)
    columns: Columns[Candidate] = {
        "model": lambda each: each.name,
        f"accuracy ({over})": _accuracy,
        f"95 % interval over documents{' and seeds' * (len(results.seeds) > 1)}": lambda each: (
            interval_text(each.interval)
        ),
        "clearly worse than the best": _verdict,
    }
    return with_points(table_of(results.candidates, columns, _caption(results)))


def costs_table(results: ChoiceResults) -> Table:
    """Return the size of each candidate, and the time that a training takes."""
    columns: Columns[Candidate] = {
        "model": lambda each: each.name,
        "params": lambda each: f"{each.params:,}",
        FIT_SECONDS.header: lambda each: format(each.fit_seconds, FIT_SECONDS.format),
    }
    caption = f"Means over all trainings; {FIT_SECONDS.header} is a whole training."
    return with_points(table_of(results.candidates, columns, caption))


def _over(results: ChoiceResults) -> str:
    n = len(results.seeds)
    folds = [f"{results.folds} folds"] if results.folds else []
    scopes = [*folds, *([f"{n} seeds"] if n > 1 else [])]
    return f"mean ± 95 % over {' and '.join(scopes)}" if scopes else "1 seed"


def _accuracy(candidate: Candidate) -> str:
    if candidate.spread is None:
        return f"{candidate.accuracy:.4f}"
    half = (candidate.spread.high - candidate.spread.low) / 2
    return f"{candidate.accuracy:.4f} ± {half:.4f}"


def _verdict(candidate: Candidate) -> str:
    if candidate.against_best is None:
        return "best"
    return "yes" if candidate.is_clearly_worse else "no"


def _caption(results: ChoiceResults) -> str:
    dataset, n = results.dataset, max(len(results.candidates) - 1, 0)
    comparisons = f"{n} comparison{'s' * (n != 1)}"
    sentences = [
        f"Data: {dataset.source} ({dataset.origin}). Judged: {results.how()}, by models trained on "
        "the others; the test documents took no part.",
        f"Seeds: {', '.join(map(str, results.seeds))}. Epochs: {results.epochs}.",
        f"Clearly: p below 0.05, corrected for {comparisons} with the best (Holm).",
    ]
    if results.searched:
        sentences.append(f"Of each grid, at most {results.searched} points were drawn and tried.")
    if results.missing:
        names = ", ".join(dict.fromkeys(each.model for each in results.missing))
        sentences.insert(0, f"This choice is partial: {names} lack trials.")
    return " ".join(sentences)
