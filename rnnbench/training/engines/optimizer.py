"""The optimizer that a config names. Importing this module imports TensorFlow."""

import keras

from rnnbench.training.recipe import Recipe


def make_optimizer(recipe: Recipe) -> keras.Optimizer:
    """Return a new optimizer with Keras's defaults and the learning rate of ``recipe``."""
    optimizer = keras.optimizers.get(recipe.optimizer)
    optimizer.learning_rate = recipe.learning_rate
    return optimizer
