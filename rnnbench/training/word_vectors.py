"""Word vectors that are learned from texts without topics.

``word_vectors(first_layer, dataset, share)`` returns those that a network begins with.
SciPy is imported when it is used.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from rnnbench.data.corpus import Tokens
from rnnbench.data.dataset import Dataset
from rnnbench.data.held_out import hold_out
from rnnbench.data.padding import UNKNOWN
from rnnbench.errors import UserError
from rnnbench.models.layers import Layer
from rnnbench.training.epochs import begin
from rnnbench.training.outcome import Floats, Weights

if TYPE_CHECKING:
    from scipy.sparse import csr_array

WINDOW = 5  # a word's context is this many words before it and after it
# exponent of context counts, or rare contexts would look too informative
SMOOTHING = 0.75
# of the vectors, apart from the features beyond the rank of the matrix
ROOT_MEAN_SQUARE = 0.5
OVERSAMPLES = 10  # directions beyond the features, which make the others more accurate
IDS_AT_ONCE = 2**23  # whose pairs are counted together, so that they take little memory
ROUNDING = 1e-6  # singular values below this count as zeros

Texts = Sequence[Tokens]
Doubles = NDArray[np.float64]


def word_vectors(first: Layer, dataset: Dataset, share: float) -> Weights:
    """Return the word vectors that a first layer asks for, if any."""
    dim = first.pretrained_dim
    if not dim:
        return []
    begin("making word vectors")
    unlabeled = first.reads_unlabeled
    return [pretrained_vectors(dataset, dim, share, unlabeled=unlabeled)]


@lru_cache(maxsize=1)  # one process trains all seeds of a model
def pretrained_vectors(
    dataset: Dataset, dim: int, share: float, *, unlabeled: bool = False
) -> Floats:
    """Return vectors that are learned from ``texts_for``; see ``ppmi_svd_vectors``."""
    texts = texts_for(dataset, share, unlabeled=unlabeled)
    return ppmi_svd_vectors(texts, dataset.n_ids, dim)


def texts_for(dataset: Dataset, share: float, *, unlabeled: bool) -> Texts:
    """Return the ids of all texts to learn from that are not for validation or testing.

    They are all other documents of the corpus, at full length, including those too long
    for the dataset, but none of the corpus's own test set; or the training documents
    and ``Dataset.unlabeled``.
    """
    documents = dataset.documents
    trained = dataset.train_documents
    kept, held_out = hold_out(len(trained), share, dataset.groups)
    if unlabeled:
        if not dataset.unlabeled:
            hint = "use `rnnbench run` or `rnnbench choose`"
            raise UserError(f"texts without labels were not loaded ({hint})")
        return [*(documents[number] for number in trained[kept]), *dataset.unlabeled]
    # some test documents may be learned on purpose
    tested = np.setdiff1d(dataset.test_documents, trained)
    judging = np.concatenate([tested, trained[held_out]])
    others = np.setdiff1d(np.arange(len(documents)), judging)
    return [documents[number] for number in others]


def ppmi_svd_vectors(documents: Texts, n_ids: int, dim: int) -> Floats:
    """Return a vector for each word, ``(n_ids, dim)``; similar ones have the same
    neighbours.

    They are ``U sqrt(S)`` of a truncated singular value decomposition ``U S V'`` of the
    words' positive pointwise mutual information with those around them: O. Levy, Y.
    Goldberg, I. Dagan: Improving Distributional Similarity with Lessons Learned from
    Word Embeddings (TACL 2015).

    The documents are ids below ``n_ids``, without padding or start mark. Vectors of
    words in no document are zero, and so are all features beyond the rank of the
    matrix.
    """
    information = _information(documents, n_ids)
    with threadpool_limits(1):  # or the numbers would depend on the cores
        u, s = _largest_singular(information, dim)
    rank = np.count_nonzero(s > ROUNDING)
    vectors = np.zeros((n_ids, dim))
    if rank:  # the texts do not just repeat a single word
        vectors[:, :rank] = u[:, :rank] * np.sqrt(s[:rank])
        vectors *= ROOT_MEAN_SQUARE / np.sqrt(np.mean(vectors[:, :rank] ** 2))
    return vectors.astype(np.float32)


def _information(documents: Texts, n_ids: int) -> "csr_array":
    """Return ``max(0, log(P(word, context) / (P(word) P(context))))``.

    It is a sparse matrix, ``(n_ids, n_ids)``.
    """
    from scipy.sparse import coo_array, csr_array

    after = csr_array((n_ids, n_ids))
    for ids in _blocks_of_ids(documents):
        for distance in range(1, WINDOW + 1):
            pairs = np.stack([ids[:-distance], ids[distance:]])
            pairs = pairs[:, (pairs > UNKNOWN).all(axis=0)]
            ones = np.ones(pairs.shape[1])
            after += coo_array((ones, pairs), shape=after.shape).tocsr()
    counts = after + after.T
    del after
    words = counts.sum(axis=1)
    contexts = words**SMOOTHING
    total = contexts.sum()
    for word in range(n_ids):
        start, end = counts.indptr[word : word + 2]
        of_word = counts.data[start:end]  # a view: a copy of all would be large
        of_word *= total
        of_word /= words[word] * contexts[counts.indices[start:end]]
        np.log(of_word, out=of_word)
        np.maximum(of_word, 0, out=of_word)
    counts.eliminate_zeros()
    return counts


def _blocks_of_ids(documents: Texts) -> Iterator[Tokens]:
    """Yield the ids of some documents at a time, one after another.

    There are gaps between them, so that no context spans two documents.
    """
    gap = np.zeros(WINDOW, np.int32)
    parts: list[Tokens] = []
    n_ids = 0
    for document in documents:
        parts += [document, gap]
        n_ids += len(document)
        if n_ids >= IDS_AT_ONCE:
            yield np.concatenate(parts)
            parts = []
            n_ids = 0
    if parts:
        yield np.concatenate(parts)


def _largest_singular(matrix: "csr_array", n: int) -> tuple[Doubles, Doubles]:
    """Return the left vectors of the ``n`` largest singular values, and the values.

    The steps and signs are those of scikit-learn's ``randomized_svd``, bit for bit, but
    a worker need not import scikit-learn, which takes 125 MB: N. Halko, P.-G.
    Martinsson, J. A. Tropp: Finding Structure with Randomness (SIAM Review 2011),
    algorithm 4.4.
    """
    from scipy import linalg

    basis = np.random.RandomState(0).normal(size=(matrix.shape[1], n + OVERSAMPLES))
    iterations = 4
    if n < 0.1 * min(matrix.shape):
        iterations = 7
    for _ in range(iterations):
        for side in (matrix, matrix.T):
            basis, _ = linalg.lu(side @ basis, permute_l=True, check_finite=False)
    basis, _ = linalg.qr(matrix @ basis, mode="economic", check_finite=False)
    u, s, _ = linalg.svd(basis.T @ matrix, full_matrices=False)
    vectors = basis @ u
    largest = np.abs(vectors).argmax(axis=0)
    vectors *= np.sign(vectors[largest, np.arange(len(s))])
    return vectors[:, :n], s[:n]
