"""A language model, whose weights a network begins with.

It learns to predict the next word of the training documents and of texts without labels: A. Dai,
Q. Le: Semi-supervised Sequence Learning (NIPS 2015). A bidirectional layer has a model each way.
These share the vectors of words and the softmax: M. Peters et al.: Deep Contextualized Word
Representations (NAACL 2018).
"""

import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from rnnbench.data import cache
from rnnbench.data.dataset import START, Dataset
from rnnbench.environment import versions
from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.models.layers import Layer, Shape, derive_seed
from rnnbench.storage import acquire, sha256_arrays
from rnnbench.text import duration
from rnnbench.training.engines.base import word_vectors
from rnnbench.training.epochs import Recipe, Schedule, batches, begin
from rnnbench.training.outcome import Weights
from rnnbench.training.word_vectors import texts_for

REVISION = 1
"""Goes up when the same texts would give other weights."""
STEPS = 70
"""Words that are read in a row, as in J. Howard, S. Ruder: Universal Language Model Fine-tuning
for Text Classification (ACL 2018)."""
PIECES = 128
"""Rows of words in a step of the optimizer."""
SAMPLES = 512
"""Words that a step tells the right ones from, in place of all: a sampled softmax."""
SMOOTHING = 0.75
"""Exponent of the counts by which they are drawn."""
PLAIN = {
    "dropout": 0.0, "recurrent_dropout": 0.0, "weight_drop": 0.0, "return_sequences": True,
    "masking": False, "trainable": True,
}  # fmt: skip
"""The parameters of its layers that differ from those of the network."""

log = logging.getLogger(__name__)


def language_weights(model: LayeredNetwork, dataset: Dataset, share: float) -> Weights:
    """Return the weights of the embedding and of the recurrent layer, in Keras's order.

    They are kept in the cache. They depend neither on a seed nor on held-out documents.
    """
    import tensorflow as tf

    assert model.pretrain  # noqa: S101 - the caller has looked
    marked = ([START, *text] for text in texts_for(dataset, share, unlabeled=True))
    words = np.concatenate([*map(np.asarray, marked)]).astype(np.int32)
    facts = {
        "layers": [layer.facts() for layer in _layers(model)],
        "pretrain": model.pretrain.facts(),
        "n_ids": dataset.n_ids,
        "versions": versions(model.packages),
        "threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "revision": REVISION,
    }
    key = sha256_arrays({"words": words}, facts)
    file = cache.folder() / "language_models" / f"{key}.npz"
    file.parent.mkdir(parents=True, exist_ok=True)
    with acquire(FileLock(file.with_suffix(".lock"))):  # another process may be making it
        if (kept := _read(file)) is None:
            first = word_vectors(model.layers[0], dataset, share)
            kept, _ = train(model, words, dataset.n_ids, first)
            arrays: dict[str, Any] = {f"{number:02}": array for number, array in enumerate(kept)}
            with cache.writing(file) as out:
                np.savez(out, sha256=np.array(sha256_arrays(arrays, {})), **arrays)
    return kept


def _read(file: Path) -> Weights | None:
    """Return the weights in a file; ``None`` if there is none, or it is not as it was written."""
    if not file.exists():
        return None
    try:
        with np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in sorted(stored.files) if name != "sha256"}
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
        layer.model_copy(update={key: PLAIN[key] for key in PLAIN.keys() & vars(layer).keys()})
        for layer in (model.layers[0], *model.readers)
    ]


def train(
    model: LayeredNetwork, words: NDArray[np.int32], n_ids: int, vectors: Weights
) -> tuple[Weights, list[float]]:
    """Return the weights that predict words, int32 ``(n,)``, and the mean loss of each epoch."""
    from rnnbench.training.engines.keras_fit import make_optimizer

    size = min(PIECES, -(-len(words) // STEPS))
    rows = -(-len(words) // (STEPS * size)) * size
    pieces = np.resize(words, (rows, STEPS))  # the last ones begin again with the first words
    assert model.pretrain  # noqa: S101 - the caller has looked
    rate = Schedule(start=model.pretrain.learning_rate, schedule="cosine")
    recipe = Recipe(epochs=model.pretrain.epochs, batch_size=size, learning_rate=rate)
    counts = np.bincount(words, minlength=n_ids) ** SMOOTHING
    chances = counts / counts.sum()
    step, weights = _make_step(_layers(model), vectors, chances, make_optimizer(recipe, rows))
    random, start = np.random.default_rng(0), time.monotonic()
    total, losses = recipe.epochs * rows // size, list[float]()
    for epoch in range(1, recipe.epochs + 1):
        for chosen in batches(rows, size, 0, epoch):
            if len(losses) % (total // 20 + 1) == 0:
                left = (time.monotonic() - start) / max(len(losses), 1) * (total - len(losses))
                about = f", {duration(left)} left" if losses else ""
                begin(f"language model {len(losses) / total:.0%}{about}")
            drawn = random.choice(n_ids, SAMPLES, p=chances).astype(np.int32)
            losses.append(float(step(pieces[chosen], drawn)))
    means = np.reshape(losses, (recipe.epochs, -1)).mean(axis=1)
    return [weight.numpy() for weight in weights], means.tolist()


def _make_step(
    layers: list[Any], vectors: Weights, chances: NDArray[np.floating[Any]], optimizer: Any
) -> tuple[Callable[[NDArray[np.int32], NDArray[np.int32]], Any], list[Any]]:
    """Return a function that takes a step on pieces and drawn words, and the weights to be kept.

    The sum in the softmax is that of the right word and, estimated without bias, of all others: a
    drawn word counts one over its expected number of draws (Y. Bengio, J.-S. Senecal: Quick
    Training of Probabilistic Neural Nets by Importance Sampling, AISTATS 2003).
    """
    import keras
    import tensorflow as tf

    n_ids, dim, units = len(chances), layers[0].dim, layers[1].units
    embed, *readers = (
        layer.keras_layer(Shape(STEPS, 1, n_ids), partial(derive_seed, 0, place))
        for place, layer in enumerate(layers)
    )
    uniform = keras.initializers.RandomUniform(seed=derive_seed(0, len(layers), "kernel"))
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
        others = tf.matmul(states, softmax(drawn), transpose_b=True) - tf.gather(costs, drawn)
        others = tf.where(words[:, None] == drawn, -1e9, others)
        scores = tf.concat([right[:, None], others], 1)
        return tf.reduce_mean(tf.reduce_logsumexp(scores, 1) - right)

    def step(ids: Any, drawn: Any) -> Any:
        with tf.GradientTape() as tape:
            ways = zip(readers, (ids, ids[:, ::-1]), strict=False)
            loss = tf.add_n([loss_of(reader, way, drawn) for reader, way in ways]) / len(readers)
        gradients = tape.gradient(loss, [weight.value for weight in trained])
        optimizer.apply(gradients, trained)
        return loss

    return tf.function(step, jit_compile=True, autograph=False), kept
