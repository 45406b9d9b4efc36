"""The ``training`` section of a config, and the engine that it means."""

import logging
from functools import cache
from typing import Annotated, Any

from pydantic import BeforeValidator, NonNegativeInt

from rnnbench.data.dataset import Dataset
from rnnbench.errors import UserError
from rnnbench.labels import form_of, form_with
from rnnbench.models.descriptions import Model
from rnnbench.models.layers import Shape
from rnnbench.section import one_of, problem, spell
from rnnbench.training.engines import ENGINES, Engine
from rnnbench.training.hyperparameters import TrainingSettings

log = logging.getLogger(__name__)

MAX_SEEDS = 10_000
NATIVE = "native"
KERAS = "keras"
AUTO = "auto"  # ``native`` where it can train the model, otherwise ``keras``
# an engine of earlier versions, which configs of stored runs may name
GONE = "compiled"


def _seeds(value: object) -> tuple[int, ...]:
    if type(value) is int and 0 < value <= MAX_SEEDS:
        return tuple(range(value))
    if isinstance(value, list | tuple) and 0 < len(value) <= MAX_SEEDS:
        are_seeds = all(type(seed) is int and 0 <= seed < 2**32 for seed in value)
        if are_seeds and len(set(value)) == len(value):
            return tuple(value)
    numbers = f"a number from 1 to {MAX_SEEDS:,}"
    allowed = f"{numbers}, or a list of different seeds, such as [0, 1, 2]"
    raise problem(f"got {spell(value)}", f"allowed: {allowed}")


def _engine(value: object) -> str:
    if value == GONE:
        return GONE
    return one_of(value, [AUTO, *ENGINES])


class Training(TrainingSettings):
    """The whole ``training`` section."""

    engine: Annotated[str, BeforeValidator(_engine)] = AUTO
    """The engine that trains the networks: ``native`` makes machine code, ``keras``
    uses ``model.fit``, and both take the same steps. ``auto`` is ``native`` where it
    can train the model, and otherwise ``keras``. Other packages may add more."""
    seeds: Annotated[tuple[NonNegativeInt, ...], BeforeValidator(_seeds)] = (0,)
    """Each model is trained once for each seed: a list of seeds, or their number."""


def engine_for(
    model: Model, training: Training, name: str = "this model"
) -> Engine[Any]:
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
    able = [other.name for other in ENGINES.usable() if other.covers(model, training)]
    allowed = ", ".join(able) or "none"
    raise UserError(
        f"training.engine: {engine.name} cannot train {name} (allowed: {allowed})"
    )


def resolve_engine(model: Model, training: Training) -> Training:
    """Return ``training`` with the engine of a model on any machine.

    ``UserError`` is raised if there is no such engine any more.
    """
    if model.is_ensemble:
        return training
    name = model.engine or training.engine
    if name == GONE:
        allowed = ", ".join([AUTO, *ENGINES])
        raise UserError(
            f"training.engine: {GONE} is gone (use {AUTO}; allowed: {allowed})"
        )
    if name == AUTO:
        name = KERAS
        if ENGINES[NATIVE].covers(model, training) and _has_native():
            name = NATIVE
    return training.model_copy(update={"engine": name})


def scoring_engine(model: Model, shape: Shape) -> Engine[Any]:
    """Return the engine that scores texts with a kept model on this machine.

    A network is scored by machine code if there is any for it, whatever trained it.
    """
    if model.engine:
        return ENGINES[model.engine]
    if ENGINES[NATIVE].weight_shapes(model, shape) is not None:
        return ENGINES[NATIVE]
    return ENGINES[KERAS]


def task_fault(model: Model, training: Training, dataset: Dataset) -> str:
    """Return why a model cannot have as many topics a document as a dataset.

    Empty if it can.
    """
    form = form_of(dataset.y_train)
    if model.last_layer:
        of_last = form_with(has_one_label=model.last_layer.has_one_label)
        if of_last is not form:
            fault = f"a document has {form.topics}"
            layer = f"dense: {{units: topics, activation: {form.last_activation}}}"
            other = f"the last layer is for {of_last.number} (allowed: {layer})"
            return f"{fault}, but {other}"
    for key, reason in form.useless_settings.items():
        if getattr(training, key) != Training.model_fields[key].default:
            return f"{key}: {reason}"
    if training.decision.is_chosen_for(dataset.y_train):
        return _choice_fault(model, training)
    return ""


def _choice_fault(model: Model, training: Training) -> str:
    """Return why no document is held out to choose a decision on; empty if one is."""
    allowed = "decision: {threshold: 0.5, none: best}"
    if not model.is_ensemble:
        if not model.is_network or training.validation_split > 0:
            return ""
        allowed = f"validation_split: 0.1, or {allowed}"
    return f"decision: no documents are held out to choose it on (allowed: {allowed})"


@cache
def _has_native() -> bool:
    if reason := ENGINES[NATIVE].why_not():
        log.warning("training.engine: auto: keras in place of native: %s", reason)
        return False
    return True
