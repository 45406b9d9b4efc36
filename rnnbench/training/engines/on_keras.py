"""Engines that train a network as a Keras model. TensorFlow is imported when one is used."""

import importlib
import os
from typing import TYPE_CHECKING

from rnnbench.models.descriptions import Model, Network
from rnnbench.models.quiet import QUIET_ON_CPU
from rnnbench.training.engines.base import Engine, OnEpoch

if TYPE_CHECKING:
    from rnnbench.data.dataset import Dataset
    from rnnbench.training.outcome import Trained
    from rnnbench.training.recipe import Training


class KerasEngine(Engine):
    """Trains networks; only the optimizer steps differ between the engines of this class.

    Args:
        name: its name in a config.
        module: the module of this package whose ``train`` takes the steps; see ``network.Train``.
    """

    packages = ("tensorflow", "keras", "numpy")

    def __init__(self, name: str, module: str):
        self.name, self._module = name, f"{__package__}.{module}"

    def prepare(self, threads: int) -> None:
        """Import TensorFlow, which takes seconds, and limit its threads."""
        os.environ |= QUIET_ON_CPU
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)

    def covers(self, model: Model, training: "Training") -> bool:  # noqa: ARG002
        """Return whether the model is a network."""
        return isinstance(model, Network)

    def fit(
        self,
        model: Model,
        dataset: "Dataset",
        training: "Training",
        seed: int,
        on_epoch: OnEpoch,
        *,
        keep_model: bool,
    ) -> "Trained":
        """Train a network and score the test documents; see ``Engine.fit``."""
        from rnnbench.training.engines import network

        if not isinstance(model, Network):
            raise TypeError(f"{self.name} trains networks only")
        train = importlib.import_module(self._module).train
        arguments = (model, dataset, training, seed, on_epoch)
        return network.fit(self.name, train, *arguments, keep_model=keep_model)
