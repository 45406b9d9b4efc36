"""The cells: the arithmetic of a step, forward and back, on vectors of units.

Everything that this engine knows of a cell is one ``Cell`` in ``CELLS``. A name that begins with
``d_`` is the gradient of the loss with respect to what follows, and one that ends with ``_before``
belongs to the step before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rnnbench.models.layers import Layer
from rnnbench.models.layers.recurrent import GRU, LSTM, SimpleRNN
from rnnbench.training.engines.native.assembler import Value

Values = Sequence[Value]


class States(NamedTuple):
    """The end of a step: its states, and the values that the way back needs besides ``h``."""

    h: Value
    c: Value | None = None
    kept: Values = ()


class Gradients(NamedTuple):
    """The gradients of the sums of all gates, and of the states before."""

    sums: Values
    input_sums: Values = ()  # as the input sees them, if that differs
    h_before: Value | None = None  # apart from what reaches it through ``sums``
    c_before: Value | None = None


@dataclass(frozen=True)
class Cell:
    """A kind of recurrent layer, with Keras's defaults.

    Attributes:
        kept: values of each unit and step that the way back needs, apart from the hidden states.
        forward: from the sums of the gates, ``h_before`` and ``c_before``.
        back: from the values kept, ``h``, ``h_before``, and the gradients of ``h`` and ``c``.
        split: the gate that needs its sum over the state and that over the input apart; they are
            given one after the other. The sum over the state then has a bias of its own.
        passes_h: whether a gradient reaches ``h_before`` past the sums.
        open_gate: the gate whose bias is 1 at first, with ``unit_forget_bias``.
    """

    kept: int
    forward: Callable[[Values, Value, Value], States]
    back: Callable[[Values, Value, Value, Value, Value], Gradients]
    split: int | None = None
    passes_h: bool = False
    open_gate: int | None = None


def _simple_rnn(sums: Values, *_: Value) -> States:
    return States(sums[0].tanh())


def _simple_rnn_back(_: Values, h: Value, _h_before: Value, d_h: Value, *__: Value) -> Gradients:
    return Gradients([d_h * (1 - h * h)])


def _lstm(sums: Values, _h_before: Value, c_before: Value) -> States:
    """Return the states, by input gate i, forget gate f, candidate g and output gate o."""
    i, f, g, o = sums[0].sigmoid(), sums[1].sigmoid(), sums[2].tanh(), sums[3].sigmoid()
    c = f * c_before + i * g
    tanh_c = c.tanh()
    return States(o * tanh_c, c, kept=(i, f, g, o, c_before, tanh_c))


def _lstm_back(kept: Values, _h: Value, _h_before: Value, d_h: Value, d_c: Value) -> Gradients:
    i, f, g, o, c_before, tanh_c = kept
    d_c = d_c + d_h * o * (1 - tanh_c * tanh_c)
    d_i = d_c * g * i * (1 - i)
    d_f = d_c * c_before * f * (1 - f)
    d_g = d_c * i * (1 - g * g)
    d_o = d_h * tanh_c * o * (1 - o)
    return Gradients([d_i, d_f, d_g, d_o], c_before=d_c * f)


def _gru(sums: Values, h_before: Value, *_: Value) -> States:
    """Return the hidden state, by update gate z, reset gate r and candidate g.

    The reset gate scales the candidate's sum over the state alone.
    """
    z, r, of_state, of_input = sums[0].sigmoid(), sums[1].sigmoid(), sums[2], sums[3]
    g = (of_input + r * of_state).tanh()
    return States(z * h_before + (1 - z) * g, kept=(z, r, g, of_state))


def _gru_back(kept: Values, _h: Value, h_before: Value, d_h: Value, *_: Value) -> Gradients:
    z, r, g, of_state = kept
    d_z = d_h * (h_before - g) * z * (1 - z)
    d_of_input = d_h * (1 - z) * (1 - g * g)
    d_of_state = d_of_input * r
    d_r = d_of_input * of_state * r * (1 - r)
    return Gradients([d_z, d_r, d_of_state], [d_z, d_r, d_of_input], h_before=d_h * z)


CELLS: dict[type[Layer], Cell] = {
    SimpleRNN: Cell(kept=0, forward=_simple_rnn, back=_simple_rnn_back),
    LSTM: Cell(kept=6, forward=_lstm, back=_lstm_back, open_gate=1),
    GRU: Cell(kept=4, forward=_gru, back=_gru_back, split=2, passes_h=True),
}
"""All cells, by the class of their layer."""
