"""The matrix products that training a model comes down to: what its arithmetic costs at least."""

from collections.abc import Iterator
from dataclasses import dataclass

from rnnbench.config.layers import GRU, LSTM, Dense, Recurrent, SimpleRNN
from rnnbench.config.schema import Network

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
    model: Network, *, batch_size: int, timesteps: int, n_topics: int
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


def _products(model: Network, batch: int, timesteps: int, n_topics: int) -> Iterator[Product]:
    features, rows = 1, batch * timesteps
    is_first = True
    for layer in model.layers:
        if isinstance(layer, Recurrent):
            units, columns = layer.units, layer.units * GATES[type(layer)]
            yield Product(batch, units, columns, timesteps)
            yield Product(batch, columns, units, timesteps)
            yield Product(units, rows, columns)
        elif isinstance(layer, Dense):
            units = columns = n_topics if layer.units == "topics" else layer.units
        else:
            continue
        yield Product(rows, features, columns)
        yield Product(features, rows, columns)
        if not is_first:
            yield Product(rows, columns, features)
        features, is_first = units, False
        if isinstance(layer, Recurrent) and not layer.return_sequences:
            rows = batch
