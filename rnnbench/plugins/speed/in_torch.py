"""Networks in PyTorch with the shapes of ours, trained on the same data: an opponent for speed.

They have PyTorch's own initial weights, and a second bias in each recurrent layer, so they are
timed, not scored. Each batch is cut to its longest document; a bag of words is a sum of the weights
of its words; numbers too small for full precision count as 0, as in TensorFlow, because they are
slow; Adam is fused. Importing this module imports PyTorch.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnnbench.data.dataset import Dataset
from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.models.in_numpy import as_numbers, weighted_words, word_weights
from rnnbench.models.layers import Layer, Shape
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
from rnnbench.models.layers.recurrent import Bidirectional, Recurrent
from rnnbench.training.epochs import Epochs
from rnnbench.training.settings import Recipe

TESTED_AT_ONCE = 1024
RECURRENT: dict[str, Any] = {"simple_rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
ACTIVATIONS: dict[str, Any] = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}


class TorchNetwork(nn.Module):
    """A network for word ids ``(batch, timesteps)``; it gives scores, before the softmax.

    With ``packs``, recurrent layers skip padding by PyTorch's packed sequences.
    """

    def __init__(self, model: LayeredNetwork, shape: Shape, *, packs: bool):
        super().__init__()
        self.layers, self.packs, self.shape = model.layers, packs, shape
        self.parts = nn.ModuleList()
        features, first = 1, model.layers[0]
        for layer in model.layers:
            part, features = _part(layer, features, shape)
            self.parts.append(part)
        self.masks = isinstance(first, Embedding) and first.masking
        if isinstance(first, WordCounts):  # the dense layer above it reads few rows of weights
            bias = self.parts[1].bias
            self.parts[1] = Bag(shape.n_ids, len(bias), mode="sum")
            self.parts[1].bias = bias

    def forward(self, x: Any) -> torch.Tensor:
        """Return the scores ``(batch, n_topics)``; of bags of words, see ``Bag``."""
        if isinstance(self.layers[0], WordCounts):
            return self._apply_layers(x)
        lengths = (x != 0).sum(1) if self.masks else torch.full((len(x),), x.shape[1])
        lengths = lengths.clamp(min=1)  # PyTorch takes no empty sequences
        x = x[:, : int(lengths.max())]
        mask = (torch.arange(x.shape[1]) < lengths[:, None]).unsqueeze(-1)
        x = x if self.layers[0].takes == "ids" else x.unsqueeze(-1)
        return self._apply_layers(x, mask, lengths)

    def _apply_layers(self, x: Any, mask: Any = None, lengths: Any = None) -> Any:
        for layer, part in zip(self.layers, self.parts, strict=True):
            if isinstance(layer, Recurrent | Bidirectional):
                x = self._recur(layer, part, x, lengths)
            elif isinstance(layer, Embedding) and layer.dropout:
                words = torch.ones(self.shape.n_ids, 1)
                x = part(x) * nn.functional.dropout(words, layer.dropout, self.training)[x]
            elif isinstance(layer, Pooling):
                x = _pool(layer, part, x, mask, lengths)
            elif isinstance(layer, Conv1D):
                x = part((x * mask).transpose(1, 2)).transpose(1, 2)[:, : mask.shape[1]]
            elif isinstance(layer, SpatialDropout):
                x = part(x.transpose(1, 2)).transpose(1, 2)
            else:
                x = part(x)
            if isinstance(layer, Conv1D | Dense):
                x = ACTIVATIONS.get(layer.activation, lambda x: x)(x)
        return x

    def _recur(self, layer: Any, part: Any, x: Any, lengths: Any) -> Any:
        inner = layer.layer if isinstance(layer, Bidirectional) else layer
        if inner.weight_drop:  # PyTorch computes with this list
            drop = partial(nn.functional.dropout, p=inner.weight_drop)
            part._flat_weights = [
                drop(getattr(part, name), training=self.training and "hh" in name)
                for name in part._flat_weights_names
            ]
        if self.packs:
            packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            x, _ = pad_packed_sequence(part(packed)[0], batch_first=True)
        else:
            x = part(x)[0]
        if inner.return_sequences:
            return x
        last = x[torch.arange(len(x)), lengths - 1]
        if not isinstance(layer, Bidirectional):
            return last
        return torch.cat([last[:, : inner.units], x[:, 0, inner.units :]], dim=1)


class Bag(nn.EmbeddingBag):
    """The dense layer above a bag of words: sums of the weights of its words, and a bias."""

    def forward(self, given: Any) -> Any:
        """Return the sums for some words, the start of each document, and weights of the words."""
        words, starts, weights = given
        return super().forward(words, starts, per_sample_weights=weights) + self.bias


class Attention(nn.Module):
    """The weights of attention pooling."""

    def __init__(self, features: int):
        super().__init__()
        self.kernel, self.query = nn.Linear(features, features), nn.Linear(features, 1, bias=False)


def _part(  # noqa: PLR0911 - one a kind
    layer: Layer, features: int, shape: Shape
) -> tuple[nn.Module, int]:
    """Return the module of a layer, and the number of features that it gives."""
    match layer:
        case Embedding():
            return nn.Embedding(shape.n_ids, layer.dim), layer.dim
        case WordCounts():
            return nn.Identity(), shape.n_ids
        case Recurrent():
            return RECURRENT[layer.kind](features, layer.units, batch_first=True), layer.units
        case Bidirectional():
            inner = layer.layer
            both = {"batch_first": True, "bidirectional": True}
            return RECURRENT[inner.kind](features, inner.units, **both), 2 * inner.units
        case Conv1D():
            padding = "same" if layer.padding == "same" else layer.kernel_size - 1
            part = nn.Conv1d(features, layer.filters, layer.kernel_size, padding=padding)
            return part, layer.filters
        case Dense():
            units = layer.count_units(shape.n_topics)
            return nn.Linear(features, units), units
        case SpatialDropout():
            return nn.Dropout1d(layer.rate), features
        case Dropout():
            return nn.Dropout(layer.rate), features
        case LayerNorm():
            return nn.LayerNorm(features, eps=layer.epsilon), features
        case Pooling(by="attention"):
            return Attention(features), features
    return nn.Identity(), features


def _pool(layer: Pooling, part: Any, x: Any, mask: Any, lengths: Any) -> Any:
    if layer.by == "max":
        return x.masked_fill(~mask, -1e9).amax(1)
    if layer.by == "mean":
        return (x * mask).sum(1) / lengths[:, None]
    if layer.by == "last":
        return x[torch.arange(len(x)), lengths - 1]
    scores = part.query(torch.tanh(part.kernel(x))).masked_fill(~mask, -1e9)
    return (scores.softmax(1) * x).sum(1)


def train(
    model: LayeredNetwork,
    dataset: Dataset,
    recipe: Recipe,
    seed: int,
    epochs: Epochs,
    *,
    packs: bool,
) -> tuple[NDArray[np.float32], int]:
    """Train a network; return its log-probabilities of the test documents, and its size."""
    torch.set_flush_denormal(True)
    torch.manual_seed(seed)
    net = TorchNetwork(model, Shape.of(dataset), packs=packs)
    optimizer = torch.optim.Adam(net.parameters(), lr=recipe.learning_rate, eps=1e-7, fused=True)
    averages = [weight.detach().clone() for weight in net.parameters()]
    take = _inputs(model, dataset)
    y, steps = torch.from_numpy(dataset.y_train).long(), 0
    for _ in range(recipe.epochs):
        loss_sum, hits = torch.zeros(()), torch.zeros(())
        for rows in torch.randperm(len(y)).split(recipe.batch_size):
            scores = net(take(dataset.x_train, rows))
            loss = nn.functional.cross_entropy(scores, y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            steps += 1
            if recipe.ema is not None:
                share = (1 - recipe.ema) / (1 - recipe.ema**steps)
                torch._foreach_lerp_(averages, list(net.parameters()), share)
            loss_sum += loss.detach() * len(rows)
            hits += (scores.argmax(1) == y[rows]).sum()
        epochs.note(float(loss_sum) / len(y), float(hits) / len(y), None, list)
    net.eval()
    with torch.no_grad():
        for weight, average in zip(net.parameters(), averages, strict=True):
            weight.copy_(weight if recipe.ema is None else average)
        rows = torch.arange(len(dataset.x_test)).split(TESTED_AT_ONCE)
        answers = [net(take(dataset.x_test, some)).log_softmax(1) for some in rows]
    return torch.cat(answers).numpy(), sum(weight.numel() for weight in net.parameters())


def _inputs(model: LayeredNetwork, dataset: Dataset) -> Callable[[NDArray[np.int32], Any], Any]:
    """Return a function that gives some rows of documents as the network reads them."""
    first = model.layers[0]
    if not isinstance(first, WordCounts):
        return lambda x, rows: (
            torch.from_numpy(as_numbers(model, dataset.n_ids, x[rows]))
            if (first.takes != "ids")
            else torch.from_numpy(x[rows])
        )
    weights = word_weights(dataset.x_train, dataset.n_ids, first.values)
    bags: dict[tuple[int, int], Any] = {}

    def bag_of(x: NDArray[np.int32], row: int) -> Any:
        key = id(x), row
        if key not in bags:
            _, words, counts = weighted_words(x[row : row + 1], weights, first.values)
            bags[key] = torch.from_numpy(words), torch.from_numpy(counts)
        return bags[key]

    def take(x: NDArray[np.int32], rows: Any) -> Any:
        words, values = zip(*(bag_of(x, int(row)) for row in rows), strict=True)
        starts = torch.tensor([0, *(len(own) for own in words[:-1])]).cumsum(0)
        return torch.cat(words), starts, torch.cat(values)

    return take
