"""Whether new texts can be told from those that a model was trained on.

``Drawn().add(...)`` takes new texts; ``compare_texts(drawn, corpus, dataset)`` compares
some of them with training texts.
"""

from array import array
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnnbench import stats  # imports SciPy when it is used
from rnnbench.data.corpus import Corpus, Positions
from rnnbench.data.dataset import Dataset
from rnnbench.data.near_copies import near_copies
from rnnbench.section import StoredRecord
from rnnbench.text import listed, visible

if TYPE_CHECKING:
    from scipy import sparse

MOST = 2_000
"""The texts of each side that are compared."""
LONGEST = 1_024
"""The words of a text that are compared; a power of two."""
FEWEST = 50
WORDS_SHOWN = 5
SMALL_P = 0.05
LEAST_EXCESS = 4.5
"""In standard errors: by chance, hardly one of 100,000 words exceeds it."""


class TextChange(StoredRecord):
    """How far new texts differ from training texts."""

    new_texts: int
    """The new texts that were compared, one of each group of near-copies."""
    training_texts: int
    """Those of the training set, one of each group of texts."""
    auc: float
    """The chance that a classifier finds the new text of a pair; 0.5 if it guesses."""
    auc_low: float
    auc_high: float
    p: float
    more: list[str]
    """Words that are clearly more frequent in the new texts, and lengths in words."""
    less: list[str]
    unknown_words: float
    """The share of words of the new texts that the model does not know."""
    unknown_in_test: float | None
    """That of the test documents, if there are any."""

    def in_words(self) -> str:
        """Return in sentences whether the texts differ, and in what."""
        scores = f"AUC {self.auc:.2f}, {self.auc_low:.2f} to {self.auc_high:.2f}"
        verdict = f"cannot be told from the training texts ({scores})"
        if self.p <= SMALL_P:
            verdict = (
                f"differ from the training texts ({scores}; 0.5 is chance), so test "
                "results and promises may not hold for them"
            )
        parts = [verdict]
        if self.more:
            parts.append(f"more often: {visible(listed(self.more))}")
        if self.less:
            parts.append(f"less often: {visible(listed(self.less))}")
        unknown = f"unknown words: {100 * self.unknown_words:.1f} %"
        if self.unknown_in_test is not None:
            unknown += f" (test documents: {100 * self.unknown_in_test:.1f} %)"
        return f"The texts {'; '.join([*parts, unknown])}"


class Drawn:
    """Texts that are drawn at random from a stream of them, and counts of all words."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.n_words = 0
        self.n_unknown = 0
        self._n_texts = 0
        self._random = Random(0)

    def add(self, text: str, n_words: int, n_unknown: int) -> None:
        """Take a text, or leave it out; all have the same chance."""
        if not n_words:
            return
        self.n_words += n_words
        self.n_unknown += n_unknown
        self._n_texts += 1
        if len(self.texts) < MOST:
            self.texts.append(text)
            return
        place = self._random.randrange(self._n_texts)
        if place < MOST:
            self.texts[place] = text


def compare_texts(drawn: Drawn, corpus: Corpus, dataset: Dataset) -> TextChange | None:
    """Return how far drawn texts differ from training texts.

    ``None`` if either are fewer than 50, one of each group of texts or near-copies.
    """
    texts = [*drawn.texts, *_training_texts(corpus, dataset)]
    if not drawn.texts:
        return None
    names, tokens, offsets = _numbered(texts, corpus.separator)
    order = np.random.default_rng(0).permutation(len(texts))
    alone = _first_of_each(order, near_copies(tokens, offsets))
    is_new = alone < len(drawn.texts)
    if min(is_new.sum(), (~is_new).sum()) < FEWEST:
        return None
    has_word = _has_word(tokens, offsets)[alone]
    is_repeated = has_word.sum(axis=0) > 1
    told = stats.tell_apart(has_word[:, is_repeated], is_new)
    for length in range(has_word.shape[1] - len(names)):
        name = f"({2**length} to {2 ** (length + 1) - 1} words)"
        if 2**length == LONGEST:
            name = f"({LONGEST} words or more)"
        names.append(name)
    shown = np.array(names)[is_repeated]
    return TextChange(
        new_texts=int(is_new.sum()),
        training_texts=int((~is_new).sum()),
        auc=told.auc,
        auc_low=told.interval.low,
        auc_high=told.interval.high,
        p=told.p,
        more=_most_different(shown, told.excess),
        less=_most_different(shown, -told.excess),
        unknown_words=drawn.n_unknown / drawn.n_words,
        unknown_in_test=_unknown_in_test(corpus, dataset),
    )


def _training_texts(corpus: Corpus, dataset: Dataset) -> list[str]:
    """Return texts that a model was trained on, one of each group."""
    chosen = np.random.default_rng(0).permutation(len(dataset.train_documents))
    if dataset.groups is not None:
        chosen = _first_of_each(chosen, dataset.groups)
    return list(map(corpus.text, dataset.train_documents[chosen[:MOST]].tolist()))


def _first_of_each(order: Positions, groups: NDArray[np.integer]) -> Positions:
    """Return the first position of each group, in an order of all positions."""
    _, firsts = np.unique(groups[order], return_index=True)
    return np.asarray(order[np.sort(firsts)])


def _numbered(
    texts: Sequence[str], separator: str
) -> tuple[list[str], NDArray[np.int32], NDArray[np.int64]]:
    """Return the different words, the number of each word, and where texts end."""
    numbers: dict[str, int] = {}
    tokens = array("i")
    offsets = [0]
    for text in texts:
        words: Sequence[str] = text
        if separator:
            words = text.split(separator)
        for word in words[:LONGEST]:
            tokens.append(numbers.setdefault(word, len(numbers)))
        offsets.append(len(tokens))
    return list(numbers), np.asarray(tokens, np.int32), np.array(offsets)


def _has_word(
    tokens: NDArray[np.int32], offsets: NDArray[np.int64]
) -> "sparse.csr_array":
    """Return 1 for each word of a text, and for its length, by powers of two."""
    from scipy import sparse

    lengths = np.log2(np.diff(offsets)).astype(int)  # before the array changes them
    ones = np.ones(len(tokens), np.float32)
    has_word = sparse.csr_array((ones, tokens, offsets))
    has_word.sum_duplicates()
    has_word.data[:] = 1
    has_length = lengths[:, np.newaxis] == np.arange(lengths.max() + 1)
    return sparse.csr_array(sparse.hstack([has_word, has_length.astype(np.float32)]))


def _most_different(words: NDArray[np.str_], excess: NDArray[np.float64]) -> list[str]:
    """Return the words that are clearly more frequent, the clearest first."""
    order = np.argsort(-excess, kind="stable")[:WORDS_SHOWN]
    shown: list[str] = words[order[excess[order] > LEAST_EXCESS]].tolist()
    return shown


def _unknown_in_test(corpus: Corpus, dataset: Dataset) -> float | None:
    """Return the share of words of test documents without an id, if there are any."""
    is_tested = np.isin(np.arange(len(corpus)), dataset.test_documents)
    if is_tested[dataset.train_documents].any():
        return None  # the model learned from all documents
    ranks = corpus.tokens[np.repeat(is_tested, corpus.lengths)]
    is_known = np.isin(np.array(corpus.vocabulary), np.array(dataset.vocabulary))
    return 1 - float(is_known[ranks - 1].mean())
