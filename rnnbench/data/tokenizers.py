"""Tokenizers by name: that of the Keras Reuters set, and others for the user's own texts."""

import re
import string
import sys
import unicodedata
from collections.abc import Callable
from functools import cache

_TO_SPACE = (set(string.punctuation) - {"'"}) | {"\t", "\n"}
_TOKEN_BYTES = bytes(
    ord(" ") if chr(byte) in _TO_SPACE else ord(chr(byte).lower()) if byte < 128 else byte
    for byte in range(256)
)


@cache
def _word() -> re.Pattern[str]:
    """Return the pattern of a word; the list of all marks takes a moment to make."""
    characters = map(chr, range(sys.maxunicode + 1))
    marks = "".join(each for each in characters if unicodedata.category(each) in ("Mn", "Mc"))
    inner = rf"[\w{re.escape(marks)}]*"
    return re.compile(rf"\w{inner}(?:['’]\w{inner})*")  # noqa: RUF001


def words(text: str) -> list[str]:
    """Return the words of a text in lower case: letters, digits and ``_``, with apostrophes inside.

    Marks, such as vowel signs, belong to the letters before them. Scripts without spaces, such as
    Chinese, are not split.

    >>> words("Don't panic: it's only 4 º, Zoë said.")
    ["don't", 'panic', "it's", 'only', '4', 'º', 'zoë', 'said']
    """
    return _word().findall(unicodedata.normalize("NFC", text.lower()))


def split_bytes(body: bytes) -> list[bytes]:
    """Return the words of a body: in ASCII lower case, split at punctuation except apostrophes."""
    return [word for word in body.translate(_TOKEN_BYTES).split(b" ") if word]


def keras_reuters(text: str) -> list[str]:
    """Return the words of a text as the Keras Reuters set has them.

    >>> keras_reuters("Showers continued, said the bank's U.S. unit")
    ['showers', 'continued', 'said', 'the', "bank's", 'u', 's', 'unit']
    """
    body = text.encode("latin-1", errors="replace")
    return [word.decode("latin-1") for word in split_bytes(body)]


TOKENIZERS: dict[str, Callable[[str], list[str]]] = {
    "words": words,
    "keras_reuters": keras_reuters,
    "characters": list,
}
"""``words``; words as the Keras Reuters set has them, in Latin-1; and single characters."""
