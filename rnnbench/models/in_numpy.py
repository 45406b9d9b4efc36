"""Networks of the built-in layers in NumPy: the shapes of their weights, and their predictions.

For a few documents, the answers are there before TensorFlow could be imported.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.dataset import START
from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.models.layers import Batch, Layer, Parallel, Shape, feedforward, with_inputs
from rnnbench.models.layers.recurrent import GRU, LSTM, Bidirectional, Recurrent, SimpleRNN

Floats = NDArray[np.floating[Any]]
Ids = NDArray[np.integer[Any]]
Mask = NDArray[np.bool_]  # the steps that are not skipped, (batch, timesteps)
Weights = Sequence[Floats]
Shapes = list[tuple[int, ...]]
Stack = Iterable[tuple[Layer, Batch]]
ROWS_AT_ONCE = 256  # documents in a pass, few enough for little memory
COVERED: tuple[type[Layer], ...] = (
    feedforward.Embedding, feedforward.WordCounts, feedforward.Conv1D, feedforward.Pooling,
    feedforward.Dense, feedforward.Dropout, feedforward.SpatialDropout, feedforward.LayerNorm,
    SimpleRNN, GRU, LSTM, Bidirectional, Parallel,
)  # fmt: skip
"""The layers that this module computes; networks with others are predicted by Keras."""
TINY = 1e-9  # stands for the length of a vector of zeros


def _softmax(x: Floats, axis: int = -1) -> Floats:
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis=axis, keepdims=True))


ACTIVATIONS: dict[str, Callable[[Floats], Floats]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: np.tanh(x / 2) / 2 + np.float32(0.5),  # which does not overflow
    "softmax": _softmax,
    "tanh": np.tanh,
}
MERGED: dict[str, Callable[[Floats, Floats], Floats]] = {
    "concat": lambda a, b: np.concatenate([a, b], axis=-1),
    "sum": np.add,
    "ave": lambda a, b: (a + b) / 2,
    "mul": np.multiply,
}


def is_covered(network: object) -> TypeGuard[LayeredNetwork]:
    """Return whether ``predict`` can compute a network; others need TensorFlow."""
    if not isinstance(network, LayeredNetwork):
        return False
    keys = "activation", "recurrent_activation"
    used = {getattr(part, key, "linear") for part in network.parts for key in keys}
    # A subclass from another package may compute something else.
    return used <= ACTIVATIONS.keys() and all(type(part) in COVERED for part in network.parts)


def weight_shapes(network: LayeredNetwork, shape: Shape) -> Shapes:
    """Return the shapes of the weights of a network that ``is_covered``, in Keras's order."""
    return [own for layer, batch in network.with_inputs(1, shape) for own in _shapes(layer, batch)]


def predict(network: LayeredNetwork, shape: Shape, weights: Weights, ids: Ids) -> Floats:
    """Return probabilities ``(n, n_topics)`` of ids ``(n, timesteps)``, if it ``is_covered``."""
    answers, first = [], network.layers[0]
    for part in np.split(ids, range(ROWS_AT_ONCE, len(ids), ROWS_AT_ONCE)):
        x: Any = part
        if first.takes != "ids":
            x = as_numbers(network, shape.n_ids, part)[..., np.newaxis]
        mask = part != 0 if first.gives_mask else np.ones(part.shape, bool)
        answers.append(_through(network.with_inputs(1, shape), iter(weights), x, mask))
    return np.concatenate(answers)


def as_numbers(network: LayeredNetwork, n_ids: int, ids: Ids) -> NDArray[np.float32]:
    """Return word ids as the numbers that a first layer gets which takes no ids."""
    scale = 1 / n_ids if network.inputs == "scaled_ids" else 1.0
    return ids.astype(np.float32) * np.float32(scale)


def word_weights(x: Ids, n_ids: int, values: str) -> NDArray[np.float32]:
    """Return the weight of each id, ``(n_ids,)``, learned from the documents ``(n, timesteps)``.

    For ``tfidf`` it is the inverse document frequency of scikit-learn's ``TfidfTransformer``; for
    ``shares`` it is 1. A word in none of the documents has the weight 0.
    """
    once = np.unique(np.arange(len(x))[:, np.newaxis] * n_ids + x) % n_ids  # for each document
    frequency = np.bincount(once, minlength=n_ids)
    frequency[: START + 1] = 0
    weights = np.ones(n_ids) if values == "shares" else np.log((1 + len(x)) / (1 + frequency)) + 1
    return np.where(frequency > 0, weights, 0).astype(np.float32)


def weighted_words(x: Ids, weights: Floats, values: str) -> tuple[Ids, Ids, NDArray[np.float32]]:
    """Return the words of documents ``(n, timesteps)``, each once, with its weighted count.

    Document numbers, ids and counts, sorted by the first two; words without weight are left out.
    """
    rows, columns = np.nonzero(x > START)
    keys, counts = np.unique(rows * len(weights) + x[rows, columns], return_counts=True)
    documents, words = np.divmod(keys, len(weights))
    weighted = counts * weights[words]
    power = 2 if values == "tfidf" else 1
    sizes = np.bincount(documents, np.abs(weighted) ** power, len(x)) ** (1 / power)
    shares = np.asarray(weighted / np.maximum(sizes, TINY)[documents], np.float32)
    has_weight = shares != 0
    return documents[has_weight], words[has_weight], shares[has_weight]


def _through(stack: Stack, left: Iterator[Floats], x: Any, mask: Mask) -> Floats:
    for layer, batch in stack:
        x = _output(layer, batch, list(islice(left, len(_shapes(layer, batch)))), x, mask)
        if x.ndim > 2:
            mask = mask[:, : x.shape[1]]
    return np.asarray(x)


def _output(layer: Layer, batch: Batch, weights: Weights, x: Any, mask: Mask) -> Floats:
    match layer:
        case Parallel():
            left, stacks = iter(weights), [with_inputs(own, batch) for own in layer.branches]
            x = np.concatenate([_through(stack, left, x, mask) for stack in stacks], axis=-1)
        case feedforward.Embedding():
            x = weights[0][x]
        case feedforward.WordCounts():
            documents, words, shares = weighted_words(x, weights[0], layer.values)
            x = np.zeros((len(x), batch.n_ids), np.float32)
            x[documents, words] = shares
        case feedforward.Conv1D():
            x = _convolve(layer, weights, x * mask[:, :, np.newaxis])
        case feedforward.Pooling():
            number = mask.cumsum(axis=1)
            chunk = (number - 1) * layer.chunks // np.maximum(number[:, -1:], 1)
            masks = [mask & (chunk == own) for own in range(layer.chunks)]
            x = np.concatenate([_pool(layer, weights, x, own) for own in masks], axis=1)
        case feedforward.Dense():
            kernel, bias = weights
            x = ACTIVATIONS[layer.activation](x @ kernel + bias)
        case feedforward.LayerNorm():
            scale, offset = weights
            x = x - x.mean(axis=-1, keepdims=True)
            variance = np.square(x).mean(axis=-1, keepdims=True)
            x = x / np.sqrt(variance + np.float32(layer.epsilon)) * scale + offset
        case Recurrent():
            x = _recur(layer, weights, x, mask, backwards=False)
        case Bidirectional():
            forward = _recur(layer.layer, weights[:3], x, mask, backwards=False)
            backward = _recur(layer.layer, weights[3:], x, mask, backwards=True)
            x = MERGED[layer.merge_mode](forward, backward)
    return np.asarray(x)


def _convolve(layer: feedforward.Conv1D, weights: Weights, x: Floats) -> Floats:
    kernel, bias = weights
    last = layer.kernel_size - 1
    before = {"valid": 0, "same": last // 2, "causal": last}[layer.padding]
    after = last - before if layer.padding == "same" else 0
    padded = np.pad(x, [(0, 0), (before, after), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, layer.kernel_size, axis=1)
    return ACTIVATIONS[layer.activation](np.tensordot(windows, kernel, ([3, 2], [0, 1])) + bias)


def _pool(layer: feedforward.Pooling, weights: Weights, x: Floats, mask: Mask) -> Floats:
    kept = mask[:, :, np.newaxis]
    if layer.by == "last":
        last = np.where(mask, np.arange(mask.shape[1]), 0).max(axis=1)
        return np.asarray(x[np.arange(len(x)), last] * mask.any(axis=1, keepdims=True))
    if layer.by == "max":
        return np.asarray(np.where(kept.any(axis=1), np.where(kept, x, -1e9).max(axis=1), 0))
    if layer.by == "mean":
        return np.asarray((x * kept).sum(axis=1) / np.maximum(kept.sum(axis=1), 1, dtype="f4"))
    kernel, bias, query = weights
    scores = np.where(kept, np.tanh(x @ kernel + bias) @ query, np.float32(-1e9))
    return np.asarray((_softmax(scores, axis=1) * kept * x).sum(axis=1))


def _recur(layer: Recurrent, weights: Weights, x: Floats, mask: Mask, *, backwards: bool) -> Floats:
    """Return the last hidden states, or those of each step, ``(batch, timesteps, units)``."""
    kernel, recurrent_kernel, bias = weights
    biases = np.atleast_2d(bias)
    sums, own_bias = x @ kernel + biases[0], biases[1:].sum(axis=0)
    hidden = cell = np.zeros((len(x), layer.units), np.float32)
    history = np.zeros((*x.shape[:2], layer.units), np.float32)
    for step in range(x.shape[1])[:: -1 if backwards else 1]:
        new = _step(layer, sums[:, step], hidden, cell, recurrent_kernel, own_bias)
        kept = mask[:, step, np.newaxis]
        hidden, cell = np.where(kept, new[0], hidden), np.where(kept, new[1], cell)
        history[:, step] = hidden
    return history if layer.return_sequences else hidden


def _step(
    layer: Recurrent, sums: Floats, hidden: Floats, cell: Floats, kernel: Floats, bias: Floats
) -> tuple[Floats, Floats]:
    """Return the hidden state after a step, and the cell state of an LSTM, ``(batch, units)``."""
    act = ACTIVATIONS[layer.activation]
    gate = ACTIVATIONS[getattr(layer, "recurrent_activation", "linear")]
    if isinstance(layer, GRU):
        parts = np.split(sums, 3, axis=1)
        z_kernel, r_kernel, kernel = np.split(kernel, 3, axis=1)
        z_bias, r_bias, bias = np.split(bias, 3)
        z = gate(parts[0] + hidden @ z_kernel + z_bias)
        r = gate(parts[1] + hidden @ r_kernel + r_bias)
        reset = r * (hidden @ kernel + bias) if layer.reset_after else (r * hidden) @ kernel
        return z * hidden + (1 - z) * act(parts[2] + reset), cell
    if isinstance(layer, LSTM):
        i, f, candidate, o = np.split(sums + hidden @ kernel, 4, axis=1)
        cell = gate(f) * cell + gate(i) * act(candidate)
        return gate(o) * act(cell), cell
    return act(sums + hidden @ kernel), cell


def _shapes(layer: Layer, batch: Batch) -> Shapes:  # noqa: PLR0911 - one a kind
    n = batch.features
    match layer:
        case feedforward.Embedding():
            return [(batch.n_ids, layer.dim)]
        case feedforward.WordCounts():
            return [(batch.n_ids,)]
        case feedforward.Conv1D():
            return [(layer.kernel_size, n, layer.filters), (layer.filters,)]
        case feedforward.Pooling(by="attention"):
            return [(n, n), (n,), (n, 1)]
        case feedforward.Dense():
            units = layer.count_units(batch.n_topics)
            return [(n, units), (units,)]
        case feedforward.LayerNorm():
            return [(n,), (n,)]
        case Recurrent():
            columns = layer.gates * layer.units
            has_two = isinstance(layer, GRU) and layer.reset_after
            return [(n, columns), (layer.units, columns), (2, columns) if has_two else (columns,)]
        case Bidirectional():
            return 2 * _shapes(layer.layer, batch)
        case Parallel():
            inside = [pair for own in layer.branches for pair in with_inputs(own, batch)]
            return [shape for pair in inside for shape in _shapes(*pair)]
    return []
