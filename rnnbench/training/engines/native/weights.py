"""The weights of a network: as Keras has them, and as they lie in the arena.

Keras's order is that of ``model.get_weights()``: a kernel, a recurrent kernel and a bias for each
recurrent layer, then the kernel and the bias of the softmax.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rnnbench.models.seeds import derive_seed
from rnnbench.training.engines.native.initializers import glorot_uniform, orthogonal
from rnnbench.training.engines.native.layout import GATES, LINE, Layout, Sizes
from rnnbench.training.outcome import Weights


def initial_weights(sizes: Sizes, seed: int) -> Weights:
    """Return the weights with which Keras begins, for the seed of a trial."""
    weights: Weights = []
    features = 1
    for position, (cell, units) in enumerate(sizes.layers):
        columns = GATES[cell] * units
        bias = np.zeros((2, columns) if cell == "gru" else columns, np.float32)
        if cell == "lstm":
            bias[units : 2 * units] = 1  # the forget gate is open
        weights += [
            glorot_uniform((features, columns), derive_seed(seed, position, "kernel")),
            orthogonal((units, columns), derive_seed(seed, position, "recurrent")),
            bias,
        ]
        features = units
    kernel_seed = derive_seed(seed, len(sizes.layers), "kernel")
    kernel = glorot_uniform((features, sizes.topics), kernel_seed)
    return [*weights, kernel, np.zeros(sizes.topics, np.float32)]


def new_arena(layout: Layout, weights: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return an arena with weights in it, before the first optimizer step."""
    arena = aligned(layout.size)
    for number, layer in enumerate(layout.layers):
        inputs, state_biases = layer.inputs.of(arena), slice(layer.units, layer.state_rows)
        inputs[..., -1] = inputs[..., state_biases] = 1
        kernel, recurrent_kernel, bias = weights[3 * number : 3 * number + 3]
        bias = np.atleast_2d(bias)
        rows = np.concatenate([recurrent_kernel, bias[1:], kernel, bias[:1]])
        layer.weights.of(arena)[:] = rows[:, layer.column_order]
    layout.top.of(arena)[..., -1] = 1
    layout.head.of(arena)[:] = np.concatenate([weights[-2], weights[-1][np.newaxis]])
    return arena


def read_weights(layout: Layout, arena: NDArray[np.float32]) -> Weights:
    """Return a copy of the weights in the arena, as Keras has them."""
    weights: Weights = []
    for layer in layout.layers:
        rows = np.empty(layer.weights.shape, np.float32)
        rows[:, layer.column_order] = layer.weights.of(arena)
        biases = [-1, layer.units] if layer.is_gru else -1
        weights += [rows[layer.state_rows : -1], rows[: layer.units], rows[biases]]
    head = layout.head.of(arena).copy()
    return [*weights, head[:-1], head[-1]]


def aligned(count: int) -> NDArray[np.float32]:
    """Return zeros that begin at a cache line."""
    raw = np.zeros(count + LINE, np.float32)
    start = -raw.ctypes.data // raw.itemsize % LINE
    return raw[start : start + count]
