"""The Keras layer that counts the words of each document, whatever their order.

Importing this module imports TensorFlow.
"""

from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from rnnbench.data.dataset import START
from rnnbench.models.word_weights import TINY, word_weights


@keras.saving.register_keras_serializable(package="rnnbench")
class BagOfWords(keras.layers.Layer):
    """From word ids ``(batch, timesteps)`` to a number for each id, ``(batch, n_ids)``.

    The count of each word is multiplied by a weight of the word, and the numbers of a document are
    then divided by their length (``tfidf``) or by their sum (``shares``). Padding and start marks
    are not counted. All weights are 1 until ``adapt`` learns them from documents.

    Args:
        n_ids: all word ids are below this.
        values: ``tfidf`` or ``shares``.
    """

    def __init__(self, n_ids: int, values: str, **kwargs: Any):
        super().__init__(**kwargs)
        self.n_ids, self.values = n_ids, values

    def get_config(self) -> dict[str, Any]:
        """Return the arguments too."""
        return {**super().get_config(), "n_ids": self.n_ids, "values": self.values}

    def build(self, input_shape: tuple[int | None, ...]) -> None:  # noqa: ARG002
        """Make the weights of the words, which are not trained."""
        self.scale = self.add_weight((self.n_ids,), "ones", trainable=False, name="scale")

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return ``(batch, n_ids)``."""
        return (input_shape[0], self.n_ids)

    def adapt(self, x: NDArray[np.int32]) -> None:
        """Learn the weights of the words from the documents to train on, ``(n, timesteps)``."""
        self.scale.assign(word_weights(x, self.n_ids, self.values))

    def call(self, inputs: Any) -> Any:
        """Return ``(batch, n_ids)``; a document without known words is all zeros."""
        documents = ops.shape(inputs)[0]
        rows = ops.broadcast_to(ops.arange(documents)[:, None], ops.shape(inputs))
        is_word = ops.cast(inputs > START, self.compute_dtype)
        places = ops.stack([ops.cast(rows, inputs.dtype), inputs], axis=-1)
        weighted = ops.scatter(places, is_word, (documents, self.n_ids)) * self.scale
        if self.values == "tfidf":
            size = ops.sqrt(ops.sum(weighted**2, axis=1, keepdims=True))
        else:
            size = ops.sum(ops.abs(weighted), axis=1, keepdims=True)
        return weighted / ops.maximum(size, TINY)
