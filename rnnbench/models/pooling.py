"""Keras layers that turn each sequence into one vector and skip masked steps.

Importing this module imports TensorFlow.
"""

from typing import Any

import keras
from keras import ops

_register = keras.saving.register_keras_serializable(package="rnnbench")


class _Pooling(keras.layers.Layer):
    """From ``(batch, timesteps, features)`` to ``(batch, features)``."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return ``(batch, features)``."""
        return (input_shape[0], input_shape[2])

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """Return no mask: no steps are left."""


@_register
class MaxPooling(_Pooling):
    """The largest value of each feature; 0 if all steps are masked."""

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Return ``(batch, features)``; ``mask`` is ``(batch, timesteps)``, true where kept."""
        if mask is None:
            return ops.max(inputs, axis=1)
        kept = ops.expand_dims(mask, -1)
        largest = ops.max(ops.where(kept, inputs, -1e9), axis=1)
        return ops.where(ops.any(kept, axis=1), largest, 0.0)


@_register
class MeanPooling(_Pooling):
    """The mean of each feature; 0 if all steps are masked."""

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Return ``(batch, features)``; ``mask`` is ``(batch, timesteps)``, true where kept."""
        if mask is None:
            return ops.mean(inputs, axis=1)
        weights = ops.cast(ops.expand_dims(mask, -1), inputs.dtype)
        return ops.sum(inputs * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1.0)


@_register
class LastPooling(_Pooling):
    """The last step that is not masked."""

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Return ``(batch, features)``; ``mask`` is ``(batch, timesteps)``, true where kept."""
        if mask is None:
            return inputs[:, -1]
        steps = ops.arange(ops.shape(inputs)[1])
        last = ops.max(ops.where(mask, steps, 0), axis=1)
        return ops.take_along_axis(inputs, last[:, None, None], axis=1)[:, 0]


@_register
class AttentionPooling(_Pooling):
    """A mean whose weights are learned: ``softmax(tanh(x W + b) v)`` over the steps.

    The attention of Z. Yang et al.: Hierarchical Attention Networks for Document Classification
    (NAACL 2016), with as many hidden units as features.
    """

    def __init__(
        self, kernel_seed: int | None = None, query_seed: int | None = None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.kernel_seed, self.query_seed = kernel_seed, query_seed

    def get_config(self) -> dict[str, Any]:
        """Return the seeds too."""
        seeds = {"kernel_seed": self.kernel_seed, "query_seed": self.query_seed}
        return {**super().get_config(), **seeds}

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights."""
        features = input_shape[-1]
        random = keras.initializers.GlorotUniform
        self.kernel = self.add_weight((features, features), random(self.kernel_seed), name="kernel")
        self.bias = self.add_weight((features,), "zeros", name="bias")
        self.query = self.add_weight((features, 1), random(self.query_seed), name="query")

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Return ``(batch, features)``; ``mask`` is ``(batch, timesteps)``, true where kept."""
        hidden = ops.tanh(ops.matmul(inputs, self.kernel) + self.bias)
        scores = ops.matmul(hidden, self.query)
        if mask is not None:
            scores = ops.where(ops.expand_dims(mask, -1), scores, -1e9)
        return ops.sum(ops.softmax(scores, axis=1) * inputs, axis=1)


POOLING: dict[str, type[_Pooling]] = {
    "max": MaxPooling,
    "mean": MeanPooling,
    "last": LastPooling,
    "attention": AttentionPooling,
}
