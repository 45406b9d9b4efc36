"""The matrix products of a training step: the least that its arithmetic costs."""

from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.models.layers import Batch, Product

__all__ = ["Product", "products_of_step"]


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
