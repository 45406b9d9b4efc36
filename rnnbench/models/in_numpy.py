"""Networks of the built-in layers in NumPy: the shapes of their weights, and their predictions.

For a few documents, the answers are there before TensorFlow could be imported.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.models.descriptions import LayeredNetwork, Network
from rnnbench.models.layers import Batch, Layer
from rnnbench.models.layers.base import Shape
from rnnbench.models.layers.feedforward import (
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    LayerNorm,
    Pooling,
    SpatialDropout,
    WordCounts,
)
from rnnbench.models.layers.recurrent import GRU, LSTM, Bidirectional, Recurrent, SimpleRNN
from rnnbench.models.word_weights import weighted_counts

Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]
"""The steps that are not skipped, ``(batch, timesteps)``."""
Shapes = list[tuple[int, ...]]

ROWS_AT_ONCE = 256
"""Documents that go through a network together, so that they take little memory."""


def _sigmoid(x: Floats) -> Floats:
    half: Floats = np.tanh(x / 2) / 2 + np.float32(0.5)  # which does not overflow
    return half


def _softmax(x: Floats, axis: int = -1) -> Floats:
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    shares: Floats = powers / powers.sum(axis=axis, keepdims=True)
    return shares


ACTIVATIONS: dict[str, Callable[[Floats], Floats]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": _sigmoid,
    "softmax": _softmax,
    "tanh": np.tanh,
}
MERGED: dict[str, Callable[[Floats, Floats], Floats]] = {
    "concat": lambda a, b: np.concatenate([a, b], axis=-1),
    "sum": np.add,
    "ave": lambda a, b: (a + b) / 2,
    "mul": np.multiply,
}


def is_covered(network: Network) -> bool:
    """Return whether ``predict`` can compute a network; others need TensorFlow."""
    return isinstance(network, LayeredNetwork) and all(map(_is_covered, network.layers))


def _is_covered(layer: Layer) -> bool:
    used = {getattr(layer, key, "linear") for key in ("activation", "recurrent_activation")}
    inner = not isinstance(layer, Bidirectional) or _is_covered(layer.layer)
    # A subclass from another package may compute something else.
    return type(layer) in KINDS and inner and used <= ACTIVATIONS.keys()


def weight_shapes(network: LayeredNetwork, shape: Shape) -> list[tuple[int, ...]]:
    """Return the shapes of a network's weights, in the order of Keras's ``get_weights()``.

    The network is one that ``is_covered``.
    """
    return [of_one for _, shapes in _with_shapes(network, shape) for of_one in shapes]


def _with_shapes(network: LayeredNetwork, shape: Shape) -> Iterator[tuple[Layer, Shapes]]:
    """Yield each layer with the shapes of its weights."""
    batch = Batch(1, shape.timesteps, 1, shape.n_topics, shape.n_ids)
    for layer in network.layers:
        yield layer, KINDS[type(layer)].shapes(layer, batch)
        batch = layer.gives(batch)


def predict(
    network: LayeredNetwork, shape: Shape, weights: Sequence[Floats], ids: NDArray[np.int32]
) -> Floats:
    """Return the probabilities ``(n, n_topics)`` of word ids ``(n, timesteps)``.

    Args:
        network: one that ``is_covered``.
        shape: of the dataset that it was trained on.
        weights: of the shapes that ``weight_shapes`` returns.
        ids: all below ``shape.n_ids``.
    """
    starts = range(0, len(ids), ROWS_AT_ONCE)
    parts = (ids[start : start + ROWS_AT_ONCE] for start in starts)
    return np.concatenate([_predict(network, shape, weights, part) for part in parts])


def _predict(
    network: LayeredNetwork, shape: Shape, weights: Sequence[Floats], ids: NDArray[np.int32]
) -> Floats:
    scale = 1 / shape.n_ids if network.inputs == "scaled_ids" else 1.0
    x = ids[..., np.newaxis].astype(np.float32) * np.float32(scale)
    mask = np.ones(ids.shape, bool)
    left = list(weights)
    for layer, shapes in _with_shapes(network, shape):
        own, left = left[: len(shapes)], left[len(shapes) :]
        if layer.gives_mask:
            mask = ids != 0
        x = KINDS[type(layer)].run(layer, own, ids if layer.takes == "ids" else x, mask)
        if not layer.hands_mask_on:
            mask = np.ones(x.shape[:2], bool)
    return x


@dataclass(frozen=True)
class NumpyLayer:
    """A kind of layer in NumPy.

    Attributes:
        shapes: returns the shapes of the weights of a layer for its input.
        run: returns the output of a layer: of its weights, its input and the mask.
    """

    shapes: Callable[[Any, Batch], Shapes]
    run: Callable[[Any, Sequence[Floats], Any, Mask], Floats]


def _dense(layer: Dense, weights: Sequence[Floats], x: Floats, _: Mask) -> Floats:
    kernel, bias = weights
    return ACTIVATIONS[layer.activation](x @ kernel + bias)


def _dense_shapes(layer: Dense, batch: Batch) -> Shapes:
    units = layer.count_units(batch.n_topics)
    return [(batch.features, units), (units,)]


def _normalize(layer: LayerNorm, weights: Sequence[Floats], x: Floats, _: Mask) -> Floats:
    scale, offset = weights
    x = x - x.mean(axis=-1, keepdims=True)
    deviation = np.sqrt(np.square(x).mean(axis=-1, keepdims=True) + np.float32(layer.epsilon))
    normal: Floats = x / deviation * scale + offset
    return normal


def _count_words(layer: WordCounts, weights: Sequence[Floats], ids: Any, _: Mask) -> Floats:
    return np.stack([weighted_counts(row, weights[0], layer.values) for row in ids])


def _convolve(layer: Conv1D, weights: Sequence[Floats], x: Floats, _: Mask) -> Floats:
    kernel, bias = weights
    last = layer.kernel_size - 1
    before = {"valid": 0, "same": last // 2, "causal": last}[layer.padding]
    after = last - before if layer.padding == "same" else 0
    padded = np.pad(x, [(0, 0), (before, after), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, layer.kernel_size, axis=1)
    sums: Floats = np.tensordot(windows, kernel, axes=([3, 2], [0, 1])) + bias
    return ACTIVATIONS[layer.activation](sums)


def _pool(layer: Pooling, weights: Sequence[Floats], x: Floats, mask: Mask) -> Floats:
    kept = mask[:, :, np.newaxis]
    pooled: Floats
    if layer.by == "last":
        last = np.where(mask, np.arange(mask.shape[1]), 0).max(axis=1)
        pooled = x[np.arange(len(x)), last]
    elif layer.by == "max":
        pooled = np.where(kept.any(axis=1), np.where(kept, x, -1e9).max(axis=1), 0)
    elif layer.by == "mean":
        pooled = (x * kept).sum(axis=1) / np.maximum(kept.sum(axis=1), 1, dtype=np.float32)
    else:
        kernel, bias, query = weights
        scores = np.where(kept, np.tanh(x @ kernel + bias) @ query, np.float32(-1e9))
        pooled = (_softmax(scores, axis=1) * x).sum(axis=1)
    return pooled


def _recur(
    layer: Recurrent, weights: Sequence[Floats], x: Floats, mask: Mask, *, backwards: bool = False
) -> Floats:
    """Return the last hidden states, or those of each step; a step that is skipped changes none."""
    kernel, recurrent_kernel, bias = weights
    biases = np.atleast_2d(bias)
    sums = x @ kernel + biases[0]
    hidden = cell = np.zeros((len(x), layer.units), np.float32)
    history = np.zeros((*x.shape[:2], layer.units), np.float32)
    for step in range(x.shape[1])[:: -1 if backwards else 1]:
        new = _step(layer, sums[:, step], hidden, cell, recurrent_kernel, biases[1:])
        kept = mask[:, step, np.newaxis]
        hidden, cell = np.where(kept, new[0], hidden), np.where(kept, new[1], cell)
        history[:, step] = hidden
    return history if layer.return_sequences else hidden


def _recurrent_shapes(layer: Recurrent, batch: Batch) -> Shapes:
    columns = layer.gates * layer.units
    bias = (2, columns) if isinstance(layer, GRU) and layer.reset_after else (columns,)
    return [(batch.features, columns), (layer.units, columns), bias]


def _both_ways(layer: Bidirectional, weights: Sequence[Floats], x: Floats, mask: Mask) -> Floats:
    forward = _recur(layer.layer, weights[:3], x, mask)
    backward = _recur(layer.layer, weights[3:], x, mask, backwards=True)
    return MERGED[layer.merge_mode](forward, backward)


def _step(
    layer: Recurrent, sums: Floats, hidden: Floats, cell: Floats, kernel: Floats, bias: Floats
) -> tuple[Floats, Floats]:
    """Return the hidden state after a step, and the cell state of an LSTM, ``(batch, units)``.

    ``sums`` are those of the inputs, with their bias; ``kernel`` is that of the hidden state, which
    has a ``bias``, ``(1, gates * units)``, only in a GRU with ``reset_after``.
    """
    act = ACTIVATIONS[layer.activation]
    gate = ACTIVATIONS[getattr(layer, "recurrent_activation", "linear")]
    parts = np.split(sums, layer.gates, axis=1)
    if isinstance(layer, GRU):
        z_kernel, r_kernel, kernel = np.split(kernel, 3, axis=1)
        z_bias, r_bias, own_bias = np.split(bias, 3, axis=1) if len(bias) else [np.float32(0)] * 3
        z = gate(parts[0] + hidden @ z_kernel + z_bias)
        r = gate(parts[1] + hidden @ r_kernel + r_bias)
        reset = r * (hidden @ kernel + own_bias) if layer.reset_after else (r * hidden) @ kernel
        return z * hidden + (1 - z) * act(parts[2] + reset), cell
    if isinstance(layer, LSTM):
        i, f, candidate, o = np.split(sums + hidden @ kernel, 4, axis=1)
        cell = gate(f) * cell + gate(i) * act(candidate)
        return gate(o) * act(cell), cell
    return act(sums + hidden @ kernel), cell


_DROPOUT = NumpyLayer(lambda _, __: [], lambda _, __, x, ___: x)  # it is for training alone
_RECURRENT = NumpyLayer(_recurrent_shapes, _recur)
KINDS: dict[type[Layer], NumpyLayer] = {
    Embedding: NumpyLayer(
        lambda layer, batch: [(batch.n_ids, layer.dim)], lambda _, w, ids, __: w[0][ids]
    ),
    WordCounts: NumpyLayer(lambda _, batch: [(batch.n_ids,)], _count_words),
    Conv1D: NumpyLayer(
        lambda layer, batch: [
            (layer.kernel_size, batch.features, layer.filters),
            (layer.filters,),
        ],
        _convolve,
    ),
    Pooling: NumpyLayer(
        lambda layer, batch: (
            [(n := batch.features, n), (n,), (n, 1)] if layer.by == "attention" else []
        ),
        _pool,
    ),
    Dense: NumpyLayer(_dense_shapes, _dense),
    LayerNorm: NumpyLayer(lambda _, batch: [(batch.features,)] * 2, _normalize),
    Dropout: _DROPOUT,
    SpatialDropout: _DROPOUT,
    SimpleRNN: _RECURRENT,
    GRU: _RECURRENT,
    LSTM: _RECURRENT,
    Bidirectional: NumpyLayer(
        lambda layer, batch: 2 * _recurrent_shapes(layer.layer, batch), _both_ways
    ),
}
