"""Keras layers in a form that is fast in a compiled program. Importing this imports TensorFlow.

The cores compute a recurrent layer if they cover all options in use; otherwise Keras does.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from rnnbench.errors import RnnbenchError
from rnnbench.models import cores
from rnnbench.models.keras_layers import WEIGHT_DROP, DropoutEmbedding, WeightDrop


def with_cores(
    model: keras.Model, keras_layers: set[str], batch_size: int | None = None
) -> keras.Model:
    """Return a copy of a sequential or functional model with the layers of this module.

    It has new weights, and can be called on sequences of static shape, in a compiled program.
    Layers within layers stay as they are, except for the two of a ``Bidirectional``. With the
    ``batch_size`` that the copy is trained on, loops over time reuse their memory instead of
    clearing it each time. When the copy is made or called, ``keras_layers`` gets each recurrent
    layer that is run by Keras itself, and why: ``gru_1: dropout``.
    """

    def clone(layer: keras.Layer) -> keras.Layer:
        if type(layer) is keras.layers.Bidirectional:
            forward, backward = clone(layer.forward_layer), clone(layer.backward_layer)
            both = keras.layers.Bidirectional(forward, layer.merge_mode, backward_layer=backward)
            for copied in (both.forward_layer, both.backward_layer):  # not those passed in
                prepare(copied)
            return both
        if isinstance(layer, keras.layers.RNN) and type(layer) not in FAST:
            keras_layers.add(f"{layer.name}: {type(layer).__name__}")
        try:
            copy = FAST.get(type(layer), type(layer)).from_config(layer.get_config())
        except Exception as error:
            raise RnnbenchError(
                f"layer {layer.name} cannot be copied ({error}); use training.engine: keras"
            ) from error
        return prepare(copy)

    def prepare(layer: keras.Layer) -> keras.Layer:
        if isinstance(layer, _FastRNN):
            # Not the set itself, of which Keras would make a copy.
            layer.note, layer.batch_size = keras_layers.add, batch_size
        return layer

    return keras.models.clone_model(model, clone_function=clone)


class _FastRNN(keras.layers.RNN):
    """A recurrent layer that a core computes."""

    core: cores.Core
    note: Callable[[str], None]
    batch_size: int | None = None
    scratch: cores.Scratch = ()

    def build(self, sequences_shape: tuple[int | None, ...], *args: Any) -> None:
        """Make the weights, and the scratch if all sizes are known."""
        super().build(sequences_shape, *args)
        timesteps = sequences_shape[1]
        if self.batch_size and timesteps and not _why_not(self, None, None):
            sizes = timesteps, self.batch_size, self.units, self.compute_dtype
            self.scratch = cores.make_scratch(self.core, *sizes)

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False
    ) -> Any:
        if reason := _why_not(self, initial_state, mask):
            self.note(f"{self.name}: {reason}")
            return super().call(sequences, initial_state, mask, training)
        time_major = tf.transpose(sequences, (1, 0, 2))
        weights = (self.cell.kernel, self.cell.recurrent_kernel, self.cell.bias)
        hidden = self.core(
            time_major[::-1] if self.go_backwards else time_major,
            *(tf.convert_to_tensor(weight) for weight in weights),
            return_sequences=self.return_sequences,
            scratch=self.scratch if sequences.shape[0] == self.batch_size else (),
        )
        return tf.transpose(hidden, (1, 0, 2)) if self.return_sequences else hidden


def _uniform(shape: Any, seed: keras.random.SeedGenerator, dtype: Any = "float32") -> Any:
    """Return random numbers from 0 to 1 by ThreeFry, the fastest algorithm in XLA on a CPU."""
    # A seed is unsigned, and TensorFlow wants it signed.
    signed = tf.cast(tf.math.floormod(seed.next(), tf.int32.max - 1), tf.int32)
    return tf.random.stateless_uniform(shape, signed, dtype=dtype, alg="threefry")


class FastDropoutEmbedding(DropoutEmbedding):
    """An embedding that drops words, with random numbers that are fast to draw."""

    uniform = staticmethod(_uniform)


class FastConv1D(keras.layers.Conv1D):
    """A ``Conv1D`` as one product of all windows; the convolution of XLA is slow on a CPU."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        is_plain = self.strides == self.dilation_rate == (1,) and self.groups == 1
        if not (is_plain and self.use_bias and self.data_format == "channels_last"):
            return super().call(inputs)
        (size,) = self.kernel_size
        before = {"valid": 0, "same": (size - 1) // 2, "causal": size - 1}[self.padding]
        after = size - 1 - before if self.padding == "same" else 0
        padded = tf.pad(inputs, [[0, 0], [before, after], [0, 0]])
        steps = padded.shape[1] - size + 1
        windows = tf.concat([padded[:, k : k + steps] for k in range(size)], axis=-1)
        kernel = tf.reshape(tf.convert_to_tensor(self.kernel), (-1, self.filters))
        return self.activation(tf.matmul(windows, kernel) + self.bias)


class FastDropout(keras.layers.Dropout):
    """A ``Dropout`` that multiplies by its mask.

    Keras uses the mask to choose between two values, which XLA computes again and again: an
    embedding with dropout took 45 times as long. The masks differ from those of Keras.
    """

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        if not training or not self.rate:
            return inputs
        is_spatial = isinstance(self, keras.layers.SpatialDropout1D)
        fixed = (None, 1, None) if is_spatial else self.noise_shape or inputs.shape
        sizes = zip(inputs.shape, fixed, strict=True)
        shape = [size if own is None else own for size, own in sizes]
        uniform = _uniform(shape, self.seed_generator, inputs.dtype)
        return inputs * (tf.cast(uniform >= self.rate, inputs.dtype) / (1 - self.rate))


class FastSpatialDropout1D(FastDropout, keras.layers.SpatialDropout1D):
    """A ``SpatialDropout1D`` that multiplies by its mask."""


def _with_core(name: str, core: cores.Core) -> dict[type[keras.Layer], type[keras.Layer]]:
    """Return the fast form of a recurrent layer of Keras, and of that which drops weights."""
    plain, dropping = getattr(keras.layers, name), WEIGHT_DROP[name]
    # A ``Bidirectional`` copies its layers through their serialized form.
    register = keras.saving.register_keras_serializable(package="rnnbench.fused")
    fast = register(type(f"Fast{name}", (_FastRNN, plain), {"core": core}))
    draws = {"uniform": staticmethod(_uniform)}
    fast_dropping = type(f"FastWeightDrop{name}", (WeightDrop, fast), draws)
    return {plain: fast, dropping: register(fast_dropping)}


FAST: dict[type[keras.Layer], type[keras.Layer]] = {
    keras.layers.Dropout: FastDropout,
    keras.layers.SpatialDropout1D: FastSpatialDropout1D,
    keras.layers.Conv1D: FastConv1D,
    DropoutEmbedding: FastDropoutEmbedding,
    **_with_core("SimpleRNN", cores.simple_rnn),
    **_with_core("LSTM", cores.lstm),
    **_with_core("GRU", cores.gru),
}
"""The fast form of each class of layer that has one."""


def _why_not(layer: Any, initial_state: Any, mask: tf.Tensor | None) -> str:
    """Return the options in use that the cores do not cover; empty if there are none."""
    in_use = {
        "masking": mask is not None,
        "dropout": layer.dropout > 0,
        "recurrent_dropout": layer.recurrent_dropout > 0,
        "activation": layer.activation is not keras.activations.tanh,
        "recurrent_activation": getattr(layer, "recurrent_activation", keras.activations.sigmoid)
        is not keras.activations.sigmoid,
        "reset_after": not getattr(layer, "reset_after", True),
        "use_bias": not layer.use_bias,
        "initial_state": initial_state is not None or layer.stateful,
        "return_state": layer.return_state,
        "dtype": layer.compute_dtype not in ("float32", "float64"),
    }
    return ", ".join(option for option, is_used in in_use.items() if is_used)
