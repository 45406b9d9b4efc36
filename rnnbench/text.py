"""Counts, durations and lists in words, and text from outside made safe to show."""

import math
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from io import TextIOWrapper
from typing import TextIO

_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"}
_MARKS = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_OTHERS = [127, *range(0x80, 0xA0), *_MARKS]
_SURROGATES = range(0xD800, 0xE000)
CONTROLS = _PICTURES | dict.fromkeys([*_OTHERS, *_SURROGATES], 0xFFFD)
"""A table for ``str.translate``: visible replacements of characters that would control
a terminal or change the direction of the text, or that UTF-8 does not have."""


def summary_of(docstring: str | None) -> str:
    """Return the first paragraph of a docstring in one line."""
    first, _, _ = (docstring or "").strip().partition("\n\n")
    return " ".join(first.split())


def with_article(noun: str) -> str:
    """Return a noun with its article: ``an ensemble``, ``a network``."""
    article = "an" if noun[0] in "aeiou" else "a"
    return f"{article} {noun}"


def counted(number: int, noun: str) -> str:
    """Return a number and what it counts: ``1 thread``, ``1,395 documents``."""
    return f"{number:,} {plural(number, noun)}"


def heading(text: str) -> str:
    """Return a text with a capital letter at its beginning, and else as it is."""
    return text[:1].upper() + text[1:]


def plural(number: int, noun: str) -> str:
    """Return a noun in the singular or the plural, for a number of things."""
    return noun if number == 1 else f"{noun}s"


def duration(seconds: float) -> str:
    """Return a duration in the unit that suits it: ``7 s``, ``2 min``, ``1.7 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:,.1f} h"


def listed(items: Sequence[object], most: int = 5, comma: str = ", ") -> str:
    """Return items in one line, of many the first: ``gru, lstm and 2 more``."""
    line = comma.join(map(str, items[:most]))
    n_more = len(items) - most
    if n_more > 0:
        line += f" and {n_more:,} more"
    return line


def either(items: Iterable[object]) -> str:
    """Return items of which one applies: ``1 or 2``."""
    return " or ".join(map(str, items))


def sentences(*texts: str | None) -> str:
    """Return the texts that there are, one after the other."""
    return " ".join(filter(None, texts))


def numbers(values: Sequence[int]) -> str:
    """Return whole numbers in one line; ``0 to 19`` if more than five are in a row."""
    if len(values) > 5:
        first = values[0]
        last = values[-1]
        if list(values) == list(range(first, last + 1)):
            return f"{first} to {last}"
    return ", ".join(map(str, values))


def visible(text: str) -> str:
    """Return text with visible control characters, except line breaks and tabs."""
    return text.translate(CONTROLS)


def replace_unencodable(stream: TextIO) -> None:
    """Have a stream write ``?`` for characters that its encoding does not have."""
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="replace")


def encodable(text: str) -> str:
    r"""Return text as UTF-8 can hold it; half a character is escaped: ``\udcff``."""
    return text.encode(errors="backslashreplace").decode()


def for_markdown(text: str) -> str:
    """Return text that Markdown shows as it is, in one line."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    # An underscore between two letters or digits, as in a name, is no markup.
    escaped = re.sub(r"([\\`*~\[\]|]|(?<![^\W_])_|_(?![^\W_]))", r"\\\1", printable)
    return re.sub(r"&(?=#?\w+;)", "&amp;", escaped).replace("<", "&lt;")


def number_in(text: str) -> float:
    """Return the number, or the share, that a text such as 0.9 or 90% is, or NaN."""
    number = math.nan
    with suppress(ValueError):
        number = float(text.removesuffix("%"))
    if text.endswith("%"):
        number /= 100
    return number
