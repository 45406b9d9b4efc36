"""The first weights of networks, where they are learned from texts without topics."""

from rnnbench.data.dataset import Dataset
from rnnbench.models.descriptions import LayeredNetwork, Model
from rnnbench.training.language_model import language_weights
from rnnbench.training.outcome import Weights
from rnnbench.training.word_vectors import word_vectors


def initial_weights(model: Model, dataset: Dataset, share: float) -> Weights:
    """Return the first weights of a model; the others are drawn.

    They are learned from texts but for the ``share`` that is held out.
    """
    if not isinstance(model, LayeredNetwork):
        return []
    if model.pretrain:
        return language_weights(model, dataset, share)
    return word_vectors(model.layers[0], dataset, share)
