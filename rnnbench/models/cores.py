"""Recurrent layers with back-propagation through time written by hand, for XLA on a CPU.

Each core computes the same as the Keras layer of its name with its default activations, on
time-major sequences. The loops hold only recurrent work: the inputs are projected in one product
before the forward loop, the gradients of the weights are one product over time x batch after the
backward loop, and the forward loop keeps the factors that the backward loop needs.

Shapes: ``T`` steps, ``B`` sequences, ``I`` features, ``H`` units, all static. ``d_x`` is the
gradient of the loss with respect to ``x``. Importing this module imports TensorFlow.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

COLUMN_MULTIPLE = 32
"""On a CPU, a product in XLA is slow on the columns after the last multiple of this."""
FEW_FEATURES = 4
"""Up to this many features are projected in the loop, which costs less than storing them first."""

Gradients = tuple[tf.Tensor, ...]
State = list[tf.Tensor]
"""The hidden state, and any other state that a layer carries: each ``(B, H)``."""
Kept = Sequence[tf.Tensor]
Scratch = Sequence[tf.Tensor | tf.Variable]
Step = Callable[..., tuple[State, list[tf.Tensor]]]
"""From a state and one item of each input to the next state and the arrays to keep."""


@dataclass(frozen=True)
class Core:
    """The arithmetic of a recurrent layer in one step, forward and back. Call it for all steps.

    Attributes:
        is_sigmoid: for each gate, in Keras's order, whether it is a sigmoid or a ``tanh``.
        n_states: the number of states that it carries.
        kept: widths, in units, of the arrays that ``step`` keeps; the hidden state is the last.
        kept_back: widths of the arrays that ``step_back`` keeps: the gradient of ``h[t-1] U``, then
            anything else that ``d_inputs`` needs.
        step: from the states, ``p = x[t] W + b`` and ``q = h[t-1] U`` to the next states and the
            arrays to keep. In the columns of sigmoids ``p`` and ``q`` are halved.
        step_back: from the gradients of the states and the arrays kept in the step to the gradients
            of the states before, except the part that passes through ``U``, and the arrays to keep.
        d_inputs: from all arrays that ``step_back`` kept to the gradient of ``x W + b``.
    """

    is_sigmoid: tuple[bool, ...]
    n_states: int
    kept: tuple[int, ...]
    kept_back: tuple[int, ...]
    step: Callable[[State, tf.Tensor, tf.Tensor], tuple[State, list[tf.Tensor]]]
    step_back: Callable[[State, Sequence[tf.Tensor]], tuple[State, list[tf.Tensor]]]
    d_inputs: Callable[..., tf.Tensor] = lambda d_q: d_q

    def __call__(
        self, x: tf.Tensor, *weights: tf.Tensor, return_sequences: bool, scratch: Scratch = ()
    ) -> tf.Tensor:
        """Return the hidden states of all steps, ``(T, B, H)``, or only the last, ``(B, H)``.

        For ``n`` gates, ``x`` is ``(T, B, I)``, and the weights are ``W`` and ``U``, ``(I, n H)``
        and ``(H, n H)``, and ``b``, ``(n H,)``, or ``(2, n H)``, ``b`` and a bias of ``h[t-1] U``.
        For ``scratch`` see ``make_scratch``.
        """
        kernel, recurrent_kernel, bias = weights
        units = recurrent_kernel.shape[0]
        buffers = scratch or _zeros(self, x.shape[0], x.shape[1], units, x.dtype)
        keep, keep_back = buffers[: len(self.kept)], buffers[len(self.kept) :]
        start = [tf.zeros((x.shape[1], units), x.dtype)] * self.n_states
        # One ``tanh`` serves all gates, see ``_sigmoid``.
        factors = tf.constant([0.5 if halved else 1.0 for halved in self.is_sigmoid], x.dtype)
        scale = tf.repeat(factors, units)

        @tf.custom_gradient
        def hidden_states(
            x: tf.Tensor, kernel: tf.Tensor, recurrent_kernel: tf.Tensor, *biases: tf.Tensor
        ) -> tuple[tf.Tensor, Callable[[tf.Tensor], Gradients]]:
            project, projected = _projection(x, kernel * scale, biases[0] * scale)
            halved = recurrent_kernel * scale, [bias * scale for bias in biases[1:]]

            def step(state: State, p: tf.Tensor) -> tuple[State, list[tf.Tensor]]:
                return self.step(state, project(p), sum(halved[1], tf.matmul(state[0], halved[0])))

            kept = _scan(step, start, [projected], keep)
            hidden = kept[-1]

            def gradients(d_out: tf.Tensor) -> Gradients:
                through_u = _product_with(tf.transpose(recurrent_kernel))
                last, d_hidden = (start[0], [d_out]) if return_sequences else (d_out, [])

                def step_back(state: State, *items: tf.Tensor) -> tuple[State, list[tf.Tensor]]:
                    kept, d_here = items[: len(self.kept)], items[len(self.kept) :]
                    d_state = [sum(d_here, state[0]), *state[1:]]
                    (d_h, *others), kept_back = self.step_back(d_state, kept)
                    return [d_h + through_u(kept_back[0]), *others], kept_back

                inputs = [*kept, *d_hidden]
                d_q, *others = _scan(step_back, [last, *start[1:]], inputs, keep_back, reverse=True)
                d_p = self.d_inputs(d_q, *others)
                d_x, d_kernel, d_bias = _projection_gradients(d_p, x, kernel)
                d_recurrent_biases = [tf.reduce_sum(d_q, axis=[0, 1]) for _ in biases[1:]]
                before = tf.concat([tf.zeros_like(hidden[:1]), hidden[:-1]], axis=0)
                return d_x, d_kernel, _outer(before, d_q), d_bias, *d_recurrent_biases

            return (hidden if return_sequences else hidden[-1]), gradients

        biases = tf.unstack(bias) if len(bias.shape) > 1 else [bias]
        return hidden_states(x, kernel, recurrent_kernel, *biases)


def make_scratch(core: Core, *sizes: Any) -> list[tf.Variable]:
    """Return variables ``(T, B, n)`` for ``core`` to overwrite in each call.

    The sizes are ``T``, ``B``, ``H`` and the type. Without them each loop over time begins by
    filling its arrays with zeros.
    """
    return [tf.Variable(buffer, trainable=False) for buffer in _zeros(core, *sizes)]


def _zeros(core: Core, steps: int, size: int, units: int, dtype: Any) -> list[tf.Tensor]:
    return [tf.zeros((steps, size, n * units), dtype) for n in (*core.kept, *core.kept_back)]


def _simple_rnn_step(_: State, p: tf.Tensor, q: tf.Tensor) -> tuple[State, list[tf.Tensor]]:
    h = tf.tanh(p + q)
    return [h], [h]


def _simple_rnn_step_back(d_state: State, kept: Kept) -> tuple[State, list[tf.Tensor]]:
    (d_h,), (h,) = d_state, kept
    return [0.0], [d_h * (1 - h * h)]


simple_rnn = Core((False,), 1, (1,), (1,), _simple_rnn_step, _simple_rnn_step_back)
"""``SimpleRNN``: ``h[t] = tanh(p + q)``, ``h[-1] = 0``."""


def _lstm_step(state: State, p: tf.Tensor, q: tf.Tensor) -> tuple[State, list[tf.Tensor]]:
    _, c_before = state
    i, f, g, o = tf.split(tf.tanh(p + q), 4, axis=-1)
    i, f, o = (_sigmoid(half) for half in (i, f, o))
    c = f * c_before + i * g
    # As one row: XLA's tanh is slow on the remainder of a row after its last full vector.
    tanh_c = tf.reshape(tf.tanh(tf.reshape(c, (-1,))), tf.shape(c))
    h = o * tanh_c
    # The factors of a gradient at each gate, and at the cell.
    at_i, at_f, at_g = g * i * (1 - i), c_before * f * (1 - f), i * (1 - g * g)
    at_o, at_c = tanh_c * o * (1 - o), o * (1 - tanh_c * tanh_c)
    return [h, c], [at_i, at_f, at_g, at_o, at_c, f, h]


def _lstm_step_back(d_state: State, kept: Kept) -> tuple[State, list[tf.Tensor]]:
    d_h, d_c = d_state
    at_i, at_f, at_g, at_o, at_c, f, _ = kept
    d_c += d_h * at_c
    d_gates = tf.concat([d_c * at_i, d_c * at_f, d_c * at_g, d_h * at_o], axis=-1)
    return [0.0, d_c * f], [d_gates]


lstm = Core((True, True, False, True), 2, (1,) * 7, (4,), _lstm_step, _lstm_step_back)
"""``LSTM``: ``i, f, o = sigmoid(p + q)`` and ``g = tanh(p + q)`` of the gates ``i, f, g, o``;
``c[t] = f c[t-1] + i g``, ``h[t] = o tanh(c[t])``, ``c[-1] = h[-1] = 0``."""


def _gru_step(state: State, p: tf.Tensor, q: tf.Tensor) -> tuple[State, list[tf.Tensor]]:
    (h_before,) = state
    n = 2 * h_before.shape[-1]
    z, r = tf.split(_sigmoid(tf.tanh((p + q)[:, :n])), 2, axis=-1)
    q_g = q[:, n:]
    g = tf.tanh(p[:, n:] + r * q_g)
    h = z * h_before + (1 - z) * g
    # The factors of a gradient at each gate.
    at_g = (1 - z) * (1 - g * g)
    at_z, at_r = (h_before - g) * z * (1 - z), q_g * r * (1 - r)
    return [h], [at_g, at_z, at_r, z, r, h]


def _gru_step_back(d_state: State, kept: Kept) -> tuple[State, list[tf.Tensor]]:
    (d_h,) = d_state
    at_g, at_z, at_r, z, r, _ = kept
    d_g = d_h * at_g
    return [d_h * z], [tf.concat([d_h * at_z, d_g * at_r, d_g * r], axis=-1), d_g]


gru = Core(
    (True, True, False), 1, (1,) * 6, (3, 1), _gru_step, _gru_step_back,
    d_inputs=lambda d_q, d_g: tf.concat([d_q[..., : 2 * d_g.shape[-1]], d_g], axis=-1),
)  # fmt: skip
"""``GRU`` with ``reset_after``: of the gates ``z, r, g``, ``z, r = sigmoid(p + q)`` and
``g = tanh(p + r q)``; ``h[t] = z h[t-1] + (1 - z) g``, ``h[-1] = 0``."""


def _scan(
    step: Step, state: State, inputs: Kept, buffers: Scratch, *, reverse: bool = False
) -> list[tf.Tensor]:
    """Run ``step`` over time and return the arrays that it kept, stacked along time.

    It is carried out for each item of the inputs, each ``(T, ...)``. There is a buffer for each
    kept array; variables among them are overwritten.
    """
    n_steps = inputs[0].shape[0]
    stacks = [tf.TensorArray(buffer.dtype, n_steps).unstack(buffer) for buffer in buffers]

    def body(n: tf.Tensor, state: State, stacks: list[tf.TensorArray]) -> tuple[Any, ...]:
        t = n_steps - 1 - n if reverse else n
        state, kept = step(state, *(items[t] for items in inputs))
        return n + 1, state, [own.write(t, new) for own, new in zip(stacks, kept, strict=True)]

    *_, stacks = tf.while_loop(lambda n, *_: n < n_steps, body, (0, state, stacks))
    results = [stack.stack() for stack in stacks]
    for buffer, result in zip(buffers, results, strict=True):
        if isinstance(buffer, tf.Variable):
            buffer.assign(result)
    return results


def _sigmoid(tanh_of_half: tf.Tensor) -> tf.Tensor:
    """Return ``sigmoid(z)``, given ``tanh(z / 2)``, to an absolute precision of 1e-7.

    Below ``z = -17`` it is 0, where ``tf.sigmoid`` still gives a number below 1e-7.
    """
    return 0.5 + 0.5 * tanh_of_half


def _projection(
    x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor
) -> tuple[Callable[[tf.Tensor], tf.Tensor], tf.Tensor]:
    """Return ``x W + b`` as a function for each step, and the sequence that it is applied to."""
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
    """Return a product with ``weights``, padded to a number of columns that is fast in XLA."""
    width = weights.shape[-1]
    padded = tf.pad(weights, [[0, 0], [0, -width % COLUMN_MULTIPLE]])
    return lambda a: tf.matmul(a, padded)[:, :width]


def _outer(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Return the sum over time and batch of ``a[t, n]^T b[t, n]`` as one product."""
    flat_a, flat_b = (tf.reshape(rows, (-1, rows.shape[-1])) for rows in (a, b))
    return tf.matmul(flat_a, flat_b, transpose_a=True)
