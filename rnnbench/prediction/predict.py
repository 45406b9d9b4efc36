"""From texts to topics, by a network that a run has kept."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from rnnbench.analysis.load import load_summary
from rnnbench.data.dataset import INDEX_FROM
from rnnbench.data.vocabulary import Vocabulary, encode
from rnnbench.errors import UserError, did_you_mean
from rnnbench.models.descriptions import Network
from rnnbench.models.layers.base import Shape
from rnnbench.models.quiet import quiet_tensorflow
from rnnbench.records import Record
from rnnbench.results.run import load_benchmark
from rnnbench.results.schema import Results
from rnnbench.results.store import Store
from rnnbench.storage import DamagedResultError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PREDICTIONS_VERSION: Final = 1


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


class Predictions(Record):
    """A network's answers to several texts, in their order."""

    schema_version: Literal[1] = PREDICTIONS_VERSION
    predictions: list[Prediction]


def predict_texts(
    folder: Path, model: str, seed: int | None, texts: Sequence[str], top: int | None = None
) -> Predictions:
    """Predict the topics of texts with a network of a run; this imports TensorFlow.

    Texts are split into words in the same way as the corpus of the run. By default, the network of
    the first seed predicts, and all topics are returned. A text of which the network reads nothing
    but unknown words has no topics: the answer would not be about this text.

    Raises:
        UserError: there is no such model or seed, it was not kept, or there is no text to read.
        DamagedResultError: a file is not as it was written, or cannot be loaded.
        PluginError: the code of the model's own layers is gone, or failed.
    """
    results = load_summary(folder)
    file = _find(folder, results, model, seed)
    vocabulary = _vocabulary(folder, results)
    encoded = encode(texts, vocabulary)
    if not texts or not all(encoded.words):
        raise UserError("a text contains no words")
    description = load_benchmark(folder, [model]).models[model]
    if not isinstance(description, Network):
        raise DamagedResultError(f"unusable result: {folder}: config.yaml has no network {model}")
    n_ids = len(vocabulary.words) + INDEX_FROM + 1
    with quiet_tensorflow():
        from rnnbench.models.build import build, predict
        from rnnbench.models.saved import load_weights

        shape = Shape(vocabulary.timesteps, len(vocabulary.topics), n_ids)
        network = build(description, shape, seed=0)
        load_weights(network, file)
        probabilities = predict(network, encoded.ids)
    is_known = [bool((row > INDEX_FROM).any()) for row in encoded.ids]
    readable = vocabulary.timesteps - (vocabulary.truncating == "post")  # less the start mark
    return Predictions(
        predictions=[
            Prediction(
                words=len(words),
                words_read=min(len(words), readable),
                unknown_words=unknown,
                topics=_topics(vocabulary.topics, row, top) if known else [],
            )
            for words, unknown, known, row in zip(
                encoded.words, encoded.unknown, is_known, probabilities, strict=True
            )
        ],
    )


def _topics(
    names: Sequence[str], probabilities: "NDArray[np.floating]", top: int | None
) -> list[TopicProbability]:
    """Return the topics, the most probable first; only the first ``top``, if that is given."""
    return [
        TopicProbability(topic=names[label], probability=float(probabilities[label]))
        for label in (-probabilities).argsort(kind="stable")[:top]
    ]


def _find(folder: Path, results: Results, name: str, seed: int | None) -> Path:
    """Return the file of a trained model."""
    models = {model.name: model for model in results.models}
    if name not in models:
        raise UserError(f"{folder}: no model '{name}' ({did_you_mean(name, models)})")
    trials = {trial.seed: trial for trial in models[name].trials}
    if seed is not None and seed not in trials:
        allowed = ", ".join(map(str, trials))
        raise UserError(f"{folder}: {name} has no seed {seed} (allowed: {allowed})")
    trial = trials[next(iter(trials)) if seed is None else seed]
    try:
        return Store(folder).model_file(name, trial.seed, trial.fingerprint)
    except FileNotFoundError:
        why = (
            "a baseline is never kept, because fitting it takes only a second"
            if models[name].is_baseline
            else _run_again(results)
        )
        raise UserError(f"{folder}: the trained {name} was not kept ({why})") from None


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
