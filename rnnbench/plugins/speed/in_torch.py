"""Networks in PyTorch with the shapes of ours, to compare the speed of training.

They have PyTorch's own initial weights, and a second bias in each recurrent layer, so
they are timed, not scored. Each batch is cut to its longest document; numbers too small
for full precision count as 0, as in TensorFlow, because they are slow; Adam is fused.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnnbench.plugin import (
    Batch,
    Bidirectional,
    Dataset,
    Epochs,
    Layer,
    LayeredNetwork,
    OnEpoch,
    Shape,
    StepByStep,
    Trial,
    TrialResult,
    as_numbers,
    begin,
    feedforward,
)

RECURRENT = {
    "simple_rnn": nn.RNN,
    "gru": nn.GRU,
    "lstm": nn.LSTM,
}
SCORED_AT_ONCE = 1024
"""Documents."""
ACTIVATIONS = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


class TorchNetwork(nn.Module):
    """Gives scores, before the softmax; with ``packs``, padding is skipped."""

    def __init__(self, model: LayeredNetwork, shape: Shape, *, packs: bool):
        super().__init__()
        self.layers = model.layers
        self.packs = packs
        self.parts = nn.ModuleList()
        for layer, batch in model.with_inputs(1, shape):
            self.parts.append(_part(layer, batch))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the scores ``(batch, n_topics)``."""
        has_mask = self.layers[0].gives_mask
        lengths = torch.full((len(x),), x.shape[1])
        if has_mask:
            lengths = (x != 0).sum(1)
        lengths = lengths.clamp(min=1)  # PyTorch takes no empty sequences
        x = x[:, : int(lengths.max())]
        mask = (torch.arange(x.shape[1]) < lengths[:, None]).unsqueeze(-1)
        for layer, part in zip(self.layers, self.parts, strict=True):
            x = self._output(layer, part, x, lengths, mask)
        return x

    def _output(  # noqa: PLR0911 - one a kind
        self,
        layer: Layer,
        part: nn.Module,
        x: torch.Tensor,
        lengths: torch.Tensor,
        mask: torch.Tensor,
    ) -> torch.Tensor:
        """Return the output of a layer, whose weights ``part`` has."""
        match layer:
            case feedforward.Embedding() if layer.dropout:
                words = torch.ones(part.num_embeddings, 1)
                kept = nn.functional.dropout(words, layer.dropout, self.training)
                return part(x) * kept[x]
            case StepByStep():
                return self._recur(layer, part, x, lengths)
            case Bidirectional(layer=StepByStep() as one_way):
                return self._recur(one_way, part, x, lengths)
            case feedforward.Pooling(by="max"):
                return x.masked_fill(~mask, -1e9).amax(1)
            case feedforward.Pooling(by="mean"):
                return (x * mask).sum(1) / lengths[:, None]
            case feedforward.Pooling(by="last"):
                return x[torch.arange(len(x)), lengths - 1]
            case feedforward.Pooling(by="attention"):
                return (part(x).masked_fill(~mask, -1e9).softmax(1) * x).sum(1)
            case feedforward.SpatialDropout():
                return part(x.transpose(1, 2)).transpose(1, 2)
        return part(x)

    def _recur(
        self,
        layer: StepByStep,
        part: nn.RNNBase,
        x: torch.Tensor,
        lengths: torch.Tensor,
    ) -> torch.Tensor:
        if layer.weight_drop:  # PyTorch computes with this list
            drop = partial(nn.functional.dropout, p=layer.weight_drop)
            part._flat_weights = [
                drop(getattr(part, name), training=self.training and "hh" in name)
                for name in part._flat_weights_names
            ]
        if self.packs:
            packed = pack_padded_sequence(
                x, lengths, batch_first=True, enforce_sorted=False
            )
            output, _ = part(packed)
            x, _ = pad_packed_sequence(output, batch_first=True)
        else:
            x, _ = part(x)
        if layer.return_sequences:
            return x
        last = x[torch.arange(len(x)), lengths - 1]
        first = x[:, 0]
        return torch.cat([last[:, : layer.units], first[:, layer.units :]], dim=1)


def _part(layer: Layer, batch: Batch) -> nn.Module:  # noqa: PLR0911 - one a kind
    """Return the module with the weights of a layer, for its input."""
    features = batch.features
    match layer:
        case feedforward.Embedding():
            return nn.Embedding(batch.n_ids, layer.dim)
        case StepByStep():
            return RECURRENT[layer.kind](features, layer.units, batch_first=True)
        case Bidirectional(layer=StepByStep() as one_way):
            return RECURRENT[one_way.kind](
                features, one_way.units, batch_first=True, bidirectional=True
            )
        case feedforward.Dense():
            part = nn.Linear(features, layer.count_units(batch.n_topics))
            return nn.Sequential(part, ACTIVATIONS.get(layer.activation, nn.Identity)())
        case feedforward.SpatialDropout():
            return nn.Dropout1d(layer.rate)
        case feedforward.Dropout():
            return nn.Dropout(layer.rate)
        case feedforward.LayerNorm():
            return nn.LayerNorm(features, eps=layer.epsilon)
        case feedforward.Pooling(by="attention"):
            query = nn.Linear(features, 1, bias=False)
            return nn.Sequential(nn.Linear(features, features), nn.Tanh(), query)
    return nn.Identity()


@contextmanager
def _flushing() -> Iterator[None]:
    """Flush denormal numbers of this thread to zero, for as long as it trains."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


@_flushing()
def train(
    trial: Trial, dataset: Dataset, on_epoch: OnEpoch, *, packs: bool
) -> TrialResult:
    """Train a network, and score the test documents."""
    begin()
    torch.manual_seed(trial.seed)
    model = cast(LayeredNetwork, trial.model)
    settings = trial.training
    epochs = Epochs(on_epoch)
    network = TorchNetwork(model, Shape.of(dataset), packs=packs)
    rate = settings.learning_rates(1)[0]
    optimizer = torch.optim.Adam(network.parameters(), lr=rate, eps=1e-7, fused=True)
    weights = [weight.detach() for weight in network.parameters()]
    averages = [torch.zeros_like(weight) for weight in weights]
    x = _inputs(model, dataset, dataset.x_train)
    y = torch.from_numpy(dataset.y_train).long()
    n_steps = 0
    for _ in range(settings.epochs):
        loss_sum = torch.zeros(())
        n_right = torch.zeros(())
        for rows in torch.randperm(len(y)).split(settings.batch_size):
            scores = network(x[rows])
            loss = nn.functional.cross_entropy(scores, y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            n_steps += 1
            if settings.ema is not None:
                share = (1 - settings.ema) / (1 - settings.ema**n_steps)
                torch._foreach_lerp_(averages, weights, share)
            loss_sum += loss.detach() * len(rows)
            n_right += (scores.argmax(1) == y[rows]).sum()
        means = (float(loss_sum) / len(y), float(n_right) / len(y))
        epochs.note(means, None, list)
    if settings.ema is not None:
        torch._foreach_copy_(weights, averages)
    network.eval()
    parts = _inputs(model, dataset, dataset.x_test).split(SCORED_AT_ONCE)
    with torch.no_grad():
        answers = [network(part).log_softmax(1) for part in parts]
    n_params = sum(weight.numel() for weight in weights)
    record = epochs.record("torch", n_params, settings, len(y))
    return TrialResult(record, dataset.y_test, torch.cat(answers).numpy())


def _inputs(
    model: LayeredNetwork, dataset: Dataset, x: NDArray[np.int32]
) -> torch.Tensor:
    """Return documents as word ids ``(n, timesteps)``, or as numbers.

    Numbers are ``(n, timesteps, 1)``.
    """
    first = model.layers[0]
    if first.gives_mask:  # padding goes to the end
        x = np.take_along_axis(x, np.argsort(x == 0, axis=1, kind="stable"), axis=1)
    if first.takes == "ids":
        return torch.from_numpy(x)
    numbers = as_numbers(model.inputs, dataset.n_ids, x)
    return torch.from_numpy(numbers[..., np.newaxis])
