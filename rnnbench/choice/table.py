"""A choice as tables."""

from functools import partial
from math import comb

from rnnbench.analysis.intervals import folds_p
from rnnbench.choice.records import Candidate, ChoiceResults
from rnnbench.metrics import FIT_SECONDS
from rnnbench.report.numbers import MISSING, condition, in_blocks, interval_text, scope, short_p
from rnnbench.report.table import Columns, Table, table_of, with_points
from rnnbench.words import counted, numbers

P_OF_FOLDS = "p over other training documents"


def choice_table(results: ChoiceResults) -> Table:
    """Return a row for each candidate, the best first."""
    over = _over(results)
    columns: Columns[Candidate] = {
        "model": lambda each: each.name,
        f"accuracy ({over})": _accuracy,
        f"95 % interval {scope(_n_seeds(results))}": lambda each: interval_text(each.interval),
        "clearly worse than the best": _verdict,
    }
    if results.folds:
        columns[P_OF_FOLDS] = partial(_p_of_folds, results)
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


def _n_seeds(results: ChoiceResults) -> int:
    """Return the number of seeds: one if no candidate depends on the seed."""
    return max((each.seeds for each in results.candidates), default=1)


def _over(results: ChoiceResults) -> str:
    n = _n_seeds(results)
    folds = [f"{results.folds} folds"] if results.folds else []
    scopes = [*folds, *([f"{n} seeds"] if n > 1 else [])]
    return f"mean ± 95 % over {' and '.join(scopes)}" if scopes else "1 seed"


def _accuracy(candidate: Candidate) -> str:
    if candidate.over_parts is None:
        return f"{candidate.accuracy:.4f}"
    half = (candidate.over_parts.high - candidate.over_parts.low) / 2
    return f"{candidate.accuracy:.4f} ± {half:.4f}"


def _verdict(candidate: Candidate) -> str:
    if candidate.against_best is None:
        return "best"
    if candidate.against_best.has_too_few_seeds:
        return candidate.against_best.verdict
    return "yes" if candidate.is_clearly_worse else "no"


def _p_of_folds(results: ChoiceResults, candidate: Candidate) -> str:
    p = folds_p(results.candidates[0].of_parts, candidate.of_parts)
    return MISSING if candidate.against_best is None or p is None else short_p(p)


def _caption(results: ChoiceResults) -> str:
    dataset, n = results.dataset, comb(len(results.candidates), 2)
    comparisons = counted(n, "comparison")
    sentences = [
        f"Data: {dataset.source} ({dataset.origin}). Accuracy on {results.how()}. "
        "No model was trained on the documents that it classified, and the test documents were not "
        "used.",
        f"Seeds: {numbers(results.seeds[: _n_seeds(results)])}.",
    ]
    if n:
        sentences.append(
            f"Clearly worse: a p-value below 0.05, corrected for {comparisons} (Holm)."
        )
    if n and results.folds:
        sentences.append(
            f"This verdict and the interval {scope(_n_seeds(results))} are about the models as "
            f"they were trained here. {P_OF_FOLDS}: the p-value of the difference from the best "
            "over the folds, as if that pair were the only one (the corrected t-test of Nadeau and "
            "Bengio)."
        )
    if results.epochs:
        sentences.insert(2, f"Epochs: {' or '.join(map(str, results.epochs))}.")
    if dataset.in_order:
        sentences.insert(1, f"The held-out documents are {in_blocks(results.held_out)}.")
    if results.searched:
        sentences.append(f"{results.sampler} drew at most {results.searched} points of each grid.")
    if about := condition(each.against_best for each in results.candidates if each.against_best):
        sentences.append(about)
    if results.missing:
        names = ", ".join(dict.fromkeys(each.model for each in results.missing))
        sentences.insert(0, f"This choice is partial; trials of {names} are missing.")
    return " ".join(sentences)
