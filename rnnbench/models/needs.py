"""The memory and the time that a baseline needs, told from some of its documents.

``baseline.needs(Sample(texts, n_documents, n_topics, n_ids)).memory`` is in bytes.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

MOST_COUNTED = 100_000
"""Values of a sample; more of them tell no better how many terms there will be."""
BYTES_OF_VALUE = 40
"""That a count of a term in a document takes while all are counted, on average."""
SECONDS_TO_COUNT = 6e-7  # likewise
MOST_WEIGHTS = 2**24
"""For these, scikit-learn's logistic regression takes 5 GB."""


class Needs(NamedTuple):
    """The memory and time of a training, beside its process and the documents."""

    memory: float = 0.0
    """Bytes at the peak."""
    seconds: float = 0.0
    """On one core of an AMD EPYC."""


class Terms(NamedTuple):
    """How much there is to count and to learn."""

    n_terms: float  # distinct ones, in all documents
    n_values: float  # distinct ones of each document, all together
    n_documents: int
    n_topics: int
    has_one_label: bool

    @property
    def n_weights(self) -> float:
        """The weights of a linear model."""
        return self.n_terms * self.n_topics

    @property
    def are_many(self) -> bool:
        """Whether ``large`` learns their weights, and not scikit-learn."""
        return self.has_one_label and self.n_weights > MOST_WEIGHTS

    @property
    def seconds_of_svm(self) -> float:
        """The time of linear SVMs, one for each topic; rare ones are learned faster.

        A document takes as long as 200 terms more, and twice as long with any number of
        topics.
        """
        values = self.n_values + 200 * self.n_documents
        if not self.has_one_label:
            values *= 2
        return 1.6e-7 * values * math.pow(self.n_topics, 0.7)

    def needs(
        self, bytes_of_weight: float, bytes_of_label: float, seconds: float = 0.0
    ) -> Needs:
        """Return the needs of a classifier, and of counting.

        A weight is of a term for a topic, and a label of a document. The numbers here
        and in ``baselines`` were fitted to ``texts.yaml`` on 3,000 to 100,000 made-up
        texts of 20 or 100 words with 20 to 1,000 labels.
        """
        memory = (
            BYTES_OF_VALUE * self.n_values
            + bytes_of_weight * self.n_weights
            + bytes_of_label * self.n_documents * self.n_topics
        )
        return Needs(memory, SECONDS_TO_COUNT * self.n_values + seconds)


class Sample(NamedTuple):
    """Some of the documents to learn from, in random order.

    Attributes:
        texts: those of the sample.
        n_documents, n_topics: of all.
        n_ids: of words; sequences of them are no more than its powers.
        has_one_label: whether each document has one topic.
    """

    texts: Sequence[str]
    n_documents: int
    n_topics: int
    n_ids: int
    has_one_label: bool = True

    def count_terms(
        self, find: Callable[[str], Iterable[str]], min_df: int
    ) -> tuple[float, float]:
        """Return about how many terms are found in all documents, and their values.

        Terms grow by a power of the number of documents: H. Heaps: Information
        Retrieval (1978). The power is that of the last doubling.
        """
        documents = Counter[str]()
        n_values = 0
        n_terms = [0]  # in so many texts
        for text in self.texts:
            terms = set(find(text))
            documents.update(terms)
            n_values += len(terms)
            n_new = sum(documents[term] == min_df for term in terms)
            n_terms.append(n_terms[-1] + n_new)
            if n_values > MOST_COUNTED:
                break
        n_read = len(n_terms) - 1
        times = self.n_documents / max(n_read, 1)
        growth = max(n_terms[-1], 1) / max(n_terms[n_read // 2], 1)
        power = min(1.0, math.log2(growth))
        return n_terms[-1] * times**power, n_values * times
