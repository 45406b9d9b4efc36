"""Trackers, by name: they record a run while it goes on."""

from rnnbench.registry import Registry
from rnnbench.tracking.base import Tracker
from rnnbench.tracking.to_csv import CsvTracker
from rnnbench.tracking.to_mlflow import MlflowTracker
from rnnbench.tracking.to_tensorboard import TensorBoardTracker
from rnnbench.tracking.to_wandb import WandbTracker

__all__ = ["TRACKERS", "Tracker"]

TRACKERS: Registry[type[Tracker]] = Registry(
    "tracker",
    Tracker,
    [TensorBoardTracker, MlflowTracker, WandbTracker, CsvTracker],
    holds_classes=True,
)
