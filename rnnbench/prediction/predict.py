"""The networks that a run has kept: their predictions, and their files for Keras."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rnnbench.data.dataset import INDEX_FROM
from rnnbench.data.vocabulary import Vocabulary, encode
from rnnbench.errors import RnnbenchError, UserError, did_you_mean
from rnnbench.models import in_numpy
from rnnbench.models.descriptions import Network
from rnnbench.models.layers import Shape
from rnnbench.models.quiet import quiet_tensorflow
from rnnbench.results.run import load_benchmark, load_results
from rnnbench.results.schema import Results
from rnnbench.results.store import Store, read_weights
from rnnbench.section import Record
from rnnbench.storage import DamagedResultError, atomic_write, check_new

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

MANY = 3000
"""From so many texts on, machine code is made; that takes about as long as NumPy predicts them with
``bilstm_max`` of ``configs/zoo.yaml``."""


class TopicProbability(Record):
    """A topic and its probability."""

    topic: str
    probability: float


class Prediction(Record):
    """A network's answer to one text."""

    words: int
    """Words of the text."""
    words_read: int
    """The words that fit into the network's input; the others were cut off."""
    unknown_words: list[str]
    """Words that are not in the vocabulary of the run, each as often as it occurs."""
    topics: list[TopicProbability]
    """The most probable first; empty if no word that was read is in the vocabulary."""

    @property
    def is_doubtful(self) -> bool:
        """Whether there is no answer, or more than half of the words are not in the vocabulary."""
        return not self.topics or 2 * len(self.unknown_words) > self.words


@dataclass(frozen=True)
class KeptNetwork:
    """A trained network of a run, the shape of its dataset, and the file of its weights."""

    network: Network
    shape: Shape
    weights: Path
    vocabulary: Vocabulary


def predict_texts(
    folder: Path, model: str, seed: int | None, texts: Sequence[str], top: int | None = None
) -> list[Prediction]:
    """Predict the topics of texts, by default with the network of the first seed.

    Texts are split into words in the same way as the corpus of the run. A text of which the network
    reads nothing but unknown words has no topics: the answer would not be about this text.
    Many texts are read by machine code, if there is some for the network; few, not worth the time
    to make it, by NumPy. TensorFlow is imported only for a network that NumPy cannot compute.

    Raises:
        UserError: there is no such model or seed, it was not kept, or there is no text to read.
        DamagedResultError: a file is not as it was written, or an older version wrote it.
        PluginError: the code of the model's own layers is gone, or failed.
    """
    kept = find_network(folder, model, seed)
    vocabulary = kept.vocabulary
    encoded = encode(texts, vocabulary)
    if not texts or not all(encoded.words):
        raise UserError("a text contains no words")
    of_each = zip(
        encoded.words, encoded.unknown, encoded.ids, _probabilities(kept, encoded.ids), strict=True
    )
    readable = vocabulary.timesteps - (vocabulary.truncating == "post")  # less the start mark
    predictions = []
    for words, unknown, ids, row in of_each:
        is_known = (ids > INDEX_FROM).any()
        topics = [
            TopicProbability(topic=vocabulary.topics[label], probability=float(row[label]))
            for label in (-row).argsort(kind="stable")[: top if is_known else 0]
        ]
        read = min(words, readable)
        predictions.append(
            Prediction(words=words, words_read=read, unknown_words=unknown, topics=topics)
        )
    return predictions


def export_network(
    folder: Path, model: str, seed: int | None, file: Path, *, overwrite: bool = False
) -> None:
    """Write a network of a run, by default of the first seed, as a ``.keras`` file.

    This imports TensorFlow. It raises the errors of ``predict_texts``, too.

    Raises:
        UserError: the file has another ending, it exists and may not be replaced, or it cannot be
            written.
        RnnbenchError: Keras cannot save a layer of the network.
    """
    if file.suffix != ".keras":
        raise UserError(f"--out {file}: got '{file.suffix}' (allowed: .keras)")
    check_new(file, "--out", overwrite=overwrite)
    kept = find_network(folder, model, seed)
    with quiet_tensorflow():
        from rnnbench.models.build import to_bytes

        content = to_bytes(_in_keras(kept))
    with atomic_write(file) as opened:
        opened.write(content)


def _probabilities(kept: KeptNetwork, ids: "NDArray[np.int32]") -> "NDArray[np.floating]":
    """Return a network's probability for each text and topic."""
    network, shape = kept.network, kept.shape
    if in_numpy.is_covered(network):
        floats, shapes = np.dtype(np.float32), in_numpy.weight_shapes(network, shape)
        weights = read_weights(kept.weights, [(of_one, floats) for of_one in shapes])
        if len(ids) >= MANY:
            from rnnbench.training.engines.native.engine import NativeEngine, log_probabilities
            from rnnbench.training.epochs import Recipe

            native = NativeEngine()
            if native.covers(network, Recipe()) and not native.why_not():
                with suppress(RnnbenchError, MemoryError):  # it is too large for machine code
                    return np.exp(log_probabilities(network, shape, weights, ids))
        return in_numpy.predict(network, shape, weights, ids)
    with quiet_tensorflow():
        from rnnbench.models.build import predict

        return predict(_in_keras(kept), ids)


def _in_keras(kept: KeptNetwork) -> "keras.Model":
    """Return a trained network as a Keras model."""
    from rnnbench.models.build import build, weights_of

    model = build(kept.network, kept.shape, seed=0)
    expected = [(array.shape, array.dtype) for array in weights_of(model)]
    model.set_weights(read_weights(kept.weights, expected))
    return model


def find_network(folder: Path, name: str, seed: int | None) -> KeptNetwork:
    """Return a trained network of a run; by default, that of the first seed.

    It raises the errors of ``predict_texts`` that concern files, models and seeds.
    """
    results = load_results(folder)
    models = {model.name: model for model in results.models}
    if name not in models:
        raise UserError(f"{folder}: no model '{name}' ({did_you_mean(name, models)})")
    trials = {trial.seed: trial for trial in models[name].trials}
    if seed is not None and seed not in trials:
        allowed = ", ".join(map(str, trials))
        raise UserError(f"{folder}: {name} has no seed {seed} (allowed: {allowed})")
    trial = trials[next(iter(trials)) if seed is None else seed]
    try:
        weights = Store(folder).weights_file((name, trial.seed, trial.fingerprint))
    except FileNotFoundError:
        why = (
            "a baseline is never kept, because fitting it takes only a second"
            if models[name].is_baseline
            else _run_again(results)
        )
        raise UserError(f"{folder}: the trained {name} was not kept ({why})") from None
    vocabulary = _vocabulary(folder, results)
    network = load_benchmark(folder, [name]).models[name]
    if not isinstance(network, Network):
        raise DamagedResultError(f"unusable result: {folder}: config.yaml has no network {name}")
    n_ids = len(vocabulary.words) + INDEX_FROM + 1
    shape = Shape(vocabulary.timesteps, len(vocabulary.topics), n_ids)
    return KeptNetwork(network, shape, weights, vocabulary)


def _vocabulary(folder: Path, results: Results) -> Vocabulary:
    """Return the vocabulary of the dataset that the models were trained on."""
    dataset = results.dataset
    with suppress(FileNotFoundError):
        vocabulary = Store(folder).vocabulary()
        if vocabulary.dataset_fingerprint == dataset.fingerprint:
            topics = [count.topic for count in dataset.topics]
            if (vocabulary.timesteps, vocabulary.topics) != (dataset.timesteps, topics):
                raise DamagedResultError(
                    f"unusable result: {folder}: its vocabulary belongs to other data"
                )
            return vocabulary
    raise UserError(f"{folder}: the vocabulary of its dataset was not kept ({_run_again(results)})")


def _run_again(results: Results) -> str:
    command = results.command.replace(" --save-models", "")
    return f"run it again: {command} --save-models"
