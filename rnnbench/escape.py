"""Make text from outside, such as topics, paths and errors, safe to show."""

import re

_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"}
_OTHERS = [127, *range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_SURROGATES = range(0xD800, 0xE000)
CONTROLS = _PICTURES | dict.fromkeys([*_OTHERS, *_SURROGATES], 0xFFFD)
"""A table for ``str.translate``. It has a visible replacement for each character that would control
a terminal or change the direction of the text, or that UTF-8 does not have."""


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
