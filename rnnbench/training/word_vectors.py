"""Initial word vectors for an embedding, learned from texts without their topics."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import linalg
from scipy.sparse import coo_array, csr_array
from threadpoolctl import threadpool_limits

from rnnbench.data.dataset import UNKNOWN, Dataset, hold_out
from rnnbench.errors import UserError

WINDOW = 5
"""A word's context is this many words before it and after it."""
SMOOTHING = 0.75
"""Exponent of the context counts; it keeps rare contexts from looking too informative."""
ROOT_MEAN_SQUARE = 0.5
"""Of all numbers in the vectors, apart from the features beyond the rank of the matrix."""
OVERSAMPLES = 10
"""Directions beyond the features, which make the largest singular vectors more accurate."""
ROUNDING = 1e-6
"""Singular values below this count as zeros."""


@lru_cache(maxsize=1)  # one process trains all seeds of a model
def pretrained_vectors(
    dataset: Dataset, dim: int, validation_split: float, *, unlabeled: bool = False
) -> NDArray[np.float32]:
    """Return word vectors that are learned from ``texts_for``; see ``ppmi_svd_vectors``."""
    texts = texts_for(dataset, validation_split, unlabeled=unlabeled)
    return ppmi_svd_vectors(texts, dataset.n_ids, dim)


def texts_for(
    dataset: Dataset, validation_split: float, *, unlabeled: bool
) -> list[NDArray[np.int32]]:
    """Return the ids of all texts to learn from that are not for validation or testing.

    They are the other documents of the corpus at full length, including those that the dataset
    leaves out because they are too long; or the training documents and ``Dataset.unlabeled``.
    """
    kept, held_out = hold_out(len(dataset.y_train), validation_split, dataset.groups)
    if unlabeled:
        if not dataset.unlabeled:
            hint = "use `rnnbench run` or `rnnbench choose`"
            raise UserError(f"texts without labels were not loaded ({hint})")
        learned = dataset.train_documents[kept]
        return [*(dataset.documents[place] for place in learned), *dataset.unlabeled]
    tested = np.setdiff1d(dataset.test_documents, dataset.train_documents)  # not learned on purpose
    judging = np.concatenate([tested, dataset.train_documents[held_out]])
    others = np.setdiff1d(np.arange(len(dataset.documents)), judging)
    return [dataset.documents[place] for place in others]


def ppmi_svd_vectors(
    documents: Sequence[NDArray[np.int32]], n_ids: int, dim: int
) -> NDArray[np.float32]:
    """Return a vector for each word; words with the same neighbours have similar vectors.

    The vectors are ``U sqrt(S)`` of a truncated, randomized singular value decomposition
    ``U S V'`` of the words' positive pointwise mutual information with the words around them:
    O. Levy, Y. Goldberg, I. Dagan: Improving Distributional Similarity with Lessons Learned from
    Word Embeddings (TACL 2015).

    The documents are word ids below ``n_ids``, without padding or start mark. The vectors,
    ``(n_ids, dim)``, are zero for ids that are not words and for words in no document; so are all
    features beyond the rank of the matrix.
    """
    information = _information(documents, n_ids)
    with threadpool_limits(1):  # or the numbers would depend on the cores
        u, s = _largest_singular(information, dim)
    rank = np.count_nonzero(s > ROUNDING)  # 0 if the texts repeat a single word
    vectors = np.zeros((n_ids, dim))
    vectors[:, :rank] = u[:, :rank] * np.sqrt(s[:rank])
    scale = np.sqrt(np.mean(vectors[:, :rank] ** 2)) if rank else 1.0
    return (vectors * (ROOT_MEAN_SQUARE / scale)).astype(np.float32)


def _information(documents: Sequence[NDArray[np.int32]], n_ids: int) -> csr_array:
    """Return ``max(0, log(P(word, context) / (P(word) P(context))))``, ``(n_ids, n_ids)``."""
    gap = np.zeros(WINDOW, np.int32)  # between documents, so that no context spans two of them
    ids = np.concatenate([part for document in documents for part in (document, gap)])
    after = csr_array((n_ids, n_ids))
    for distance in range(1, WINDOW + 1):
        pairs = np.stack([ids[:-distance], ids[distance:]])
        pairs = pairs[:, (pairs > UNKNOWN).all(axis=0)]
        after += coo_array((np.ones(pairs.shape[1]), pairs), shape=after.shape).tocsr()
    counts = (after + after.T).tocoo()
    words = counts.sum(axis=1)
    contexts = words**SMOOTHING
    row, column = counts.coords
    information = np.log(counts.data * contexts.sum() / (words[row] * contexts[column]))
    positive = coo_array((np.maximum(information, 0), (row, column)), shape=counts.shape)
    return positive.tocsr()


def _largest_singular(matrix: csr_array, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the left vectors of the ``n`` largest singular values, and the values.

    The steps and signs are those of scikit-learn's ``randomized_svd``, bit for bit, but a worker
    need not import scikit-learn, which takes 125 MB: N. Halko, P.-G. Martinsson, J. A. Tropp:
    Finding Structure with Randomness (SIAM Review 2011), algorithm 4.4.
    """
    basis = np.random.RandomState(0).normal(size=(matrix.shape[1], n + OVERSAMPLES))
    for _ in range(7 if n < 0.1 * min(matrix.shape) else 4):
        for side in (matrix, matrix.T):
            basis, _ = linalg.lu(side @ basis, permute_l=True, check_finite=False)
    basis, _ = linalg.qr(matrix @ basis, mode="economic", check_finite=False)
    u, s, _ = linalg.svd(basis.T @ matrix, full_matrices=False)
    vectors = basis @ u
    vectors *= np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(len(s))])
    return vectors[:, :n], s[:n]
