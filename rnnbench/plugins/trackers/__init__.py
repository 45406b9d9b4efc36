"""Trackers: TensorBoard, MLflow, and Weights & Biases; here, the facts that all of them record."""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import rnnbench
from rnnbench.analysis.compare import plain_values
from rnnbench.metrics import COSTS
from rnnbench.models.descriptions import ABOUT_A_MODEL, Network
from rnnbench.results.store import place_of
from rnnbench.training.outcome import History, TrialResult
from rnnbench.training.trial import Trial

Setting = bool | int | float | str
VALIDATION_CURVES = ("val_loss", "val_accuracy")


def stem_of(trial: Trial) -> str:
    """Return the name of a trial's files, without an ending."""
    return place_of(Path(), trial.name, trial.seed, trial.fingerprint).record.stem


def settings_of(trial: Trial) -> dict[str, Setting]:
    """Return the model, the seed, and their settings by key path: ``layers.0.lstm.units``.

    Keys of the model are relative to its place in the config. Only networks have those of
    ``training``, which change nothing in a baseline.
    """
    tree = trial.model.model_dump(mode="json", exclude={*ABOUT_A_MODEL})
    if isinstance(trial.model, Network):
        tree |= {"training": trial.training.model_dump(mode="json", exclude={"seeds"})}
    named: dict[str, Setting] = {"model": trial.name, "seed": trial.seed}
    return named | {key: _setting(value) for key, value in plain_values(tree) if value is not None}


def _setting(value: object) -> Setting:
    return value if isinstance(value, Setting) else json.dumps(value, ensure_ascii=False)


def tags_of(trial: Trial) -> dict[str, str]:
    """Return what identifies a trial and its data, and the version of this package."""
    return {
        "rnnbench.version": rnnbench.__version__,
        "rnnbench.fingerprint": trial.fingerprint,
        "rnnbench.dataset_fingerprint": trial.dataset_fingerprint,
        "rnnbench.source": trial.source,
    }


def validation_of(history: History) -> Iterator[tuple[int, dict[str, float]]]:
    """Yield each epoch with its validation loss and accuracy; nothing where none are held out."""
    rows = zip(history.val_loss, history.val_accuracy, strict=True)
    for epoch, values in enumerate(rows, start=1):
        numbers = [math.nan if value is None else value for value in values]
        yield epoch, dict(zip(VALIDATION_CURVES, numbers, strict=True))


def final_numbers(result: TrialResult, metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the metrics of a trial as ``test/NAME``, its costs, and its parameters."""
    facts = result.record.model_dump(include={*COSTS, "params", "best_epoch"})
    costs = {key: float(value) for key, value in facts.items() if value is not None}
    return {f"test/{name}": value for name, value in metrics.items()} | costs
