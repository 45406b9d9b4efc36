"""Models of the same shapes, trained with PyTorch's own recurrent layers.

They are timed, not scored: PyTorch has its own initial weights, and a second bias in each layer.
"""

import time
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from rnnbench.data.dataset import Dataset
from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.models.layers import Layer
from rnnbench.models.layers.feedforward import Dense, Dropout
from rnnbench.models.layers.recurrent import GRU, LSTM, Recurrent, SimpleRNN
from rnnbench.training.engines import OnEpoch
from rnnbench.training.settings import Training

RECURRENT = {SimpleRNN: nn.RNN, GRU: nn.GRU, LSTM: nn.LSTM}
ACTIVATIONS = {"linear": nn.Identity, "relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}


def why_not(name: str, model: LayeredNetwork) -> str:
    """Return the parts of a model that have no counterpart here; empty if all have one."""
    parts = [
        f"{layer.kind}: {', '.join(options)}"
        for layer in model.layers[:-1]
        if (options := _strange_options(layer))
    ]
    if model.inputs != "ids":
        parts.append(f"inputs: {model.inputs}")
    return f"no counterpart for {name} ({'; '.join(parts)})" if parts else ""


def _strange_options(layer: Layer) -> list[str]:
    if isinstance(layer, Recurrent):  # PyTorch's have no other options than these
        plain = type(layer)(units=layer.units, return_sequences=layer.return_sequences)
        return [option for option, value in plain if getattr(layer, option) != value]
    if isinstance(layer, Dense):
        return [] if layer.activation in ACTIVATIONS else ["activation"]
    return [] if isinstance(layer, Dropout) else ["the layer"]


def train(
    model: LayeredNetwork,
    dataset: Dataset,
    training: Training,
    seed: int,
    on_epoch: OnEpoch,
    is_tuned: bool,
) -> tuple[list[float], float]:
    """Train as the engines do, and predict the test set.

    Args:
        model: a description for which ``why_not`` returns an empty text.
        dataset: for training and testing.
        training: epochs, batch size and learning rate; the optimizer is Adam.
        seed: of initial weights and batch order.
        on_epoch: called after each epoch.
        is_tuned: whether to treat slow denormal numbers as 0, as TensorFlow does, and to run the
            optimizer as one kernel; PyTorch does neither by default.

    Returns:
        The wall time of each epoch in seconds, and the test accuracy.
    """
    torch.set_flush_denormal(is_tuned)
    torch.manual_seed(seed)
    net = _network(model, len(dataset.topics))
    optimizer = torch.optim.Adam(
        net.parameters(), lr=training.learning_rate, eps=1e-7, fused=is_tuned
    )
    loss_of = nn.CrossEntropyLoss()
    x, y = _time_major(dataset.x_train), torch.from_numpy(dataset.y_train).long()
    times = [time.perf_counter()]
    for epoch in range(1, training.epochs + 1):
        loss_sum, hits = torch.zeros(()), torch.zeros(())
        for rows in torch.randperm(len(y)).split(training.batch_size):
            scores = net(x[:, rows])
            loss = loss_of(scores, y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_sum += loss.detach() * len(rows)
            hits += (scores.argmax(1) == y[rows]).sum()
        times.append(time.perf_counter())
        on_epoch(epoch, float(loss_sum) / len(y), float(hits) / len(y))
    net.eval()
    with torch.no_grad():
        predicted = net(_time_major(dataset.x_test)).argmax(1).numpy()
    return np.diff(times).tolist(), float(np.mean(predicted == dataset.y_test))


def _time_major(ids: NDArray[np.int32]) -> Any:
    """Return word ids ``(n, timesteps)`` as a tensor of numbers, ``(timesteps, n, 1)``."""
    return torch.from_numpy(ids.T[..., np.newaxis].astype(np.float32))


class _Recurrent(nn.Module):  # type: ignore[misc] # torch is optional, so mypy has no types of it
    """A recurrent layer that gives its hidden states alone, all or the last."""

    def __init__(self, rnn: Any, return_sequences: bool):
        super().__init__()
        self.rnn, self.return_sequences = rnn, return_sequences

    def forward(self, x: Any) -> Any:
        """Return ``(timesteps, batch, units)`` or ``(batch, units)``."""
        hidden, _ = self.rnn(x)
        return hidden if self.return_sequences else hidden[-1]


def _network(model: LayeredNetwork, n_topics: int) -> Any:
    """Return a module from word ids ``(timesteps, batch, 1)`` to scores ``(batch, n_topics)``.

    A softmax is part of the loss, not of the module.
    """
    modules, features = [], 1
    for layer in model.layers:
        if isinstance(layer, Recurrent):
            rnn = RECURRENT[type(layer)](features, layer.units)
            modules.append(_Recurrent(rnn, layer.return_sequences))
            features = layer.units
        elif isinstance(layer, Dropout):
            modules.append(nn.Dropout(layer.rate))
        else:
            dense = cast(Dense, layer)
            units = dense.count_units(n_topics)
            modules.append(nn.Linear(features, units))
            modules.append(ACTIVATIONS.get(dense.activation, nn.Identity)())
            features = units
    return nn.Sequential(*modules)
