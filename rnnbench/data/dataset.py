"""The dataset that a ``data`` section makes of a corpus: arrays to train and test on.

``make_dataset(corpus, Data(maxlen=50)).x_train`` is int32 ``(n_train, timesteps)``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.config import Data
from rnnbench.data.corpus import (
    Corpus,
    Positions,
    Ranking,
    Tokens,
    blocks_of_documents,
    ranking_in,
)
from rnnbench.data.padding import (
    INDEX_FROM,
    START,
    Inputs,
    Ragged,
    cut,
    ids_of,
    padded,
)
from rnnbench.data.sources import source_of
from rnnbench.data.split import (
    Groups,
    Mask,
    copies_in,
    has_own_split,
    split,
    topics_to_predict,
)
from rnnbench.errors import UserError
from rnnbench.labels import Labels, form_of, in_words, keys_of
from rnnbench.storage import sha256_arrays
from rnnbench.tasks import SINGLE_LABEL, TASKS, usual_task

MAX_STEPS = 2**30
"""The most steps that all padded documents may have together; each takes 4 bytes."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Word ids and labels, split for training and testing.

    Attributes:
        train_inputs, test_inputs: the word ids; padded, they are ``x_train`` and
            ``x_test``.
        y_train, y_test: int32 ``(n,)``, positions in ``topics``; or uint8 ``(n,
            n_topics)``, 0 and 1, if a document may have any number of them.
        n_ids: every id is below this.
        train_documents, test_documents: int64 ``(n,)``, their positions in the corpus.
        documents: the ids of every document of the corpus, int32, uncut, without a
            start mark.
        text: returns all words of a document as a text, also those without ids.
        vocabulary: the words that have ids of their own, from ``INDEX_FROM`` + 1 on.
        separator: stands between the words of a text; nothing if they are single
            characters.
        groups: int32 ``(n_train,)``, the group of each training document; ``None``
            without groups.
        in_order: whether the training documents, and the test documents, are in order
            of time.
        n_untested: the number of documents of the corpus's own test set that are not
            tested, such as those without a topic. Their entries in ``documents`` are
            empty, so nothing learns from them.
        unlabeled: the ids of texts that are neither for training nor for testing, if a
            model reads them: those of the archive, and documents of the corpus outside
            its own test set.
    """

    train_inputs: Inputs
    y_train: Labels
    test_inputs: Inputs
    y_test: Labels
    topics: tuple[str, ...]
    n_ids: int
    train_documents: NDArray[np.int64]
    test_documents: NDArray[np.int64]
    documents: Ragged
    text: Callable[[int], str] = lambda _: ""
    vocabulary: Sequence[str] = ()
    separator: str = " "
    groups: NDArray[np.int32] | None = None
    in_order: bool = False
    task: str = SINGLE_LABEL.name
    n_untested: int = 0
    unlabeled: Sequence[NDArray[np.int32]] = ()

    def __repr__(self) -> str:
        n_test = len(self.y_test)
        return f"Dataset({len(self.y_train)} to train on, {n_test} to test on)"

    @property
    def x_train(self) -> Tokens:
        """The training documents, padded: int32 ``(n_train, timesteps)``."""
        return padded(self.train_inputs)

    @property
    def x_test(self) -> Tokens:
        """The test documents, padded: int32 ``(n_test, timesteps)``."""
        return padded(self.test_inputs)

    @property
    def timesteps(self) -> int:
        """Length of every sequence."""
        return int(self.train_inputs.shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of the four arrays and the names of the topics."""
        arrays = {
            "x_train": self.train_inputs,
            "y_train": self.y_train.astype("<i4"),
            "x_test": self.test_inputs,
            "y_test": self.y_test.astype("<i4"),
        }
        return sha256_arrays(arrays, {"topics": self.topics})

    def split_fingerprint(self, corpus_fingerprint: str) -> str:
        """Return the sha256 of which documents of a corpus are used, and for what."""
        # Published splits are known by their fingerprints, so the names of the arrays
        # never change.
        arrays = {
            "train_wires": self.train_documents.astype("<i8"),
            "test_wires": self.test_documents.astype("<i8"),
        }
        return sha256_arrays(arrays, {"corpus": corpus_fingerprint})


class Division(Protocol):
    """Says which of the training documents to learn from, and which to test on."""

    @property
    def is_test(self) -> bool:
        """Whether models are tested on the test documents."""

    def divide(
        self, y_train: Labels, groups: Groups = None
    ) -> tuple[Positions, Positions]:
        """Return the positions of both; all other documents are hidden."""


def make_dataset(
    corpus: Corpus,
    data: Data,
    *,
    blind: bool = False,
    has_test: bool = True,
    part: Division | None = None,
) -> Dataset:
    """Return the dataset that the settings in ``data`` make of a corpus.

    All is done as by ``keras.datasets.reuters.load_data`` and
    ``keras.utils.pad_sequences``. So the length of the sequences and the limit of the
    ids follow from all documents, or, if ``blind``, from the training documents alone;
    test documents are then cut to fit. Unless it ``has_test`` documents, all but copies
    are to train on, in their order. Of a ``part`` of the training documents, words are
    ranked in those to learn from alone. ``UserError`` is raised if the corpus has no
    such split, or no documents are left to train or test on.
    """
    form = form_of(corpus.labels)
    if data.task and form.has_one_label and not TASKS[data.task].has_one_label:
        rows = form.indicators(corpus.labels, len(corpus.topics))
        corpus = replace(corpus, labels=rows)
    _check_keys(corpus, data)
    is_copy = copies_in(corpus, data.deduplicate)
    train = np.flatnonzero(~is_copy)
    test = train[:0]
    if has_test:
        train, test = split(corpus, data, is_copy)
    everything = np.arange(len(corpus))
    seen = np.concatenate([train, test])
    is_used = np.isin(everything, seen)
    is_in_test = corpus.is_test
    if is_in_test is None:
        is_in_test = np.zeros(len(corpus), bool)
    is_untested = is_in_test & ~is_used & ~is_copy
    is_hidden = is_copy | is_untested
    if blind:
        seen = train
    topics, labels = _labels(corpus, data, seen)
    groups = corpus.groups
    if groups is not None:
        groups = groups[train]
    if part:
        learned, held_out = part.divide(labels[train], groups)
        check_labels(str(part), labels[train[learned]], corpus.topics)
        if not part.is_test:
            test = train[held_out]
        train = train[learned]
        if groups is not None:
            groups = groups[learned]
        seen = train
        is_hidden = ~np.isin(everything, np.concatenate([train, test]))
    timesteps = _timesteps(corpus, data, seen)
    ranking = _ranking(corpus, data, train, seen, is_blind=part is not None)
    n_ids = ranking.n_words + INDEX_FROM + 1
    if data.num_words:
        n_ids = min(n_ids, data.num_words)
    ids = ids_of(ranking.new_ranks, n_ids)
    documents = _documents(corpus, ids, is_hidden)
    inputs = cut(documents, timesteps, data.padding, data.truncating)
    words = ranking.order[: max(n_ids - INDEX_FROM - 1, 0)].tolist()
    is_in_order = data.split == "last"
    if has_own_split(corpus, data):
        is_in_order = source_of(corpus).in_order
    task = data.task or usual_task(form_of(labels)).name
    return Dataset(
        train_inputs=inputs.at(train),
        y_train=labels[train],
        test_inputs=inputs.at(test),
        y_test=labels[test],
        topics=tuple(corpus.topics[number] for number in topics),
        n_ids=n_ids,
        train_documents=train,
        test_documents=test,
        documents=documents,
        text=corpus.text,
        vocabulary=tuple(corpus.vocabulary[number] for number in words),
        separator=corpus.separator,
        groups=groups,
        in_order=is_in_order,
        task=task,
        n_untested=int(is_untested.sum()),
        unlabeled=_unlabeled(corpus, documents, is_used | is_in_test, ids),
    )


def _check_keys(corpus: Corpus, data: Data) -> None:
    """Raise ``UserError`` if keys of ``data`` do not go with the labels of a corpus."""
    has_one = form_of(corpus.labels).has_one_label
    if data.task and not TASKS[data.task].has_topics:
        raise UserError(
            f"data.task: {data.task}: only for answers given to `rnnbench verdict`"
        )
    if data.task and TASKS[data.task].has_one_label != has_one:
        raise UserError(
            f"data.task: {data.task}: but a document may have any number of labels"
        )
    if data.documents and has_one:
        raise UserError(
            "data.documents: each of these documents has one label (leave it out)"
        )
    if data.topics and (has_one or corpus.is_test is None):
        raise UserError(
            "data.topics: not for these documents (allowed: data.source: modapte)"
        )


def _timesteps(corpus: Corpus, data: Data, seen: Positions) -> int:
    """Return the length of every sequence: by default that of the longest document."""
    timesteps = data.pad_length
    if timesteps is None:
        timesteps = int(corpus.lengths[seen].max()) + 1  # 1 for the start mark
    if len(seen) * timesteps > MAX_STEPS:
        steps = f"{len(seen):,} documents of {timesteps:,} steps are too many"
        hint = f"allowed: {MAX_STEPS:,} steps together"
        raise UserError(f"data: {steps} ({hint}); set data.pad_length or data.maxlen")
    return timesteps


def _ranking(
    corpus: Corpus, data: Data, train: Positions, seen: Positions, *, is_blind: bool
) -> Ranking:
    """Return the ranks that the source of a corpus asks for."""
    if is_blind or source_of(corpus).ranks_words_of == "training":
        check_labels("data", corpus.labels[train], corpus.topics)
        return ranking_in(corpus, train)
    n_words = len(corpus.vocabulary)
    order = np.arange(n_words)
    if data.num_words is None:
        # Keras uses the largest id in these documents as the limit, so the rarest word
        # becomes unknown. This mistake is kept.
        highest = max(corpus.ranks(number).max(initial=START) for number in seen)
        n_words = int(highest) - 1
    return Ranking(order, n_words)


def _documents(corpus: Corpus, ids: Tokens, is_hidden: Mask) -> Ragged:
    """Return the ids of each document after a start mark; hidden ones are empty."""
    starts = corpus.offsets[:-1] + np.arange(1, len(corpus) + 1)
    tokens = np.full(len(corpus.tokens) + len(corpus), START, np.int32)
    for first, last in blocks_of_documents(corpus.offsets):
        start, end = corpus.offsets[[first, last]]
        block = tokens[start + first : end + last]
        is_word = np.ones(len(block), bool)
        is_word[starts[first:last] - 1 - start - first] = False
        block[is_word] = ids[corpus.tokens[start:end]]
    ends = np.where(is_hidden, starts, starts + corpus.lengths)
    return Ragged(tokens, starts, ends)


def _labels(
    corpus: Corpus, data: Data, seen: Positions
) -> tuple[NDArray[np.intp], Labels]:
    """Return the positions of the topics to predict, and the labels in these topics."""
    form = form_of(corpus.labels)
    topics = np.arange(len(corpus.topics))
    if not form.has_one_label:
        topics = topics_to_predict(corpus, data)
    elif data.min_per_label > 1:
        topics = np.intersect1d(topics, corpus.labels[seen])
    return topics, form.renumbered(corpus.labels, topics)


def _unlabeled(
    corpus: Corpus, documents: Ragged, is_left_out: Mask, ids: Tokens
) -> list[Tokens]:
    """Return the ids of documents not left out, then those of texts without labels."""
    if corpus.unlabeled is None:
        return []
    texts = list(documents.at(np.flatnonzero(~is_left_out)))
    ends = np.flatnonzero(corpus.unlabeled == 0)
    ranks = np.minimum(corpus.unlabeled, len(ids) - 1)  # the last one has no id
    for text in np.split(ids[ranks], ends + 1)[:-1]:
        texts.append(text[:-1])
    return texts


def check_labels(where: str, y_train: Labels, topics: Sequence[str]) -> None:
    """Raise ``UserError`` if all documents to train on have the same label."""
    labels = keys_of(y_train)
    if len(set(labels)) == 1:
        label = in_words(labels[0], topics)
        raise UserError(f"{where}: all documents to train on have the label '{label}'")
