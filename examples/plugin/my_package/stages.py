"""Machine code for ``layers.Scale``, so that it can be trained without TensorFlow."""

from rnnbench.plugin import Activations, Stage


class ScaleStage(Stage):
    """``y = x s``; the gradients are ``dx = dy s``, and ``ds = dy x``, summed up."""

    kind = "scale"

    def build(self):
        below = self.below
        features = below.features
        self.above = Activations(self.group, features, is_sequence=below.is_sequence)
        self.scale = self.add_weights(1, features)
        # The weights of the Keras layer, where they lie, and their first values.
        self.add_part((features,), self.scale, 0, start=self.layer.start)

    def forward(self, asm):
        for row, column, size in self.below.vectors():
            x = self.below.value[row, column].load()
            scale = self.scale.value[0, column].load()
            self.above.value[row, column].store(x * scale, size)

    def backward(self, asm):
        for row, column, size in self.below.vectors():
            d_y = self.above.gradient[row, column].load()
            x = self.below.value[row, column].load()
            scale = self.scale.value[0, column].load()
            self.scale.gradient[0, column].add(d_y * x, size)
            self.below.gradient[row, column].store(d_y * scale, size)
