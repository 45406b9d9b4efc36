"""The commands that read runs.

``rnnbench report``, ``leaderboard`` and ``compare``.
"""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer
from pydantic import BaseModel

import rnnbench
from rnnbench.analysis import gates as gating
from rnnbench.analysis.boards import MeanRanks
from rnnbench.analysis.equivalence import equivalences
from rnnbench.analysis.power import power_of_pairs
from rnnbench.analysis.summary import load_run, load_runs
from rnnbench.errors import RnnbenchError, UserError
from rnnbench.metrics import find_quantity, quantity_names
from rnnbench.report.badge import make_badge
from rnnbench.report.table import Table
from rnnbench.report.tables.gates import comparison_markdown, junit, verdict_lines
from rnnbench.report.tables.pairs import equivalence_table, power_table
from rnnbench.results.schema import SUMMARY_VERSION
from rnnbench.results.store import CHOICE
from rnnbench.storage import atomic_write, check_new, peek, write_text
from rnnbench.terminal import console, options

METRIC = f"Rank models by this: {options.QUANTITIES}; by default the main metric."
_metric = typer.Option(metavar="METRIC", help=METRIC, autocompletion=quantity_names)
HISTORY = "Show the metric from run to run, the oldest first."
PLOT = "Draw mean ranks over all datasets: .png, .svg or .pdf."
BADGE = "Write a badge of the only RUN, or replace a badge."
BADGE_MODEL = "The model on the badge; by default the best one."
GATES = f"""Exit with 1 if this holds for any model; repeatable. A GATE is "METRIC
drops|rises AMOUNT": from A to B by more than AMOUNT, a number or a percentage of A,
such as 5%; for the main metric, also the word significantly, or "METRIC may be worse
by 0.5 points", which fails unless B is surely not so much worse (one-sided, 5 %).
METRIC: {options.QUANTITIES}; by default the main metric. A model that is only in A
fails every gate; one that is only in B fails none. Or "leaks > AMOUNT": more test
documents are copies or near-copies of training documents."""
FORMATS = (
    "table; markdown, for CI; or junit: XML with a test case for each gate and model."
)
_format = typer.Option("--format", metavar="FORMAT", help=FORMATS)
FINISHED = "The folder of a finished run."
OTHER = "The folder of another run on the same documents."
commands = typer.Typer(rich_markup_mode="markdown")
_command = partial(options.command_with, commands)


def _record(**parts: Sequence[BaseModel]) -> dict[str, object]:
    """Return the JSON output of a command: lists by their names."""
    record: dict[str, object] = {"schema_version": SUMMARY_VERSION}
    for name, items in parts.items():
        record[name] = [item.model_dump(mode="json") for item in items]
    return record


@_command(
    "rnnbench report results/all",
    "rnnbench report results/all --words 8 --errors 40",
    "rnnbench report results/choice-lstm",
)
def report(
    run: Annotated[
        Path, options.run_folder(help="The folder of a finished run or choice.")
    ],
    words: Annotated[
        int, options.number(help="Words of each misclassified document.", min=0)
    ] = 60,
    errors: Annotated[
        int, options.number(help="Misclassified documents shown.", min=0)
    ] = 20,
) -> None:
    """Write RUN/report.html, a single file that works offline, RUN/report.md and
    RUN/plots/.

    The report begins with the verdict. Below it are the scores and, folded, all other
    tables and plots. The words of the documents come from the cache; nothing is
    downloaded. The report of a choice shows the recommended model and the table of all
    candidates.
    """
    command = options.command()
    if (run / CHOICE).is_file():
        page = rnnbench.load_choice(run).write_report(command=command)
    else:
        page = rnnbench.load_run(run).write_report(
            words=words, errors=errors, command=command
        )
    console.out.print(str(page), soft_wrap=True)


@_command(
    "rnnbench leaderboard results/reference/all results/all",
    "rnnbench leaderboard results/* --metric macro_f1 --json",
    "rnnbench leaderboard nightly/* --history",
    "rnnbench leaderboard results/all --badge badge.json --model lstm",
    "rnnbench leaderboard results/all results/r52 results/r8 --plot ranks.svg",
)
def leaderboard(
    runs: options.Runs,
    metric: Annotated[str | None, _metric] = None,
    history: Annotated[bool, typer.Option("--history", help=HISTORY)] = False,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help=PLOT)] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite the FILE of --plot.")
    ] = False,
    badge: Annotated[Path | None, typer.Option(metavar="FILE", help=BADGE)] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help=BADGE_MODEL)] = None,
    without_duplicates: options.WithoutDuplicates = False,
    as_json: options.Json = False,
) -> None:
    """Rank the models of all RUNs, best first.

    Only results on the same documents are comparable, so each set of documents has a
    table of its own. Trials that occur in several runs are shown once.

    With --history, a row for each run has its date, the commit of rnnbench, and the
    mean of each model, and names the models whose score clearly differs from that in
    the run before.

    With --plot, runs on two or more datasets give a critical-difference diagram
    (Demšar, 2006) of the models that all of them have, by name: mean ranks, Friedman's
    test and Nemenyi's test. It proves nothing about other datasets: seeds are not
    datasets, and datasets of one collection are not independent. With fewer than 5
    datasets, the tests have almost no power.

    With --badge, FILE is the JSON that an endpoint badge of shields.io reads. Where it
    is published at ADDRESS, the picture is at
    https://img.shields.io/endpoint?url=ADDRESS. A score is green if it is clearly
    better than always answering the most frequent topic, and red if it is worse.
    """
    if metric is not None:
        find_quantity(metric, "--metric")
    if force and not plot:
        raise UserError("--force: needs --plot")
    if model is not None and not badge:
        raise UserError("--model: needs --badge")
    if history and (plot or badge):
        raise UserError("--history: not with --plot or --badge")
    if plot and badge:
        raise UserError("--plot: not with --badge")
    if badge and len(runs) > 1:
        raise UserError(f"--badge: takes one RUN, got {len(runs)}")
    if plot:
        from rnnbench.report.plots.plot import FORMATS  # imports Matplotlib

        check_new(plot, "--plot", FORMATS, overwrite=force)
    stored = load_runs(runs, without_duplicates=without_duplicates)
    if history:
        histories = rnnbench.history(stored, metric)
        record = _record(histories=histories.histories)
        views = histories.tables()
    else:
        ranked = rnnbench.leaderboard(stored, metric)
        record = _record(leaderboards=ranked.boards)
        views = ranked.tables()
    if plot:
        ranks = ranked.mean_ranks()
        record["mean_ranks"] = ranks.model_dump(mode="json")
        views.append(_plot_ranks(ranks, plot))
    if badge:
        content = make_badge(stored[0].results, model, metric)
        _write_badge(content, badge)
    console.print_record(record, *views, as_json=as_json)
    file = plot or badge
    if file:
        console.err.print(f"Written to {file}", soft_wrap=True)


def _plot_ranks(ranks: MeanRanks, file: Path) -> Table:
    """Write a critical-difference diagram, and return the table that goes with it."""
    from rnnbench.report.plots.ranks import RanksPlot, ranks_table  # imports Matplotlib

    with atomic_write(file) as opened:
        opened.write(RanksPlot(ranks).picture(file.suffix.lower()))
    return ranks_table(ranks)


def _write_badge(content: Mapping[str, object], file: Path) -> None:
    """Write a badge; ``UserError``: something else is in the file."""
    is_badge = {"schemaVersion", "label", "message"} <= peek(file).keys()
    if file.is_file() and not is_badge:
        raise UserError(f"--badge {file}: exists and is not a badge (use another name)")
    write_text(file, json.dumps(content, indent=1) + "\n")


@_command(
    "rnnbench compare results/reference/all results/all",
    "rnnbench compare results/all --margin 0.5",
    "rnnbench compare results/before results/after --models lstm,gru --json",
    "rnnbench compare results/before results/after --fail-if 'drops significantly'",
    "rnnbench compare A B --fail-if 'macro_f1 drops 0.01' "
    "--fail-if 'ms_per_step rises 20%'",
    "rnnbench compare A B --format junit --fail-if 'drops 0.01' > gates.xml",
)
def compare(
    run_a: Annotated[Path, options.run_folder(help=FINISHED, metavar="RUN_A")],
    run_b: Annotated[
        Path | None, options.run_folder(help=OTHER, metavar="RUN_B")
    ] = None,
    fail_if: Annotated[
        list[str] | None, typer.Option(metavar="GATE", help=GATES)
    ] = None,
    form: Annotated[Literal["table", "markdown", "junit"], _format] = "table",
    models: Annotated[
        str | None, typer.Option(metavar="A,B", help="Only these models.")
    ] = None,
    margin: options.Margin = None,
    without_duplicates: options.WithoutDuplicates = False,
    as_json: options.Json = False,
) -> None:
    """Show how the models of RUN_B differ from those of the same name in RUN_A.

    The tables show scores with intervals and p-values, macro-F1, speed, and every
    difference in config, data and environment. Runs on different documents cannot be
    compared.

    Without RUN_B, they show the power of RUN_A. For each pair of its models without a
    clear difference: the smallest difference that these test documents and seeds would
    show in about three quarters of runs, and the number of seeds that would be needed
    if the measured difference were the true one.
    """
    gates = parse_gates(fail_if)
    if as_json and form != "table":
        raise UserError(f"--json: not with --format {form} (use one of the two)")
    if form == "junit" and not gates:
        needs = "needs --fail-if, because gates are its test cases"
        raise UserError(f"--format {form}: {needs}")
    if run_b is None and form != "table":
        raise UserError("--format: needs RUN_B")
    only = options.names(models)
    a = load_run(run_a, without_duplicates=without_duplicates)
    if run_b is None:
        pairs = power_of_pairs(a, only)
        table = power_table(pairs, a.results)
        verdicts = []
        for gate in gates:
            verdicts.append(gating.judge_alone(gate, a.results.dataset))
        record = _record(pairs=pairs, gates=verdicts)
        tables = [table]
        if margin is not None:
            equal_pairs = equivalences(a, margin, only)
            record |= _record(equivalence=equal_pairs)
            tables.append(equivalence_table(equal_pairs, margin, a.results))
        console.print_record(record, *tables, as_json=as_json)
        end_with(verdicts)
        return
    if margin is not None:
        hint = "use --fail-if 'may be worse by 0.5 points'"
        raise UserError(f"--margin: only without RUN_B ({hint})")
    b = load_run(run_b, without_duplicates=without_duplicates)
    comparison = rnnbench.compare(a, b, only)
    bounds = gating.bounds_of_runs(a, b)
    verdicts = []
    for gate in gates:
        verdicts.append(gating.judge(gate, comparison, bounds))
    if form == "table":
        record = comparison.model_dump(mode="json") | _record(gates=verdicts)
        console.print_record(record, *comparison.tables(), as_json=as_json)
    elif form == "junit":
        name = f"{comparison.b} compared with {comparison.a}"
        typer.echo(junit(name, verdicts), nl=False)
    else:
        typer.echo(comparison_markdown(comparison, verdicts), nl=False)
    end_with(verdicts)


def parse_gates(texts: Sequence[str] | None) -> list[gating.Gate]:
    """Return the gates that an option names."""
    return [gating.parse_gate(text) for text in texts or ()]


def end_with(verdicts: Sequence[gating.GateVerdict]) -> None:
    """Print the gates that passed; an error names those that failed."""
    passed, failed = verdict_lines(verdicts)
    for line in passed:
        console.err.print(line, soft_wrap=True)
    if failed:
        raise RnnbenchError("\n".join(failed))
