"""The recurrences of Keras's SimpleRNN, GRU and LSTM in NumPy.

They are written for reading and for checking Keras, not for speed.

Shapes: ``B`` sequences, ``T`` steps, ``I`` features, ``H`` units, ``G`` gates. A step takes the
input ``x``, ``(B, I)``, the states after the step before, ``(B, H)`` each, and the weights as
``layer.get_weights()`` returns them: ``kernel``, ``(I, G * H)``, ``recurrent_kernel``,
``(H, G * H)``, and ``bias``. The weights of the gates stand side by side. A step returns the new
states, the hidden state first.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
States = tuple[Floats, ...]
Step = Callable[[Floats, States, Floats, Floats, Floats], States]


def run(
    step: Step, n_states: int, x: Floats, kernel: Floats, recurrent_kernel: Floats, bias: Floats
) -> States:
    """Return each state after every step, ``(B, T, H)``, in the precision of the arguments.

    ``x`` are the sequences, ``(B, T, I)``. All states are zero before the first step.

    Examples:
        The cell of an LSTM counts steps when its gates are open and its candidate is 1, or almost:

        >>> x = np.zeros((1, 3, 1))
        >>> h, c = run(lstm, 2, x, np.zeros((1, 4)), np.zeros((1, 4)), bias=np.full(4, 20.0))
        >>> c.round(3).tolist()
        [[[1.0], [2.0], [3.0]]]
        >>> h.round(3).tolist()
        [[[0.762], [0.964], [0.995]]]
    """
    states: States = (np.zeros((len(x), len(recurrent_kernel)), x.dtype),) * n_states
    history = []
    for x_t in np.swapaxes(x, 0, 1):
        states = step(x_t, states, kernel, recurrent_kernel, bias)
        history.append(states)
    return tuple(np.stack(values, axis=1) for values in zip(*history, strict=True))


def simple_rnn(
    x: Floats, states: States, kernel: Floats, recurrent_kernel: Floats, bias: Floats
) -> States:
    """Carry out a step of a SimpleRNN; ``bias`` is ``(H,)``.

    Source: J. L. Elman: Finding structure in time. Cognitive Science 14 (1990).
    """
    (h,) = states
    return (np.tanh(x @ kernel + h @ recurrent_kernel + bias),)


def gru(
    x: Floats, states: States, kernel: Floats, recurrent_kernel: Floats, bias: Floats
) -> States:
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
    return (z * h + (1 - z) * candidate,)


def lstm(
    x: Floats, states: States, kernel: Floats, recurrent_kernel: Floats, bias: Floats
) -> States:
    """Carry out a step of an LSTM; ``bias`` is ``(4 * H,)``.

    The gates are ``i`` (input), ``f`` (forget), the candidate and ``o`` (output); the states are
    the hidden state ``h`` and the cell state ``c``.

    Sources: S. Hochreiter, J. Schmidhuber: Long short-term memory. Neural Computation 9 (1997);
    for the forget gate F. A. Gers, J. Schmidhuber, F. Cummins: Learning to forget: continual
    prediction with LSTM. Neural Computation 12 (2000).
    """
    h, c = states
    i, f, candidate, o = np.split(x @ kernel + h @ recurrent_kernel + bias, 4, axis=-1)
    c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(candidate)
    return _sigmoid(o) * np.tanh(c), c


def _sigmoid(z: Floats) -> Floats:
    """Return ``1 / (1 + exp(-z))``; computed with ``tanh``, it does not overflow."""
    half: Floats = 0.5 * (1 + np.tanh(0.5 * z))
    return half
