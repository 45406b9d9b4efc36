"""Words above their ids, in as many lines as a terminal needs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

GAP = 2
"""Columns between two words."""


@dataclass(frozen=True)
class Gloss:
    """A word, and what stands below it."""

    above: str
    below: str
    style: str = ""

    @property
    def width(self) -> int:
        """The columns that both need."""
        return max(cell_len(self.above), cell_len(self.below))


@dataclass(frozen=True)
class Glosses:
    """A text as words with a gloss below each."""

    glosses: Sequence[Gloss]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = options.max_width
        for number, row in enumerate(_rows(self.glosses, width)):
            if number:
                yield ""
            yield _line([(each.above, each) for each in row], width)
            yield _line([(each.below, each) for each in row], width)


def _rows(glosses: Iterable[Gloss], width: int) -> Iterator[list[Gloss]]:
    """Yield as many glosses at a time as fit into a line; one that is too long stands alone."""
    row: list[Gloss] = []
    used = 0
    for gloss in glosses:
        if row and used + gloss.width > width:
            yield row
            row, used = [], 0
        row.append(gloss)
        used += gloss.width + GAP
    if row:
        yield row


def _line(halves: Iterable[tuple[str, Gloss]], width: int) -> Text:
    """Return one half of each gloss, padded to the wider half and cropped to the line."""
    texts = [
        Text(set_cell_size(text, min(gloss.width, width)), gloss.style) for text, gloss in halves
    ]
    line = Text(" " * GAP).join(texts)
    line.rstrip()
    return line
