"""The arithmetic of the cells, forward and back, on vectors of units.

Each cell is stated once, in both directions: ``lstm`` and ``lstm_back``. The way forward takes the
sums of products of each gate, in Keras's order, and the states of the step before. The way back
takes the values that were kept, and the gradients of the step's states. A name that begins with
``d_`` is the gradient of the loss with respect to what follows, and one that ends with ``_before``
belongs to the step before.
"""

from collections.abc import Sequence
from typing import NamedTuple

from rnnbench.training.engines.native.assembler import Value
from rnnbench.training.engines.native.maths import sigmoid, tanh

Values = Sequence[Value]


class States(NamedTuple):
    """The end of a step: its states, and the values that the way back needs besides ``h``."""

    h: Value
    c: Value | None = None
    kept: Values = ()


class Gradients(NamedTuple):
    """The gradients of a step.

    Attributes:
        sums: of the sums of each gate.
        input_sums: the same, as the input sees them; none if there is no difference.
        h_before: of the hidden state before, apart from what reaches it through ``sums``.
        c_before: of the cell state before.
    """

    sums: Values
    input_sums: Values = ()
    h_before: Value | None = None
    c_before: Value | None = None


def simple_rnn(sums: Values, _h_before: Value, _c_before: Value) -> States:
    """Return the hidden state, which is the only gate."""
    return States(tanh(sums[0]))


def simple_rnn_back(_: Values, h: Value, _h_before: Value, d_h: Value, _d_c: Value) -> Gradients:
    """Return the gradient of the sum."""
    return Gradients([d_h * (1 - h * h)])


def lstm(sums: Values, _h_before: Value, c_before: Value) -> States:
    """Return the states, by input gate i, forget gate f, candidate g and output gate o."""
    i, f, g, o = sigmoid(sums[0]), sigmoid(sums[1]), tanh(sums[2]), sigmoid(sums[3])
    c = f * c_before + i * g
    tanh_c = tanh(c)
    return States(o * tanh_c, c, kept=(i, f, g, o, c_before, tanh_c))


def lstm_back(kept: Values, _h: Value, _h_before: Value, d_h: Value, d_c: Value) -> Gradients:
    """Return the gradients of the four sums, and of the cell state before."""
    i, f, g, o, c_before, tanh_c = kept
    d_c = d_c + d_h * o * (1 - tanh_c * tanh_c)
    d_i = d_c * g * i * (1 - i)
    d_f = d_c * c_before * f * (1 - f)
    d_g = d_c * i * (1 - g * g)
    d_o = d_h * tanh_c * o * (1 - o)
    return Gradients([d_i, d_f, d_g, d_o], c_before=d_c * f)


def gru(sums: Values, h_before: Value, _c_before: Value) -> States:
    """Return the hidden state, by update gate z, reset gate r and candidate g.

    The candidate has two sums, over the state and over the input: the reset gate is for the first.
    """
    z, r, of_state, of_input = sigmoid(sums[0]), sigmoid(sums[1]), sums[2], sums[3]
    g = tanh(of_input + r * of_state)
    return States(z * h_before + (1 - z) * g, kept=(z, r, g, of_state))


def gru_back(kept: Values, _h: Value, h_before: Value, d_h: Value, _d_c: Value) -> Gradients:
    """Return the gradients of the sums, over the state and over the input, and what passes by."""
    z, r, g, of_state = kept
    d_z = d_h * (h_before - g) * z * (1 - z)
    d_of_input = d_h * (1 - z) * (1 - g * g)
    d_of_state = d_of_input * r
    d_r = d_of_input * of_state * r * (1 - r)
    return Gradients([d_z, d_r, d_of_state], [d_z, d_r, d_of_input], h_before=d_h * z)


FORWARD = {"simple_rnn": simple_rnn, "lstm": lstm, "gru": gru}
BACK = {"simple_rnn": simple_rnn_back, "lstm": lstm_back, "gru": gru_back}
