"""Results that are displayed as their tables: ``class Run(Shown, StoredRun)``.

What makes text or HTML of tables is imported when a result is shown.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnnbench.text import visible

if TYPE_CHECKING:
    from rnnbench.report.table import Table


class Shown(ABC):
    """A result whose ``repr`` is its tables, as text or, in a notebook, as HTML."""

    @abstractmethod
    def tables(self) -> "Sequence[Table]":
        """Return the tables that show the result."""

    def __repr__(self) -> str:
        from rnnbench.report.layout import as_text

        return as_text(*self.tables()).rstrip("\n")

    __str__ = __repr__

    def _repr_html_(self) -> str:
        from rnnbench.report.template import find_template

        template = find_template("table.html.j2")
        return visible("".join(template.render(table=table) for table in self.tables()))
