"""The first weights of networks: word vectors, or a language model, learned without
topics.

A language model learns to predict the next word of the training documents and of texts
without labels: A. Dai, Q. Le: Semi-supervised Sequence Learning (NIPS 2015). A
bidirectional layer has a model each way, which share the vectors of words and the
softmax: M. Peters et al.: Deep Contextualized Word Representations (NAACL 2018). SciPy
is imported when it is used.
"""

import logging
import time
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from rnnbench.data import cache
from rnnbench.data.dataset import Dataset
from rnnbench.data.held_out import hold_out
from rnnbench.data.padding import START, UNKNOWN
from rnnbench.environment import versions
from rnnbench.errors import UserError
from rnnbench.models.descriptions import LayeredNetwork, Model
from rnnbench.models.layers import Layer, Shape
from rnnbench.models.seeds import derive_seed
from rnnbench.storage import acquire, sha256_arrays
from rnnbench.text import duration
from rnnbench.training.epochs import Schedule, TrainingSettings, begin
from rnnbench.training.optimizer import make_optimizer
from rnnbench.training.outcome import Weights

WINDOW = 5  # a word's context is this many words before it and after it
SMOOTHING = (
    0.75  # exponent of context counts, or rare contexts would look too informative
)
ROOT_MEAN_SQUARE = (
    0.5  # of the vectors, apart from the features beyond the rank of the matrix
)
OVERSAMPLES = 10  # directions beyond the features, which make the others more accurate
ROUNDING = 1e-6  # singular values below this count as zeros
REVISION = 1  # goes up when the same texts would give other weights
STEPS = 70
"""Words that are read in a row, as in J. Howard, S. Ruder: Universal Language Model
Fine-tuning for Text Classification (ACL 2018)."""
PIECES = 128  # rows of words in a step of the optimizer
SAMPLES = 512  # words that a step tells the right ones from: a sampled softmax
PLAIN = {  # the parameters of its layers that differ from those of the network
    "dropout": 0.0, "recurrent_dropout": 0.0, "weight_drop": 0.0, "return_sequences": True,
    "masking": False, "trainable": True,
}  # fmt: skip

Texts = Sequence[NDArray[np.int32]]  # their ids
log = logging.getLogger(__name__)


def initial_weights(model: Model, dataset: Dataset, share: float) -> Weights:
    """Return a model's first weights, learned from texts but for the ``share`` that is
    held out.
    """
    if not isinstance(model, LayeredNetwork):
        return []
    if model.pretrain:
        return language_weights(model, dataset, share)
    return word_vectors(model.layers[0], dataset, share)


def word_vectors(first: Layer, dataset: Dataset, share: float) -> Weights:
    """Return the word vectors that a first layer asks for, if any."""
    if not first.pretrained_dim:
        return []
    begin("making word vectors")
    unlabeled = first.reads_unlabeled
    return [
        pretrained_vectors(dataset, first.pretrained_dim, share, unlabeled=unlabeled)
    ]


@lru_cache(maxsize=1)  # one process trains all seeds of a model
def pretrained_vectors(
    dataset: Dataset, dim: int, share: float, *, unlabeled: bool = False
) -> NDArray[np.float32]:
    """Return word vectors that are learned from ``texts_for``; see
    ``ppmi_svd_vectors``.
    """
    texts = texts_for(dataset, share, unlabeled=unlabeled)
    return ppmi_svd_vectors(texts, dataset.n_ids, dim)


def texts_for(
    dataset: Dataset, share: float, *, unlabeled: bool
) -> list[NDArray[np.int32]]:
    """Return the ids of all texts to learn from that are not for validation or testing.

    They are all other documents of the corpus, at full length, including those too long
    for the dataset, but none of the corpus's own test set; or the training documents
    and ``Dataset.unlabeled``.
    """
    kept, held_out = hold_out(len(dataset.y_train), share, dataset.groups)
    if unlabeled:
        if not dataset.unlabeled:
            hint = "use `rnnbench run` or `rnnbench choose`"
            raise UserError(f"texts without labels were not loaded ({hint})")
        learned = dataset.train_documents[kept]
        return [*(dataset.documents[place] for place in learned), *dataset.unlabeled]
    tested = np.setdiff1d(
        dataset.test_documents, dataset.train_documents
    )  # not learned on purpose
    judging = np.concatenate([tested, dataset.train_documents[held_out]])
    others = np.setdiff1d(np.arange(len(dataset.documents)), judging)
    return [dataset.documents[place] for place in others]


def ppmi_svd_vectors(documents: Texts, n_ids: int, dim: int) -> NDArray[np.float32]:
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
    rank = np.count_nonzero(s > ROUNDING)  # 0 if the texts repeat a single word
    vectors = np.zeros((n_ids, dim))
    vectors[:, :rank] = u[:, :rank] * np.sqrt(s[:rank])
    scale = np.sqrt(np.mean(vectors[:, :rank] ** 2)) if rank else 1.0
    return (vectors * (ROOT_MEAN_SQUARE / scale)).astype(np.float32)


def _information(documents: Texts, n_ids: int) -> Any:
    """Return ``max(0, log(P(word, context) / (P(word) P(context))))``, ``(n_ids,
    n_ids)``.
    """
    from scipy.sparse import coo_array, csr_array

    gap = np.zeros(
        WINDOW, np.int32
    )  # between documents, so that no context spans two of them
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
    return coo_array(
        (np.maximum(information, 0), (row, column)), shape=counts.shape
    ).tocsr()


def _largest_singular(
    matrix: Any, n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the left vectors of the ``n`` largest singular values, and the values.

    The steps and signs are those of scikit-learn's ``randomized_svd``, bit for bit, but
    a worker need not import scikit-learn, which takes 125 MB: N. Halko, P.-G.
    Martinsson, J. A. Tropp: Finding Structure with Randomness (SIAM Review 2011),
    algorithm 4.4.
    """
    from scipy import linalg

    basis = np.random.RandomState(0).normal(size=(matrix.shape[1], n + OVERSAMPLES))
    for _ in range(7 if n < 0.1 * min(matrix.shape) else 4):
        for side in (matrix, matrix.T):
            basis, _ = linalg.lu(side @ basis, permute_l=True, check_finite=False)
    basis, _ = linalg.qr(matrix @ basis, mode="economic", check_finite=False)
    u, s, _ = linalg.svd(basis.T @ matrix, full_matrices=False)
    vectors = basis @ u
    vectors *= np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(len(s))])
    return vectors[:, :n], s[:n]


def language_weights(model: LayeredNetwork, dataset: Dataset, share: float) -> Weights:
    """Return the weights of the embedding and the recurrent layers, made once for all
    seeds.
    """
    import tensorflow as tf

    assert model.pretrain  # noqa: S101 - the caller has looked
    marked = ([START, *text] for text in texts_for(dataset, share, unlabeled=True))
    read = {"words": np.concatenate([*map(np.asarray, marked)]).astype(np.int32)}
    if (first := model.layers[0]).pretrained_dim:
        texts = texts_for(dataset, share, unlabeled=first.reads_unlabeled)
        read["vectors"] = np.concatenate(texts)
    facts = {
        "layers": [layer.facts() for layer in _layers(model)],
        "pretrain": model.pretrain.facts(),
        "n_ids": dataset.n_ids,
        "versions": versions(model.packages),
        "threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "revision": REVISION,
    }
    key = sha256_arrays(read, facts)
    file = cache.folder() / "language_models" / f"{key}.npz"
    file.parent.mkdir(parents=True, exist_ok=True)
    with acquire(
        FileLock(file.with_suffix(".lock"))
    ):  # another process may be making it
        if (kept := _read(file)) is None:
            vectors = word_vectors(first, dataset, share)
            kept, _ = train(model, read["words"], dataset.n_ids, vectors)
            arrays: dict[str, Any] = {
                f"{number:02}": array for number, array in enumerate(kept)
            }
            with cache.writing(file) as out:
                np.savez(out, sha256=np.array(sha256_arrays(arrays, {})), **arrays)
    return kept


def _read(file: Path) -> Weights | None:
    """Return the weights in a file; ``None`` if there is none, or it is not as it was
    written.
    """
    if not file.exists():
        return None
    try:
        with np.load(file, allow_pickle=False) as stored:
            arrays = {
                name: stored[name] for name in sorted(stored.files) if name != "sha256"
            }
            if sha256_arrays(arrays, {}) == str(stored["sha256"]):
                return [*arrays.values()]
        reason = "its content does not match its fingerprint"
    except Exception as error:  # damage makes zipfile and NumPy raise almost anything
        reason = str(error).partition("\n")[0]
    log.warning("damaged cache: %s: %s; it is made again", file, reason)
    return None


def _layers(model: LayeredNetwork) -> list[Layer]:
    """Return the embedding, and the recurrent layer of each way of reading."""
    return [
        layer.model_copy(
            update={key: PLAIN[key] for key in PLAIN.keys() & vars(layer).keys()}
        )
        for layer in (model.layers[0], *model.readers)
    ]


def train(
    model: LayeredNetwork, words: NDArray[np.int32], n_ids: int, vectors: Weights
) -> tuple[Weights, list[float]]:
    """Return the weights that predict words, int32 ``(n,)``, and the mean loss of each
    epoch.
    """
    size = min(PIECES, -(-len(words) // STEPS))
    rows = -(-len(words) // (STEPS * size)) * size
    pieces = np.resize(
        words, (rows, STEPS)
    )  # the last ones begin again with the first words
    assert model.pretrain  # noqa: S101 - the caller has looked
    rate = Schedule(start=model.pretrain.learning_rate, schedule="cosine")
    recipe = TrainingSettings(
        epochs=model.pretrain.epochs, batch_size=size, learning_rate=rate
    )
    counts = np.bincount(words, minlength=n_ids) ** SMOOTHING
    chances = counts / counts.sum()
    step, weights = _make_step(
        _layers(model), vectors, chances, make_optimizer(recipe, rows)
    )
    random, start = np.random.default_rng(0), time.monotonic()
    total, losses = recipe.epochs * rows // size, list[float]()
    for epoch in range(1, recipe.epochs + 1):
        for chosen in recipe.batches(rows, 0, epoch):
            if len(losses) % (total // 20 + 1) == 0:
                left = (
                    (time.monotonic() - start)
                    / max(len(losses), 1)
                    * (total - len(losses))
                )
                about = f", {duration(left)} left" if losses else ""
                begin(f"language model {len(losses) / total:.0%}{about}")
            drawn = random.choice(n_ids, SAMPLES, p=chances).astype(np.int32)
            losses.append(float(step(pieces[chosen], drawn)))
    means = np.reshape(losses, (recipe.epochs, -1)).mean(axis=1)
    return [weight.numpy() for weight in weights], means.tolist()


def _make_step(
    layers: list[Any],
    vectors: Weights,
    chances: NDArray[np.floating[Any]],
    optimizer: Any,
) -> tuple[Callable[[NDArray[np.int32], NDArray[np.int32]], Any], list[Any]]:
    """Return a function that takes a step on pieces and drawn words, and the weights to
    be kept.

    The sum in the softmax is that of the right word and, estimated without bias, of all
    others: a drawn word counts one over its expected number of draws (Y. Bengio, J.-S.
    Senecal: Quick Training of Probabilistic Neural Nets by Importance Sampling, AISTATS
    2003).
    """
    import keras
    import tensorflow as tf

    n_ids, dim, units = len(chances), layers[0].dim, layers[1].units
    embed, *readers = (
        layer.keras_layer(Shape(STEPS, 1, n_ids), partial(derive_seed, 0, place))
        for place, layer in enumerate(layers)
    )
    uniform = keras.initializers.RandomUniform(
        seed=derive_seed(0, len(layers), "kernel")
    )
    softmax = keras.layers.Embedding(n_ids, units + 1, uniform)
    for layer in (embed, *readers, softmax):
        layer.build((None, STEPS, dim))
    kept = [weight for layer in (embed, *readers) for weight in layer.trainable_weights]
    for weight, value in zip(kept, vectors, strict=False):
        weight.assign(value)
    trained = [*kept, *softmax.trainable_weights]
    optimizer.build(trained)
    costs = tf.constant(np.log(np.maximum(SAMPLES * chances, 1e-30)), tf.float32)

    def loss_of(reader: Any, ids: Any, drawn: Any) -> Any:
        states = tf.reshape(reader(embed(ids[:, :-1])), (-1, units))
        states = tf.pad(states, [[0, 0], [0, 1]], constant_values=1.0)  # for the bias
        words = tf.reshape(ids[:, 1:], (-1,))
        right = tf.reduce_sum(states * softmax(words), 1)
        others = tf.matmul(states, softmax(drawn), transpose_b=True) - tf.gather(
            costs, drawn
        )
        others = tf.where(words[:, None] == drawn, -1e9, others)
        scores = tf.concat([right[:, None], others], 1)
        return tf.reduce_mean(tf.reduce_logsumexp(scores, 1) - right)

    def step(ids: Any, drawn: Any) -> Any:
        with tf.GradientTape() as tape:
            ways = zip(readers, (ids, ids[:, ::-1]), strict=False)
            loss = tf.add_n(
                [loss_of(reader, way, drawn) for reader, way in ways]
            ) / len(readers)
        optimizer.apply(
            tape.gradient(loss, [weight.value for weight in trained]), trained
        )
        return loss

    return tf.function(step, jit_compile=True, autograph=False), kept
