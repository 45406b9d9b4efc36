"""Layers without a state: embeddings, convolution, attention, pooling and others."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from rnnbench.section import computed, problem, spell

from .base import LARGEST, Activation, Batch, Layer, Product, Rate, SeedOf, Shape, Size


class Embedding(Layer):
    """A vector for each word; must come first; initialized by uniform or ppmi_svd."""

    kind = "embedding"
    takes = "ids"
    later_keys = frozenset({"dropout", "texts"})
    dim: Size
    trainable: bool = True
    masking: bool = True
    """Whether the layers after it skip padding."""
    embeddings_initializer: Literal["uniform", "ppmi_svd"] = "uniform"
    """The first vectors: random ones, or a truncated SVD of positive pointwise mutual
    information, learned from all texts except those of the test and validation sets."""
    texts: Literal["training", "unlabeled"] = "training"
    """The texts of ``ppmi_svd``: ``unlabeled`` adds those of Reuters-21578 that are in
    no test set; only for ``r52``, ``r8`` and ``modapte``."""
    dropout: Rate = 0.0
    """Share of the words to drop in each step of training, wherever they occur in a
    batch."""

    @computed
    def keras_name(self) -> str:
        if self.dropout:
            return "DropoutEmbedding"
        return "Embedding"

    @computed
    def is_trained(self) -> bool:
        return self.trainable

    @computed
    def gives_mask(self) -> bool:
        return self.masking

    @computed
    def pretrained_dim(self) -> int | None:
        if self.embeddings_initializer == "uniform":
            return None
        return self.dim

    @computed
    def reads_unlabeled(self) -> bool:
        return self.texts == "unlabeled"

    @model_validator(mode="after")
    def _learns_from_texts(self) -> "Embedding":
        if self.texts != "training" and not self.pretrained_dim:
            hint = "allowed: embeddings_initializer: ppmi_svd"
            raise problem(
                f"texts: vectors that are {self.embeddings_initializer} read none", hint
            )
        return self

    def keras_arguments(self, shape: Shape, seed_of: SeedOf) -> dict[str, object]:
        import keras

        arguments = {
            "input_dim": shape.n_ids,
            "output_dim": self.dim,
            "mask_zero": self.masking,
            "trainable": self.trainable,
            "embeddings_initializer": keras.initializers.RandomUniform(
                seed=seed_of("embeddings")
            ),
        }
        if self.dropout:
            arguments["dropout"] = self.dropout
            arguments["dropout_seed"] = seed_of("dropout")
        return arguments

    def features_of(self, batch: Batch) -> int:  # noqa: ARG002
        return self.dim

    def in_short(self) -> str:
        if self.pretrained_dim:
            return f"{super().in_short()} ppmi_svd"
        return super().in_short()


class NgramEmbedding(Layer):
    """Vectors for all words, then for all n-grams, which share them by hash; must come
    first.
    """

    kind = "ngram_embedding"
    takes = "ids"
    keras_name = "HashedEmbedding"
    gives_mask = True
    has_dropout = True
    dim: Size
    n: Annotated[int, Field(ge=2, le=5)] = 2
    """The most adjacent words that have a vector together."""
    buckets: Annotated[int, Field(gt=0, le=10_000_000)] = 100_000
    """The number of vectors that the n-grams share."""

    def keras_arguments(self, shape: Shape, seed_of: SeedOf) -> dict[str, object]:
        return super().keras_arguments(shape, seed_of) | {"n_ids": shape.n_ids}

    def steps_of(self, batch: Batch) -> int:
        return sum(max((batch.steps or 1) - more, 0) for more in range(self.n))

    def features_of(self, batch: Batch) -> int:  # noqa: ARG002
        return self.dim


class WordCounts(Layer):
    """Counts of words, whatever their order, as TF-IDF or shares; must come first."""

    kind = "bag_of_words"
    keras_name = "BagOfWords"
    takes = "ids"
    makes_vector = True
    is_trained = False
    values: Literal["tfidf", "shares"]
    """The number of a word: its TF-IDF as in scikit-learn, or its share of the words.
    Words that occur in no training document are not counted."""

    @computed
    def word_values(self) -> str:
        return self.values

    def keras_arguments(self, shape: Shape, seed_of: SeedOf) -> dict[str, object]:
        return super().keras_arguments(shape, seed_of) | {"n_ids": shape.n_ids}

    def features_of(self, batch: Batch) -> int:
        return batch.n_ids


class Conv1D(Layer):
    """A convolution over the steps; those that are skipped count as zeros."""

    kind = "conv1d"
    keras_name = "MaskedConv1D"
    initializers = {"kernel": "GlorotUniform"}
    takes = "sequence"
    filters: Size
    kernel_size: Size
    padding: Literal["valid", "same", "causal"] = "same"
    activation: Activation = "linear"

    @computed
    def steps_at_once(self) -> int:
        return self.kernel_size

    def steps_of(self, batch: Batch) -> int:
        windows = batch.steps or 1
        if self.padding == "valid":
            windows -= self.kernel_size - 1
        return windows

    def features_of(self, batch: Batch) -> int:  # noqa: ARG002
        return self.filters

    def products(self, batch: Batch) -> Iterable[Product]:
        windows = replace(batch, steps=self.steps_of(batch))
        return windows.times_kernel(
            self.filters, inner=self.kernel_size * batch.features
        )


class Pooling(Layer):
    """One vector for each document: by max, mean, last or attention."""

    kind = "pooling"
    takes = "sequence"
    makes_vector = True
    later_keys = frozenset({"chunks"})
    by: Literal["max", "mean", "last", "attention"]
    chunks: Annotated[int, Field(ge=1, le=100)] = 1
    """The number of equal parts of each document whose vectors are joined. With max, it
    is the dynamic max pooling of XML-CNN."""

    @computed
    def keras_name(self) -> str:
        return f"{self.by.capitalize()}Pooling"

    @computed
    def is_trained(self) -> bool:
        return self.by == "attention"

    def keras_arguments(self, shape: Shape, seed_of: SeedOf) -> dict[str, object]:  # noqa: ARG002
        arguments: dict[str, object] = {"chunks": self.chunks}
        if self.by == "attention":
            arguments["kernel_seed"] = seed_of("kernel")
            arguments["query_seed"] = seed_of("query")
        return arguments

    def features_of(self, batch: Batch) -> int:
        return batch.features * self.chunks

    def products(self, batch: Batch) -> Iterable[Product]:
        if self.by == "attention":
            yield from batch.times_kernel(batch.features)
            yield from replace(batch, passes_back=True).times_kernel(1)


def _units_or_topics(value: object) -> object:
    if value == "topics" or (type(value) is int and 0 < value <= LARGEST):
        return value
    hint = f"allowed: 1 to {LARGEST:,}, or topics: one unit for each topic"
    raise problem(f"got {spell(value)}", hint)


class Dense(Layer):
    """A fully connected layer; units: topics gives one for each topic."""

    kind = "dense"
    keras_name = "Dense"
    initializers = {"kernel": "GlorotUniform"}
    units: Annotated[int | Literal["topics"], BeforeValidator(_units_or_topics)]
    activation: Activation = "linear"

    @computed
    def gives_topics(self) -> bool:
        return self.units == "topics" and self.activation in ("softmax", "sigmoid")

    @computed
    def has_one_label(self) -> bool:
        return self.activation == "softmax"

    def count_units(self, n_topics: int) -> int:
        if self.units == "topics":
            return n_topics
        return self.units

    def keras_arguments(self, shape: Shape, seed_of: SeedOf) -> dict[str, object]:
        units = self.count_units(shape.n_topics)
        return super().keras_arguments(shape, seed_of) | {"units": units}

    def features_of(self, batch: Batch) -> int:
        return self.count_units(batch.n_topics)

    def products(self, batch: Batch) -> Iterable[Product]:
        return batch.times_kernel(self.features_of(batch))

    def in_short(self) -> str:
        """Return ``dense 9 relu``; a probability for each topic is ``dense topics``."""
        is_plain = self.activation == "linear" or self.gives_topics
        if is_plain:
            return super().in_short()
        return f"{super().in_short()} {self.activation}"


class Dropout(Layer):
    """Sets a share of its inputs to 0 during training."""

    kind = "dropout"
    keras_name = "Dropout"
    has_dropout = True
    is_trained = False
    rate: Rate


class SpatialDropout(Dropout):
    """Sets a share of the features to 0 during training, each at all steps."""

    kind = "spatial_dropout"
    keras_name = "SpatialDropout1D"
    takes = "sequence"


class Positions(Layer):
    """Adds a learned vector for the position of each step among those that are not
    skipped.
    """

    kind = "positions"
    keras_name = "PositionEmbedding"
    has_dropout = True
    takes = "sequence"


class TransformerEncoder(Layer):
    """Self-attention, then two dense layers at each step, both added to their
    inputs.
    """

    kind = "transformer_encoder"
    keras_name = "TransformerBlock"
    takes = "sequence"
    has_dropout = True
    heads: Size
    units: Size
    """Units of the first of the dense layers."""
    dropout: Rate = 0.0
    """Share to drop of the attention, and of what is added to the inputs."""

    def products(self, batch: Batch) -> Iterable[Product]:
        n = batch.features
        steps = batch.steps or 1
        inside = replace(batch, passes_back=True)
        size = -(-n // self.heads)
        width = size * self.heads  # of all heads together
        pairs = batch.size * self.heads
        for _ in range(3):  # queries, keys and values
            yield from inside.times_kernel(width, n)
        yield from inside.times_kernel(n, width)
        yield from inside.times_kernel(self.units, n)
        yield from inside.times_kernel(n, self.units)
        for _ in range(3):  # forward, and both gradients
            yield Product(steps, size, steps, pairs)  # of the scores
            yield Product(steps, steps, size, pairs)  # and of the sums of values


class LayerNorm(Layer):
    """Brings each vector to mean 0 and variance 1, then scales it as learned."""

    kind = "layer_norm"
    keras_name = "LayerNormalization"
    epsilon: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1e-3


KINDS: tuple[type[Layer], ...] = (
    Embedding, NgramEmbedding, WordCounts, Positions, Conv1D, TransformerEncoder,
    Pooling, Dense,
    Dropout, SpatialDropout, LayerNorm,
)  # fmt: skip
