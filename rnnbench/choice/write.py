"""The best point of each model as a config."""

import os
from collections import Counter
from pathlib import Path

from rnnbench.choice.records import Candidate, ChoiceResults
from rnnbench.config.load import dump
from rnnbench.config.schema import Benchmark
from rnnbench.config.yaml12 import to_yaml
from rnnbench.errors import UserError
from rnnbench.points import model_of, values_of
from rnnbench.storage import write_text
from rnnbench.words import counted

ENDING = "_chosen"


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
    n_tried = Counter(model_of(each.name) for each in results.candidates)
    changes = {
        "name": f"{benchmark.name[:90]}{ENDING}",
        "models": {
            name: benchmark.models[each.name].model_copy(update={"chosen_from": n_tried[name]})
            for name, each in best.items()
        },
    }
    lines = dump(benchmark.model_copy(update=changes), file.parent).splitlines()
    start = lines.index("models:")
    for name, candidate in best.items():
        key = "  " + to_yaml({name: 0}).removesuffix(" 0\n")
        start = lines.index(key, start + 1)  # the names come in this order; all else is deeper
        lines.insert(start, f"  # {_reason(candidate, n_tried[name])}")
        start += 1
    write_text(file, "\n".join([*_introduction(results), *lines, ""]))


def best_points(results: ChoiceResults) -> dict[str, Candidate]:
    """Return the best candidate of each model, in the order of their accuracies."""
    best: dict[str, Candidate] = {}
    for candidate in results.candidates:  # the best come first
        best.setdefault(model_of(candidate.name), candidate)
    return best


def _introduction(results: ChoiceResults) -> list[str]:
    n = len(results.candidates)
    lines = [
        f"Chosen from {counted(n, 'model')} by accuracy on {results.how()};",
        "the test documents were not used. The command was:",
        *(f"  {line}" for line in results.command.splitlines()),
    ]
    return [f"# {line}" for line in lines]


def _reason(candidate: Candidate, n: int) -> str:
    accuracy = f"accuracy {candidate.accuracy:.4f}"
    if not (values := values_of(candidate.name)):
        return accuracy
    return f"{accuracy}, the best of {n}: {', '.join(f'{k} {v}' for k, v in values.items())}"
