"""Tokenizers by name, for texts of the user's own."""

import re
from collections.abc import Callable

from rnnbench.data.sources.sgml import words_of


def words(text: str) -> list[str]:
    """Return the words of a text in lower case: letters, digits and ``_``, with apostrophes inside.

    >>> words("Don't panic: it's only 4 º, Zoë said.")
    ["don't", 'panic', "it's", 'only', '4', 'º', 'zoë', 'said']
    """
    return re.findall(r"\w+(?:['’]\w+)*", text.lower())  # noqa: RUF001


TOKENIZERS: dict[str, Callable[[str], list[str]]] = {
    "words": words,
    "keras_reuters": words_of,
    "characters": list,
}
"""``words``; words as the Keras Reuters set has them, in Latin-1; and single characters."""
