"""The arithmetic of the cells, forward and back, on vectors of units.

Each cell is stated once, in both directions: ``lstm`` and ``lstm_back``. A name that begins with
``d_`` is the gradient of the loss by what follows, and one that ends with ``_before`` is of the
step before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rnnbench.training.engines.native.assembler import Floats
from rnnbench.training.engines.native.maths import sigmoid, tanh

Several = Sequence[Floats]


@dataclass(frozen=True)
class Before:
    """The start of a step: the sums of products of each gate, in Keras's order, and the states."""

    sums: Several
    h_before: Floats
    c_before: Floats


@dataclass(frozen=True)
class After:
    """The end of a step: the states, and the values that the way back needs besides ``h``."""

    h: Floats
    c: Floats | None = None
    kept: Several = ()


@dataclass(frozen=True)
class Known:
    """A step on the way back: its values, and the gradients of its last states."""

    kept: Several
    h: Floats
    h_before: Floats
    d_h: Floats
    d_c: Floats


@dataclass(frozen=True)
class Gradients:
    """The gradients of a step.

    Attributes:
        sums: of the sums of each gate.
        input_sums: the same, as the input sees them; none if there is no difference.
        h_before: of the hidden state before, apart from what reaches it through ``sums``.
        c_before: of the cell state before.
    """

    sums: Several
    input_sums: Several = ()
    h_before: Floats | None = None
    c_before: Floats | None = None


def simple_rnn(at: Before) -> After:
    """Return the hidden state, which is the only gate."""
    return After(tanh(at.sums[0]))


def simple_rnn_back(at: Known) -> Gradients:
    """Return the gradient of the sum."""
    return Gradients([at.d_h * (1 - at.h * at.h)])


def lstm(at: Before) -> After:
    """Return the states, by input gate i, forget gate f, candidate g and output gate o."""
    s = at.sums
    i, f, g, o = sigmoid(s[0]), sigmoid(s[1]), tanh(s[2]), sigmoid(s[3])
    c = f * at.c_before + i * g
    tanh_c = tanh(c)
    return After(o * tanh_c, c, kept=(i, f, g, o, at.c_before, tanh_c))


def lstm_back(at: Known) -> Gradients:
    """Return the gradients of the four sums, and of the cell state before."""
    i, f, g, o, c_before, tanh_c = at.kept
    d_c = at.d_c + at.d_h * o * (1 - tanh_c * tanh_c)
    d_i = d_c * g * i * (1 - i)
    d_f = d_c * c_before * f * (1 - f)
    d_g = d_c * i * (1 - g * g)
    d_o = at.d_h * tanh_c * o * (1 - o)
    return Gradients([d_i, d_f, d_g, d_o], c_before=d_c * f)


def gru(at: Before) -> After:
    """Return the hidden state, by update gate z, reset gate r and candidate g.

    The candidate has two sums, over the state and over the input: the reset gate is for the first.
    """
    z, r, of_state, of_input = sigmoid(at.sums[0]), sigmoid(at.sums[1]), at.sums[2], at.sums[3]
    g = tanh(of_input + r * of_state)
    return After(z * at.h_before + (1 - z) * g, kept=(z, r, g, of_state))


def gru_back(at: Known) -> Gradients:
    """Return the gradients of the sums, over the state and over the input, and what passes by."""
    z, r, g, of_state = at.kept
    d_z = at.d_h * (at.h_before - g) * z * (1 - z)
    d_of_input = at.d_h * (1 - z) * (1 - g * g)
    d_of_state = d_of_input * r
    d_r = d_of_input * of_state * r * (1 - r)
    return Gradients([d_z, d_r, d_of_state], [d_z, d_r, d_of_input], h_before=at.d_h * z)


@dataclass(frozen=True)
class Cell:
    """A kind of cell.

    Attributes:
        forward: computes a step.
        back: computes its gradients.
        apart: the gate whose sums over the state and over the input are kept apart; the latter is
            then the last of ``Before.sums``.
        has_cell_state: whether it has a state besides the hidden one.
        passes_by: whether the hidden state before goes into the next one directly, too.
    """

    forward: Callable[[Before], After]
    back: Callable[[Known], Gradients]
    apart: int | None = None
    has_cell_state: bool = False
    passes_by: bool = False


CELLS = {
    "simple_rnn": Cell(simple_rnn, simple_rnn_back),
    "lstm": Cell(lstm, lstm_back, has_cell_state=True),
    "gru": Cell(gru, gru_back, apart=2, passes_by=True),
}
