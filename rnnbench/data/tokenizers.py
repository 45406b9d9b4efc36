"""Tokenizers by name, for the user's own texts."""

import re
import sys
import unicodedata
from collections.abc import Callable
from functools import cache

from rnnbench.data.sources.sgml import words_of


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


TOKENIZERS: dict[str, Callable[[str], list[str]]] = {
    "words": words,
    "keras_reuters": words_of,
    "characters": list,
}
"""``words``; words as the Keras Reuters set has them, in Latin-1; and single characters."""
