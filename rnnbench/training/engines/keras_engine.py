"""The engine ``keras``, Keras's own ``model.fit``. TensorFlow is imported when it is used."""

import math
import os
import sys

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.dataset import Dataset
from rnnbench.models.descriptions import Model, Network
from rnnbench.models.layers import Shape
from rnnbench.models.quiet import NOT_NEEDED, TENSORFLOW_VARIABLES, without
from rnnbench.training.engines.base import Engine, initial_weights, result_of
from rnnbench.training.epochs import Epochs, OnEpoch, Recipe, begin, hold_out_documents
from rnnbench.training.outcome import TrialResult, log_probabilities


class KerasEngine(Engine):
    """Trains any network; ``keras_fit`` takes the steps."""

    name = "keras"
    packages = ("tensorflow", "keras", "numpy")
    costs = (1e-4, 45, 5.0)
    revision = 2  # it adds up the gradients of a word, and uses oneDNN on all processors

    def prepare(self, threads: int) -> None:
        """Import TensorFlow, which takes seconds, and limit its threads."""
        os.environ |= TENSORFLOW_VARIABLES
        if "tensorflow" not in sys.modules:
            begin("loading TensorFlow")
        with without(NOT_NEEDED):
            import keras  # noqa: F401
            import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)

    def covers(self, model: Model, recipe: Recipe) -> bool:  # noqa: ARG002
        return isinstance(model, Network) and not model.engine

    def fit(
        self,
        model: Model,
        dataset: Dataset,
        recipe: Recipe,
        seed: int,
        on_epoch: OnEpoch,
        *,
        keep_model: bool,
    ) -> TrialResult:
        import keras
        import tensorflow as tf

        from rnnbench.models.build import build, predict, weights_of
        from rnnbench.models.keras_layers import BagOfWords
        from rnnbench.training.engines.keras_fit import train

        assert isinstance(model, Network)  # noqa: S101 - the engine covers nothing else
        share = recipe.validation_split
        (x, y), validation = hold_out_documents(dataset, share)
        begin("building network")
        keras.utils.clear_session()  # or memory would grow with every trial
        tf.config.experimental.enable_op_determinism()
        built = build(model, Shape.of(dataset), seed)
        epochs = Epochs(on_epoch, recipe.early_stopping)
        initial = initial_weights(model, dataset, share)
        for weight, value in zip(built.weights, initial, strict=False):
            weight.assign(value)
        for layer in built.layers:
            if isinstance(layer, BagOfWords):
                layer.adapt(x)
        train(built, (x, y), validation, recipe, seed, epochs)
        if validation:
            built.set_weights(epochs.best_weights)
        params = sum(math.prod(weight.shape) for weight in built.trainable_weights)
        record = epochs.record(engine=self.name, params=params, recipe=recipe, documents=len(y))
        weights = weights_of(built) if keep_model else None

        def score(x: NDArray[np.int32]) -> NDArray[np.float32]:
            return log_probabilities(predict(built, x))

        return result_of(record, dataset, recipe, score, validation, weights)
