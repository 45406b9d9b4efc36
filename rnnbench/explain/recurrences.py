"""The recurrences of Keras's SimpleRNN, GRU and LSTM in NumPy.

They are written for reading and for checking Keras, not for speed.

Shapes: ``B`` sequences, ``T`` steps, ``I`` features, ``H`` units, ``G`` gates. A step takes the
input ``x``, ``(B, I)``, the states after the previous step, ``(B, H)`` each, and the weights as
``layer.get_weights()`` returns them: ``kernel``, ``(I, G * H)``, ``recurrent_kernel``,
``(H, G * H)``, and ``bias``. The weights of the gates stand side by side. A step returns all that
it computes, ``(B, H)`` each, by the symbols of the equations in ``kinds.py``.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
States = tuple[Floats, ...]
Values = dict[str, Floats]
Step = Callable[[Floats, States, Floats, Floats, Floats], Values]


def run(
    step: Step,
    states: Sequence[str],
    x: Floats,
    kernel: Floats,
    recurrent_kernel: Floats,
    bias: Floats,
) -> Values:
    """Return each value after every step, ``(B, T, H)``, in the precision of the arguments.

    ``x`` holds the sequences, ``(B, T, I)``, and ``states`` the symbols of the states, in the order
    in which ``step`` takes them. All states are zero before the first step.

    Examples:
        The cell of an LSTM counts steps when its gates are open and its candidate is 1, or almost:

        >>> x, zeros = np.zeros((1, 3, 1)), np.zeros((1, 4))
        >>> values = run(lstm, ["h", "c"], x, zeros, zeros, bias=np.full(4, 20.0))
        >>> values["c"].round(3).tolist()
        [[[1.0], [2.0], [3.0]]]
        >>> values["h"].round(3).tolist()
        [[[0.762], [0.964], [0.995]]]
    """
    carried: States = (np.zeros((len(x), len(recurrent_kernel)), x.dtype),) * len(states)
    history = []
    for x_t in np.swapaxes(x, 0, 1):
        values = step(x_t, carried, kernel, recurrent_kernel, bias)
        carried = tuple(values[symbol] for symbol in states)
        history.append(values)
    return {symbol: np.stack([each[symbol] for each in history], axis=1) for symbol in history[0]}


def simple_rnn(
    x: Floats, states: States, kernel: Floats, recurrent_kernel: Floats, bias: Floats
) -> Values:
    """Carry out a step of a SimpleRNN; ``bias`` is ``(H,)``.

    Source: J. L. Elman: Finding structure in time. Cognitive Science 14 (1990).
    """
    (h,) = states
    return {"h": np.tanh(x @ kernel + h @ recurrent_kernel + bias)}


def gru(
    x: Floats, states: States, kernel: Floats, recurrent_kernel: Floats, bias: Floats
) -> Values:
    """Carry out a step of a GRU with ``reset_after=True``, Keras's default.

    The gates are ``z`` (update), ``r`` (reset) and the candidate. ``bias`` is ``(2, 3 * H)``: one
    for the input, one for the state.

    Source: K. Cho et al.: Learning phrase representations using RNN encoder-decoder for
    statistical machine translation. EMNLP (2014). In the paper ``r`` multiplies the state before
    the product with the recurrent kernel; with ``reset_after`` it multiplies the product.
    """
    (h,) = states
    x_z, x_r, x_candidate = np.split(x @ kernel + bias[0], 3, axis=-1)
    h_z, h_r, h_candidate = np.split(h @ recurrent_kernel + bias[1], 3, axis=-1)
    z = _sigmoid(x_z + h_z)
    r = _sigmoid(x_r + h_r)
    candidate = np.tanh(x_candidate + r * h_candidate)
    return {"z": z, "r": r, "ĥ": candidate, "h": z * h + (1 - z) * candidate}


def lstm(
    x: Floats, states: States, kernel: Floats, recurrent_kernel: Floats, bias: Floats
) -> Values:
    """Carry out a step of an LSTM; ``bias`` is ``(4 * H,)``.

    The gates are ``i`` (input), ``f`` (forget), the candidate and ``o`` (output); the states are
    the hidden state ``h`` and the cell state ``c``.

    Sources: S. Hochreiter, J. Schmidhuber: Long short-term memory. Neural Computation 9 (1997);
    for the forget gate F. A. Gers, J. Schmidhuber, F. Cummins: Learning to forget: continual
    prediction with LSTM. Neural Computation 12 (2000).
    """
    h, c = states
    sums = np.split(x @ kernel + h @ recurrent_kernel + bias, 4, axis=-1)
    i, f, candidate, o = _sigmoid(sums[0]), _sigmoid(sums[1]), np.tanh(sums[2]), _sigmoid(sums[3])
    c = f * c + i * candidate
    return {"i": i, "f": f, "ĉ": candidate, "o": o, "c": c, "h": o * np.tanh(c)}


def _sigmoid(z: Floats) -> Floats:
    """Return ``1 / (1 + exp(-z))``; computed with ``tanh``, it does not overflow."""
    half: Floats = 0.5 * (1 + np.tanh(0.5 * z))
    return half
