"""Networks in PyTorch with the same shapes as ours, trained on the same data: an opponent for speed.

They have PyTorch's own initial weights, and a second bias in each recurrent layer, so they are
timed, not scored. Each batch is cut to its longest document. Importing this module imports PyTorch.
"""

from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.models.in_numpy import as_numbers, weighted_counts, word_weights
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

RECURRENT: dict[str, Any] = {"simple_rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
ACTIVATIONS: dict[str, Any] = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}


class Network(nn.Module):
    """A network for word ids ``(batch, timesteps)``; it gives scores, before the softmax.

    With ``packs``, recurrent layers skip padding by PyTorch's packed sequences.
    """

    def __init__(self, model: LayeredNetwork, shape: Shape, *, packs: bool):
        super().__init__()
        self.layers, self.packs, self.model, self.shape = model.layers, packs, model, shape
        self.parts = nn.ModuleList()
        features = 1
        for layer in model.layers:
            part, features = _part(layer, features, shape)
            self.parts.append(part)
        first = model.layers[0]
        self.masks = isinstance(first, Embedding) and first.masking

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        lengths = (ids != 0).sum(1) if self.masks else torch.full((len(ids),), ids.shape[1])
        lengths = lengths.clamp(min=1)  # PyTorch takes no empty sequences
        x: Any = ids[:, : int(lengths.max())] if self.model.layers[0].takes == "ids" else ids
        if self.model.layers[0].takes != "ids":
            x = x.unsqueeze(-1)
        mask = (torch.arange(x.shape[1]) < lengths[:, None]).unsqueeze(-1)
        for layer, part in zip(self.layers, self.parts, strict=True):
            if isinstance(layer, Recurrent | Bidirectional):
                x = self._recur(layer, part, x, lengths)
            elif isinstance(layer, Pooling):
                x = _pool(layer, part, x, mask, lengths)
            elif isinstance(layer, Conv1D):
                x = part((x * mask).transpose(1, 2)).transpose(1, 2)[:, : mask.shape[1]]
                x = ACTIVATIONS.get(layer.activation, lambda x: x)(x)
            elif isinstance(layer, SpatialDropout):
                x = part(x.transpose(1, 2)).transpose(1, 2)
            else:
                x = part(x)
                if isinstance(layer, Dense):
                    x = ACTIVATIONS.get(layer.activation, lambda x: x)(x)
        return x

    def _recur(self, layer: Any, part: Any, x: Any, lengths: Any) -> Any:
        inner = layer.layer if isinstance(layer, Bidirectional) else layer
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


class Attention(nn.Module):
    """The weights of attention pooling."""

    def __init__(self, features: int):
        super().__init__()
        self.kernel, self.query = nn.Linear(features, features), nn.Linear(features, 1, bias=False)


def _part(layer: Layer, features: int, shape: Shape) -> tuple[nn.Module, int]:
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
