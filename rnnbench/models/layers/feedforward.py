"""Layers without a state: convolution, pooling, dense layers, dropout, normalization."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from rnnbench.models.layers.base import (
    LARGEST,
    Activation,
    Batch,
    Layer,
    Product,
    Rate,
    SeedOf,
    Size,
)
from rnnbench.section import problem, spell

if TYPE_CHECKING:
    import keras

    from rnnbench.models.shape import Shape


class Conv1D(Layer):
    """A convolution over the steps."""

    kind = "conv1d"
    takes = "sequence"
    hands_mask_on = False
    filters: Size
    kernel_size: Size
    padding: Literal["valid", "same", "causal"] = "same"
    activation: Activation = "linear"

    def keras_layer(self, shape: Shape, seed_of: SeedOf) -> keras.Layer:  # noqa: ARG002
        """Return a Keras ``Conv1D``."""
        import keras

        kernel = keras.initializers.GlorotUniform(seed=seed_of("kernel"))
        return keras.layers.Conv1D(**dict(self), kernel_initializer=kernel)

    def features(self, batch: Batch) -> int:  # noqa: ARG002
        """Return the number of filters."""
        return self.filters

    def gives(self, batch: Batch) -> Batch:
        """Return a vector for each window."""
        windows = batch.steps or 1
        if self.padding == "valid":
            windows -= self.kernel_size - 1
        return replace(super().gives(batch), steps=windows)

    def products(self, batch: Batch) -> Iterable[Product]:
        """Return those of all windows at once."""
        windows = replace(batch, steps=self.gives(batch).steps)
        return windows.times_kernel(self.filters, inner=self.kernel_size * batch.features)

    def in_words(self, shape: Shape) -> str:  # noqa: ARG002
        """Return the length of its window."""
        return f"weighs {self.kernel_size} steps in a row, at each step"


class Pooling(Layer):
    """One vector for each document: by max, mean, last or attention."""

    kind = "pooling"
    takes = "sequence"
    by: Literal["max", "mean", "last", "attention"]
    """The largest value of each feature, the mean, the last step, or a mean with learned
    weights."""

    def keras_layer(self, shape: Shape, seed_of: SeedOf) -> keras.Layer:  # noqa: ARG002
        """Return one of the layers in ``rnnbench.models.pooling``."""
        from rnnbench.models.pooling import POOLING, AttentionPooling

        if self.by == "attention":
            return AttentionPooling(seed_of("kernel"), seed_of("query"))
        return POOLING[self.by]()

    def gives_sequence(self, *, from_sequence: bool) -> bool:  # noqa: ARG002
        """Return false."""
        return False

    @property
    def is_trained(self) -> bool:
        """Whether it is attention."""
        return self.by == "attention"

    def products(self, batch: Batch) -> Iterable[Product]:
        """Yield those of attention: to as many hidden numbers as features, and to one score."""
        if self.by == "attention":
            yield from batch.times_kernel(batch.features)
            yield from replace(batch, passes_back=True).times_kernel(1)

    def in_words(self, shape: Shape) -> str:  # noqa: ARG002
        """Return how it combines the steps."""
        return {
            "max": "the largest of each feature over the steps",
            "mean": "the mean over the steps",
            "last": "the last step alone",
            "attention": "a mean over the steps, with learned weights",
        }[self.by]


def _units_or_topics(value: Any) -> Any:
    if value == "topics" or (type(value) is int and 0 < value <= LARGEST):
        return value
    hint = f"allowed: 1 to {LARGEST:,}, or topics: one unit for each topic"
    raise problem(f"got {spell(value)}", hint)


class Dense(Layer):
    """A fully connected layer; units: topics gives one for each topic."""

    kind = "dense"
    units: Annotated[int | Literal["topics"], BeforeValidator(_units_or_topics)]
    activation: Activation = "linear"

    def keras_layer(self, shape: Shape, seed_of: SeedOf) -> keras.Layer:
        """Return a Keras ``Dense``."""
        import keras

        return keras.layers.Dense(
            shape.n_topics if self.units == "topics" else self.units,
            activation=self.activation,
            kernel_initializer=keras.initializers.GlorotUniform(seed=seed_of("kernel")),
        )

    @property
    def gives_topics(self) -> bool:
        """Whether it is a softmax over the topics."""
        return self.units == "topics" and self.activation == "softmax"

    def features(self, batch: Batch) -> int:
        """Return the number of units."""
        return batch.n_topics if self.units == "topics" else self.units

    def products(self, batch: Batch) -> Iterable[Product]:
        """Return those of its kernel."""
        return batch.times_kernel(self.features(batch))

    def in_short(self) -> str:
        """Return ``dense 9 relu``; a softmax over the topics is ``dense topics``."""
        is_plain = self.activation in ("linear", "softmax")
        return f"dense {self.units}" + ("" if is_plain else f" {self.activation}")

    def in_words(self, shape: Shape) -> str:  # noqa: ARG002
        """Return what its numbers are."""
        return "a probability for each topic" if self.gives_topics else "weighted sums of features"


class _DropsOut(Layer):
    """Sets a share of the numbers it is given to 0 during training; not a kind by itself."""

    keras_name: ClassVar[str]
    dropped: ClassVar[str]
    """The share of what."""
    rate: Rate

    def keras_layer(self, shape: Shape, seed_of: SeedOf) -> keras.Layer:  # noqa: ARG002
        """Return the Keras layer of its name."""
        import keras

        return getattr(keras.layers, self.keras_name)(self.rate, seed=seed_of("dropout"))

    @property
    def is_trained(self) -> bool:
        """False: it has no weights."""
        return False

    def in_words(self, shape: Shape) -> str:  # noqa: ARG002
        """Return the share that it drops."""
        return f"sets {100 * self.rate:g} % of {self.dropped} to 0 during training"


class Dropout(_DropsOut):
    """Sets a share of its inputs to 0 during training."""

    kind = "dropout"
    keras_name = "Dropout"
    dropped = "its inputs"


class SpatialDropout(_DropsOut):
    """Sets a share of the features to 0 during training, each on all steps."""

    kind = "spatial_dropout"
    keras_name = "SpatialDropout1D"
    dropped = "the features on all steps"
    takes = "sequence"


class LayerNorm(Layer):
    """Brings each vector to mean 0 and variance 1, then scales it as learned."""

    kind = "layer_norm"
    epsilon: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1e-3

    def keras_layer(self, shape: Shape, seed_of: SeedOf) -> keras.Layer:  # noqa: ARG002
        """Return a Keras ``LayerNormalization``."""
        import keras

        return keras.layers.LayerNormalization(epsilon=self.epsilon)


KINDS: tuple[type[Layer], ...] = (Conv1D, Pooling, Dense, Dropout, SpatialDropout, LayerNorm)
