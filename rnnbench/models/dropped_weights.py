"""Keras layers that drop some of their weights in each step of training.

What is left is scaled up, so that the mean of a weight stays. All sequences of a batch share a
mask. Nothing is dropped while predicting.

Importing this module imports TensorFlow.
"""

from typing import Any

import keras
from keras import ops

_register = keras.saving.register_keras_serializable(package="rnnbench")


class WeightDrop(keras.layers.RNN):
    """A recurrent layer that drops entries of its recurrent kernel, the same ones at all steps.

    The DropConnect of S. Merity, N. Keskar, R. Socher: Regularizing and Optimizing LSTM Language
    Models (ICLR 2018). The classes below combine it with the layers of Keras.
    """

    def __init__(
        self,
        *args: Any,
        weight_drop: float = 0.0,
        weight_drop_seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(*args, **kwargs)
        self.weight_drop, self.weight_drop_seed = weight_drop, weight_drop_seed
        self.weight_drop_generator = keras.random.SeedGenerator(weight_drop_seed)

    def get_config(self) -> dict[str, Any]:
        """Return the rate and the seed too."""
        own = {"weight_drop": self.weight_drop, "weight_drop_seed": self.weight_drop_seed}
        return {**super().get_config(), **own}

    def uniform(self, shape: tuple[int, ...]) -> Any:
        """Return new random numbers from 0 to 1."""
        return keras.random.uniform(shape, seed=self.weight_drop_generator)

    def call(
        self,
        sequences: Any,
        initial_state: Any = None,
        mask: Any = None,
        training: bool = False,
    ) -> Any:
        """Compute the stock layer; ``sequences`` is ``(batch, timesteps, features)``."""
        if not training or not self.weight_drop:
            return super().call(sequences, initial_state, mask, training)
        whole = self.cell.recurrent_kernel
        self.cell.recurrent_kernel = whole * _mask(self.uniform(whole.shape), self.weight_drop)
        try:
            return super().call(sequences, initial_state, mask, training)
        finally:
            self.cell.recurrent_kernel = whole


@_register
class WeightDropSimpleRNN(WeightDrop, keras.layers.SimpleRNN):
    """A ``SimpleRNN`` that drops recurrent weights."""


@_register
class WeightDropLSTM(WeightDrop, keras.layers.LSTM):
    """An ``LSTM`` that drops recurrent weights."""


@_register
class WeightDropGRU(WeightDrop, keras.layers.GRU):
    """A ``GRU`` that drops recurrent weights."""


@_register
class DropoutEmbedding(keras.layers.Embedding):
    """An ``Embedding`` that drops words: their vectors are 0 wherever they occur in a batch.

    The embedding dropout of Y. Gal, Z. Ghahramani: A Theoretically Grounded Application of Dropout
    in Recurrent Neural Networks (NIPS 2016), with one mask for the sequences of a batch, as in the
    paper of Merity et al. All ids are dropped alike, that of padding too.
    """

    def __init__(
        self, *args: Any, dropout: float = 0.0, dropout_seed: int | None = None, **kwargs: Any
    ):
        super().__init__(*args, **kwargs)
        self.dropout, self.dropout_seed = dropout, dropout_seed
        self.dropout_generator = keras.random.SeedGenerator(dropout_seed)

    def get_config(self) -> dict[str, Any]:
        """Return the rate and the seed too."""
        own = {"dropout": self.dropout, "dropout_seed": self.dropout_seed}
        return {**super().get_config(), **own}

    def uniform(self, shape: tuple[int, ...]) -> Any:
        """Return new random numbers from 0 to 1."""
        return keras.random.uniform(shape, seed=self.dropout_generator)

    def compute_output_spec(self, inputs: Any, training: bool = False) -> Any:  # noqa: ARG002
        """Return the shape and the type of the output."""
        return super().compute_output_spec(inputs)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the vectors ``(batch, timesteps, dim)`` of ids ``(batch, timesteps)``."""
        vectors = super().call(inputs)
        if not training or not self.dropout:
            return vectors
        mask = _mask(self.uniform((self.input_dim,)), self.dropout)
        # The same as to drop rows of the matrix, but it touches only the rows that are read.
        return vectors * ops.expand_dims(ops.take(mask, ops.cast(inputs, "int32")), -1)


def _mask(uniform: Any, rate: float) -> Any:
    """Return 0 for a share of ``rate`` of the random numbers, and ``1 / (1 - rate)`` for others."""
    return ops.cast(uniform >= rate, uniform.dtype) / (1 - rate)


WEIGHT_DROP: dict[str, type[WeightDrop]] = {
    "SimpleRNN": WeightDropSimpleRNN,
    "LSTM": WeightDropLSTM,
    "GRU": WeightDropGRU,
}
"""By the name of the Keras layer."""
