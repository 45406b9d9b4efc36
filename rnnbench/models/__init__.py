"""From the description of a model to a Keras model."""
