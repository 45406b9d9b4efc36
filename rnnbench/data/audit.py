"""What a dataset holds, and what a reader must know before believing an accuracy on it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from rnnbench.data.corpus import Corpus
from rnnbench.data.dataset import Dataset
from rnnbench.errors import UserError

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True)
class Audit:
    """Facts about a corpus and the dataset made of it.

    Attributes:
        wires, topics, vocabulary: sizes of the corpus.
        train_size, test_size, timesteps: sizes of the dataset.
        length_quantiles: words a wire, over the corpus, by quantile.
        topic_counts: (topic, wires in training, wires in test), the most frequent first.
        majority_topic: the most frequent topic in training.
        majority_accuracy: share of the test wires that have this topic, which is the accuracy
            of always answering it.
        majority_macro_f1: the macro-F1 of always answering it.
        overlap: test wires whose padded sequence stands in training too.
        overlap_same_label: how many of those have the label of the first such training wire.
        topics_only_in_test: topics that no model can have learned.
    """

    wires: int
    topics: int
    vocabulary: int
    train_size: int
    test_size: int
    timesteps: int
    length_quantiles: dict[float, int]
    topic_counts: list[tuple[str, int, int]]
    majority_topic: str
    majority_accuracy: float
    majority_macro_f1: float
    overlap: int
    overlap_same_label: int
    topics_only_in_test: list[str]


def audit(corpus: Corpus, dataset: Dataset) -> Audit:
    """Return the facts about ``dataset`` and the ``corpus`` that it was made of."""
    n_topics = len(dataset.topics)
    in_train = np.bincount(dataset.y_train, minlength=n_topics)
    in_test = np.bincount(dataset.y_test, minlength=n_topics)
    majority = int(in_train.argmax())
    by_frequency = sorted(range(n_topics), key=lambda topic: -(in_train[topic] + in_test[topic]))
    first_label: dict[bytes, int] = {}
    for sequence, label in zip(dataset.x_train, dataset.y_train, strict=True):
        first_label.setdefault(sequence.tobytes(), int(label))
    majority_accuracy = float(in_test[majority] / len(dataset.y_test))
    # Its precision is its share and its recall is 1; the other topics of the test set score 0.
    majority_f1 = 2 * majority_accuracy / (1 + majority_accuracy)
    seen = [
        first_label[key] == label
        for sequence, label in zip(dataset.x_test, dataset.y_test, strict=True)
        if (key := sequence.tobytes()) in first_label
    ]
    return Audit(
        wires=len(corpus),
        topics=n_topics,
        vocabulary=len(corpus.vocabulary),
        train_size=len(dataset.y_train),
        test_size=len(dataset.y_test),
        timesteps=dataset.timesteps,
        length_quantiles={q: int(np.quantile(corpus.lengths, q)) for q in QUANTILES},
        topic_counts=[
            (dataset.topics[topic], int(in_train[topic]), int(in_test[topic]))
            for topic in by_frequency
        ],
        majority_topic=dataset.topics[majority],
        majority_accuracy=majority_accuracy,
        majority_macro_f1=majority_f1 / np.count_nonzero(in_test),
        overlap=len(seen),
        overlap_same_label=int(sum(seen)),
        topics_only_in_test=[
            dataset.topics[topic]
            for topic in range(n_topics)
            if in_test[topic] and not in_train[topic]
        ],
    )


@dataclass(frozen=True)
class Document:
    """One newswire.

    Attributes:
        number: its position in the corpus.
        topic: the name of its topic.
        words: its text.
        place: where a dataset has put it.
    """

    number: int
    topic: str
    words: list[str]
    place: Literal["training", "test", "left out"]


def find_document(corpus: Corpus, dataset: Dataset, number: int) -> Document:
    """Return document ``number`` of ``corpus``, and where ``dataset`` has put it.

    Raises:
        UserError: there is no such document.
    """
    if not 0 <= number < len(corpus):
        raise UserError(f"newswire {number}: there is none (allowed: 0 to {len(corpus) - 1})")
    topic = corpus.topics[corpus.labels[number]]
    place: Literal["training", "test", "left out"] = "left out"
    if number in dataset.train_documents:
        place = "training"
    elif number in dataset.test_documents:
        place = "test"
    return Document(number, topic, corpus.words(number), place)
