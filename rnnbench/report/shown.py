"""Results that show themselves, in a terminal and in a notebook."""

import io
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import IO

from markupsafe import Markup
from rich.console import Console

from rnnbench.report.table import Table, to_rich
from rnnbench.text import visible


class Shown(ABC):
    """A result whose ``repr`` is its tables, as text or, in a notebook, as HTML."""

    @abstractmethod
    def tables(self) -> Sequence[Table]:
        """Return the tables that show the result."""

    def __repr__(self) -> str:
        text = io.StringIO()
        console = plain_console(text)
        for table in self.tables():
            console.print(to_rich(table, console), crop=False)
        return text.getvalue().rstrip("\n")

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        return Markup("").join(map(to_html, self.tables()))


def plain_console(file: IO[str]) -> Console:
    """Return a console that writes plain text, even in a notebook, where Rich displays HTML."""
    return Console(
        file=file,
        force_terminal=False,
        force_jupyter=False,
        markup=False,
        highlight=False,
        emoji=False,
    )


def to_html(table: Table) -> Markup:
    """Return a table as HTML, with its caption below; all text is escaped."""
    cell = Markup('<td style="text-align: {}">{}</td>')
    sides = [
        "left" if index < table.text_columns else "right" for index in range(len(table.headers))
    ]
    head = Markup("").join(map(Markup("<th>{}</th>").format, table.headers))
    rows = (Markup("").join(map(cell.format, sides, row)) for row in table.rows)
    body = Markup("").join(map(Markup("<tr>{}</tr>\n").format, rows))
    frame = Markup(
        '<table>\n<caption style="caption-side: bottom; text-align: left">{}</caption>\n'
        "<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>\n</table>\n"
    )
    return Markup(visible(frame.format(table.caption, head, body)))  # noqa: S704 - escaped
