"""The loss of a transformer, by the form of the labels: ``loss_of(shape.form)``.

Importing this module imports PyTorch.
"""

from abc import ABC, abstractmethod

import torch
from torch.nn import functional

from rnnbench.labels import LabelForm, Labels


class TorchLoss(ABC):
    """The loss of documents, and what follows from their labels."""

    @abstractmethod
    def log_probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        """Return the log-probability of each topic, ``(n, n_topics)``."""

    @abstractmethod
    def of_documents(self, logits: torch.Tensor, y: Labels) -> torch.Tensor:
        """Return the loss of each document, ``(n,)``."""

    def start(self, bias: torch.Tensor, y: Labels) -> None:  # noqa: B027 - zeros may do
        """Set the first biases of the new layer, which are about 0."""


class OneTopicLoss(TorchLoss):
    """Each document has one topic."""

    def log_probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        return logits.log_softmax(1)

    def of_documents(self, logits: torch.Tensor, y: Labels) -> torch.Tensor:
        truth = torch.from_numpy(y).long()
        return functional.cross_entropy(logits, truth, reduction="none")


class AnyNumberLoss(TorchLoss):
    """A document has any number of topics; its loss is the mean over all topics."""

    def log_probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        return functional.logsigmoid(logits)

    def of_documents(self, logits: torch.Tensor, y: Labels) -> torch.Tensor:
        truth = torch.from_numpy(y).float()
        entropy = functional.binary_cross_entropy_with_logits
        return entropy(logits, truth, reduction="none").mean(1)

    def start(self, bias: torch.Tensor, y: Labels) -> None:
        """Begin with the share of each topic.

        Or else few epochs would be spent on how rare most topics are.
        """
        share = (y.sum(0) + 0.5) / (len(y) + 1)  # half a document with and without it
        bias.copy_(torch.from_numpy(share).logit())


def loss_of(form: LabelForm) -> TorchLoss:
    """Return the loss of documents with labels of a form."""
    if form.has_one_label:
        return OneTopicLoss()
    return AnyNumberLoss()
