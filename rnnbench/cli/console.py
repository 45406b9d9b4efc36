"""The two streams: results go to standard output, everything else to standard error."""

import io
import json
import logging
import os
import sys
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rnnbench.report.table import Table
    from rnnbench.results.schema import Results

PIPE_WIDTH = 120
"""Columns of tables that go to a file or a pipe, where ``COLUMNS`` does not say."""


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")  # a ± is not worth losing the table
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPE_WIDTH
    return console


out = _console(stderr=False)
err = _console(stderr=True)


def show_log() -> None:
    """Show the package's warnings, one line each, on standard error."""
    log = logging.getLogger("rnnbench")
    log.handlers = [_Warnings()]
    log.propagate = False


class _Warnings(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        err.print(Text(record.getMessage(), style="yellow"), soft_wrap=True)


def print_error(message: str) -> None:
    """Print an error message, red where the terminal has colours, never wrapped."""
    err.print(Text(message, style="red"), soft_wrap=True)


def print_results(results: "Results", *, as_json: bool) -> None:
    """Print the tables of a run, or ``results.json``, on standard output."""
    from rnnbench.report.table import result_tables

    if as_json:
        print_json(json.loads(results.model_dump_json()))
    else:
        print_tables(result_tables(results))


def print_tables(tables: "Iterable[Table]") -> None:
    """Print tables on standard output, in the width of the terminal."""
    from rnnbench.report.table import to_rich

    for table in tables:
        out.print(to_rich(table, out), crop=False)


def print_json(value: Any) -> None:
    """Print ``value`` as JSON on standard output."""
    typer.echo(json.dumps(value, indent=1))
