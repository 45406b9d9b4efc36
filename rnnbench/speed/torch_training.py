"""Models of the same shapes, trained with PyTorch's own recurrent layers.

They are timed, not scored: PyTorch has its own initial weights, and a second bias in each layer.
"""

import time

import numpy as np
import torch
from torch import nn

from rnnbench.data.dataset import Dataset
from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.models.layers import Layer
from rnnbench.models.layers.feedforward import Dense, Dropout
from rnnbench.models.layers.recurrent import GRU, LSTM, Recurrent, SimpleRNN
from rnnbench.training.engines import OnEpoch
from rnnbench.training.recipe import Training

RECURRENT = {SimpleRNN: nn.RNN, GRU: nn.GRU, LSTM: nn.LSTM}
ACTIVATIONS = {
    "linear": nn.Identity,
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}


def why_not(name: str, model: LayeredNetwork) -> str:
    """Return what of a model PyTorch has no counterpart for here; empty if nothing."""
    strange = [
        f"{layer.kind}: {', '.join(options)}"
        for layer in model.layers[:-1]
        if (options := _strange_options(layer))
    ]
    if model.inputs != "ids":
        strange.append(f"inputs: {model.inputs}")
    return f"no counterpart for {name} ({'; '.join(strange)})" if strange else ""


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
    *,
    is_tuned: bool,
) -> tuple[list[float], float]:
    """Train as the engines do, and predict the test set.

    Args:
        model: the description; one that ``why_not`` has nothing against; the optimizer is Adam.
        dataset: to train and test on.
        training: how.
        seed: of initial weights and order of the batches.
        on_epoch: told of each epoch.
        is_tuned: whether denormal numbers, which are slow, are taken for 0, as in TensorFlow,
            and the optimizer steps in one kernel; PyTorch does neither by itself.

    Returns:
        The wall time of each epoch in seconds, and the test accuracy.
    """
    torch.set_flush_denormal(is_tuned)
    torch.manual_seed(seed)
    net = _Net(model, len(dataset.topics))
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


def _time_major(ids: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(ids.T[..., np.newaxis].astype(np.float32))


class _Net(nn.Module):
    """Layers from word ids ``(timesteps, batch, 1)`` to a score a topic, before the softmax."""

    def __init__(self, model: LayeredNetwork, n_topics: int):
        super().__init__()
        self.layers = nn.ModuleList()
        self.takes_last = []
        features = 1
        for layer in model.layers:
            module, features = _module(layer, features, n_topics)
            self.layers.append(module)
            self.takes_last.append(not getattr(layer, "return_sequences", True))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return scores ``(batch, n_topics)``."""
        for layer, takes_last in zip(self.layers, self.takes_last, strict=True):
            x = layer(x)
            if isinstance(layer, nn.RNNBase):
                x = x[0][-1] if takes_last else x[0]
        return x


def _module(layer: Layer, features: int, n_topics: int) -> tuple[nn.Module, int]:
    """Return PyTorch's module for ``layer``, and how many features it puts out."""
    if isinstance(layer, Recurrent):
        return RECURRENT[type(layer)](features, layer.units), layer.units
    if isinstance(layer, Dropout):
        return nn.Dropout(layer.rate), features
    units = n_topics if layer.units == "topics" else layer.units
    linear = nn.Linear(features, units)
    if layer.activation == "softmax":  # of the last layer only, and there it is in the loss
        return linear, units
    return nn.Sequential(linear, ACTIVATIONS[layer.activation]()), units
