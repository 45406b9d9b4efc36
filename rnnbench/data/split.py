"""The split of a corpus: which documents are used, and which of them are tested on.

``train, test = split(corpus, data, copies_in(corpus, data.deduplicate))``.
"""

from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.config import Data
from rnnbench.data.corpus import Corpus, Positions
from rnnbench.data.sources import BUILT_IN, source_of
from rnnbench.errors import UserError
from rnnbench.labels import form_of, keys_of
from rnnbench.storage import sha256_content

Mask = NDArray[np.bool_]  # of documents
Groups = NDArray[np.int32] | None  # the group of each document, if there are groups


def split(corpus: Corpus, data: Data, is_copy: Mask) -> tuple[Positions, Positions]:
    """Return the positions of the training and the test documents, in their order.

    ``UserError`` is raised if the corpus has no such split, or no documents are left to
    train or test on.
    """
    order = _usable(corpus, data, is_copy)
    is_test = _test_set(corpus, data, order)
    if is_test is None:
        n_train = int(len(order) * (1 - data.test_split))
        train, test = np.split(order, [n_train])
    else:
        train = order[~is_test[order]]
        test = order[is_test[order]]
    if not len(train) or not len(test):
        keys = data.changed("deduplicate", "group", "maxlen", "min_per_label")
        options = " or ".join(["data.test_split", *keys])
        left = f"{len(train)} documents are left to train on and {len(test)} to test on"
        raise UserError(f"data: {left}; change {options}")
    if data.fit_on_all:
        judged = train[last_positions(len(train), data.fit_on_all)]
        return np.concatenate([train, test]), judged
    return train, test


def has_own_split(corpus: Corpus, data: Data) -> bool:
    """Return whether documents are split as their source splits them."""
    return corpus.is_test is not None and data.split in ("auto", "modapte")


def _usable(corpus: Corpus, data: Data, is_copy: Mask) -> Positions:
    """Return the documents that are used, shuffled if their split is."""
    order = np.arange(len(corpus))
    if data.split == "modapte" and corpus.is_test is None:
        sources = [source.name for source in BUILT_IN if source.split == "modapte"]
        names = ", ".join(sources)
        hint = f"allowed: auto, shuffled, stratified, last; or data.source: {names}"
        raise UserError(f"data.split: this corpus has no ModApte split ({hint})")
    if data.split != "last" and not has_own_split(corpus, data):
        np.random.RandomState(data.seed).shuffle(order)
    order = order[~is_copy[order]]
    if data.maxlen is not None:
        order = order[corpus.lengths[order] + 1 < data.maxlen]  # 1 for the start mark
    return _with_labels(corpus, data, order)


def copies_in(corpus: Corpus, deduplicate: str) -> Mask:
    """Return, for each document, whether ``data.deduplicate`` leaves it out."""
    is_copy = np.zeros(len(corpus), bool)
    if deduplicate == "none":
        return is_copy
    seen: set[tuple[bytes, Hashable]] = set()
    for number, label in enumerate(keys_of(corpus.labels)):
        text = sha256_content(corpus.ranks(number))  # shorter than most texts
        document: tuple[bytes, Hashable] = (text, None)
        if deduplicate == "same_label":
            document = (text, label)
        is_copy[number] = document in seen
        seen.add(document)
    return is_copy


def _with_labels(corpus: Corpus, data: Data, order: Positions) -> Positions:
    """Return the documents that have a label, or one that is frequent enough."""
    if not form_of(corpus.labels).has_one_label:
        documents = data.documents or source_of(corpus).documents
        if documents == "all":
            return order
        labels = corpus.labels[np.ix_(order, topics_to_predict(corpus, data))]
        return order[labels.any(axis=1)]
    labels = corpus.labels[order]
    counts = np.bincount(labels)[labels]
    return np.asarray(order[counts >= data.min_per_label])


def topics_to_predict(corpus: Corpus, data: Data) -> NDArray[np.intp]:
    """Return the topics to predict where a document may have any number of them."""
    n_documents = corpus.labels.sum(axis=0, dtype=int)
    if data.topics is None or corpus.is_test is None:
        return np.flatnonzero(n_documents >= data.min_per_label)
    n_train = corpus.labels[~corpus.is_test].sum(axis=0, dtype=int)
    if data.topics == 10:
        return np.sort(np.argsort(-n_train, kind="stable")[:10])
    if data.topics == 115:
        return np.flatnonzero(n_train > 0)
    return np.flatnonzero((n_train > 0) & (n_documents > n_train))


def _test_set(corpus: Corpus, data: Data, order: Positions) -> Mask | None:
    """Return which documents are tested on; ``None`` if the last ones in order are."""
    if data.split == "stratified":
        return _last_of_each_topic(corpus, data, order)
    if corpus.groups is not None:
        return whole_groups(corpus.groups, data.test_split, data.seed)
    if has_own_split(corpus, data):
        return corpus.is_test
    return None


def whole_groups(groups: NDArray[np.int32], share: float, seed: int) -> Mask:
    """Return which documents are in random groups with about a ``share`` of all."""
    sizes = np.bincount(groups)
    order = np.random.RandomState(seed).permutation(len(sizes))
    is_chosen = np.zeros(len(sizes), bool)
    is_chosen[order] = np.cumsum(sizes[order]) > len(groups) * (1 - share)
    return is_chosen[groups]


def last_positions(n: int, share: float) -> Positions:
    """Return the positions of the last share of ``n`` documents, at least of one."""
    return np.arange(n - max(1, int(n * share)), n)


def _last_of_each_topic(corpus: Corpus, data: Data, order: Positions) -> Mask:
    """Return which documents are tested on: some of each topic, but never all."""
    labels = corpus.labels[order]
    form = form_of(labels)
    for topic in form.topics_of_one_document(labels):
        fault = f"the label '{corpus.topics[topic]}' has only one document"
        reason = "which cannot be in both the training and the test set"
        hint = "allowed: shuffled, last"
        raise UserError(f"data.split: {fault}, {reason} ({hint})")
    is_test = np.zeros(len(corpus), bool)
    is_test[order] = form.is_in_test(labels, data.test_split, data.seed)
    return is_test
