"""Engines train models. The config names one, and scikit-learn trains the baselines."""

from rnnbench.registry import Registry
from rnnbench.training.engines.base import Assignment, Engine, FitRequest, result_of
from rnnbench.training.engines.keras_engine import KerasEngine
from rnnbench.training.engines.native.engine import NativeEngine
from rnnbench.training.engines.scikit_learn import ScikitLearn
from rnnbench.training.epochs import OnEpoch, ignore

__all__ = [
    "ENGINES",
    "Assignment",
    "Engine",
    "FitRequest",
    "OnEpoch",
    "ignore",
    "result_of",
]

ENGINES = Registry[Engine](
    "engine", Engine, [NativeEngine(), KerasEngine(), ScikitLearn()]
)
