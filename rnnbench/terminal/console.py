"""Results go to standard output, everything else to standard error.

``print_record(record, table, as_json=False)`` prints a result, ``notice(text)`` says
something beside it. Control characters in texts from outside are shown instead of
being sent to the terminal.
"""

import json
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import methodcaller
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import typer
from pydantic import BaseModel
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from rnnbench.errors import brief
from rnnbench.text import replace_unencodable, visible

if TYPE_CHECKING:
    from rnnbench.report.table import Table

JSON_VERSION = 1  # of JSON output whose record has no ``schema_version`` of its own
IN_NOTEBOOK = Console().is_jupyter  # where output can be changed later
DRAWING = threading.RLock()
"""Of standard error: no thread prints while another one redraws."""


class SafeConsole(Console):
    """Shows control characters in a text instead of sending them to the terminal."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the segments of anything, without control characters in their text."""
        for segment in super().render(renderable, options):
            if not segment.control:
                segment = Segment(visible(segment.text), segment.style)  # noqa: PLW2901
            yield segment

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a string as text; it is changed before columns are fitted to it."""
        return super().render_str(visible(text), **options)


class _Messages(SafeConsole):
    """The console on standard error."""

    def print(self, *objects: object, **options: Any) -> None:
        """Print while nothing else is drawn."""
        with DRAWING:
            super().print(*objects, **options)

    def _check_buffer(self) -> None:
        try:
            self._write_buffer()
        except OSError:  # a closed terminal or a full disk ends no run
            del self._buffer[:]


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    replace_unencodable(stream)  # a ± is not worth losing the table
    kind = _Messages if stderr else SafeConsole
    # In a notebook, lines of text take less room than Rich's pieces of HTML.
    force = False if IN_NOTEBOOK else None
    console = kind(
        # What goes to standard error is red in a notebook, as if it were an error.
        stderr=stderr and not IN_NOTEBOOK,
        highlight=False,
        markup=False,
        emoji=False,
        force_jupyter=force,
        force_terminal=force,
    )
    if not any(map(os.isatty, (0, 1, 2))) and "COLUMNS" not in os.environ:
        console.width = 100  # or else that of the terminal, as in `rnnbench ... | less`
    return console


out = _console(stderr=False)
err = _console(stderr=True)


def show_log() -> None:
    """Show the package's warnings on standard error."""
    log = logging.getLogger("rnnbench")
    log.handlers = [_Warnings()]
    log.propagate = False


class _Warnings(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        notice(record.getMessage(), style="yellow")


def notice(text: str, style: str = "") -> None:
    """Print sentences on standard error; only on a terminal they are wrapped."""
    message = Text(brief(text).rstrip("\n"), style=style)
    err.print(message, soft_wrap=not err.is_terminal)


def print_error(message: str) -> None:
    """Print an error message, red if the terminal has colours, never wrapped."""
    err.print(Text(brief(message), style="red"), soft_wrap=True)


def print_record(
    record: BaseModel | Mapping[str, object],
    *views: "Table | RenderableType",
    as_json: bool,
) -> None:
    """Print the result of a command: the record as JSON, or the views of it."""
    if as_json:
        content: dict[str, object] = {"schema_version": JSON_VERSION}
        if isinstance(record, BaseModel):
            content |= json.loads(record.model_dump_json())
        else:
            content |= record
        typer.echo(json.dumps(content, indent=1))
    elif out.is_terminal:
        _print_views(views)
    else:
        with out.capture() as captured:
            _print_views(views)
        # Without the spaces that fill the lines of a terminal.
        out.file.write(re.sub(" +$", "", captured.get(), flags=re.MULTILINE))


def _print_views(views: "Sequence[Table | RenderableType]") -> None:
    from rnnbench.report.layout import to_rich  # imports NumPy

    for view in views:
        out.print(to_rich(view, out), crop=False)


class HasResults(Protocol):
    """A run or a choice."""

    @property
    def results(self) -> BaseModel:
        """Its record."""


R = TypeVar("R", bound=HasResults)


def carry_out(
    job: Callable[[], R],
    *,
    quiet: bool,
    as_json: bool,
    closing: Callable[[R, float], Sequence[str]],
    views: "Callable[[R], Sequence[Table]]" = methodcaller("tables"),
) -> None:
    """Carry out a training job and print its result; if it ends early, print a part.

    Args:
        job: trains, and returns a run or a choice.
        quiet: whether nothing but the result is printed.
        as_json: whether the result is printed as JSON.
        closing: makes sentences of the result and its seconds; the last is never
            wrapped.
        views: the tables of the result.
    """
    from rnnbench.runner.errors import FailedTrialsError, InterruptedRunError

    start = time.monotonic()
    try:
        finished = job()
    except (FailedTrialsError, InterruptedRunError) as error:
        if not quiet:
            error.args = (error.summary,)  # each failure was shown when it happened
        try:
            if error.run is not None:
                print_record(error.run.results, *views(error.run), as_json=as_json)
        finally:
            raise error  # even if the terminal has been closed
    print_record(finished.results, *views(finished), as_json=as_json)
    if not quiet:
        *sentences, last = closing(finished, time.monotonic() - start)
        for sentence in sentences:
            notice(sentence)
        err.print(last, soft_wrap=True)
