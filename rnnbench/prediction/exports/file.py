"""The formats of exported models, ``FileFormat``, and how texts become words.

A new format is a subclass in a module beside this one, and its line in ``FORMATS`` in
``writing.py``.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from string import punctuation
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.source import Tokenizer, keras_reuters, word_pattern, words
from rnnbench.data.sources.r52 import words_of
from rnnbench.data.vocabulary import Vocabulary, tokenizer_of
from rnnbench.errors import UserError
from rnnbench.labels import Scores
from rnnbench.prediction.exports import functions
from rnnbench.prediction.predict import KeptModel


class Answered(NamedTuple):
    """The answers of a file to texts."""

    scores: Scores
    """Probabilities, or margins, ``(n, n_topics)``."""
    is_given: NDArray[np.bool_]
    """Whether each topic is part of the answer."""


Answer = Callable[[Sequence[str]], Answered]


class FileFormat(ABC):
    """A kind of file that a kept model is written as."""

    name: ClassVar[str]
    ending: ClassVar[str]

    @abstractmethod
    def content(self, kept: KeptModel) -> bytes:
        """Return the file of a model; ``UserError`` if it cannot be one."""

    def reader(self, file: Path) -> Answer | None:  # noqa: ARG002
        """Return what answers texts with a file alone; ``None`` if nothing can."""
        return None


class Splitting(NamedTuple):
    """How texts are split into words."""

    split: Callable[[str, str], list[str]]
    """Called with a text and the pattern."""
    pattern: str


def splitting_of(vocabulary: Vocabulary) -> Splitting:
    """Return how texts are split into words; ``UserError`` if a plug-in does it."""
    signs = re.escape(punctuation.replace("'", ""))
    splittings: dict[Tokenizer, Splitting] = {
        words: Splitting(functions.words_in, word_pattern().pattern),
        keras_reuters: Splitting(functions.latin_words_in, rf"[^ \t\n{signs}]+"),
        words_of: Splitting(functions.lower_words_in, "[a-z]+"),
        list: Splitting(functions.characters_in, "(?s:.)"),
    }
    tokenize = tokenizer_of(vocabulary)
    if tokenize not in splittings:
        fault = f"the source '{vocabulary.source}' has a tokenizer of its own"
        raise UserError(f"--format: {fault} (allowed: --format keras)")
    return splittings[tokenize]
