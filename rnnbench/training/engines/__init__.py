"""Engines train models. The config names one, and scikit-learn trains the baselines."""

from typing import Any

from rnnbench.registry import Registry
from rnnbench.training.engines.base import (
    Engine,
    FitRequest,
    ScoreRequest,
    ScoreTexts,
)
from rnnbench.training.engines.keras_engine import KerasEngine
from rnnbench.training.engines.native.engine import NativeEngine
from rnnbench.training.engines.scikit_learn import ScikitLearn
from rnnbench.training.epochs import OnEpoch, ignore

__all__ = [
    "ENGINES",
    "Engine",
    "FitRequest",
    "OnEpoch",
    "ScoreRequest",
    "ScoreTexts",
    "ignore",
]

ENGINES = Registry[Engine[Any]](
    "engine", Engine, [NativeEngine(), KerasEngine(), ScikitLearn()]
)
