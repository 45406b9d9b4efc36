"""The command ``rnnbench compare``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from rnnbench.analysis.compare import ComparedRuns, Verdict, compare_runs, judge, parse_gate
from rnnbench.analysis.load import load_run
from rnnbench.errors import RnnbenchError, UserError, did_you_mean
from rnnbench.report.compare import (
    comparison_annotations,
    comparison_markdown,
    comparison_tables,
)
from rnnbench.report.gates import junit, verdict_lines
from rnnbench.results.schema import SUMMARY_VERSION
from rnnbench.terminal import completion, console, options

FORMATS = TABLE, MARKDOWN, JUNIT, GITHUB = ("table", "markdown", "junit", "github")

EXAMPLES = options.examples(
    "rnnbench compare results/reference/all results/all",
    "rnnbench compare results/before results/after --models lstm,gru --json",
    "rnnbench compare results/before results/after --fail-if 'accuracy drops significantly'",
    "rnnbench compare A B --fail-if 'macro_f1 drops 0.01' --fail-if 'ms_per_step rises 20%'",
    "rnnbench compare A B --format markdown > comparison.md",
    "rnnbench compare A B --format junit --fail-if 'accuracy drops 0.01' > gates.xml",
)


def compare(
    run_a: Annotated[Path, options.run_folder("The folder of a finished run.", "RUN_A")],
    run_b: Annotated[
        Path, options.run_folder("The folder of another run on the same documents.", "RUN_B")
    ],
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-if",
            metavar="GATE",
            help="Exit with 1 if this holds for any model; repeatable. A GATE is "
            '"METRIC drops|rises AMOUNT": from A to B, by more than AMOUNT, which may be a '
            'percentage of A, such as 5%; or "accuracy drops|rises significantly". '
            f"METRIC: {options.METRICS}. "
            "A model that is only in A fails every gate; a model that is only in B fails none.",
            show_default=False,
            autocompletion=completion.gates,
        ),
    ] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="table; markdown, for the summary of a CI job; junit, an XML file with a test "
            "case for each gate and model; or github, annotations of GitHub Actions.",
            autocompletion=completion.among(*FORMATS),
        ),
    ] = TABLE,
    models: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Only these models of the runs.", show_default=False),
    ] = None,
    without_duplicates: options.WithoutDuplicates = False,
    as_json: options.Json = False,
) -> None:
    """Show how the models of RUN_B differ from those of the same name in RUN_A.

    The tables show accuracies with intervals and p-values, macro-F1, speed, and every difference
    in config, data and environment. Runs on different documents cannot be compared.
    """
    gates = [parse_gate(text) for text in fail_if or ()]
    _check_format(form, has_gates=bool(gates), as_json=as_json)
    only = None if models is None else options.names(models)
    a, b = (load_run(run, without_duplicates=without_duplicates) for run in (run_a, run_b))
    comparison = compare_runs(a, b, only)
    verdicts = [judge(gate, comparison) for gate in gates]
    if form == TABLE:
        record = {
            "schema_version": SUMMARY_VERSION,
            **comparison.model_dump(mode="json"),
            "gates": [verdict.model_dump(mode="json") for verdict in verdicts],
        }
        console.print_record(record, *comparison_tables(comparison), as_json=as_json)
    else:
        typer.echo(_page(form, comparison, verdicts), nl=False)
    passed, failed = verdict_lines(verdicts)
    for line in passed:
        console.err.print(line, soft_wrap=True)
    if failed:
        raise RnnbenchError("\n".join(failed))


def _check_format(form: str, *, has_gates: bool, as_json: bool) -> None:
    if form not in FORMATS:
        hint = "for JSON, use --json" if form == "json" else did_you_mean(form, FORMATS)
        raise UserError(f"--format: no format '{form}' ({hint})")
    if as_json and form != TABLE:
        raise UserError(f"--json: not with --format {form} (use one of the two)")
    if form == JUNIT and not has_gates:
        raise UserError(f"--format {form}: needs --fail-if, because gates are its test cases")


def _page(form: str, comparison: ComparedRuns, verdicts: Sequence[Verdict]) -> str:
    """Return a comparison as text in one of the formats for CI."""
    if form == JUNIT:
        return junit(f"{comparison.b} compared with {comparison.a}", verdicts)
    if form == MARKDOWN:
        return comparison_markdown(comparison, verdicts)
    return "".join(f"{line}\n" for line in comparison_annotations(comparison, verdicts))
