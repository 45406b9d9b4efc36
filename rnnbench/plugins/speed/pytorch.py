"""Plain recurrent stacks of the same shapes, trained with PyTorch's own layers.

They are timed, not scored: PyTorch has its own initial weights, and a second bias in each layer.
"""

import time
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rnnbench.data.dataset import Dataset
from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.models.layers.recurrent import Recurrent
from rnnbench.training.engines import OnEpoch
from rnnbench.training.settings import Training

RECURRENT = {"simple_rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}


def train(
    model: LayeredNetwork, dataset: Dataset, training: Training, seed: int, on_epoch: OnEpoch
) -> tuple[list[float], float]:
    """Train as the engines do, with Adam, and predict the test set.

    Return the wall time of each epoch in seconds, and the test accuracy.
    """
    torch.set_flush_denormal(True)  # as TensorFlow does: such numbers are slow
    torch.manual_seed(seed)
    net = _network(model, len(dataset.topics))
    optimizer = torch.optim.Adam(net.parameters(), lr=training.learning_rate, eps=1e-7, fused=True)
    x, y = _time_major(dataset.x_train), torch.from_numpy(dataset.y_train).long()
    times = [time.perf_counter()]
    for epoch in range(1, training.epochs + 1):
        loss_sum, hits = torch.zeros(()), torch.zeros(())
        for rows in torch.randperm(len(y)).split(training.batch_size):
            scores = _scores(net, x[:, rows])
            loss = torch.nn.functional.cross_entropy(scores, y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_sum += loss.detach() * len(rows)
            hits += (scores.argmax(1) == y[rows]).sum()
        times.append(time.perf_counter())
        on_epoch(epoch, float(loss_sum) / len(y), float(hits) / len(y))
    with torch.no_grad():
        predicted = _scores(net, _time_major(dataset.x_test)).argmax(1).numpy()
    return np.diff(times).tolist(), float(np.mean(predicted == dataset.y_test))


def _time_major(ids: NDArray[np.int32]) -> Any:
    """Return word ids ``(n, timesteps)`` as a tensor of numbers, ``(timesteps, n, 1)``."""
    return torch.from_numpy(ids.T[..., np.newaxis].astype(np.float32))


def _network(model: LayeredNetwork, n_topics: int) -> Any:
    layers = [layer for layer in model.layers if isinstance(layer, Recurrent)]
    sizes = list(pairwise([1, *(layer.units for layer in layers), n_topics]))
    stack = [RECURRENT[layer.kind](*size) for layer, size in zip(layers, sizes, strict=False)]
    return torch.nn.ModuleList([*stack, torch.nn.Linear(*sizes[-1])])


def _scores(net: Any, x: Any) -> Any:
    """Return the scores ``(batch, n_topics)``, before the softmax; ``x`` is time-major."""
    *stack, dense = net
    for layer in stack:
        x, _ = layer(x)
    return dense(x[-1])
