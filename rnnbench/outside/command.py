"""The command ``rnnbench verdict``."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from rnnbench.errors import RnnbenchError, UserError, did_you_mean
from rnnbench.terminal import options

if TYPE_CHECKING:
    from rnnbench.analysis.compare import ComparedRuns
    from rnnbench.results.schema import Results

EXAMPLES = options.examples(
    "rnnbench verdict bert.csv lstm.csv",
    "rnnbench verdict old=a.csv new=b.csv --fail-if 'drops significantly'",
    "rnnbench verdict --labels test.csv predictions/*.parquet --out results/mine",
    "rnnbench verdict --labels results/r52 mine=mine.csv --out results/mine",
    "rnnbench verdict small=small/samples_qa.jsonl large=large/samples_qa.jsonl --score f1 "
    "--cluster doc.passage",
    "rnnbench verdict bert-seed0.npz bert-seed1.npz bert-seed2.npz --missing wrong --json",
)


FILES = "Files with answers; a NAME is that of a model."
LABELS = "The labels, or a run on whose test documents models answered."
COLUMNS = "The column with the id, label, prediction, model or seed; repeatable."
SCORES = "Judge these scores of answers, from 0 to 1."
CLUSTERS = "Documents with the same value depend on each other."
ONLY = "Only rows with this value."
SEPARATOR = "Stands between the labels of a document."
MISSING = (
    "A missing answer is an error, its document is left out for all models, or it counts as wrong."
)
GATES = (
    "Exit with 1 if this holds for any but the first model: a gate of `rnnbench compare`, where A "
    "is the first model; repeatable."
)


def verdict(
    files: Annotated[list[str], typer.Argument(metavar="[NAME=]FILE", help=FILES)],
    labels: Annotated[Path | None, typer.Option(metavar="FILE|RUN", help=LABELS)] = None,
    column: Annotated[list[str] | None, typer.Option(metavar="KEY=NAME", help=COLUMNS)] = None,
    score: Annotated[str | None, typer.Option(metavar="COLUMN", help=SCORES)] = None,
    cluster: Annotated[str | None, typer.Option(metavar="COLUMN", help=CLUSTERS)] = None,
    only: Annotated[str | None, typer.Option(metavar="COLUMN=VALUE", help=ONLY)] = None,
    separator: Annotated[str | None, typer.Option(metavar="TEXT", help=SEPARATOR)] = None,
    missing: Annotated[Literal["error", "drop", "wrong"], typer.Option(help=MISSING)] = "error",
    fail_if: Annotated[list[str] | None, typer.Option(metavar="GATE", help=GATES)] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Store it as a run.", **options.FOLDER)
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Judge answers that other programs gave: scores, differences, and what could be found.

    FILEs are tables (.csv, .tsv, .jsonl, .json, .parquet) with a row for each document, or NumPy
    arrays (.npz, .npy). Columns are found by their usual names: id, label, prediction, model, seed.
    Without a column of predictions, all other columns are classes with a score each. Samples of
    lm-evaluation-harness are recognized. Several files of one model, such as bert-seed0.csv and
    bert-seed1.csv, are trainings of it.

    `compare`, `leaderboard`, `report` and `site` take the run that --out stores.
    """
    from rnnbench.analysis.compare import judge, parse_gate
    from rnnbench.analysis.comparisons import power_of_pairs
    from rnnbench.outside.files import NAMES, Reading, allowed_name, read_answers
    from rnnbench.outside.judge import verdict as judged
    from rnnbench.report.tables import verdict_lines
    from rnnbench.terminal import console

    gates = [parse_gate(text) for text in fail_if or ()]
    columns = dict(_pair("--column", text, NAMES) for text in column or ())
    named = {"score": score, "cluster": cluster}
    columns |= {key: name for key, name in named.items() if name is not None}
    reading = Reading(columns, _pair("--only", only) if only else None, separator)
    given = read_answers(files, labels, reading)
    name = allowed_name(out.resolve().name) if out else ""
    found = judged(**given, missing=missing, name=name or "verdict")
    verdicts = [judge(gate, _changes(found.results)) for gate in gates]
    if out:
        found = found.save(out, command=options.command())
    record = found.results.model_dump(mode="json")
    record["power"] = [pair.model_dump(mode="json") for pair in power_of_pairs(found)]
    record["gates"] = [gate.model_dump(mode="json") for gate in verdicts]
    console.print_record(record, *found.tables(), as_json=as_json)
    if out:
        console.err.print(f"Stored in {out}", soft_wrap=True)
    passed, failed = verdict_lines(verdicts)
    for line in passed:
        console.err.print(line, soft_wrap=True)
    if failed:
        raise RnnbenchError("\n".join(failed))


def _pair(option: str, text: str, keys: Collection[str] = ()) -> tuple[str, str]:
    """Return both sides of ``KEY=VALUE``; the key may have to be one of some."""
    key, has_value, value = text.partition("=")
    if not has_value or not key or (keys and key not in keys):
        hint = did_you_mean(key, keys) if keys else "should be COLUMN=VALUE"
        raise UserError(f"{option} {text}: got '{key}' ({hint})")
    return key, value


def _changes(results: "Results") -> "ComparedRuns":
    """Return how the other models differ from the first, as gates need it."""
    from rnnbench.analysis.compare import Change, ComparedRuns, ModelChange

    first, *others = results.models
    if not others:
        raise UserError(f"--fail-if: only {first.name} answered (should be two or more models)")
    pairs, changes = results.comparisons_of(first.name), []
    for model in others:
        if model.name not in pairs:
            raise UserError(f"--fail-if: too many models to compare {model.name} with {first.name}")
        tested = pairs[model.name].seen_from(model.name).model_dump(include={*Change.model_fields})
        changes.append(ModelChange(name=model.name, a=first, b=model, speed_ratio=None, **tested))
    rest: dict[str, Any] = {"only_in_a": [], "only_in_b": [], "differences": []}
    return ComparedRuns(a=first.name, b="", dataset=results.dataset, models=changes, **rest)
