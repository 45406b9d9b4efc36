"""From texts to topics, by a network that a run has kept."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rnnbench.analysis.load import load_results
from rnnbench.config.load import load
from rnnbench.data.vocabulary import Vocabulary, encode
from rnnbench.errors import UserError, did_you_mean
from rnnbench.results.schema import Results
from rnnbench.results.store import Store


@dataclass(frozen=True)
class Prediction:
    """What a network says of one text.

    Attributes:
        words: how many words the text has.
        read: how many of them the network can read at once; the others were cut off.
        unknown: the words that are not in the vocabulary of the run.
        topics: all topics with their probabilities, the most probable first.
    """

    words: int
    read: int
    unknown: list[str]
    topics: list[tuple[str, float]]


def predict_texts(
    folder: Path, model: str, seed: int | None, texts: Sequence[str]
) -> list[Prediction]:
    """Return what a network of a run says of each of ``texts``; this imports TensorFlow.

    Args:
        folder: of a run with ``--save-models``.
        model: name of the model.
        seed: of the trial; by default the first.
        texts: as they are; they are cut into words as the corpus of the run was.

    Raises:
        UserError: there is no such model or seed, or it was not kept.
        DamagedResultError: a file is not what was written.
    """
    results = load_results(folder)
    described = load(folder / "config.yaml").models.get(model)
    file = _find(folder, results, model, seed)
    vocabulary = _vocabulary(folder, results)
    encoded = encode(texts, vocabulary)
    if not all(encoded.words):
        raise UserError("a text has no words as the corpus has them (should be English newswires)")
    from rnnbench.models.build import predict
    from rnnbench.models.plugins import import_code
    from rnnbench.models.saved import load as load_model

    import_code(described)
    probabilities = predict(load_model(file), encoded.ids)
    return [
        Prediction(
            words=len(words),
            read=min(len(words), vocabulary.timesteps - (vocabulary.truncating == "post")),
            unknown=unknown,
            topics=sorted(
                zip(vocabulary.topics, map(float, row), strict=True), key=lambda pair: -pair[1]
            ),
        )
        for words, unknown, row in zip(encoded.words, encoded.unknown, probabilities, strict=True)
    ]


def _find(folder: Path, results: Results, name: str, seed: int | None) -> Path:
    """Return the file of a trained model."""
    models = {model.name: model for model in results.models}
    if name not in models:
        raise UserError(f"{folder}: no model '{name}' ({did_you_mean(name, models)})")
    seeds = [trial.seed for trial in models[name].trials]
    if seed is not None and seed not in seeds:
        raise UserError(f"{folder}: {name} has no seed {seed} (allowed: {_listed(seeds)})")
    try:
        trial = next(each for each in models[name].trials if seed in (None, each.seed))
        return Store(folder).model_file(name, trial.seed, trial.fingerprint)
    except FileNotFoundError:
        why = (
            "a baseline is never kept, it is fitted in a second"
            if models[name].is_baseline
            else _run_again(results)
        )
        raise UserError(f"{folder}: the trained {name} was not kept ({why})") from None


def _vocabulary(folder: Path, results: Results) -> Vocabulary:
    """Return what turns texts into the ids of the dataset that the models were trained on."""
    with suppress(FileNotFoundError):
        vocabulary = Store(folder).vocabulary()
        if vocabulary.dataset_fingerprint == results.dataset.fingerprint:
            return vocabulary
    raise UserError(f"{folder}: the vocabulary of its dataset was not kept ({_run_again(results)})")


def _run_again(results: Results) -> str:
    command = results.command.replace(" --save-models", "")
    return f"run it again: {command} --save-models"


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))
