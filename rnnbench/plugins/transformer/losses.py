"""The loss of a transformer, by the form of the labels: ``loss_of(shape)``.

Importing this module imports PyTorch.
"""

from abc import ABC, abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from rnnbench.plugin import TASKS, Labels, Shape

Floats = NDArray[np.float32]


class TorchLoss(ABC):
    """The loss of documents, and what follows from their labels."""

    @abstractmethod
    def log_probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        """Return the log-probability of each topic, ``(n, n_topics)``."""

    @abstractmethod
    def of_documents(self, logits: torch.Tensor, y: Labels) -> torch.Tensor:
        """Return the loss of each document, ``(n,)``."""

    @abstractmethod
    def score(self, logits: Floats, y: Labels) -> float:
        """Return the main metric, with the topics that are likely if there may be
        several.
        """

    def start(self, bias: torch.Tensor, y: Labels) -> None:  # noqa: B027 - zeros may do
        """Set the first biases of the new layer, which are about 0."""


class OneTopicLoss(TorchLoss):
    """Each document has one topic."""

    def log_probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        return logits.log_softmax(1)

    def of_documents(self, logits: torch.Tensor, y: Labels) -> torch.Tensor:
        truth = torch.from_numpy(y).long()
        return functional.cross_entropy(logits, truth, reduction="none")

    def score(self, logits: Floats, y: Labels) -> float:
        return TASKS["single_label"].score(y, logits.argmax(axis=1))


class AnyNumberLoss(TorchLoss):
    """A document has any number of topics; its loss is the mean over all topics."""

    def log_probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        return functional.logsigmoid(logits)

    def of_documents(self, logits: torch.Tensor, y: Labels) -> torch.Tensor:
        truth = torch.from_numpy(y).float()
        entropy = functional.binary_cross_entropy_with_logits
        return entropy(logits, truth, reduction="none").mean(1)

    def score(self, logits: Floats, y: Labels) -> float:
        return TASKS["multi_label"].score(y, (logits >= 0).astype(np.uint8))

    def start(self, bias: torch.Tensor, y: Labels) -> None:
        """Begin with the share of each topic.

        Or else few epochs would be spent on how rare most topics are.
        """
        share = (y.sum(0) + 0.5) / (len(y) + 1)  # half a document with and without it
        bias.copy_(torch.from_numpy(share).logit())


def loss_of(shape: Shape) -> TorchLoss:
    """Return the loss of the documents of a dataset."""
    if shape.has_one_label:
        return OneTopicLoss()
    return AnyNumberLoss()
