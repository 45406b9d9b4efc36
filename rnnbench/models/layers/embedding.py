"""Layers that turn word ids into vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from rnnbench.models.layers.base import Batch, Layer, SeedOf, Size

if TYPE_CHECKING:
    import keras

    from rnnbench.models.shape import Shape


class Embedding(Layer):
    """A vector for each word, comes first; initialized by uniform or ppmi_svd."""

    kind = "embedding"
    takes = "ids"
    dim: Size
    trainable: bool = True
    masking: bool = False
    """Whether the layers after it skip padding."""
    embeddings_initializer: Literal["uniform", "ppmi_svd"] = "uniform"
    """The first vectors: random ones, or a truncated SVD of positive pointwise mutual information.
    The latter gives words in similar contexts similar vectors, and is learned from all texts except
    those of the test and validation sets."""

    def keras_layer(self, shape: Shape, seed_of: SeedOf) -> keras.Layer:
        """Return a Keras ``Embedding``, random at first: only training has the texts."""
        import keras

        return keras.layers.Embedding(
            shape.n_ids,
            self.dim,
            mask_zero=self.masking,
            trainable=self.trainable,
            embeddings_initializer=keras.initializers.RandomUniform(seed=seed_of("embeddings")),
        )

    @property
    def gives_mask(self) -> bool:
        """Whether it marks padding."""
        return self.masking

    @property
    def pretrained_dim(self) -> int | None:
        """The length of its vectors, if they are learned from texts at first."""
        return self.dim if self.embeddings_initializer == "ppmi_svd" else None

    @property
    def is_trained(self) -> bool:
        """Whether its vectors are trained."""
        return self.trainable

    def features(self, batch: Batch) -> int:  # noqa: ARG002
        """Return the length of a word's vector."""
        return self.dim

    def in_short(self) -> str:
        """Return ``embedding 64``, with the initializer where it is not the usual one."""
        name = f"embedding {self.dim}"
        return f"{name} {self.embeddings_initializer}" if self.pretrained_dim else name

    def in_words(self, shape: Shape) -> str:
        """Return how many vectors there are, and where they come from."""
        first = "from its neighbours in texts" if self.pretrained_dim else "random"
        vector = f"a vector for each of {shape.n_ids:,} ids, {first}"
        return f"{vector} at first" if self.trainable else f"{vector} and never trained"


KINDS: tuple[type[Layer], ...] = (Embedding,)
