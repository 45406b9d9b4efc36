"""Recurrent layers with back-propagation through time written by hand, for XLA on a CPU.

Each core computes what the Keras layer of its name computes with its default activations, on
time-major sequences. Compared with automatic differentiation of the stock layer, nothing is in
the loops but what is recurrent: the inputs are projected in one product before the forward loop,
the gradients of the weights are one product over time x batch after the backward loop, and every
gate is computed once; the forward loop keeps the factors that the backward loop needs.

Shapes: ``T`` steps, ``B`` sequences, ``I`` features, ``H`` units, all of them static. The
equations are those of Keras's layers; those of the backward loops follow from them by the chain
rule. ``d_x`` is the gradient of the loss with respect to ``x``.

Importing this module imports TensorFlow.
"""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

COLUMN_MULTIPLE = 32
"""XLA's product on a CPU is slow on what is left of its columns after the last multiple of this."""
FEW_FEATURES = 4
"""So few features are projected in the loop, for that costs less than to fetch what was stored."""

Gradients = tuple[tf.Tensor, ...]
State = list[tf.Tensor]
Scratch = Sequence[tf.Tensor | tf.Variable]
Step = Callable[..., tuple[State, list[tf.Tensor]]]
"""From a state and an item of each input to the next state and what is kept of the step."""


def simple_rnn(
    x: tf.Tensor,
    kernel: tf.Tensor,
    recurrent_kernel: tf.Tensor,
    bias: tf.Tensor,
    *,
    return_sequences: bool,
    scratch: Scratch = (),
) -> tf.Tensor:
    """Return the hidden states of a ``SimpleRNN``.

    ``h[t] = tanh(x[t] W + h[t-1] U + b)``, ``h[-1] = 0``

    Args:
        x: ``(T, B, I)``.
        kernel: ``W``, ``(I, H)``.
        recurrent_kernel: ``U``, ``(H, H)``.
        bias: ``b``, ``(H,)``.
        return_sequences: whether to return the states of all steps, or only the last.
        scratch: see ``make_scratch``.

    Returns:
        ``(T, B, H)``, or ``(B, H)``.
    """

    keep, keep_back = _buffers(simple_rnn, x, recurrent_kernel, scratch)

    @tf.custom_gradient
    def core(
        x: tf.Tensor, kernel: tf.Tensor, recurrent_kernel: tf.Tensor, bias: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], Gradients]]:
        project, projected = _projection(x, kernel, bias)

        def step(state: State, z: tf.Tensor) -> tuple[State, list[tf.Tensor]]:
            h = tf.tanh(project(z) + tf.matmul(state[0], recurrent_kernel))
            return [h], [h]

        start = _zeros(x, recurrent_kernel.shape[0])
        (hidden,) = _scan(step, [start], [projected], keep)

        def gradients(d_out: tf.Tensor) -> Gradients:
            back_through = _product_with(tf.transpose(recurrent_kernel))

            def step_back(state: State, h: tf.Tensor, *d_h_here: tf.Tensor) -> tuple:
                d_z = sum(d_h_here, state[0]) * (1 - h * h)
                return [back_through(d_z)], [d_z]

            d_last, d_hidden = _split_gradient(d_out, start, return_sequences)
            (d_z,) = _scan(step_back, [d_last], [hidden, *d_hidden], keep_back, reverse=True)
            d_x, d_kernel, d_bias = _projection_gradients(d_z, x, kernel)
            return d_x, d_kernel, _outer(_before(hidden), d_z), d_bias

        return (hidden if return_sequences else hidden[-1]), gradients

    return core(x, kernel, recurrent_kernel, bias)


def lstm(
    x: tf.Tensor,
    kernel: tf.Tensor,
    recurrent_kernel: tf.Tensor,
    bias: tf.Tensor,
    *,
    return_sequences: bool,
    scratch: Scratch = (),
) -> tf.Tensor:
    """Return the hidden states of an ``LSTM``.

    ``i, f, o = sigmoid(z)`` and ``g = tanh(z)`` of the parts of ``z = x[t] W + h[t-1] U + b``;
    ``c[t] = f c[t-1] + i g``, ``h[t] = o tanh(c[t])``, ``c[-1] = h[-1] = 0``

    Args:
        x: ``(T, B, I)``.
        kernel: ``W``, ``(I, 4 H)``, its parts in Keras's order ``i, f, g, o``.
        recurrent_kernel: ``U``, ``(H, 4 H)``.
        bias: ``b``, ``(4 H,)``.
        return_sequences: whether to return the states of all steps, or only the last.
        scratch: see ``make_scratch``.

    Returns:
        ``(T, B, H)``, or ``(B, H)``.
    """

    keep, keep_back = _buffers(lstm, x, recurrent_kernel, scratch)

    @tf.custom_gradient
    def core(
        x: tf.Tensor, kernel: tf.Tensor, recurrent_kernel: tf.Tensor, bias: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], Gradients]]:
        units = recurrent_kernel.shape[0]
        scale = _halved(units, [True, True, False, True], x.dtype)
        project, projected = _projection(x, kernel * scale, bias * scale)
        scaled_recurrent = recurrent_kernel * scale

        def step(state: State, z: tf.Tensor) -> tuple[State, list[tf.Tensor]]:
            h, c_before = state
            i, f, g, o = tf.split(tf.tanh(project(z) + tf.matmul(h, scaled_recurrent)), 4, axis=-1)
            i, f, o = (_sigmoid(half) for half in (i, f, o))
            c = f * c_before + i * g
            # As one row: XLA's tanh is slow on what is left of a row after the last full vector.
            tanh_c = tf.reshape(tf.tanh(tf.reshape(c, (-1,))), tf.shape(c))
            h = o * tanh_c
            # The factors by which a gradient passes each gate, and the cell.
            at_i, at_f, at_g = g * i * (1 - i), c_before * f * (1 - f), i * (1 - g * g)
            at_o, at_c = tanh_c * o * (1 - o), o * (1 - tanh_c * tanh_c)
            return [h, c], [at_i, at_f, at_g, at_o, at_c, f, h]

        start = _zeros(x, units)
        *factors, hidden = _scan(step, [start, start], [projected], keep)

        def gradients(d_out: tf.Tensor) -> Gradients:
            back_through = _product_with(tf.transpose(recurrent_kernel))

            def step_back(state: State, *kept: tf.Tensor) -> tuple[State, list[tf.Tensor]]:
                at_i, at_f, at_g, at_o, at_c, f, *d_h_here = kept
                d_h = sum(d_h_here, state[0])
                d_c = state[1] + d_h * at_c
                d_z = tf.concat([d_c * at_i, d_c * at_f, d_c * at_g, d_h * at_o], axis=-1)
                return [back_through(d_z), d_c * f], [d_z]

            d_last, d_hidden = _split_gradient(d_out, start, return_sequences)
            (d_z,) = _scan(
                step_back, [d_last, start], [*factors, *d_hidden], keep_back, reverse=True
            )
            d_x, d_kernel, d_bias = _projection_gradients(d_z, x, kernel)
            return d_x, d_kernel, _outer(_before(hidden), d_z), d_bias

        return (hidden if return_sequences else hidden[-1]), gradients

    return core(x, kernel, recurrent_kernel, bias)


def gru(
    x: tf.Tensor,
    kernel: tf.Tensor,
    recurrent_kernel: tf.Tensor,
    bias: tf.Tensor,
    *,
    return_sequences: bool,
    scratch: Scratch = (),
) -> tf.Tensor:
    """Return the hidden states of a ``GRU`` with ``reset_after``.

    Of the parts of ``p = x[t] W + b`` and ``q = h[t-1] U + b'``: ``z, r = sigmoid(p + q)``,
    ``g = tanh(p + r q)``; ``h[t] = z h[t-1] + (1 - z) g``, ``h[-1] = 0``

    Args:
        x: ``(T, B, I)``.
        kernel: ``W``, ``(I, 3 H)``, its parts in Keras's order ``z, r, g``.
        recurrent_kernel: ``U``, ``(H, 3 H)``.
        bias: ``(2, 3 H)``, ``b`` and ``b'``.
        return_sequences: whether to return the states of all steps, or only the last.
        scratch: see ``make_scratch``.

    Returns:
        ``(T, B, H)``, or ``(B, H)``.
    """

    keep, keep_back = _buffers(gru, x, recurrent_kernel, scratch)

    @tf.custom_gradient
    def core(
        x: tf.Tensor, kernel: tf.Tensor, recurrent_kernel: tf.Tensor, bias: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], Gradients]]:
        units = recurrent_kernel.shape[0]
        scale = _halved(units, [True, True, False], x.dtype)
        project, projected = _projection(x, kernel * scale, bias[0] * scale)
        scaled_recurrent, scaled_bias = recurrent_kernel * scale, bias[1] * scale

        def step(state: State, p: tf.Tensor) -> tuple[State, list[tf.Tensor]]:
            (h_before,) = state
            p, q = project(p), tf.matmul(h_before, scaled_recurrent) + scaled_bias
            z, r = tf.split(_sigmoid(tf.tanh((p + q)[:, : 2 * units])), 2, axis=-1)
            q_g = q[:, 2 * units :]
            g = tf.tanh(p[:, 2 * units :] + r * q_g)
            h = z * h_before + (1 - z) * g
            # The factors by which a gradient passes each gate.
            at_g = (1 - z) * (1 - g * g)
            at_z, at_r = (h_before - g) * z * (1 - z), q_g * r * (1 - r)
            return [h], [at_g, at_z, at_r, z, r, h]

        start = _zeros(x, units)
        *factors, hidden = _scan(step, [start], [projected], keep)

        def gradients(d_out: tf.Tensor) -> Gradients:
            back_through = _product_with(tf.transpose(recurrent_kernel))

            def step_back(state: State, *kept: tf.Tensor) -> tuple[State, list[tf.Tensor]]:
                at_g, at_z, at_r, z, r, *d_h_here = kept
                d_h = sum(d_h_here, state[0])
                d_g = d_h * at_g
                d_q = tf.concat([d_h * at_z, d_g * at_r, d_g * r], axis=-1)
                return [d_h * z + back_through(d_q)], [d_q, d_g]

            d_last, d_hidden = _split_gradient(d_out, start, return_sequences)
            d_q, d_g = _scan(step_back, [d_last], [*factors, *d_hidden], keep_back, reverse=True)
            d_p = tf.concat([d_q[..., : 2 * units], d_g], axis=-1)
            d_x, d_kernel, d_bias = _projection_gradients(d_p, x, kernel)
            d_biases = tf.stack([d_bias, tf.reduce_sum(d_q, axis=[0, 1])])
            return d_x, d_kernel, _outer(_before(hidden), d_q), d_biases

        return (hidden if return_sequences else hidden[-1]), gradients

    return core(x, kernel, recurrent_kernel, bias)


_KEPT: dict[Callable[..., tf.Tensor], tuple[tuple[int, ...], tuple[int, ...]]] = {
    simple_rnn: ((1,), (1,)),
    lstm: ((1,) * 7, (4,)),
    gru: ((1,) * 6, (3, 1)),
}
"""Widths, in units, of what the forward and the backward loop keep of a step."""


def make_scratch(
    core: Callable[..., tf.Tensor], timesteps: int, batch_size: int, units: int, dtype: str
) -> Scratch:
    """Return what ``core`` may overwrite, to be kept from call to call.

    Without it each loop over time begins by filling the arrays that it writes to with zeros.

    Returns:
        Variables ``(T, B, n)``.
    """
    zeros = _empty(core, timesteps, batch_size, units, dtype)
    return [tf.Variable(each, trainable=False) for each in zeros]


def _empty(
    core: Callable[..., tf.Tensor], timesteps: int, batch_size: int, units: int, dtype: Any
) -> list[tf.Tensor]:
    widths = sum(_KEPT[core], ())
    return [tf.zeros((timesteps, batch_size, width * units), dtype) for width in widths]


def _buffers(
    core: Callable[..., tf.Tensor], x: tf.Tensor, recurrent_kernel: tf.Tensor, scratch: Scratch
) -> tuple[Scratch, Scratch]:
    """Return what the forward and the backward loop write to."""
    buffers = scratch or _empty(core, *x.shape[:2], recurrent_kernel.shape[0], x.dtype)
    n_forward = len(_KEPT[core][0])
    return buffers[:n_forward], buffers[n_forward:]


def _scan(
    step: Step,
    state: State,
    inputs: Sequence[tf.Tensor],
    buffers: Scratch,
    *,
    reverse: bool = False,
) -> list[tf.Tensor]:
    """Run ``step`` over time and return what it kept, stacked along time.

    Args:
        step: what to do.
        state: the first state.
        inputs: each ``(T, ...)``.
        buffers: a stack for each thing kept, to be overwritten; variables are left so.
        reverse: begin with the last item.
    """
    n_steps = inputs[0].shape[0]
    stacks = [tf.TensorArray(each.dtype, n_steps).unstack(each) for each in buffers]

    def body(n: tf.Tensor, state: State, stacks: list[tf.TensorArray]) -> tuple:
        t = n_steps - 1 - n if reverse else n
        state, kept = step(state, *(each[t] for each in inputs))
        return n + 1, state, [each.write(t, new) for each, new in zip(stacks, kept, strict=True)]

    *_, stacks = tf.while_loop(lambda n, *_: n < n_steps, body, (0, state, stacks))
    results = [stack.stack() for stack in stacks]
    for buffer, result in zip(buffers, results, strict=True):
        if isinstance(buffer, tf.Variable):
            buffer.assign(result)
    return results


def _zeros(x: tf.Tensor, units: int) -> tf.Tensor:
    return tf.zeros((x.shape[1], units), x.dtype)


def _halved(units: int, is_sigmoid: Sequence[bool], dtype: tf.DType) -> tf.Tensor:
    """Return a factor a column with which one ``tanh`` serves all gates; see ``_sigmoid``."""
    return tf.repeat(tf.constant([0.5 if each else 1.0 for each in is_sigmoid], dtype), units)


def _sigmoid(tanh_of_half: tf.Tensor) -> tf.Tensor:
    """Return ``sigmoid(z)``, given ``tanh(z / 2)``, to an absolute precision of 1e-7.

    Below ``z = -17`` it is 0, where ``tf.sigmoid`` still has a number, of less than 1e-7.
    """
    return 0.5 + 0.5 * tanh_of_half


def _split_gradient(
    d_out: tf.Tensor, start: tf.Tensor, return_sequences: bool
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Return the gradient that the backward loop starts with, and what comes in at each step."""
    return (start, [d_out]) if return_sequences else (d_out, [])


def _projection(
    x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor
) -> tuple[Callable[[tf.Tensor], tf.Tensor], tf.Tensor]:
    """Return ``x W + b`` as what is done in a step, and on what."""
    if x.shape[-1] <= FEW_FEATURES:
        features = range(x.shape[-1])
        return lambda x_t: sum((x_t[:, k : k + 1] * kernel[k] for k in features), bias), x
    return lambda z: z + bias, _at_each_step(x, kernel)


def _projection_gradients(d_z: tf.Tensor, x: tf.Tensor, kernel: tf.Tensor) -> Gradients:
    """Return the gradients of ``x``, ``W`` and ``b``, given that of ``z = x W + b``."""
    d_x = _at_each_step(d_z, tf.transpose(kernel))
    if x.shape[-1] <= FEW_FEATURES:  # one product for both: one with a single row is slow
        d_both = _outer(tf.concat([x, tf.ones_like(x[..., :1])], axis=-1), d_z)
        return d_x, d_both[:-1], d_both[-1]
    return d_x, _outer(x, d_z), tf.reduce_sum(d_z, axis=[0, 1])


def _at_each_step(x: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Return ``x[t] weights`` for all steps as one product, ``(T, B, n)``."""
    product = _product_with(weights)(tf.reshape(x, (-1, x.shape[-1])))
    return tf.reshape(product, (*x.shape[:2], weights.shape[-1]))


def _product_with(weights: tf.Tensor) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return what multiplies by ``weights``, padded to a number of columns that XLA likes."""
    width = weights.shape[-1]
    padded = tf.pad(weights, [[0, 0], [0, -width % COLUMN_MULTIPLE]])
    return lambda a: tf.matmul(a, padded)[:, :width]


def _outer(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Return the sum over time and batch of ``a[t, n]^T b[t, n]`` as one product."""
    flat_a, flat_b = (tf.reshape(each, (-1, each.shape[-1])) for each in (a, b))
    return tf.matmul(flat_a, flat_b, transpose_a=True)


def _before(states: tf.Tensor) -> tf.Tensor:
    """Return the states one step earlier, zeros first."""
    return tf.concat([tf.zeros_like(states[:1]), states[:-1]], axis=0)
