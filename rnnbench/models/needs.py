"""The memory and the time that a baseline needs, told from some of its documents.

``baseline.needs(Sample(texts, n_documents, n_topics)).memory`` is in bytes.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

MOST_COUNTED = 100_000
"""Values of a sample; more of them tell no better how many terms there will be."""
BYTES_OF_VALUE = 40
"""That a count of a term in a document takes while all are counted, on average."""
SECONDS_TO_COUNT = 6e-7  # a term in a document
OF_TOPICS = 0.7
"""The power of their number that a time is proportional to: rare ones are learned
faster."""
MOST_WEIGHTS = 2**24
"""For these, scikit-learn's logistic regression takes 5 GB."""


class Needs(NamedTuple):
    """What a training needs beside its process and the documents."""

    memory: float = 0.0
    """Bytes at the peak."""
    seconds: float = 0.0
    """On one core of an AMD EPYC."""


class Terms(NamedTuple):
    """How much there is to count."""

    n_terms: float  # distinct ones, in all documents
    n_values: float  # distinct ones of each document, all together


class Costs(NamedTuple):
    """What a classifier costs.

    They were fitted to ``texts.yaml`` on 3,000 to 100,000 made-up texts with 20 to
    1,000 labels.
    """

    bytes_of_weight: float  # of a term for a topic
    bytes_of_label: float  # of a document for a topic
    seconds: float  # of a term in a document, times a power of the number of topics


class Sample(NamedTuple):
    """Some of the documents to learn from, in random order.

    Attributes:
        texts: those of the sample.
        n_documents, n_topics: of all.
        has_one_label: whether each document has one topic.
    """

    texts: Sequence[str]
    n_documents: int
    n_topics: int
    has_one_label: bool = True

    def terms(self, find: Callable[[str], Iterable[str]], min_df: int) -> Terms:
        """Return about how many terms are found in all documents.

        They grow by a power of the number of documents: H. Heaps: Information Retrieval
        (1978). The power is that of the last doubling.
        """
        documents = Counter[str]()
        n_values = 0
        n_read = 0
        n_terms = 0
        before = 0
        for text in self.texts:
            found = set(find(text))
            documents.update(found)
            n_values += len(found)
            n_read += 1
            if n_read.bit_count() == 1:
                before = n_terms
                n_terms = _count_frequent(documents, min_df)
            if n_values > MOST_COUNTED:
                break
        power = min(1.0, math.log2(max(n_terms, 1) / max(before, 1)))
        times = self.n_documents / max(n_read, 1)
        n_frequent = _count_frequent(documents, min_df)
        return Terms(n_frequent * times**power, n_values * times)

    def needs(self, terms: Terms, costs: Costs) -> Needs:
        """Return the needs of a classifier of these terms."""
        of_topic = costs.bytes_of_weight * terms.n_terms
        of_topic += costs.bytes_of_label * self.n_documents
        memory = BYTES_OF_VALUE * terms.n_values + of_topic * self.n_topics
        seconds = SECONDS_TO_COUNT + costs.seconds * self.n_topics**OF_TOPICS
        return Needs(memory, seconds * terms.n_values)


def _count_frequent(documents: Counter[str], min_df: int) -> int:
    """Return how many terms occur in ``min_df`` documents or more."""
    return sum(n >= min_df for n in documents.values())
