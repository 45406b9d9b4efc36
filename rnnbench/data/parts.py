"""Parts of the training documents, which are judged in place of the test documents.

Models and settings that are chosen this way owe nothing to the test documents.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.dataset import Dataset
from rnnbench.errors import UserError


@dataclass(frozen=True)
class Fold:
    """One of several parts, of the same size to within one document, that are drawn at random.

    Attributes:
        number: from 1.
        of: the number of folds.
    """

    number: int
    of: int

    def positions(self, n: int) -> NDArray[np.intp]:
        """Return the positions of its documents among ``n`` training documents, ascending."""
        order = np.random.default_rng(0).permutation(n)
        return np.sort(np.array_split(order, self.of)[self.number - 1])

    def __str__(self) -> str:
        return f"fold {self.number} of {self.of}"


@dataclass(frozen=True)
class Last:
    """The last documents in the order of the training set; of dated documents, the latest.

    Attributes:
        share: of the training documents.
    """

    share: float

    def positions(self, n: int) -> NDArray[np.intp]:
        """Return the positions of its documents among ``n`` training documents, at least one."""
        return np.arange(n - max(1, int(n * self.share)), n)

    def __str__(self) -> str:
        return f"the last {self.share:.0%}"


Part = Fold | Last


def make_parts(folds: int | None, last: float | None) -> list[Part]:
    """Return the parts that are judged, each by models trained on all other documents.

    Raises:
        UserError: not exactly one of the arguments is given, or it is out of range.
    """
    if (folds is None) == (last is None):
        raise UserError("needs one of folds and last, such as folds 5 or last 0.2")
    if last is not None:
        if not 0 < last < 1:
            raise UserError(f"last: got {last} (should be between 0 and 1)")
        return [Last(last)]
    if folds is None or folds < 2:
        raise UserError(f"folds: got {folds} (should be 2 or more)")
    return [Fold(number, folds) for number in range(1, folds + 1)]


def judge_part(dataset: Dataset, part: Part) -> Dataset:
    """Return a dataset with a part of the training documents in place of the test documents.

    The texts of the test documents are removed, so that nothing can be learned from them. Word ids
    stay those of the whole training set.

    Raises:
        UserError: there are too few training documents.
    """
    n = len(dataset.y_train)
    if isinstance(part, Fold) and part.of > n:
        raise UserError(f"folds: got {part.of} (allowed: 2 to {n}, the training documents)")
    judged = part.positions(n)
    learned = np.setdiff1d(np.arange(n), judged)
    if not len(learned):
        raise UserError(f"last: {part} of {n} training documents leaves none to train on")
    texts = list(dataset.documents)
    for number in dataset.test_documents:
        texts[number] = texts[number][:0]
    return replace(
        dataset,
        x_train=dataset.x_train[learned],
        y_train=dataset.y_train[learned],
        train_documents=dataset.train_documents[learned],
        x_test=dataset.x_train[judged],
        y_test=dataset.y_train[judged],
        test_documents=dataset.train_documents[judged],
        documents=texts,
    )
