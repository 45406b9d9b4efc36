"""Trackers: TensorBoard, MLflow, and Weights & Biases.

Each imports its library when it starts.
"""

from rnnbench.plugins.trackers.in_mlflow import MlflowTracker
from rnnbench.plugins.trackers.in_tensorboard import TensorBoardTracker
from rnnbench.plugins.trackers.in_wandb import WandbTracker

__all__ = ["MlflowTracker", "TensorBoardTracker", "WandbTracker"]
