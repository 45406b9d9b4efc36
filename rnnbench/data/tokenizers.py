"""Text to the words of a corpus, as the corpus itself was made."""

import re
from collections.abc import Callable

from rnnbench.data.sources import sgml

Tokenizer = Callable[[str], list[str]]


def keras_words(text: str) -> list[str]:
    """Return the words of a text as the Keras Reuters set has them.

    >>> keras_words("Showers continued, said the bank's U.S. unit")
    ['showers', 'continued', 'said', 'the', "bank's", 'u', 's', 'unit']
    """
    body = text.encode("latin-1", errors="replace")
    return [word.decode("latin-1") for word in sgml.tokenize(body)]


def all_terms_words(text: str) -> list[str]:
    """Return the words of a text as the *all-terms* files of R8 and R52 have them: letters only.

    >>> all_terms_words("Net profit rose 7 pct, the bank's unit said")
    ['net', 'profit', 'rose', 'pct', 'the', 'bank', 's', 'unit', 'said']
    """
    return re.sub(r"[^a-z]+", " ", text.lower()).split()


TOKENIZERS: dict[str, Tokenizer] = {
    "keras": keras_words,
    "sgml": keras_words,
    "r52": all_terms_words,
    "r8": all_terms_words,
}
"""By source."""
