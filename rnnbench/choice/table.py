"""The table of a choice: a row for each candidate, the best first."""

from rnnbench.choice.ranking import SIMPLEST
from rnnbench.choice.results import Candidate, ChoiceResults
from rnnbench.metrics import FIT_SECONDS
from rnnbench.report.table import MISSING, Columns, Table, table_of, with_points
from rnnbench.report.words import NOT_CLEAR, condition, in_blocks, scope, short_p, worse
from rnnbench.text import either, heading, numbers, sentences

P_BEST = "p (as good as best)"


def choice_table(results: ChoiceResults) -> Table:
    """Return the table that ``rnnbench choose`` prints."""
    n_seeds = results.n_seeds
    columns: Columns[Candidate] = {
        "model": lambda candidate: candidate.name,
        f"{results.dataset.kind.score_name} ({_over(results)})": _score,
        f"95 % interval {scope(n_seeds)}": lambda candidate: (
            f"{candidate.interval:.4f}"
        ),
        P_BEST: _p_best,
        "clearly worse than the best": _worse,
        "params": lambda candidate: f"{candidate.params:,}",
        FIT_SECONDS.header: lambda candidate: FIT_SECONDS.spell(candidate.fit_seconds),
    }
    return with_points(table_of(results.candidates, columns, _caption(results)))


def _over(results: ChoiceResults) -> str:
    """Return in words what scores are means over."""
    scopes = []
    if results.folds:
        scopes.append(f"{results.tested_folds} folds")
    if results.n_seeds > 1:
        scopes.append(f"{results.n_seeds} seeds")
    if not scopes:
        return "1 seed"
    return f"mean ± 95 % over {' and '.join(scopes)}"


def _score(candidate: Candidate) -> str:
    score = f"{candidate.score:.4f}"
    ends = candidate.over_parts
    if ends:
        score += f" ± {(ends.high - ends.low) / 2:.4f}"
    return score


def _p_best(candidate: Candidate) -> str:
    test = candidate.against_best
    if test is None or test.has_too_few_seeds:
        return MISSING
    return short_p(test.p_corrected)


def _worse(candidate: Candidate) -> str:
    return worse(candidate.against_best, "best")


def _caption(results: ChoiceResults) -> str:
    dataset = results.dataset
    score = dataset.kind.score_name
    missing = dict.fromkeys(trial.model for trial in results.missing)
    tests = [
        candidate.against_best
        for candidate in results.candidates
        if candidate.against_best
    ]
    lines = []
    if results.recommended:
        lines.append(f"Recommended: {results.recommended.reason}")
    if missing:
        names = ", ".join(missing)
        lines.append(f"This choice is partial; trials of {names} are missing.")
    lines.append(
        f"Data: {dataset.source} ({dataset.origin}). {heading(score)} on "
        f"{results.how()}. No model was trained on the documents that it classified, "
        "and the test documents were not used."
    )
    if dataset.in_order:
        lines.append(f"The held-out documents are {in_blocks(results.held_out)}.")
    lines.append(f"Seeds: {numbers(results.seeds[: results.n_seeds])}.")
    if results.epochs:
        lines.append(f"Epochs: {either(results.epochs)}.")
    if results.folds:
        lines.append(
            f"After ±: how much the {score} depends on the documents learned from. "
            f"Interval {scope(results.n_seeds)}: how much it depends on the documents "
            "classified."
        )
    if tests:
        lines.append(
            f"{P_BEST}: the p-value of being as good as the best of these models, "
            "whichever is the best; clearly worse: below 0.05, for the models as they "
            "were trained here."
        )
    if any(test.verdict == NOT_CLEAR for test in tests):
        lines.append(SIMPLEST.format(score=score))
    is_sample = len(missing) + len(results.candidates) < results.n_models
    if results.searched and is_sample:
        drawn = f"drew at most {results.searched} points of each grid"
        lines.append(f"{results.sampler} {drawn}.")
    lines.append(f"{FIT_SECONDS.header}: the mean of all trainings.")
    lines.append(condition(tests))
    return sentences(*lines)
