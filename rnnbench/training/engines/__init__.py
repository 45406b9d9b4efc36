"""Engines train models. The config names one, and scikit-learn trains the baselines."""

from typing import TYPE_CHECKING

from rnnbench.errors import UserError
from rnnbench.models.descriptions import BaselineModel, Model
from rnnbench.registry import Registry
from rnnbench.training.engines.base import Engine
from rnnbench.training.engines.keras_engine import KerasEngine
from rnnbench.training.engines.scikit_learn import ScikitLearn
from rnnbench.training.epochs import OnEpoch, ignore

if TYPE_CHECKING:
    from rnnbench.training.recipe import Training

__all__ = ["ENGINES", "Engine", "OnEpoch", "engine_for", "ignore"]

ENGINES: Registry[Engine] = Registry(
    "engine",
    Engine,
    [KerasEngine("compiled", "compiled"), KerasEngine("keras", "keras_fit"), ScikitLearn()],
)


def engine_for(model: Model, training: "Training", name: str = "this model") -> Engine:
    """Return the engine that trains a model; ``training`` names the one for networks.

    Raises:
        UserError: the engine does not cover the model; the message names those that do.
        PluginError: the engine comes from another package and cannot be loaded.
    """
    engine = ENGINES["scikit-learn" if isinstance(model, BaselineModel) else training.engine]
    if engine.covers(model, training):
        return engine
    able = [each.name for each in ENGINES.usable() if each.covers(model, training)]
    raise UserError(
        f"training.engine: {engine.name} cannot train {name} (allowed: {', '.join(able) or 'none'})"
    )
