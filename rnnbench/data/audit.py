"""Facts about a dataset that a reader needs before believing a score on it.

``summarize_dataset(corpus, dataset).leaks`` lists test documents that are copies or
near-copies of training documents.
"""

from collections.abc import Hashable, Iterable

import numpy as np

from rnnbench.data.corpus import Corpus, Tokens
from rnnbench.data.dataset import Dataset
from rnnbench.data.padding import without_padding
from rnnbench.data.summary import DatasetSummary, Duplicates, describe_labels, numbered
from rnnbench.labels import documents_by_topic, keys_of
from rnnbench.storage import sha256_content
from rnnbench.tasks import TASKS


def summarize_dataset(corpus: Corpus, dataset: Dataset) -> DatasetSummary:
    """Return the facts about a ``dataset`` that was made of ``corpus``."""
    task = TASKS[dataset.task]
    train = documents_by_topic(dataset.y_train, len(dataset.topics)).tolist()
    of_labels = describe_labels(task, dataset.y_test, dataset.topics, train)
    duplicates = _duplicates(
        dataset,
        without_padding(dataset.train_inputs),
        without_padding(dataset.test_inputs),
    )
    whole_duplicates = Duplicates()
    if duplicates.positions:
        train_texts = map(corpus.ranks, dataset.train_documents.tolist())
        test_texts = map(corpus.ranks, dataset.test_documents.tolist())
        whole_duplicates = _duplicates(dataset, train_texts, test_texts)
    copies = corpus.copies[dataset.train_documents]
    is_leak = np.isin(corpus.copies[dataset.test_documents], copies)
    is_leak[duplicates.positions] = False
    clusters = None
    if corpus.groups is not None:
        clusters = numbered(corpus.groups[dataset.test_documents])
    return DatasetSummary(
        source=corpus.provenance["source"],
        task=dataset.task,
        origin=corpus.provenance["from"],
        fingerprint=dataset.fingerprint,
        split_fingerprint=dataset.split_fingerprint(corpus.fingerprint),
        corpus_fingerprint=corpus.fingerprint,
        train_size=len(dataset.y_train),
        timesteps=dataset.timesteps,
        duplicates=duplicates,
        whole_duplicates=whole_duplicates,
        near_copies=np.flatnonzero(is_leak).tolist(),
        copies_in_training=int(np.count_nonzero(np.bincount(copies)[copies] > 1)),
        in_order=dataset.in_order,
        clusters=clusters,
        test_size=of_labels.test_size,
        topics=of_labels.topics,
        majority_topic=of_labels.majority_topic,
        majority_score=of_labels.majority_score,
        majority_macro_f1=of_labels.majority_macro_f1,
    )


def _duplicates(
    dataset: Dataset, train: Iterable[Tokens], test: Iterable[Tokens]
) -> Duplicates:
    """Return which test sequences are in training, too, by their labels there."""
    tested = list(map(sha256_content, test))  # shorter than most texts
    different = set(tested)
    labels_of: dict[bytes, set[Hashable]] = {}
    for sequence, label in zip(train, keys_of(dataset.y_train), strict=True):
        content = sha256_content(sequence)
        if content in different:
            labels_of.setdefault(content, set()).add(label)
    duplicates = Duplicates()
    labels_of_tested = zip(tested, keys_of(dataset.y_test), strict=True)
    for position, (content, label) in enumerate(labels_of_tested):
        labels = labels_of.get(content, set())
        if label in labels and len(labels) > 1:
            duplicates.both.append(position)
        elif label in labels:
            duplicates.same_topic.append(position)
        elif labels:
            duplicates.other_topics.append(position)
    return duplicates
