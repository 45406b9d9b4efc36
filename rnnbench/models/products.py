"""The matrix products that training a model comes down to: what its arithmetic costs at least."""

from collections.abc import Iterator
from dataclasses import dataclass

from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.models.layers import (
    GRU,
    LSTM,
    Bidirectional,
    Conv1D,
    Dense,
    Embedding,
    Layer,
    LayerNorm,
    Pooling,
    Recurrent,
    SimpleRNN,
)

GATES = {SimpleRNN: 1, GRU: 3, LSTM: 4}
"""Columns of a recurrent layer's kernels, in units."""


@dataclass(frozen=True)
class Product:
    """A product ``(rows, inner)(inner, columns)``, carried out ``count`` times."""

    rows: int
    inner: int
    columns: int
    count: int = 1

    @property
    def multiply_adds(self) -> int:
        """Multiplications with an addition each, over all ``count`` times."""
        return self.rows * self.inner * self.columns * self.count


def products_of_step(
    model: LayeredNetwork, *, batch_size: int, timesteps: int, n_topics: int
) -> list[Product]:
    """Return the products of one optimizer step: forward, back to the inputs, and of the weights.

    Each output of a layer needs one product; its gradient passes back to the layer's inputs by a
    second and to its weights by a third (Goodfellow, Bengio, Courville: Deep Learning, 6.5). In a
    recurrent layer the first two of the hidden state are carried out step by step, all others at
    once for all steps. Nothing passes back to the word ids.

    Args:
        model: the description.
        batch_size: sequences in the batch.
        timesteps: their length.
        n_topics: units of the last layer.
    """
    return list(_products(model, batch_size, timesteps, n_topics))


def _products(model: LayeredNetwork, batch: int, steps: int, n_topics: int) -> Iterator[Product]:
    features, rows = 1, batch * steps
    passes_back = False  # nothing passes back to word ids
    is_sequence = True
    for layer in model.layers:
        if isinstance(layer, Conv1D) and layer.padding == "valid":
            steps -= layer.kernel_size - 1
            rows = batch * steps
        columns = _columns(layer, features, n_topics)
        for recurrent in _recurrent_parts(layer):
            units, gates = recurrent.units, recurrent.units * GATES[type(recurrent)]
            yield Product(batch, units, gates, steps)
            yield Product(batch, gates, units, steps)
            yield Product(units, rows, gates)
        if columns:
            inner = features * getattr(layer, "kernel_size", 1)
            yield Product(rows, inner, columns)
            yield Product(inner, rows, columns)
            if passes_back:
                yield Product(rows, columns, inner)
        if isinstance(layer, Pooling) and columns:  # attention: from these to a score a step
            yield Product(rows, columns, 1)
            yield Product(columns, rows, 1)
            yield Product(rows, 1, columns)
        features = _features(layer, features, n_topics)
        passes_back = passes_back or bool(columns) or _learns_without_products(layer)
        is_sequence = layer.gives_sequence(from_sequence=is_sequence)
        rows = batch * steps if is_sequence else batch


def _recurrent_parts(layer: Layer) -> list[Recurrent]:
    if isinstance(layer, Bidirectional):
        return [layer.layer, layer.layer]
    return [layer] if isinstance(layer, Recurrent) else []


def _learns_without_products(layer: Layer) -> bool:
    return isinstance(layer, LayerNorm) or (isinstance(layer, Embedding) and layer.trainable)


def _columns(layer: Layer, features: int, n_topics: int) -> int:
    """Return the columns of the kernel that a layer's inputs are multiplied with, 0 for none."""
    match layer:
        case Dense(units=units):
            return n_topics if units == "topics" else units
        case Conv1D(filters=filters):
            return filters
        case Pooling(by="attention"):
            return features
    return sum(part.units * GATES[type(part)] for part in _recurrent_parts(layer))


def _features(layer: Layer, features: int, n_topics: int) -> int:
    """Return how many features a layer gives, given ``features``."""
    match layer:
        case Embedding(dim=dim):
            return dim
        case Bidirectional(layer=inner, merge_mode=mode):
            return inner.units * (2 if mode == "concat" else 1)
        case Recurrent(units=units):
            return units
    return _columns(layer, features, n_topics) or features
