"""Keras's recurrent layers, computed by the cores wherever those cover what is asked for.

Importing this module imports TensorFlow.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from rnnbench.models import cores

OnStockLayer = Callable[[str], None]
"""Told of a layer that Keras's own code computes, and why: ``gru_1: dropout``."""


def with_cores(
    model: keras.Model, on_stock_layer: OnStockLayer, batch_size: int | None = None
) -> keras.Model:
    """Return a copy of ``model``, its weights new, whose recurrent layers use the cores.

    Args:
        model: a sequential or functional model; layers within layers stay as they are.
        on_stock_layer: called, when the copy is called, for each recurrent layer that the cores do
            not cover.
        batch_size: of the batches that the copy is to be trained on, for a loop that need not
            clear its memory each time.

    Returns:
        A model that can be called on sequences of static shape, in a compiled program.
    """

    def clone(layer: keras.Layer) -> keras.Layer:
        fused = _FUSED.get(type(layer))
        if fused is None:
            if isinstance(layer, keras.layers.RNN | keras.layers.Bidirectional):
                on_stock_layer(f"{layer.name}: {type(layer).__name__}")
            return type(layer).from_config(layer.get_config())
        copy = fused.from_config(layer.get_config())
        copy.on_stock_layer, copy.batch_size = on_stock_layer, batch_size
        return copy

    return keras.models.clone_model(model, clone_function=clone)


class _Fused:
    """What the layers below share."""

    core: cores.Core
    on_stock_layer: OnStockLayer
    batch_size: int | None = None
    scratch: cores.Scratch = ()

    def build(self, sequences_shape: tuple[int | None, ...], *args: Any) -> None:
        """Make the weights, and the scratch where all sizes are known."""
        super().build(sequences_shape, *args)
        timesteps = sequences_shape[1]
        if self.batch_size and timesteps and not _why_not(self, None, None):
            self.scratch = cores.make_scratch(
                self.core, timesteps, self.batch_size, self.units, self.compute_dtype
            )

    def call(
        self,
        sequences: tf.Tensor,
        initial_state: Any = None,
        mask: tf.Tensor | None = None,
        training: bool = False,
    ) -> Any:
        """Do what the stock layer does; ``sequences`` is ``(batch, timesteps, features)``."""
        reason = _why_not(self, initial_state, mask)
        if reason:
            self.on_stock_layer(f"{self.name}: {reason}")
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


class SimpleRNN(_Fused, keras.layers.SimpleRNN):
    """A ``SimpleRNN`` with ``cores.simple_rnn``."""

    core = cores.simple_rnn


class LSTM(_Fused, keras.layers.LSTM):
    """An ``LSTM`` with ``cores.lstm``."""

    core = cores.lstm


class GRU(_Fused, keras.layers.GRU):
    """A ``GRU`` with ``cores.gru``."""

    core = cores.gru


_FUSED: dict[type[keras.Layer], type[_Fused]] = {
    keras.layers.SimpleRNN: SimpleRNN,
    keras.layers.LSTM: LSTM,
    keras.layers.GRU: GRU,
}


def _why_not(layer: Any, initial_state: Any, mask: tf.Tensor | None) -> str:
    """Return what the cores do not cover of what a layer is asked for; empty if they do."""
    is_asked_for = {
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
    return ", ".join(what for what, is_asked in is_asked_for.items() if is_asked)
