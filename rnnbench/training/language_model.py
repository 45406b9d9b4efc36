"""Language models, with whose weights the first layers of a network begin.

A language model learns to predict the next word of the training documents and of texts
without labels: A. Dai, Q. Le: Semi-supervised Sequence Learning (NIPS 2015). A
bidirectional layer has a model each way, which share the vectors of words and the
softmax: M. Peters et al.: Deep Contextualized Word Representations (NAACL 2018).
TensorFlow is imported when one is trained.
"""

import logging
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from rnnbench.data import cache
from rnnbench.data.corpus import Tokens
from rnnbench.data.dataset import Dataset
from rnnbench.data.padding import START
from rnnbench.environment import identifying_versions
from rnnbench.models.descriptions import LanguageModel, LayeredNetwork
from rnnbench.models.layers import Shape
from rnnbench.models.seeds import derive_seed
from rnnbench.storage import acquire, sha256_arrays
from rnnbench.text import duration
from rnnbench.training.epochs import begin
from rnnbench.training.hyperparameters import Schedule, TrainingSettings
from rnnbench.training.optimizer import make_optimizer
from rnnbench.training.outcome import Weights
from rnnbench.training.word_vectors import SMOOTHING, texts_for, word_vectors

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

REVISION = 1  # goes up when the same texts would give other weights
STEPS = 70
"""Words that are read in a row, as in J. Howard, S. Ruder: Universal Language Model
Fine-tuning for Text Classification (ACL 2018)."""
PIECES = 128  # rows of words in a step of the optimizer
SAMPLES = 512  # words that a step tells the right ones from: a sampled softmax
PLAIN = {  # the parameters of its layers that differ from those of the network
    "dropout": 0.0,
    "recurrent_dropout": 0.0,
    "weight_drop": 0.0,
    "return_sequences": True,
    "masking": False,
    "trainable": True,
}
SHA256 = "sha256"  # the name of the fingerprint among the arrays of a file

log = logging.getLogger(__name__)


def language_weights(model: LayeredNetwork, dataset: Dataset, share: float) -> Weights:
    """Return the weights of the embedding and the recurrent layers, if it has any.

    They are made once for all seeds.
    """
    if model.pretrain is None:
        return []
    layers = layers_of(model)
    first = model.layers[0]
    texts = texts_for(dataset, share, unlabeled=True)
    marked = [np.asarray([START, *text]) for text in texts]
    words = np.concatenate(marked).astype(np.int32)
    read = {"words": words}
    if first.pretrained_dim:
        texts = texts_for(dataset, share, unlabeled=first.reads_unlabeled)
        read["vectors"] = np.concatenate(texts)
    file = _file_of(read, layers, model, dataset.n_ids)
    file.parent.mkdir(parents=True, exist_ok=True)
    with acquire(FileLock(file.with_suffix(".lock"))):  # another process may make it
        weights = _read(file)
        if weights is None:
            vectors = word_vectors(first, dataset, share)
            weights, _ = train(layers, model.pretrain, words, dataset.n_ids, vectors)
            _write(file, weights)
    return weights


def layers_of(model: LayeredNetwork) -> list[Any]:
    """Return the embedding, and the recurrent layer of each way of reading."""
    layers = []
    for layer in (model.layers[0], *model.readers):
        keys = PLAIN.keys() & vars(layer).keys()
        layers.append(layer.model_copy(update={key: PLAIN[key] for key in keys}))
    return layers


def _file_of(
    read: dict[str, Tokens],
    layers: list[Any],
    model: LayeredNetwork,
    n_ids: int,
) -> Path:
    """Return the file of the weights; its name depends on all that can change them."""
    import tensorflow as tf

    settings = {
        "layers": [layer.facts() for layer in layers],
        "pretrain": model.pretrain and model.pretrain.facts(),
        "n_ids": n_ids,
        "versions": identifying_versions(model.packages),
        "threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "revision": REVISION,
    }
    key = sha256_arrays(read, settings)
    return cache.folder() / "language_models" / f"{key}.npz"


def _write(file: Path, weights: Weights) -> None:
    arrays: dict[str, Any] = {}
    for number, array in enumerate(weights):
        arrays[f"{number:02}"] = array
    arrays[SHA256] = np.array(sha256_arrays(arrays, {}))
    with cache.writing(file) as opened:
        np.savez(opened, **arrays)


def _read(file: Path) -> Weights | None:
    """Return the weights in a file; ``None`` if there is none, or it is damaged."""
    if not file.exists():
        return None
    try:
        with np.load(file, allow_pickle=False) as stored:
            names = sorted(name for name in stored.files if name != SHA256)
            arrays = {name: stored[name] for name in names}
            if sha256_arrays(arrays, {}) == str(stored[SHA256]):
                return list(arrays.values())
        reason = "its content does not match its fingerprint"
    except Exception as error:  # damage makes zipfile and NumPy raise almost anything
        reason, _, _ = str(error).partition("\n")
    log.warning("damaged cache: %s: %s; it is made again", file, reason)
    return None


def train(
    layers: list[Any],
    pretrain: LanguageModel,
    words: Tokens,
    n_ids: int,
    vectors: Weights,
) -> tuple[Weights, list[float]]:
    """Return the weights that predict words, ``(n,)``, and each epoch's mean loss."""
    size = min(PIECES, -(-len(words) // STEPS))
    rows = -(-len(words) // (STEPS * size)) * size
    # The last pieces begin again with the first words.
    pieces = np.resize(words, (rows, STEPS))
    settings = TrainingSettings(
        epochs=pretrain.epochs,
        batch_size=size,
        learning_rate=Schedule(start=pretrain.learning_rate, schedule="cosine"),
    )
    counts = np.bincount(words, minlength=n_ids) ** SMOOTHING
    chances = counts / counts.sum()
    model = NextWord(layers, chances)
    step = model.step_of(make_optimizer(settings, rows), vectors)
    random = np.random.default_rng(0)
    start = time.monotonic()
    n_steps = pretrain.epochs * rows // size
    losses: list[float] = []
    for epoch in range(1, pretrain.epochs + 1):
        for chosen in settings.batches(rows, 0, epoch):
            if len(losses) % (n_steps // 20 + 1) == 0:
                _show(len(losses), n_steps, time.monotonic() - start)
            drawn = random.choice(n_ids, SAMPLES, p=chances).astype(np.int32)
            losses.append(float(step(pieces[chosen], drawn)))
    means = np.reshape(losses, (pretrain.epochs, -1)).mean(axis=1)
    return [weight.numpy() for weight in model.weights], means.tolist()


def _show(done: int, n_steps: int, seconds: float) -> None:
    """Announce how many steps are done, and how long the others will take."""
    phase = f"language model {done / n_steps:.0%}"
    if done:
        phase += f", {duration(seconds / done * (n_steps - done))} left"
    begin(phase)


class NextWord:
    """A network that predicts the next word, each way of reading.

    The sum in the softmax is that of the right word and, estimated without bias, of all
    others: a drawn word counts one over its expected number of draws (Y. Bengio, J.-S.
    Senecal: Quick Training of Probabilistic Neural Nets by Importance Sampling, AISTATS
    2003).
    """

    def __init__(self, layers: list[Any], chances: NDArray[np.floating[Any]]):
        import keras
        import tensorflow as tf

        n_ids = len(chances)
        shape = Shape(STEPS, 1, n_ids)
        made = []
        for position, layer in enumerate(layers):
            made.append(layer.keras_layer(shape, partial(derive_seed, 0, position)))
        self.embed, *self.readers = made
        self.units = layers[1].units
        seed = derive_seed(0, len(layers), "kernel")
        uniform = keras.initializers.RandomUniform(seed=seed)
        self.softmax = keras.layers.Embedding(n_ids, self.units + 1, uniform)
        for layer in (*made, self.softmax):
            layer.build((None, STEPS, layers[0].dim))
        self.weights = [weight for layer in made for weight in layer.trainable_weights]
        draws = np.log(np.maximum(SAMPLES * chances, 1e-30))
        self.log_draws = tf.constant(draws, tf.float32)  # how often a word is drawn

    def step_of(
        self, optimizer: "keras.Optimizer", vectors: Weights
    ) -> "tf.types.experimental.PolymorphicFunction":
        """Return a function that takes a step on pieces ``(n, STEPS)`` and drawn words.

        The network begins with the word vectors.
        """
        import tensorflow as tf

        for weight, value in zip(self.weights, vectors, strict=False):
            weight.assign(value)
        trained = [*self.weights, *self.softmax.trainable_weights]
        optimizer.build(trained)

        def step(ids: "tf.Tensor", drawn: "tf.Tensor") -> "tf.Tensor":
            with tf.GradientTape() as tape:
                loss = self._loss(ids, drawn)
            values = [weight.value for weight in trained]
            optimizer.apply(tape.gradient(loss, values), trained)
            return loss

        return tf.function(step, jit_compile=True, autograph=False)

    def _loss(self, ids: "tf.Tensor", drawn: "tf.Tensor") -> "tf.Tensor":
        """Return the mean loss over the ways of reading."""
        import tensorflow as tf

        losses = []
        for reader, way in zip(self.readers, (ids, ids[:, ::-1]), strict=False):
            losses.append(self._loss_of(reader, way, drawn))
        return tf.add_n(losses) / len(self.readers)

    def _loss_of(
        self, reader: "keras.Layer", ids: "tf.Tensor", drawn: "tf.Tensor"
    ) -> "tf.Tensor":
        import tensorflow as tf

        states = tf.reshape(reader(self.embed(ids[:, :-1])), (-1, self.units))
        states = tf.pad(states, [[0, 0], [0, 1]], constant_values=1.0)  # for the bias
        words = tf.reshape(ids[:, 1:], (-1,))
        right = tf.reduce_sum(states * self.softmax(words), 1)
        others = tf.matmul(states, self.softmax(drawn), transpose_b=True)
        others -= tf.gather(self.log_draws, drawn)
        others = tf.where(words[:, None] == drawn, -1e9, others)
        scores = tf.concat([right[:, None], others], 1)
        return tf.reduce_mean(tf.reduce_logsumexp(scores, 1) - right)
