"""A layer."""

from rnnbench.plugin import Layer


class Scale(Layer):
    """Multiplies each feature by a number that it learns."""

    kind = "scale"
    start: float = 1.0

    def keras_layer(self, shape, seed_of):
        from my_package.keras_layers import ScaleLayer  # imports TensorFlow

        return ScaleLayer(self.start)
