"""The matrix products of a training step: the least that its arithmetic costs."""

from rnnbench.data.dataset import Dataset
from rnnbench.models.descriptions import BaselineModel, LayeredNetwork, Model
from rnnbench.models.layers import Batch, Product

__all__ = ["Product", "products_of_step", "work_of_epoch"]

UNKNOWN_WORK = 10**10
"""Multiply-adds of an epoch of a network that is not made of layers: assumed to be many."""


def products_of_step(
    model: LayeredNetwork, *, batch_size: int, timesteps: int, n_topics: int
) -> list[Product]:
    """Return the products of one optimizer step: forward, back to the inputs, and of the weights.

    Each output of a layer needs one product; its gradient needs a second one to reach the layer's
    inputs and a third to reach its weights (Goodfellow, Bengio, Courville: Deep Learning, 6.5). In
    a recurrent layer the first two of the hidden state are carried out step by step, all others
    for all steps at once. No gradient passes back to word ids.

    Args:
        model: the description.
        batch_size: sequences in the batch.
        timesteps: their length.
        n_topics: units of the last layer.
    """
    batch = Batch(batch_size, timesteps, features=1, n_topics=n_topics)
    products: list[Product] = []
    for layer in model.layers:
        products += layer.products(batch)
        batch = layer.gives(batch)
    return products


def work_of_epoch(model: Model, dataset: Dataset) -> int:
    """Return about how many multiply-adds an epoch of training takes; 0 for a baseline."""
    if isinstance(model, BaselineModel):
        return 0
    if not isinstance(model, LayeredNetwork):
        return UNKNOWN_WORK
    products = products_of_step(
        model,
        batch_size=len(dataset.y_train),
        timesteps=dataset.timesteps,
        n_topics=len(dataset.topics),
    )
    return sum(product.multiply_adds for product in products)
