"""The Keras layer of ``layers.Scale``, which needs TensorFlow."""

import keras


@keras.saving.register_keras_serializable(package="my_package")
class ScaleLayer(keras.layers.Layer):
    def __init__(self, start, **kwargs):
        super().__init__(**kwargs)
        self.start = start
        self.supports_masking = True

    def build(self, input_shape):
        start = keras.initializers.Constant(self.start)
        shape = (input_shape[-1],)
        self.factor = self.add_weight(shape=shape, initializer=start)

    def call(self, inputs):
        return inputs * self.factor

    def get_config(self):
        return super().get_config() | {"start": self.start}
