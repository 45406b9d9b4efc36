"""The optimizer that a config names."""

import keras

from rnnbench.training.recipe import Recipe


def make_optimizer(recipe: Recipe) -> keras.Optimizer:
    """Return a new optimizer."""
    optimizer = keras.optimizers.get(recipe.optimizer)
    optimizer.learning_rate = recipe.learning_rate
    return optimizer
