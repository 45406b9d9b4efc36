"""The ``training`` section of a config, and the engine that it means."""

import logging
from functools import cache
from typing import Annotated, Any

from pydantic import BeforeValidator, NonNegativeInt

from rnnbench.data.dataset import Dataset
from rnnbench.errors import UserError
from rnnbench.models.descriptions import (
    BaselineModel,
    EnsembleModel,
    LayeredNetwork,
    Model,
)
from rnnbench.section import one_of, problem, spell
from rnnbench.training.decision import DecisionRule
from rnnbench.training.engines import ENGINES, Engine
from rnnbench.training.epochs import TrainingSettings

log = logging.getLogger(__name__)

MAX_SEEDS = 10_000
AUTO = "auto"  # ``native`` where it can train the model, otherwise ``keras``
GONE = (
    "compiled"  # an engine of earlier versions, which configs of stored runs may name
)


def _seeds(value: Any) -> Any:
    if type(value) is int and 0 < value <= MAX_SEEDS:
        return tuple(range(value))
    is_list = isinstance(value, list | tuple) and 0 < len(value) <= MAX_SEEDS
    are_seeds = is_list and all(
        type(seed) is int and 0 <= seed < 2**32 for seed in value
    )
    if are_seeds and len(set(value)) == len(value):
        return tuple(value)
    allowed = f"a number from 1 to {MAX_SEEDS:,}, or a list of different seeds, such as [0, 1, 2]"
    raise problem(f"got {spell(value)}", f"allowed: {allowed}")


def _engine(value: Any) -> str:
    return GONE if value == GONE else one_of(value, [AUTO, *ENGINES])


class Training(TrainingSettings):
    """The whole ``training`` section."""

    engine: Annotated[str, BeforeValidator(_engine)] = AUTO
    """The engine that trains the networks: ``native`` makes machine code, ``keras``
    uses ``model.fit``, and both take the same steps. ``auto`` is ``native`` where it
    can train the model, and otherwise ``keras``. Other packages may add more."""
    seeds: Annotated[tuple[NonNegativeInt, ...], BeforeValidator(_seeds)] = (0,)
    """Each model is trained once for each seed: a list of seeds, or their number."""


def engine_for(model: Model, training: Training, name: str = "this model") -> Engine:
    """Return the engine that trains a model; ``training`` names the one for networks.

    Raises ``UserError`` if it does not, or not here, and ``PluginError`` if it cannot
    be loaded.
    """
    engine = ENGINES[resolve_engine(model, training).engine]
    with ENGINES.blamed(engine.name):
        if engine.covers(model, training):
            if reason := engine.why_not():
                raise UserError(f"training.engine: {engine.name}: {reason}")
            return engine
    able = (
        ", ".join(own.name for own in ENGINES.usable() if own.covers(model, training))
        or "none"
    )
    raise UserError(
        f"training.engine: {engine.name} cannot train {name} (allowed: {able})"
    )


def resolve_engine(model: Model, training: Training) -> Training:
    """Return ``training`` with the engine of a model on any machine, or raise
    ``UserError``.
    """
    name = model.engine or training.engine
    if isinstance(model, EnsembleModel):
        return training
    if name == GONE:
        allowed = ", ".join([AUTO, *ENGINES])
        raise UserError(
            f"training.engine: {GONE} is gone (use {AUTO}; allowed: {allowed})"
        )
    if name == AUTO:
        is_native = ENGINES["native"].covers(model, training) and _has_native()
        name = "native" if is_native else "keras"
    return training.model_copy(update={"engine": name})


def task_fault(model: Model, training: Training, dataset: Dataset) -> str:
    """Return why a model cannot have as many topics a document as a dataset; empty if
    it can.
    """
    is_single = dataset.y_train.ndim == 1
    if (
        isinstance(model, LayeredNetwork)
        and model.layers[-1].has_one_label != is_single
    ):
        number = "one topic" if is_single else "any number of topics"
        other = "any number" if is_single else "one"
        layer = f"dense: {{units: topics, activation: {'softmax' if is_single else 'sigmoid'}}}"
        return f"a document has {number}, but the last layer is for {other} (allowed: {layer})"
    if is_single:
        is_set = training.decision != DecisionRule()
        return (
            "decision: each document has one topic, the best one (leave it out)"
            * is_set
        )
    if training.class_weights:
        return "class_weights: a document has any number of topics (leave them out)"
    is_ensemble, share = isinstance(model, EnsembleModel), training.validation_split
    holds_out = isinstance(model, BaselineModel) or (share > 0 and not is_ensemble)
    if training.decision.is_chosen_for(dataset.y_train) and not holds_out:
        split = "" if is_ensemble else "validation_split: 0.1, or "
        choices = f"{split}decision: {{threshold: 0.5, none: best}}"
        return (
            f"decision: no documents are held out to choose it on (allowed: {choices})"
        )
    return ""


@cache
def _has_native() -> bool:
    if reason := ENGINES["native"].why_not():
        log.warning("training.engine: auto: keras in place of native: %s", reason)
    return not reason
