"""Parts of the training documents that are held out, in place of the test documents.

Models and settings that are chosen on them owe nothing to the test documents.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.dataset import Dataset
from rnnbench.errors import UserError
from rnnbench.section import spell

MAX_FOLDS = 1_000


@dataclass(frozen=True)
class Fold:
    """One of several parts that are drawn at random, stratified by topic.

    Their sizes, and their numbers of documents of each topic, are the same to within one.

    Attributes:
        number: from 1.
        of: the number of folds.
    """

    number: int
    of: int

    def positions(self, y_train: NDArray[np.int32]) -> NDArray[np.intp]:
        """Return the positions of its documents in the training set, ascending."""
        order = np.random.default_rng(0).permutation(len(y_train))
        by_topic = order[np.argsort(y_train[order], kind="stable")]
        return np.sort(by_topic[self.number - 1 :: self.of])

    def __str__(self) -> str:
        return f"fold {self.number} of {self.of}"


@dataclass(frozen=True)
class Last:
    """The last documents in the order of the training set.

    They are the latest if the documents are dated and were not shuffled.

    Attributes:
        share: of the training documents.
    """

    share: float

    def positions(self, y_train: NDArray[np.int32]) -> NDArray[np.intp]:
        """Return the positions of its documents in the training set, ascending; at least one."""
        n = len(y_train)
        return np.arange(n - max(1, int(n * self.share)), n)

    def __str__(self) -> str:
        return f"the last {100 * self.share:.3g}%"


Part = Fold | Last


def make_parts(folds: int | None, last: float | None) -> list[Part]:
    """Return the parts that are held out in turn.

    Raises:
        UserError: not exactly one of the arguments is given, or it is out of range.
    """
    if (folds is None) == (last is None):
        raise UserError("use either folds or last, not both, such as folds 5 or last 0.2")
    if last is not None:
        if type(last) is not float or not 0 < last < 1:
            raise UserError(f"last: got {spell(last)} (should be between 0 and 1)")
        return [Last(last)]
    if type(folds) is not int or not 2 <= folds <= MAX_FOLDS:
        raise UserError(f"folds: got {spell(folds)} (should be 2 to {MAX_FOLDS:,})")
    return [Fold(number, folds) for number in range(1, folds + 1)]


def hold_out_part(dataset: Dataset, part: Part) -> Dataset:
    """Return a dataset with a part of the training documents in place of the test documents.

    The texts of the test documents are removed, so that nothing can be learned from them. Word ids
    stay those of the whole training set.

    Raises:
        UserError: there are too few training documents.
    """
    n = len(dataset.y_train)
    if isinstance(part, Fold) and part.of > n:
        raise UserError(f"folds: got {part.of} (allowed: 2 to {n}, the training documents)")
    held_out = part.positions(dataset.y_train)
    learned = np.setdiff1d(np.arange(n), held_out)
    if not len(learned):
        raise UserError(f"last: {part} of {n} training documents leaves none to train on")
    if (topics := np.unique(dataset.y_train[learned])).size == 1:
        topic = dataset.topics[topics[0]]
        raise UserError(f"{part}: all documents to train on have the topic '{topic}'")
    texts = list(dataset.documents)
    for number in dataset.test_documents:
        texts[number] = texts[number][:0]
    return replace(
        dataset,
        x_train=dataset.x_train[learned],
        y_train=dataset.y_train[learned],
        train_documents=dataset.train_documents[learned],
        x_test=dataset.x_train[held_out],
        y_test=dataset.y_train[held_out],
        test_documents=dataset.train_documents[held_out],
        documents=texts,
    )
