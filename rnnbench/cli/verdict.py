"""The command ``rnnbench verdict``."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from rnnbench.analysis.summary import load_run
from rnnbench.cli.runs import end_with, parse_gates
from rnnbench.errors import UserError, did_you_mean
from rnnbench.outside.answers import Missing
from rnnbench.results.store import RESULTS
from rnnbench.stats.power import MOST_DOCUMENTS
from rnnbench.storage import names_file
from rnnbench.terminal import console, options

if TYPE_CHECKING:
    from rnnbench.outside.files import FileAnswers
    from rnnbench.outside.judge import Verdict
    from rnnbench.outside.plan import PairPlan


EXAMPLES = options.examples(
    "rnnbench verdict bert.csv lstm.csv",
    "rnnbench verdict answers.txt --labels gold.txt",
    "rnnbench verdict old=a.csv new=b.csv --fail-if 'drops significantly'",
    "rnnbench verdict a.csv b.csv --margin 0.5",
    "rnnbench verdict --labels results/r52 mine=mine.csv --out results/mine",
    "rnnbench verdict small=lm_output/small large=lm_output/large --cluster doc.page",
    "rnnbench verdict logs -v",
    "rnnbench verdict --plan --documents 500 --agree 90%",
    "rnnbench verdict --plan results/r52",
    "rnnbench verdict bert-seed0.npz bert-seed1.npz bert-seed2.npz --missing wrong "
    "--json",
)
ANSWERS = "Files with answers, or folders of them; a NAME is that of a model."
LABELS = "A file with the labels, or a run whose test documents the models answered."
COLUMNS = """The column with the id, label, prediction, model, seed or task;
repeatable."""
LABEL = "The column with the labels, or those with 0 and 1: sports,politics."
TEXT = "The column with the texts; a line counts those that RUN trained on."
SCORES = "Judge these scores of answers, from 0 to 1."
CLUSTERS = "Documents with the same value, such as an author, depend on each other."
ONLY = "Only rows with this value."
SEPARATOR = "Stands between the labels of a document, or 'none'; by default detected."
MISSING = """A missing answer is an error, its document is left out for all, or it
counts as wrong."""
EXACT = "Do not read free text as labels."
OVER_VERDICT = "Overwrite a verdict on other answers in --out."
OWN_GATES = (
    "A gate, as for `rnnbench compare`: A is the first model, B any other; repeatable."
)
PLAN = """Say which difference would be found, and how many documents one point needs:
from --documents and --agree, from FILEs, or from one run or two."""
DOCUMENTS = "The number of documents; by default that of the FILEs."
AGREE = "The share of documents that both models get right or both wrong, such as 90%."
VERBOSE = "Also print differences, power, and what the columns mean."
_column = partial(typer.Option, metavar="COLUMN")
_reading = partial(typer.Option, rich_help_panel="How files are read")
_planning = partial(typer.Option, rich_help_panel="Planning")
_verbose = typer.Option("--verbose", "-v", help=VERBOSE)


def verdict(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME=]FILE", help=ANSWERS)
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE|RUN", help=LABELS)
    ] = None,
    column: Annotated[
        list[str] | None, _reading(metavar="KEY=NAME", help=COLUMNS)
    ] = None,
    label: Annotated[
        str | None, _reading("--label", metavar="COLUMN", help=LABEL)
    ] = None,
    text: Annotated[str | None, _reading("--text", metavar="COLUMN", help=TEXT)] = None,
    score: Annotated[str | None, _column("--score", help=SCORES)] = None,
    cluster: Annotated[
        str | None, _column("--cluster", "--group", help=CLUSTERS)
    ] = None,
    only: Annotated[str | None, _reading(metavar="COLUMN=VALUE", help=ONLY)] = None,
    separator: Annotated[str | None, _reading(metavar="TEXT", help=SEPARATOR)] = None,
    missing: Annotated[Missing, typer.Option(help=MISSING)] = "error",
    exact: Annotated[bool, _reading("--exact", help=EXACT)] = False,
    fail_if: Annotated[
        list[str] | None, typer.Option(metavar="GATE", help=OWN_GATES)
    ] = None,
    margin: options.Margin = None,
    plan: Annotated[bool, _planning("--plan", help=PLAN)] = False,
    documents: Annotated[
        int | None, _planning(metavar="N", help=DOCUMENTS, min=1, max=MOST_DOCUMENTS)
    ] = None,
    agree: Annotated[str | None, _planning(metavar="SHARE", help=AGREE)] = None,
    out: Annotated[Path | None, options.new_folder(help="Store it as a run.")] = None,
    force: Annotated[bool, typer.Option("--force", help=OVER_VERDICT)] = False,
    verbose: Annotated[bool, _verbose] = False,
    as_json: options.Json = False,
) -> None:
    """Say which model is better by answers that other programs gave, and how sure that
    is.

    FILEs are tables (.csv, .tsv, .jsonl, .json, .parquet) with a row for each document,
    NumPy arrays (.npz, .npy), text files (.txt) of an answer a line, JSON of Hugging
    Face's Trainer, samples of lm-evaluation-harness, logs of inspect_ai (.eval, .json)
    or results of promptfoo. Columns are found by their usual names. Without a column of
    predictions, all other columns are classes with a score each. Several files of one
    model, such as bert-seed0.csv and bert-seed1.csv, are trainings of it. Answers to
    several tasks are ranked on each, and by their mean.

    `compare`, `leaderboard`, `report` and `site` take the run that --out stores; of
    several tasks, it is a folder of runs.
    """
    from rnnbench.outside.columns import Reading
    from rnnbench.outside.files import read_answers
    from rnnbench.outside.gates import judge_tasks
    from rnnbench.outside.plan import plan_with_best
    from rnnbench.outside.view import dumped, shown

    if force and not out:
        raise UserError("--force: needs --out")
    files = files or []
    if plan:
        _check_plan(files, agree, is_judged=bool(fail_if or out or margin))
    elif documents or agree:
        raise UserError("--documents, --agree: only with --plan")
    elif not files:
        raise UserError("verdict: no FILE (should be files with answers, or --plan)")
    if plan and all(map(_is_run, files)):
        if labels:
            raise UserError("--labels: a plan needs it only for FILEs with answers")
        _print_plans(_plans(files, documents, agree), as_json=as_json)
        return
    gates = parse_gates(fail_if)
    columns = _columns_of(
        column, {"label": label, "text": text, "score": score, "cluster": cluster}
    )
    rows = None
    if only:
        rows = _pair("--only", only)
    reading = Reading(columns, rows, separator, is_exact=exact)
    answers = read_answers(files, labels, reading)
    names = _names_of(answers, out)
    tasks = {}
    for task, answered in answers.items():
        tasks[task] = _judged(answered, names[task], missing)
    if plan:
        _print_plans(plan_with_best(tasks.values(), documents), as_json=as_json)
        return
    verdicts = judge_tasks(tasks.values(), gates)
    if out:
        tasks = _saved(tasks, names, out, overwrite=force)
    record, views = shown(tasks, verbose=verbose, points=margin)
    record["gates"] = dumped(verdicts)
    console.print_record(record, *views, as_json=as_json)
    if out:
        console.err.print(f"Stored in {out}", soft_wrap=True)
    end_with(verdicts)


def _check_plan(files: Sequence[str], agree: str | None, *, is_judged: bool) -> None:
    """Raise ``UserError`` if options do not go with --plan."""
    if is_judged:
        raise UserError(
            "--plan: not with --fail-if, --margin or --out (a plan is no verdict)"
        )
    if files and agree:
        raise UserError("--agree: not with FILEs (they say how often models agree)")


def _is_run(name: str) -> bool:
    return Path(name, RESULTS).is_file()


def _plans(
    folders: Sequence[str], documents: int | None, agree: str | None
) -> "list[PairPlan]":
    """Return the plans of runs; without any, that of two models by numbers."""
    from rnnbench.outside.plan import parse_share, plan_by_numbers, plan_runs

    if folders:
        runs = list(map(load_run, map(Path, folders)))
        return plan_runs(runs, documents)
    if documents is None or agree is None:
        raise UserError("--plan: needs --documents and --agree, or FILEs, or a run")
    return [plan_by_numbers(documents, parse_share(agree))]


def _print_plans(plans: "Sequence[PairPlan]", *, as_json: bool) -> None:
    from rnnbench.outside.plan import in_words, plans_table
    from rnnbench.outside.view import dumped

    sentence = in_words(plans)
    record = {"plan": sentence, "pairs": dumped(plans)}
    console.print_record(record, Text(sentence), plans_table(plans), as_json=as_json)


def _columns_of(
    pairs: Sequence[str] | None, by_option: Mapping[str, str | None]
) -> dict[str, str]:
    """Return the names of columns by what they hold; an option wins over --column."""
    from rnnbench.outside.columns import NAMES

    columns = dict(_pair("--column", pair, NAMES) for pair in pairs or ())
    for key, name in by_option.items():
        if name is not None:
            columns[key] = name
    label = by_option["label"]
    if label is not None and names_file(label):
        raise UserError(f"--label {label}: a file, not a column (--labels takes it)")
    return columns


def _judged(answered: "FileAnswers", name: str, missing: Missing) -> "Verdict":
    """Return the verdict on the answers to a task."""
    from rnnbench.outside.judge import verdict as judge

    return judge(
        answered.labels,
        answered.answers,
        ids=answered.ids,
        clusters=answered.clusters,
        columns=answered.columns,
        missing=missing,
        origin=answered.origin,
        name=name,
    )


def _saved(
    tasks: "Mapping[str, Verdict]",
    names: Mapping[str, str],
    out: Path,
    *,
    overwrite: bool,
) -> "dict[str, Verdict]":
    """Store the verdict on each task as a run, and return the stored ones."""
    saved = {}
    for task, judged in tasks.items():
        folder = out
        if len(tasks) > 1:
            folder = out / names[task]
        saved[task] = judged.save(
            folder, command=options.command(), overwrite=overwrite
        )
    return saved


def _names_of(tasks: Collection[str], out: Path | None) -> dict[str, str]:
    """Return different names of runs; that of a single task is that of its folder."""
    from rnnbench.outside.files import allowed_name

    names: dict[str, str] = {}
    for task in tasks:
        name = allowed_name(task) or "task"
        if len(tasks) == 1:
            name = (out and allowed_name(out.resolve().name)) or "verdict"
        while name in names.values():
            name += "-too"
        names[task] = name
    return names


def _pair(option: str, text: str, keys: Collection[str] = ()) -> tuple[str, str]:
    """Return both sides of ``KEY=VALUE``; the key may have to be one of some."""
    key, has_value, value = text.partition("=")
    if not has_value or not key:
        form = "COLUMN=VALUE, such as language=en"
        if keys:
            form = f"KEY=NAME, such as id=document (keys: {', '.join(keys)})"
        raise UserError(f"{option} {text}: should be {form}")
    if keys and key not in keys:
        raise UserError(f"{option} {text}: got '{key}' ({did_you_mean(key, keys)})")
    return key, value
