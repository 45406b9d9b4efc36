"""The best point of each model as a config."""

from pathlib import Path

from rnnbench.choice.records import Candidate, ChoiceResults
from rnnbench.config.load import dump
from rnnbench.config.schema import Benchmark
from rnnbench.config.yaml12 import to_yaml
from rnnbench.errors import UserError
from rnnbench.points import model_of, values_of
from rnnbench.storage import write_text

ENDING = "_chosen"


def check_target(file: Path, *, overwrite: bool) -> None:
    """Make sure, before anything is trained, that ``file`` may be written.

    Raises:
        UserError: it exists, or its folder does not.
    """
    if file.exists() and not overwrite:
        raise UserError(f"{file}: exists (use --force to overwrite it, or another name)")
    if not file.parent.is_dir():
        raise UserError(f"{file}: there is no folder {file.parent}")


def write_best(file: Path, benchmark: Benchmark, results: ChoiceResults) -> None:
    """Write a config of the best point of each model, which says how they were chosen.

    Raises:
        UserError: no model has all its trials.
        UnwritableError: the file cannot be written.
    """
    best = best_points(results)
    if not best:
        raise UserError(f"{file}: not written; no model has all its trials")
    names = {candidate.name: name for name, candidate in best.items()}
    models = {names[point]: benchmark.models[point] for point in names}
    changes = {"name": f"{benchmark.name[:90]}{ENDING}", "models": {}, "references": {}}
    head = dump(benchmark.model_copy(update=changes), file.parent)
    lines = [line for line in head.splitlines() if not line.startswith(("models:", "references:"))]
    lines.append("models:")
    tried: dict[str, list[Candidate]] = {name: [] for name in best}
    for candidate in results.candidates:
        tried[model_of(candidate.name)].append(candidate)
    for name, model in models.items():
        plain = to_yaml({name: model.model_dump(exclude_none=True)})
        lines.append(f"  # {_reason(best[name], len(tried[name]))}")
        lines += [f"  {line}" for line in plain.splitlines()]
    write_text(file, "\n".join([*_introduction(results), *lines, ""]))


def best_points(results: ChoiceResults) -> dict[str, Candidate]:
    """Return the best candidate of each model, in the order of their accuracies."""
    best: dict[str, Candidate] = {}
    for candidate in results.candidates:  # the best come first
        best.setdefault(model_of(candidate.name), candidate)
    return best


def _introduction(results: ChoiceResults) -> list[str]:
    n = len(results.candidates)
    return [
        f"# Chosen from {n} model{'s' * (n != 1)} on {results.how()};",
        "# the test documents took no part. The command was:",
        f"#   {results.command}",
    ]


def _reason(candidate: Candidate, n: int) -> str:
    accuracy = f"accuracy {candidate.accuracy:.4f}"
    if not (values := values_of(candidate.name)):
        return accuracy
    return f"{accuracy}, the best of {n}: {', '.join(f'{k} {v}' for k, v in values.items())}"
