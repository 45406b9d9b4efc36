"""How much memory the sheets of a workbook would take, before a reader makes room.

``size.add(b"<worksheet/>")`` for each part of the workbook, then ``size.check()``.
"""

import re
from collections import Counter
from xml.parsers import expat

from rnnbench.storage import MAX_UNPACKED

MAX_CELLS = 2**25
"""From the first to the last cell with a value, with the empty ones between them."""
PLACE = re.compile(r"([A-Z]{1,3})(\d{1,7})", re.IGNORECASE)
LETTERS = 26


class WorkbookSize:
    """The cells, and the characters in them, of all sheets together."""

    def __init__(self) -> None:
        self._lengths = Counter[int]()  # of texts that many cells may share
        self._uses = Counter[int]()
        self._last_row = 0
        self._last_column = 0

    def add(self, content: bytes) -> None:
        """Add a part of a workbook, in XML; ``ValueError`` for an impossible cell."""
        self._row = 0
        self._column = 0
        self._text_number = -1
        self._is_in_text = False
        self._is_shared = False
        self._value = ""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.Parse(content, True)

    def check(self) -> None:
        """Raise ``ValueError`` if they would take too much memory."""
        n_cells = self._last_row * self._last_column
        if n_cells > MAX_CELLS:
            raise ValueError(f"room for {n_cells:,} cells (allowed: {MAX_CELLS:,})")
        n_characters = 0
        for number, n_uses in self._uses.items():
            n_characters += n_uses * self._lengths[number]
        if n_characters > MAX_UNPACKED:
            allowed = f"allowed: {MAX_UNPACKED:,}"
            raise ValueError(f"{n_characters:,} characters ({allowed})")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        match name.rpartition(":")[2]:
            case "row":
                self._row = int(attributes.get("r", self._row + 1))
                self._column = 0
            case "c":
                self._is_shared = attributes.get("t") == "s"
                self._go_to(attributes.get("r"))
            case "si":
                self._text_number += 1
                self._is_in_text = True
            case "v" | "is" | "f":  # in a cell, which is not empty
                self._value = ""
                self._last_row = max(self._last_row, self._row)
                self._last_column = max(self._last_column, self._column)

    def _go_to(self, place: str | None) -> None:
        """Go to a cell such as ``B7``; by default the next one."""
        if place is None:
            self._column += 1
            return
        letters_and_digits = PLACE.fullmatch(place)
        if letters_and_digits is None:
            raise ValueError(f"there is no cell {place[:20]!r}")
        letters, digits = letters_and_digits.groups()
        self._column = 0
        for letter in letters.upper():
            self._column = self._column * LETTERS + ord(letter) - ord("A") + 1
        self._row = int(digits)

    def _end(self, name: str) -> None:
        match name.rpartition(":")[2]:
            case "si":
                self._is_in_text = False
            case "v" if self._is_shared:
                self._uses[int(self._value)] += 1

    def _characters(self, characters: str) -> None:
        if self._is_in_text:
            self._lengths[self._text_number] += len(characters)
        elif self._is_shared:
            self._value += characters
