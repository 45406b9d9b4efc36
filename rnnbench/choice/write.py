"""A choice as tables, and the best point of each model as a config."""

import os
from collections import Counter
from functools import partial
from math import comb
from pathlib import Path

from rnnbench.analysis.intervals import folds_p
from rnnbench.choice.rank import Candidate, ChoiceResults
from rnnbench.config.load import dump
from rnnbench.config.nodes import to_yaml
from rnnbench.config.schema import Benchmark
from rnnbench.errors import UserError
from rnnbench.metrics import FIT_SECONDS
from rnnbench.points import model_of, values_of
from rnnbench.report.table import (
    MISSING,
    Columns,
    Table,
    condition,
    in_blocks,
    interval_text,
    scope,
    short_p,
    table_of,
    with_points,
)
from rnnbench.storage import write_text
from rnnbench.text import counted, numbers

ENDING = "_chosen"
P_OF_FOLDS = "p over other training documents"


def choice_table(results: ChoiceResults) -> Table:
    """Return a row for each candidate, the best first."""
    over = _over(results)
    columns: Columns[Candidate] = {
        "model": lambda candidate: candidate.name,
        f"accuracy ({over})": _accuracy,
        f"95 % interval {scope(_n_seeds(results))}": lambda candidate: interval_text(
            candidate.interval
        ),
        "clearly worse than the best": _verdict,
    }
    if results.folds:
        columns[P_OF_FOLDS] = partial(_p_of_folds, results)
    return with_points(table_of(results.candidates, columns, _caption(results)))


def costs_table(results: ChoiceResults) -> Table:
    """Return the size of each candidate, and the time that a training takes."""
    columns: Columns[Candidate] = {
        "model": lambda candidate: candidate.name,
        "params": lambda candidate: f"{candidate.params:,}",
        FIT_SECONDS.header: lambda candidate: format(candidate.fit_seconds, FIT_SECONDS.format),
    }
    caption = f"Means over all trainings; {FIT_SECONDS.header} is a whole training."
    return with_points(table_of(results.candidates, columns, caption))


def _n_seeds(results: ChoiceResults) -> int:
    """Return the number of seeds: one if no candidate depends on the seed."""
    return max((candidate.seeds for candidate in results.candidates), default=1)


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
    return "yes" if candidate.against_best.is_clear else "no"


def _p_of_folds(results: ChoiceResults, candidate: Candidate) -> str:
    p = folds_p(results.candidates[0].of_parts, candidate.of_parts)
    return MISSING if candidate.against_best is None or p is None else short_p(p)


def _caption(results: ChoiceResults) -> str:
    dataset, n = results.dataset, comb(len(results.candidates), 2)
    sentences = []
    if results.missing:
        names = ", ".join(dict.fromkeys(trial.model for trial in results.missing))
        sentences.append(f"This choice is partial; trials of {names} are missing.")
    sentences.append(
        f"Data: {dataset.source} ({dataset.origin}). Accuracy on {results.how()}. No model was "
        "trained on the documents that it classified, and the test documents were not used."
    )
    if dataset.in_order:
        sentences.append(f"The held-out documents are {in_blocks(results.held_out)}.")
    sentences.append(f"Seeds: {numbers(results.seeds[: _n_seeds(results)])}.")
    if results.epochs:
        sentences.append(f"Epochs: {' or '.join(map(str, results.epochs))}.")
    if n:
        comparisons = counted(n, "comparison")
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
    tried = {model.name for model in results.candidates}
    tried |= {trial.model for trial in results.missing}
    if results.searched and len(tried) < results.n_models:
        sentences.append(f"{results.sampler} drew at most {results.searched} points of each grid.")
    tests = [candidate.against_best for candidate in results.candidates if candidate.against_best]
    if about := condition(tests):
        sentences.append(about)
    return " ".join(sentences)


def check_target(file: Path, *, overwrite: bool) -> None:
    """Make sure, before anything is trained, that ``file`` may be written.

    Raises:
        UserError: it exists, or its folder does not.
    """
    if file.is_dir():
        raise UserError(f"{file}: is a folder (should be a file)")
    if file.exists() and not overwrite:
        hint = "use --force, overwrite=True in Python, or another name"
        raise UserError(f"{file}: exists ({hint})")
    if not file.parent.is_dir():
        raise UserError(f"{file}: there is no folder {file.parent}")
    if not os.access(file.parent, os.W_OK):
        raise UserError(f"{file}: the folder cannot be written to")


def write_best(file: Path, benchmark: Benchmark, results: ChoiceResults) -> None:
    """Write a config of the best point of each model, which says how they were chosen.

    Raises:
        UserError: no model has finished all its trials.
        UnwritableError: the file cannot be written.
    """
    best = best_points(results)
    if not best:
        raise UserError(f"{file}: not written; no model has all its trials")
    n_tried = Counter(model_of(candidate.name) for candidate in results.candidates)
    changes = {
        "name": f"{benchmark.name[:90]}{ENDING}",
        "models": {
            name: benchmark.models[chosen.name].model_copy(update={"chosen_from": n_tried[name]})
            for name, chosen in best.items()
        },
    }
    lines = dump(benchmark.model_copy(update=changes), file.parent).splitlines()
    start = lines.index("models:")
    for name, candidate in best.items():
        key = "  " + to_yaml({name: 0}).removesuffix(" 0\n")
        start = lines.index(key, start + 1)  # the names come in this order; all else is deeper
        lines.insert(start, f"  # {_reason(candidate, n_tried[name])}")
        start += 1
    introduction = [
        f"Chosen from {counted(len(results.candidates), 'model')} by accuracy on {results.how()};",
        "the test documents were not used. The command was:",
        *(f"  {line}" for line in results.command.splitlines()),
    ]
    write_text(file, "\n".join([*(f"# {line}" for line in introduction), *lines, ""]))


def best_points(results: ChoiceResults) -> dict[str, Candidate]:
    """Return the best candidate of each model, in the order of their accuracies."""
    best: dict[str, Candidate] = {}
    for candidate in results.candidates:  # the best come first
        best.setdefault(model_of(candidate.name), candidate)
    return best


def _reason(candidate: Candidate, n: int) -> str:
    accuracy = f"accuracy {candidate.accuracy:.4f}"
    if not (values := values_of(candidate.name)):
        return accuracy
    return f"{accuracy}, the best of {n}: {', '.join(f'{k} {v}' for k, v in values.items())}"
