"""The recurrences of Keras's SimpleRNN, GRU and LSTM, written out in NumPy.

Each takes a batch of sequences and the weights of a layer as ``layer.get_weights()`` returns them,
and gives what the layer gives. They are here to be read, and to check Keras with; they are slow.

Shapes: ``B`` sequences, ``T`` steps, ``I`` features, ``H`` units. ``x[t]`` and ``h[t]`` are rows,
``(B, I)`` and ``(B, H)``; ``*`` multiplies element by element, ``@`` is the matrix product,
``sigmoid(z) = 1 / (1 + exp(-z))``. All states are zero before the first step. Results have the
precision of the arguments.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def simple_rnn(x: Floats, kernel: Floats, recurrent_kernel: Floats, bias: Floats) -> Floats:
    """Return the hidden states of a SimpleRNN.

    With ``W``, ``U`` and ``b`` for ``kernel``, ``recurrent_kernel`` and ``bias``::

        h[t] = tanh(x[t] @ W + h[t-1] @ U + b)

    Source: J. L. Elman: Finding structure in time. Cognitive Science 14 (1990).

    Args:
        x: ``(B, T, I)``.
        kernel: ``(I, H)``.
        recurrent_kernel: ``(H, H)``.
        bias: ``(H,)``.

    Returns:
        ``h`` of every step, ``(B, T, H)``.

    Examples:
        One unit that looks only at its bias, then one that looks at the step before, too:

        >>> nothing, one = np.zeros((1, 1)), np.ones((1, 1))
        >>> x = np.zeros((1, 3, 1))
        >>> simple_rnn(x, nothing, nothing, bias=np.array([1.0])).round(3).tolist()
        [[[0.762], [0.762], [0.762]]]
        >>> simple_rnn(x, nothing, one, bias=np.array([1.0])).round(3).tolist()
        [[[0.762], [0.943], [0.96]]]
    """
    h = _zeros(x, recurrent_kernel)
    steps = []
    for x_t in _steps(x):
        h = np.tanh(x_t @ kernel + h @ recurrent_kernel + bias)
        steps.append(h)
    return np.stack(steps, axis=1)


def gru(x: Floats, kernel: Floats, recurrent_kernel: Floats, bias: Floats) -> Floats:
    """Return the hidden states of a GRU with ``reset_after=True``, which is Keras's default.

    The weights hold those of the update gate ``z``, the reset gate ``r`` and the candidate ``g``,
    which Keras calls ``h``, side by side. There are two biases, one of the input and one of the
    state before::

        p = x[t] @ kernel + bias[0]                  p_z, p_r, p_g side by side
        q = h[t-1] @ recurrent_kernel + bias[1]      q_z, q_r, q_g side by side
        z = sigmoid(p_z + q_z)
        r = sigmoid(p_r + q_r)
        g = tanh(p_g + r * q_g)
        h[t] = z * h[t-1] + (1 - z) * g

    Source: K. Cho et al.: Learning phrase representations using RNN encoder-decoder for
    statistical machine translation. EMNLP (2014). There ``r`` multiplies ``h[t-1]`` before the
    product with the recurrent kernel; ``reset_after`` has it multiply the product.

    Args:
        x: ``(B, T, I)``.
        kernel: ``(I, 3 H)``.
        recurrent_kernel: ``(H, 3 H)``.
        bias: ``(2, 3 H)``.

    Returns:
        ``h`` of every step, ``(B, T, H)``.

    Examples:
        One unit whose gates stand half open, and whose candidate is always 1, or nearly:

        >>> x = np.zeros((1, 3, 1))
        >>> bias = np.array([[0.0, 0.0, 20.0], [0.0, 0.0, 0.0]])
        >>> gru(x, np.zeros((1, 3)), np.zeros((1, 3)), bias).round(3).tolist()
        [[[0.5], [0.75], [0.875]]]
    """
    h = _zeros(x, recurrent_kernel)
    steps = []
    for x_t in _steps(x):
        p_z, p_r, p_g = np.split(x_t @ kernel + bias[0], 3, axis=-1)
        q_z, q_r, q_g = np.split(h @ recurrent_kernel + bias[1], 3, axis=-1)
        z = _sigmoid(p_z + q_z)
        r = _sigmoid(p_r + q_r)
        g = np.tanh(p_g + r * q_g)
        h = z * h + (1 - z) * g
        steps.append(h)
    return np.stack(steps, axis=1)


def lstm(
    x: Floats, kernel: Floats, recurrent_kernel: Floats, bias: Floats
) -> tuple[Floats, Floats]:
    """Return the hidden states and the cell states of an LSTM.

    The weights hold those of the input gate ``i``, the forget gate ``f``, the candidate ``g``,
    which Keras calls ``c``, and the output gate ``o`` side by side::

        p = x[t] @ kernel + h[t-1] @ recurrent_kernel + bias      p_i, p_f, p_g, p_o side by side
        i, f, o = sigmoid(p_i), sigmoid(p_f), sigmoid(p_o)
        g = tanh(p_g)
        c[t] = f * c[t-1] + i * g
        h[t] = o * tanh(c[t])

    Sources: S. Hochreiter, J. Schmidhuber: Long short-term memory. Neural Computation 9 (1997);
    the forget gate: F. A. Gers, J. Schmidhuber, F. Cummins: Learning to forget: continual
    prediction with LSTM. Neural Computation 12 (2000).

    Args:
        x: ``(B, T, I)``.
        kernel: ``(I, 4 H)``.
        recurrent_kernel: ``(H, 4 H)``.
        bias: ``(4 H,)``.

    Returns:
        ``h`` and ``c`` of every step, ``(B, T, H)`` each.

    Examples:
        One unit whose gates are all open and whose candidate is 1, or nearly: its cell counts.

        >>> x = np.zeros((1, 3, 1))
        >>> h, c = lstm(x, np.zeros((1, 4)), np.zeros((1, 4)), bias=np.full(4, 20.0))
        >>> c.round(3).tolist()
        [[[1.0], [2.0], [3.0]]]
        >>> h.round(3).tolist()
        [[[0.762], [0.964], [0.995]]]
    """
    h = c = _zeros(x, recurrent_kernel)
    steps = []
    for x_t in _steps(x):
        p_i, p_f, p_g, p_o = np.split(x_t @ kernel + h @ recurrent_kernel + bias, 4, axis=-1)
        i, f, o = _sigmoid(p_i), _sigmoid(p_f), _sigmoid(p_o)
        g = np.tanh(p_g)
        c = f * c + i * g
        h = o * np.tanh(c)
        steps.append((h, c))
    hidden, cell = (np.stack(states, axis=1) for states in zip(*steps, strict=True))
    return hidden, cell


def _zeros(x: Floats, recurrent_kernel: Floats) -> Floats:
    """Return the state before the first step, ``(B, H)``."""
    return np.zeros((len(x), len(recurrent_kernel)), x.dtype)


def _steps(x: Floats) -> Floats:
    """Return ``x`` with the steps first, ``(T, B, I)``."""
    return np.swapaxes(x, 0, 1)


def _sigmoid(z: Floats) -> Floats:
    """Return ``1 / (1 + exp(-z))``, by way of ``tanh``, which does not overflow."""
    return 0.5 * (1 + np.tanh(0.5 * z))
