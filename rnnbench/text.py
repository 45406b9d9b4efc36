"""Counts, durations and lists in words, and text from outside made safe to show."""

import re
from collections.abc import Sequence

_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"}
_OTHERS = [127, *range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_SURROGATES = range(0xD800, 0xE000)
CONTROLS = _PICTURES | dict.fromkeys([*_OTHERS, *_SURROGATES], 0xFFFD)
"""A table for ``str.translate``. It has a visible replacement for each character that would control
a terminal or change the direction of the text, or that UTF-8 does not have."""


def with_article(noun: str) -> str:
    """Return a noun with its article.

    >>> with_article("ensemble"), with_article("network")
    ('an ensemble', 'a network')
    """
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def counted(number: int, noun: str) -> str:
    """Return a number and what it counts, in the singular or the plural.

    >>> counted(1, "thread"), counted(0, "thread"), counted(1_395, "document")
    ('1 thread', '0 threads', '1,395 documents')
    """
    return f"{number:,} {plural(number, noun)}"


def heading(text: str) -> str:
    """Return a text with a capital letter at its beginning; the others stay as they are."""
    return text[:1].upper() + text[1:]


def plural(number: int, noun: str) -> str:
    """Return a noun in the singular or the plural, for a number of things."""
    return noun if number == 1 else f"{noun}s"


def duration(seconds: float) -> str:
    """Return a duration in the unit that suits it, with two digits at most for minutes and less.

    >>> duration(7.4), duration(100), duration(6_000)
    ('7 s', '2 min', '1.7 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:,.1f} h"


def listed(items: Sequence[object], most: int = 5, comma: str = ", ") -> str:
    """Return items in one line: all of a few, of many the first and how many more there are.

    >>> listed(["gru", "lstm", "svm"]), listed(["a", "b", "c", "d"], most=2)
    ('gru, lstm, svm', 'a, b and 2 more')
    """
    more = len(items) - most
    return comma.join(map(str, items[:most])) + (f" and {more:,} more" if more > 0 else "")


def numbers(values: Sequence[int]) -> str:
    """Return whole numbers in one line; more than five in a row as a range.

    >>> numbers([0, 1, 2]), numbers(range(20)), numbers([1, 2, 3, 5, 8, 13])
    ('0, 1, 2', '0 to 19', '1, 2, 3, 5, 8, 13')
    """
    if len(values) > 5 and list(values) == list(range(values[0], values[-1] + 1)):
        return f"{values[0]} to {values[-1]}"
    return ", ".join(map(str, values))


def visible(text: str) -> str:
    """Return text whose control characters, except line breaks and tabs, are visible."""
    return text.translate(CONTROLS)


def encodable(text: str) -> str:
    r"""Return text that can be written as UTF-8; what cannot, such as half a character, is escaped.

    >>> encodable("out-\udcff")
    'out-\\udcff'
    """
    return text.encode(errors="backslashreplace").decode()


def for_markdown(text: str) -> str:
    """Return text that Markdown shows as it is, in one line."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    # An underscore between two letters or digits, as in a name, is no markup.
    escaped = re.sub(r"([\\`*~\[\]|]|(?<![^\W_])_|_(?![^\W_]))", r"\\\1", printable)
    return re.sub(r"&(?=#?\w+;)", "&amp;", escaped).replace("<", "&lt;")
