"""The ``training`` section of a config."""

from typing import Annotated, Any

from pydantic import BeforeValidator, NonNegativeInt

from rnnbench.errors import UserError, did_you_mean
from rnnbench.models.descriptions import BaselineModel, Model
from rnnbench.section import problem, spell
from rnnbench.training.engines import ENGINES, Engine
from rnnbench.training.recipe import Recipe

MAX_SEEDS = 10_000


def _seeds(value: Any) -> Any:
    if type(value) is int and 0 < value <= MAX_SEEDS:
        return tuple(range(value))
    is_list = isinstance(value, list | tuple) and value
    if is_list and len(value) > MAX_SEEDS:
        raise problem(f"got {len(value):,} seeds", f"allowed: at most {MAX_SEEDS:,}")
    if is_list and all(type(seed) is int and 0 <= seed < 2**32 for seed in value):
        if len(set(value)) == len(value):
            return tuple(value)
        raise problem("a seed is given twice", "allowed: distinct seeds")
    raise problem(
        f"got {spell(value)}",
        f"allowed: a number of seeds from 1 to {MAX_SEEDS:,}, or a list, such as [0, 1, 2]",
    )


def _engine(value: Any) -> Any:
    if isinstance(value, str) and value in ENGINES:
        return value
    raise problem(f"got {spell(value)}", did_you_mean(str(value), ENGINES))


class Training(Recipe):
    """The whole ``training`` section."""

    engine: Annotated[str, BeforeValidator(_engine)] = "compiled"
    """The engine that trains the networks. ``compiled`` runs whole epochs as one program,
    ``keras`` uses ``model.fit``; both take the same steps. Other packages may add more."""
    seeds: Annotated[tuple[NonNegativeInt, ...], BeforeValidator(_seeds)] = (0,)
    """Each model is trained once for each seed: a list of seeds, or their number."""


def engine_for(model: Model, training: Training, name: str = "this model") -> Engine:
    """Return the engine that trains a model; ``training`` names the one for networks.

    Raises:
        UserError: the engine does not cover the model; the message names those that do.
        PluginError: the engine comes from another package and cannot be loaded.
    """
    engine = ENGINES["scikit-learn" if isinstance(model, BaselineModel) else training.engine]
    with ENGINES.blamed(engine.name):
        if engine.covers(model, training):
            return engine
    able = [each.name for each in ENGINES.usable() if each.covers(model, training)]
    raise UserError(
        f"training.engine: {engine.name} cannot train {name} (allowed: {', '.join(able) or 'none'})"
    )
