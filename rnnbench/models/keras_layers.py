"""The layers that Keras does not have. Importing this module imports TensorFlow.

Files of trained networks name these classes, and the places of their weights follow
from the names.
"""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, TypeAlias

import keras
from keras import KerasTensor as Tensor
from keras import ops

from rnnbench.data.padding import START, Inputs
from rnnbench.models.inputs import TINY, word_weights
from rnnbench.models.seeds import derive_seed

_register = keras.saving.register_keras_serializable(package="rnnbench")
Mask: TypeAlias = Tensor | None  # whether each step counts
Sizes = tuple[int | None, ...]
Sequences = tuple[int | None, int, int]  # documents, timesteps, features
Seed = int | None


@_register
class BagOfWords(keras.layers.Layer):
    """From word ids ``(batch, timesteps)`` to a number for each id, ``(batch, n_ids)``.

    Counts are multiplied by weights, which are 1 until ``adapt`` learns them, and
    divided by the length of the vector (``tfidf``) or their sum (``shares``).
    """

    def __init__(self, n_ids: int, values: str, **kwargs: object):
        super().__init__(**kwargs)
        self.n_ids = n_ids
        self.values = values

    def build(self, input_shape: Sizes) -> None:  # noqa: ARG002
        self.scale = self.add_weight(
            (self.n_ids,), "ones", trainable=False, name="scale"
        )

    def compute_output_shape(self, input_shape: Sizes) -> Sizes:
        return (input_shape[0], self.n_ids)

    def adapt(self, x: Inputs) -> None:
        self.scale.assign(word_weights(x, self.n_ids, self.values))

    def call(self, inputs: Tensor) -> Tensor:
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


@_register
class MaskedConv1D(keras.layers.Conv1D):
    """A ``Conv1D`` that reads zeros where steps are masked, and hands the mask on."""

    def call(self, inputs: Tensor, mask: Mask = None) -> Tensor:
        if mask is not None:
            inputs = inputs * ops.cast(ops.expand_dims(mask, -1), inputs.dtype)
        return super().call(inputs)

    def compute_mask(self, inputs: Tensor, mask: Mask = None) -> Mask:  # noqa: ARG002
        """Return the mask of a step of each window: with ``valid``, the first."""
        if mask is None or self.padding != "valid":
            return mask
        return mask[:, : ops.shape(mask)[1] - self.kernel_size[0] + 1]


class _Pooling(keras.layers.Layer):
    """From ``(batch, timesteps, features)`` to ``(batch, features)``.

    Masked steps do not count. The vectors of ``chunks`` equal parts are joined: with
    the maximum, the dynamic max pooling of J. Liu et al.: Deep Learning for Extreme
    Multi-label Text Classification (SIGIR 2017).
    """

    def __init__(self, chunks: int = 1, **kwargs: object):
        super().__init__(**kwargs)
        self.chunks = chunks

    def compute_output_shape(self, input_shape: Sequences) -> Sizes:
        return (input_shape[0], input_shape[2] * self.chunks)

    def compute_mask(self, inputs: Tensor, mask: Mask = None) -> None:
        """Return no mask: no steps are left."""

    def call(self, inputs: Tensor, mask: Mask = None) -> Tensor:
        if self.chunks == 1:
            return self.pool(inputs, mask)
        if mask is None:
            mask = ops.ones(ops.shape(inputs)[:2], bool)
        number = ops.cumsum(ops.cast(mask, "int32"), axis=1)
        chunk = (number - 1) * self.chunks // ops.maximum(number[:, -1:], 1)
        pooled = []
        for position in range(self.chunks):
            is_in_chunk = ops.logical_and(mask, chunk == position)
            pooled.append(self.pool(inputs, is_in_chunk))
        return ops.concatenate(pooled, axis=1)


@_register
class MaxPooling(_Pooling):
    """The largest value of each feature."""

    def pool(self, inputs: Tensor, mask: Mask) -> Tensor:
        if mask is None:
            return ops.max(inputs, axis=1)
        kept = ops.expand_dims(mask, -1)
        largest = ops.max(ops.where(kept, inputs, -1e9), axis=1)
        return ops.where(ops.any(kept, axis=1), largest, 0.0)


@_register
class MeanPooling(_Pooling):
    """The mean of each feature."""

    def pool(self, inputs: Tensor, mask: Mask) -> Tensor:
        if mask is None:
            return ops.mean(inputs, axis=1)
        weights = ops.cast(ops.expand_dims(mask, -1), inputs.dtype)
        return ops.sum(inputs * weights, axis=1) / ops.maximum(
            ops.sum(weights, axis=1), 1.0
        )


@_register
class LastPooling(_Pooling):
    """The last step that is not masked."""

    def pool(self, inputs: Tensor, mask: Mask) -> Tensor:
        if mask is None:
            return inputs[:, -1]
        last = ops.max(ops.where(mask, ops.arange(ops.shape(inputs)[1]), 0), axis=1)
        values = ops.take_along_axis(inputs, last[:, None, None], axis=1)[:, 0]
        return ops.where(ops.any(mask, axis=1)[:, None], values, 0.0)


@_register
class AttentionPooling(_Pooling):
    """A mean whose weights are learned: ``softmax(tanh(x W + b) v)`` over the steps.

    The attention of Z. Yang et al.: Hierarchical Attention Networks for Document
    Classification (NAACL 2016), with as many hidden units as features.
    """

    def __init__(
        self,
        chunks: int = 1,
        kernel_seed: Seed = None,
        query_seed: Seed = None,
        **kwargs: object,
    ):
        super().__init__(chunks, **kwargs)
        self.kernel_seed = kernel_seed
        self.query_seed = query_seed

    def build(self, input_shape: Sizes) -> None:
        features = input_shape[-1]
        random = keras.initializers.GlorotUniform
        self.kernel = self.add_weight(
            (features, features), random(self.kernel_seed), name="kernel"
        )
        self.bias = self.add_weight((features,), "zeros", name="bias")
        self.query = self.add_weight(
            (features, 1), random(self.query_seed), name="query"
        )

    def pool(self, inputs: Tensor, mask: Mask) -> Tensor:
        hidden = ops.tanh(ops.matmul(inputs, self.kernel) + self.bias)
        scores = ops.matmul(hidden, self.query)
        if mask is None:
            return ops.sum(ops.softmax(scores, axis=1) * inputs, axis=1)
        kept = ops.expand_dims(mask, -1)
        weights = ops.softmax(ops.where(kept, scores, -1e9), axis=1)
        return ops.sum(ops.where(kept, weights, 0.0) * inputs, axis=1)


@_register
class HashedEmbedding(keras.layers.Layer):
    """From word ids ``(batch, timesteps)`` to vectors of words, then of n-grams.

    N-grams that reach into padding are masked. The hash is that of fastText: A. Joulin
    et al.: Bag of Tricks for Efficient Text Classification (EACL 2017).
    """

    def __init__(
        self,
        n_ids: int,
        dim: int,
        n: int,
        buckets: int,
        seed: int = 0,
        **kwargs: object,
    ):
        super().__init__(**kwargs)
        self.n_ids = n_ids
        self.dim = dim
        self.n = n
        self.buckets = buckets
        self.seed = seed

    def build(self, input_shape: Sizes) -> None:  # noqa: ARG002
        shape = (self.n_ids + self.buckets, self.dim)
        random = keras.initializers.RandomUniform(seed=self.seed)
        self.embeddings = self.add_weight(shape, random, name="embeddings")

    def rows(self, ids: Tensor) -> Tensor:
        ids = ops.cast(ids, "int64")  # in which a hash times the factor fits
        hashes = ids
        rows = [ids]
        for n in range(1, self.n):
            hashes = (hashes[:, :-1] * 116049371 + ids[:, n:]) % self.buckets
            is_whole = ops.logical_and(rows[-1][:, :-1] > 0, ids[:, n:] > 0)
            rows.append(ops.where(is_whole, self.n_ids + hashes, 0))
        return ops.concatenate(rows, axis=1)

    def compute_mask(self, inputs: Tensor, mask: Mask = None) -> Mask:  # noqa: ARG002
        return self.rows(inputs) > 0

    def call(self, inputs: Tensor) -> Tensor:
        return ops.take(self.embeddings, self.rows(inputs), axis=0)


@_register
class PositionEmbedding(keras.layers.Layer):
    """Adds to each step a learned vector for its position among unmasked steps."""

    def __init__(self, seed: Seed = None, **kwargs: object):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.seed = seed

    def build(self, input_shape: Sizes) -> None:
        random = keras.initializers.RandomUniform(seed=self.seed)
        self.embeddings = self.add_weight(input_shape[1:], random, name="embeddings")

    def call(self, inputs: Tensor, mask: Mask = None) -> Tensor:
        if mask is None:
            return inputs + self.embeddings
        places = ops.maximum(ops.cumsum(ops.cast(mask, "int32"), axis=1) - 1, 0)
        return inputs + ops.take(self.embeddings, places, axis=0)


@_register
class TransformerBlock(keras.layers.Layer):
    """Self-attention to the steps without a mask, then two dense layers at each step.

    A. Vaswani et al.: Attention Is All You Need (NIPS 2017), but with the inputs of
    both parts normalized: R. Xiong et al.: On Layer Normalization in the Transformer
    Architecture (ICML 2020).
    """

    def __init__(
        self, heads: int, units: int, dropout: float, seed: int = 0, **kwargs: object
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.seed = seed
        self.heads = heads
        self.units = units
        self.dropout = dropout

    def build(self, input_shape: Sequences) -> None:
        layers = keras.layers
        features = input_shape[-1]
        seed_of = partial(derive_seed, self.seed)
        size = -(-features // self.heads)
        self.attention = layers.MultiHeadAttention(
            self.heads, size, dropout=self.dropout, seed=self.seed
        )
        self.drop = layers.Dropout(self.dropout, seed=seed_of(0, "dropout"))
        inner = layers.Dense(self.units, "relu")
        outer = layers.Dense(features)
        self.norm = layers.LayerNormalization()
        self.dense = keras.Sequential([layers.LayerNormalization(), inner, outer])
        self.norm.build(input_shape)
        self.attention.build(input_shape, input_shape)
        self.dense.build(input_shape)
        # With a seed, Keras draws the same numbers for all kernels of the attention,
        # and too small ones: it takes the first of three axes for the window of a
        # convolution.
        kernels = [weight for weight in self.weights if weight.name == "kernel"]
        for place, kernel in enumerate(kernels):
            random = keras.initializers.GlorotUniform(seed_of(place, "kernel"))
            matrix = random((features, math.prod(kernel.shape) // features))
            kernel.assign(ops.reshape(matrix, kernel.shape))

    def call(self, inputs: Tensor, mask: Mask = None) -> Tensor:
        seen = None
        if mask is not None:
            seen = ops.expand_dims(mask, 1)
        x = self.norm(inputs)
        x = inputs + self.drop(self.attention(x, x, attention_mask=seen))
        return x + self.drop(self.dense(x))


@_register
class MinimalGRU(keras.layers.Layer):
    """A recurrence ``h = (1 - z) h + z c``; inputs alone give ``z`` and ``c``.

    So a parallel scan can compute all steps. The minGRU of L. Feng et al.: Were RNNs
    All We Needed? (2024), without logarithms. A masked step changes nothing.
    """

    stateful = return_state = False  # ``Bidirectional`` asks

    def __init__(
        self,
        units: int,
        activation: str = "linear",
        return_sequences: bool = False,
        go_backwards: bool = False,
        seed: Seed = None,
        **kwargs: object,
    ):
        super().__init__(**kwargs)
        self.units = units
        self.activation = keras.activations.get(activation)
        self.return_sequences = return_sequences
        self.go_backwards = go_backwards
        self.seed = seed

    def build(self, input_shape: Sizes) -> None:
        columns = 2 * self.units
        random = keras.initializers.GlorotUniform(self.seed)
        self.kernel = self.add_weight((input_shape[-1], columns), random, name="kernel")
        self.bias = self.add_weight((columns,), "zeros", name="bias")

    def compute_output_shape(self, input_shape: Sizes) -> Sizes:
        return (*input_shape[: 1 + self.return_sequences], self.units)

    def compute_mask(self, inputs: Tensor, mask: Mask = None) -> Mask:  # noqa: ARG002
        if self.return_sequences:
            return mask
        return None

    def call(
        self,
        inputs: Tensor,
        initial_state: None = None,  # noqa: ARG002
        mask: Mask = None,
    ) -> Tensor:
        gate, candidate = ops.split(
            ops.matmul(inputs, self.kernel) + self.bias, 2, axis=-1
        )
        if mask is not None:
            never_open = -1e9
            gate = ops.where(ops.expand_dims(mask, -1), gate, never_open)
        if self.go_backwards:
            gate = ops.flip(gate, axis=1)
            candidate = ops.flip(candidate, axis=1)
        hidden = _scan(
            ops.sigmoid(-gate), ops.sigmoid(gate) * self.activation(candidate)
        )
        if self.return_sequences:
            return hidden
        return hidden[:, -1]


BLOCK = 16  # steps that a scan takes one after another


def _scan(kept: Tensor, added: Tensor) -> Tensor:
    """Return the states ``h = kept h + added`` after each step.

    They are ``(batch, timesteps, units)``, as both factors are.
    """
    # Keras's ``associative_scan`` does not work on TensorFlow if the size of a batch is
    # not known.
    _, steps, units = kept.shape
    if steps == 1:
        return added
    count = -(-steps // BLOCK)
    widths = [[0, 0], [0, count * BLOCK - steps], [0, 0]]
    shape = (-1, count, BLOCK, units)
    factors = ops.unstack(ops.reshape(ops.pad(kept, widths), shape), axis=2)
    terms = ops.unstack(ops.reshape(ops.pad(added, widths), shape), axis=2)
    products = [factors[0]]
    states = [terms[0]]
    for factor, term in zip(factors[1:], terms[1:], strict=True):
        products.append(products[-1] * factor)
        states.append(states[-1] * factor + term)
    first = ops.pad(_scan(products[-1], states[-1])[:, :-1], [[0, 0], [1, 0], [0, 0]])
    for step, product in enumerate(products):
        states[step] = states[step] + product * first
    return ops.reshape(ops.stack(states, axis=2), (-1, count * BLOCK, units))[:, :steps]


@_register
class SideBySide(keras.layers.Layer):
    """Stacks of layers with the same input, whose features are joined."""

    def __init__(self, branches: list[keras.Sequential], **kwargs: object):
        super().__init__(**kwargs)
        self.branches = branches

    def get_config(self) -> dict[str, object]:
        branches = [
            keras.saving.serialize_keras_object(branch) for branch in self.branches
        ]
        return {**super().get_config(), "branches": branches}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "SideBySide":
        branches = [
            keras.saving.deserialize_keras_object(branch)
            for branch in config["branches"]
        ]
        return cls(**config | {"branches": branches})

    def build(self, input_shape: Sizes) -> None:
        for branch in self.branches:
            branch.build(input_shape)

    def compute_mask(self, inputs: Tensor, mask: Mask = None) -> Mask:
        """Return the mask after the first branch."""
        for layer in self.branches[0].layers:
            mask = layer.compute_mask(inputs, mask)
        return mask

    def call(self, inputs: Tensor, mask: Mask = None) -> Tensor:
        # Calling a ``Sequential`` itself would warn that the mask ends there.
        outputs = [branch.call(inputs, mask=mask) for branch in self.branches]
        return ops.concatenate(outputs, axis=-1)


class WeightDrop(keras.layers.RNN):
    """A recurrent layer that drops some recurrent weights, the same in a whole batch.

    S. Merity, N. Keskar, R. Socher: Regularizing and Optimizing LSTM Language Models
    (ICLR 2018).
    """

    def __init__(
        self,
        *args: object,
        weight_drop: float = 0.0,
        weight_drop_seed: Seed,
        **more: object,
    ):
        super().__init__(*args, **more)
        self.weight_drop = weight_drop
        self.weight_drop_seed = weight_drop_seed
        self.weight_drop_generator = keras.random.SeedGenerator(weight_drop_seed)

    def get_config(self) -> dict[str, object]:
        return {
            **super().get_config(),
            "weight_drop": self.weight_drop,
            "weight_drop_seed": self.weight_drop_seed,
        }

    def call(
        self,
        sequences: Tensor,
        initial_state: Sequence[Tensor] | None = None,
        mask: Mask = None,
        training: bool = False,
    ) -> Tensor:
        if not training or not self.weight_drop:
            return super().call(sequences, initial_state, mask, training)
        kernel = self.cell.recurrent_kernel
        uniform = keras.random.uniform(kernel.shape, seed=self.weight_drop_generator)
        self.cell.recurrent_kernel = kernel * _mask(uniform, self.weight_drop)
        try:
            return super().call(sequences, initial_state, mask, training)
        finally:
            self.cell.recurrent_kernel = kernel


@_register
class WeightDropSimpleRNN(WeightDrop, keras.layers.SimpleRNN):
    """A ``SimpleRNN`` that drops recurrent weights."""


@_register
class WeightDropGRU(WeightDrop, keras.layers.GRU):
    """A ``GRU`` that drops recurrent weights."""


@_register
class WeightDropLSTM(WeightDrop, keras.layers.LSTM):
    """An ``LSTM`` that drops recurrent weights."""


@_register
class DropoutEmbedding(keras.layers.Embedding):
    """An ``Embedding`` that drops words: in a batch, their vectors are 0 everywhere.

    Y. Gal, Z. Ghahramani: A Theoretically Grounded Application of Dropout in Recurrent
    Neural Networks (NIPS 2016), with one mask for a batch.
    """

    def __init__(
        self,
        *args: object,
        dropout: float = 0.0,
        dropout_seed: Seed = None,
        **more: object,
    ):
        super().__init__(*args, **more)
        self.dropout = dropout
        self.dropout_seed = dropout_seed
        self.dropout_generator = keras.random.SeedGenerator(dropout_seed)

    def get_config(self) -> dict[str, object]:
        return {
            **super().get_config(),
            "dropout": self.dropout,
            "dropout_seed": self.dropout_seed,
        }

    def compute_output_spec(self, inputs: Tensor, training: bool = False) -> Tensor:  # noqa: ARG002
        return super().compute_output_spec(inputs)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        vectors = super().call(inputs)
        if not training or not self.dropout:
            return vectors
        uniform = keras.random.uniform((self.input_dim,), seed=self.dropout_generator)
        mask = _mask(uniform, self.dropout)
        # The same as to drop rows of the matrix, but it touches only the rows that are
        # read.
        return vectors * ops.expand_dims(ops.take(mask, ops.cast(inputs, "int32")), -1)


def _mask(uniform: Tensor, rate: float) -> Tensor:
    return ops.cast(uniform >= rate, uniform.dtype) / (1 - rate)
