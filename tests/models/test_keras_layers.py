"""The layers that Keras lacks, against scikit-learn, NumPy and the layers of Keras."""

from itertools import pairwise

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.random import default_rng
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.feature_extraction.text import TfidfVectorizer
from stacks import EMBEDDING, PADDINGS, bidirectional, network, randomized

from rnnbench.data.padding import START
from rnnbench.models.build import build
from rnnbench.models.inputs import weighted_words, word_weights
from rnnbench.models.keras_layers import (
    AttentionPooling,
    BagOfWords,
    DropoutEmbedding,
    HashedEmbedding,
    LastPooling,
    MaskedConv1D,
    MaxPooling,
    MeanPooling,
    MinimalGRU,
    PositionEmbedding,
    SideBySide,
    TransformerBlock,
    WeightDropGRU,
    WeightDropLSTM,
    WeightDropSimpleRNN,
)
from rnnbench.models.layers import Shape
from rnnbench.training.engines.scikit_learn import texts

STEPS = 4
SEQUENCES = default_rng(0).normal(size=(3, STEPS, 2)).astype(np.float32)


def draw_weights(layer, random):
    """Give a layer or a model random weights."""
    shapes = [weight.shape for weight in layer.get_weights()]
    layer.set_weights([random.normal(size=shape) for shape in shapes])


# Words as numbers

N_IDS = 9
id_arrays = arrays.arrays(
    np.int32,
    st.tuples(st.integers(1, 5), st.integers(1, 6)),
    elements=st.integers(0, N_IDS - 1),
)


def words(ids):
    return [[word for word in row if word > START] for row in ids.tolist()]


def assert_numbers(values, learned, other, expected):
    """Compare the numbers of the layer, and those in NumPy, with others."""
    layer = BagOfWords(N_IDS, values)
    layer.build((None, None))
    layer.adapt(learned)
    weights = word_weights(learned, N_IDS, values)
    documents, columns, counts = weighted_words(other, weights, values)
    in_numpy = np.zeros((len(other), N_IDS))
    in_numpy[documents, columns] = counts

    assert_allclose(layer(other), expected, atol=1e-6)
    assert_allclose(in_numpy, expected, atol=1e-6)


@settings(max_examples=10)
@given(learned=id_arrays, other=id_arrays)
def test_tfidf_is_that_of_scikit_learn(learned, other):
    if not any(words(learned)):
        return  # scikit-learn refuses documents without words
    stock = TfidfVectorizer(tokenizer=str.split, token_pattern=None).fit(texts(learned))
    expected = np.zeros((len(other), N_IDS))
    columns = [int(word) for word in stock.get_feature_names_out()]
    expected[:, columns] = stock.transform(texts(other)).toarray()

    assert_numbers("tfidf", learned, other, expected)


@settings(max_examples=10)
@given(learned=id_arrays, other=id_arrays)
def test_shares_are_those_of_the_words_that_were_in_the_documents_learned_from(
    learned, other
):
    vocabulary = {word for document in words(learned) for word in document}
    expected = np.zeros((len(other), N_IDS))
    for row, document in zip(expected, words(other), strict=True):
        counted = [word for word in document if word in vocabulary]
        for word in counted:
            row[word] += 1 / len(counted)

    assert_numbers("shares", learned, other, expected)


# Pooling

of_one_step = pytest.mark.filterwarnings("ignore:You are using a softmax over axis 1")
POOLS = {
    "max": MaxPooling,
    "mean": MeanPooling,
    "last": LastPooling,
    "attention": AttentionPooling,
}
ways = pytest.mark.parametrize("by", POOLS)


def pooled(by, steps, weights):
    """Return the vector of the steps that count, ``(steps, features)``."""
    if by == "max":
        return steps.max(axis=0)
    if by == "mean":
        return steps.mean(axis=0)
    if by == "last":
        return steps[-1]
    kernel, bias, query = weights
    scores = np.exp(np.tanh(steps @ kernel + bias) @ query)
    return (scores / scores.sum() * steps).sum(axis=0)


def layer_and_sequences(by, sequences, steps, features, seed):
    """Return a layer with random weights, and sequences for it."""
    random = default_rng(seed)
    layer = POOLS[by]()
    layer.build((sequences, steps, features))
    draw_weights(layer, random)
    return layer, random.normal(size=(sequences, steps, features)).astype(np.float32)


small = st.integers(1, 5)
masks = arrays.arrays(bool, st.tuples(small, small)).filter(
    lambda mask: mask.any(axis=1).all()
)
"""Which steps of some sequences count: at least one of each."""


@of_one_step
@ways
@settings(max_examples=10)
@given(mask=masks, features=small, seed=st.integers(0, 99))
def test_masked_steps_have_no_influence_not_even_on_gradients(by, mask, features, seed):
    layer, x = layer_and_sequences(by, *mask.shape, features, seed)
    other = np.where(mask[..., np.newaxis], x, np.float32(1000))
    outcomes = []
    for inputs in map(tf.constant, (x, other)):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            vectors = layer(inputs, mask=mask)
            loss = tf.reduce_sum(vectors**2)
        slopes = tape.gradient(loss, [inputs, *layer.trainable_variables])
        outcomes.append([vectors, *slopes])

    for outcome, with_other_steps in zip(*outcomes, strict=True):
        assert_allclose(outcome, with_other_steps, atol=1e-4)
    slope_of_inputs = np.array(outcomes[0][1])
    assert_array_equal(slope_of_inputs[~mask], 0)


@ways
def test_a_sequence_that_is_masked_throughout_has_the_vector_0_and_no_gradient(by):
    layer, x = layer_and_sequences(by, sequences=3, steps=4, features=3, seed=0)
    mask = np.array([[False] * 4, [True] * 4, [True, False, True, False]])

    inputs = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        vectors = layer(inputs, mask=mask)
    gradient = np.array(tape.gradient(vectors, inputs))

    assert_array_equal(vectors[0], np.zeros(3))
    assert_array_equal(gradient[0], np.zeros((4, 3)))
    weights = layer.get_weights()
    assert_allclose(vectors[1], pooled(by, x[1], weights), atol=1e-6)
    assert_allclose(vectors[2], pooled(by, x[2, ::2], weights), atol=1e-6)


@of_one_step
@ways
@settings(max_examples=15)
@given(mask=st.one_of(masks, masks.map(np.ones_like)), chunks=st.integers(1, 4))
def test_the_vectors_of_equal_parts_of_the_steps_that_count_are_joined(
    by, mask, chunks
):
    without_parts, x = layer_and_sequences(by, *mask.shape, features=2, seed=0)
    layer = POOLS[by](chunks=chunks)
    layer.build(x.shape)
    layer.set_weights(without_parts.get_weights())

    vectors = np.array(layer(x, mask=mask))

    if mask.all():
        assert_array_equal(layer(x), vectors)
    assert vectors.shape == layer.compute_output_shape(x.shape)
    for document, kept, vector in zip(x, mask, vectors, strict=True):
        steps = document[kept]
        ends = [-(-len(steps) * number // chunks) for number in range(chunks + 1)]
        expected = []
        for start, end in pairwise(ends):
            of_part = np.zeros(2)
            if start < end:
                of_part = pooled(by, steps[start:end], layer.get_weights())
            expected.append(of_part)
        assert_allclose(vector, np.concatenate(expected), atol=1e-5)


# Embeddings


def ngrams_of(words, n):
    """Return the words of a document, then its pairs, and so on up to ``n`` words."""
    grams = []
    for size in range(1, n + 1):
        for start in range(len(words) - size + 1):
            grams.append(tuple(words[start : start + size]))
    return grams


@settings(max_examples=10)
@given(ids=id_arrays, n=st.integers(2, 4), buckets=st.integers(1, 50))
def test_words_and_ngrams_without_padding_have_vectors_and_equal_ngrams_the_same(
    ids, n, buckets
):
    layer = HashedEmbedding(N_IDS, dim=2, n=n, buckets=buckets, seed=3)
    vectors = np.array(layer(ids))
    kept = np.array(layer.compute_mask(ids))

    grams = [ngrams_of(row, n) for row in ids.tolist()]
    assert kept.tolist() == [[0 not in gram for gram in row] for row in grams]
    (matrix,) = layer.get_weights()
    assert matrix.shape == (N_IDS + buckets, 2)
    vector_of = {}
    for row, column in np.argwhere(kept):
        gram = grams[row][column]
        vector = vectors[row, column]
        assert_array_equal(vector, vector_of.setdefault(gram, vector))
        candidates = matrix[gram[0]]
        if len(gram) > 1:
            candidates = matrix[N_IDS:]
        assert (candidates == vector).all(axis=-1).any()


def test_buckets_are_about_as_full_as_by_chance():
    pairs = np.array([(a, b) for a in range(1, 300) for b in range(1, 300)], np.int32)
    layer = HashedEmbedding(300, dim=1, n=2, buckets=1000)

    counts = np.bincount(np.array(layer.rows(pairs))[:, 2] - 300, minlength=1000)

    assert len(counts) == 1000
    assert counts.var() < 2 * counts.mean()


@given(mask=masks)
@settings(max_examples=10)
def test_a_step_is_moved_by_the_vector_of_its_number_among_those_that_count(mask):
    layer = PositionEmbedding(seed=0)
    x = np.zeros((*mask.shape, 3), np.float32)

    moved = np.array(layer(x, mask=mask))

    (vectors,) = layer.get_weights()
    assert_array_equal(layer(x), np.broadcast_to(vectors, x.shape))
    for steps, kept in zip(moved, mask, strict=True):
        assert_array_equal(steps[kept], vectors[: kept.sum()])


# Attention


def normalized(x, scale, offset):
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-3) * scale + offset


def encoded(x, weights):
    """Return the output of a block for the steps of a document, ``(steps, features)``."""
    (*attention, output, bias, scale, offset) = weights[:10]
    y = normalized(x, scale, offset)
    by_head = []  # queries, keys and values
    for kernel, shift in zip(attention[::2], attention[1::2], strict=True):
        by_head.append(np.einsum("sf,fhk->hsk", y, kernel) + shift[:, np.newaxis])
    attended = x + bias
    for query, key, value, kernel in zip(*by_head, output, strict=True):
        scores = np.exp(query @ key.T / np.sqrt(query.shape[-1]))
        attended += scores / scores.sum(axis=1, keepdims=True) @ value @ kernel
    scale, offset, inner, shift, outer, bias = weights[10:]
    hidden = np.maximum(normalized(attended, scale, offset) @ inner + shift, 0)
    return attended + hidden @ outer + bias


@pytest.mark.parametrize("heads", [1, 2, 3])
def test_each_document_is_encoded_as_if_it_was_alone_and_had_no_padding(heads):
    random = default_rng(heads)
    x = random.normal(size=(4, 6, 4)).astype(np.float32)
    mask = np.array([[1] * 6, [0, 0, 1, 1, 1, 1], [1, 0, 1, 0, 0, 0], [0] * 6], bool)
    layer = TransformerBlock(heads, units=5, dropout=0.5)
    layer.build(x.shape)
    draw_weights(layer, random)
    layer.set_weights([weight / 2 for weight in layer.get_weights()])

    outputs = np.array(layer(x, mask=mask))

    assert np.isfinite(outputs).all()
    weights = [weight.astype(float) for weight in layer.get_weights()]
    for output, steps, kept in zip(outputs, x, mask, strict=True):
        expected = encoded(steps[kept], weights)
        assert_allclose(output[kept], expected, atol=1e-5)
    assert_allclose(layer(x)[0], outputs[0], atol=1e-6)


def test_the_first_kernels_of_a_block_are_as_large_as_those_of_dense_layers_of_its_features():
    layer = TransformerBlock(heads=4, units=32, dropout=0.0)
    layer.build((None, 6, 32))

    kernels = [weight for weight in layer.weights if weight.name == "kernel"]

    assert len(kernels) == 6
    for kernel in kernels:
        assert np.abs(kernel).max() == pytest.approx(np.sqrt(6 / 64), rel=0.02)


def test_a_block_drops_the_same_by_its_seed():
    block = TransformerBlock(2, 5, dropout=0.5, seed=1)
    again = TransformerBlock(2, 5, dropout=0.5, seed=1)
    other = TransformerBlock(2, 5, dropout=0.5, seed=2)
    other.build(SEQUENCES.shape)

    first = block(SEQUENCES, training=True)
    other.set_weights(block.get_weights())

    assert_array_equal(again(SEQUENCES, training=True), first)
    assert not np.allclose(block(SEQUENCES, training=True), first)
    assert not np.allclose(other(SEQUENCES, training=True), first)


def test_a_block_drops_only_while_it_is_trained():
    block = TransformerBlock(2, 5, dropout=0.5, seed=1)
    other = TransformerBlock(2, 5, dropout=0.5, seed=2)
    block.build(SEQUENCES.shape)
    other.build(SEQUENCES.shape)
    other.set_weights(block.get_weights())

    assert_array_equal(block(SEQUENCES), other(SEQUENCES))


# A recurrence without steps


def scanned(x, mask, kernel, bias, activation):
    """Return the states after each step of a document, one step after another."""
    state = np.zeros(len(bias) // 2)
    states = []
    for step, is_kept in zip(x, mask, strict=True):
        gate, candidate = np.split(step @ kernel + bias, 2)
        share = 1 / (1 + np.exp(-gate))
        if is_kept:
            state = (1 - share) * state + share * activation(candidate)
        states.append(state)
    return np.array(states)


@settings(max_examples=10, deadline=None)
@given(
    steps=st.sampled_from([1, 2, 15, 16, 17, 40, 300]),
    scale=st.sampled_from([0.1, 1, 30]),
    is_backwards=st.booleans(),
    activation=st.sampled_from(["linear", "tanh"]),
    seed=st.integers(0, 99),
)
def test_a_scan_gives_the_states_of_a_loop_however_open_its_gates_are(
    steps, scale, is_backwards, activation, seed
):
    random = default_rng(seed)
    x = random.normal(size=(3, steps, 2))
    mask = random.random((3, steps)) < 0.7
    weights = [random.normal(size=shape) * scale for shape in ((2, 6), (6,))]
    layer = MinimalGRU(
        3,
        activation,
        return_sequences=True,
        go_backwards=is_backwards,
        dtype="float64",
    )
    layer.build(x.shape)
    layer.set_weights(weights)

    all_states = np.array(layer(x, mask=mask))

    way = slice(None)
    if is_backwards:
        way = slice(None, None, -1)
    function = {"linear": np.positive, "tanh": np.tanh}[activation]
    for states, document, kept in zip(all_states, x, mask, strict=True):
        expected = scanned(document[way], kept[way], *weights, function)
        assert_allclose(states, expected, rtol=1e-9, atol=1e-12)
    assert_array_equal(layer(x), layer(x, mask=np.ones_like(mask)))


def test_a_scan_that_gives_its_last_state_hands_no_mask_on():
    mask = np.arange(STEPS) < [[1], [2], [STEPS]]
    layer = MinimalGRU(3, return_sequences=True)
    last = MinimalGRU(3)
    layer.build(SEQUENCES.shape)
    last.build(SEQUENCES.shape)
    last.set_weights(layer.get_weights())

    states = layer(SEQUENCES, mask=mask)

    assert_array_equal(last(SEQUENCES, mask=mask), states[:, -1])
    assert last.compute_mask(SEQUENCES, mask) is None


def test_a_scan_of_a_long_document_has_finite_states_and_gradients():
    layer = MinimalGRU(3, return_sequences=True)
    x = tf.random.stateless_normal((2, 3000, 4), (1, 2))

    with tf.GradientTape() as tape:
        tape.watch(x)
        states = layer(100 * x)
    gradient = tape.gradient(states, x)

    assert np.isfinite(states).all()
    assert np.isfinite(gradient).all()


# Side by side


def test_the_outputs_of_branches_are_joined_and_the_mask_is_that_of_the_first():
    layers = keras.layers
    branches = [
        keras.Sequential([MaskedConv1D(2, 2, padding="same"), layers.Dense(3)]),
        keras.Sequential([layers.GRU(4, return_sequences=True)]),
    ]
    layer = SideBySide(branches)
    mask = np.arange(STEPS) < [[1], [2], [STEPS]]

    joined = np.array(layer(SEQUENCES, mask=mask))

    expected = [branch.call(SEQUENCES, mask=mask) for branch in branches]
    assert_array_equal(joined, np.concatenate(expected, axis=-1))
    assert_array_equal(layer.compute_mask(SEQUENCES, mask), mask)
    unmasked = layer(SEQUENCES)
    assert np.abs(joined - unmasked).max() > 0.01, "the mask reaches the branches"
    vectors = SideBySide([keras.Sequential([MaxPooling()])])
    assert vectors.compute_mask(SEQUENCES, mask) is None


# Convolutions


@pytest.mark.parametrize("padding", PADDINGS)
@settings(max_examples=10)
@given(
    lengths=st.lists(st.integers(0, 6), min_size=1, max_size=4),
    kernel=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_documents_in_a_masked_batch_are_convolved_as_if_each_was_alone(
    padding, lengths, kernel, seed
):
    random = default_rng(seed)
    x = random.normal(size=(len(lengths), 7, 2)).astype(np.float32)
    mask = np.arange(7) < np.array(lengths)[:, np.newaxis]
    layer = MaskedConv1D(3, kernel, padding=padding, activation="tanh")
    layer.build(x.shape)
    draw_weights(layer, random)

    outputs = np.array(layer(x, mask=mask))

    handed_on = np.array(layer.compute_mask(x, mask))
    assert_array_equal(handed_on, mask[:, : outputs.shape[1]])
    lost = 0
    if padding == "valid":
        lost = kernel - 1
    for output, document, length in zip(outputs, x, lengths, strict=True):
        if length > lost:
            alone = layer(document[np.newaxis, :length])[0]
            assert_allclose(output[: length - lost], alone, atol=1e-5)
    assert_array_equal(layer(x), keras.layers.Conv1D.call(layer, x))
    assert layer.compute_mask(x) is None


# Dropped weights and words

UNITS = 20
WORDS = 200
IDS = default_rng(1).integers(0, WORDS, (100, STEPS), dtype=np.int32)
IDS[:, 0] = 7  # a word that is in all documents
RECURRENT_KERNEL = 1
"""Its place among the weights of a layer."""

WEIGHT_DROP = {
    "SimpleRNN": WeightDropSimpleRNN,
    "LSTM": WeightDropLSTM,
    "GRU": WeightDropGRU,
}
dropping_kinds = pytest.mark.parametrize("kind", WEIGHT_DROP)


def recurrent(kind, rate=0.5, seed=0, below=()):
    """Return a model of a recurrent layer that drops weights, all of them random."""
    layer = WEIGHT_DROP[kind](
        UNITS, return_sequences=True, weight_drop=rate, weight_drop_seed=seed, name="a"
    )
    model = keras.Sequential([keras.Input((STEPS, 2)), *below, layer])
    draw_weights(model, default_rng(2))
    model.set_weights([weight / 4 for weight in model.get_weights()])
    return model


def without_dropping(kind, weights):
    """Return a model of the stock layer with these weights."""
    layer = getattr(keras.layers, kind)(UNITS, return_sequences=True)
    model = keras.Sequential([keras.Input((STEPS, 2)), layer])
    model.set_weights(weights)
    return model


def embedding(rate=0.5, seed=0):
    """Return a model of an embedding that drops words; all its vectors are ones."""
    layer = DropoutEmbedding(WORDS, 3, dropout=rate, dropout_seed=seed)
    model = keras.Sequential([keras.Input((STEPS,), dtype="int32"), layer])
    model.set_weights([np.ones((WORDS, 3))])
    return model


def trainer(model, inputs):
    """Return a function that gives the outputs in training, and gradients by weights.

    The gradients are those of the sum of the squares of the outputs.
    """

    def step():
        with tf.GradientTape() as tape:
            outputs = model(tf.constant(inputs), training=True)
            loss = tf.reduce_sum(outputs**2)
        weights = [weight.value for weight in model.trainable_variables]
        slopes = map(tf.convert_to_tensor, tape.gradient(loss, weights))
        return np.array(outputs), list(map(np.array, slopes))

    return step


def kept_in(step):
    """Return which recurrent weights a step keeps: those that a gradient reaches."""
    _, gradients = step()
    return gradients[RECURRENT_KERNEL] != 0


@dropping_kinds
def test_a_step_is_that_of_the_stock_layer_with_some_recurrent_weights_0_and_the_rest_scaled(
    kind,
):
    rate = 0.25
    model = recurrent(kind, rate)

    outputs, gradients = trainer(model, SEQUENCES)()

    mask = (gradients[RECURRENT_KERNEL] != 0) / np.float32(1 - rate)
    assert np.mean(mask == 0) == pytest.approx(rate, abs=0.1)
    weights = model.get_weights()
    weights[RECURRENT_KERNEL] *= mask
    stock = without_dropping(kind, weights)
    expected, slopes = trainer(stock, SEQUENCES)()
    assert_allclose(outputs, expected, atol=1e-5)
    slopes[RECURRENT_KERNEL] *= mask
    for gradient, slope in zip(gradients, slopes, strict=True):
        assert_allclose(gradient, slope, atol=1e-4)


def test_each_step_drops_others_and_a_seed_the_same():
    step, again, other = (
        trainer(recurrent("SimpleRNN", seed=seed), SEQUENCES) for seed in (1, 1, 2)
    )

    first = kept_in(step)

    assert_array_equal(kept_in(again), first)
    for mask in (kept_in(step), kept_in(other)):
        by_chance = pytest.approx(0.5, abs=0.1)
        assert np.mean(mask == first) == by_chance


@dropping_kinds
def test_nothing_is_dropped_while_predicting(kind):
    model = recurrent(kind)
    plain = without_dropping(kind, model.get_weights())

    assert_allclose(model(SEQUENCES), plain(SEQUENCES), atol=1e-5)
    assert_array_equal(embedding()(IDS), np.ones((*IDS.shape, 3)))


def test_weights_are_dropped_under_a_mask_too():
    model = recurrent("SimpleRNN", below=[keras.layers.Masking()])

    assert np.mean(kept_in(trainer(model, SEQUENCES))) == pytest.approx(0.5, abs=0.1)


def test_the_two_directions_drop_weights_of_their_own():
    stack = [EMBEDDING, bidirectional("gru", units=UNITS, weight_drop=0.5)]
    model = randomized(build(network(stack), Shape(STEPS, 3, WORDS), 0))

    _, gradients = trainer(model, IDS)()

    forward, backward = (gradients[place] != 0 for place in (2, 5))
    assert forward.shape == backward.shape == (UNITS, 3 * UNITS)
    for kept in (forward, backward, forward == backward):
        assert np.mean(kept) == pytest.approx(0.5, abs=0.1)


def test_an_embedding_drops_words_wherever_they_are_and_scales_the_rest():
    rate = 0.9
    step = trainer(embedding(rate), IDS)
    again = trainer(embedding(rate), IDS)

    outputs, (gradient,) = step()

    scaled = np.float32(1 / (1 - rate))
    value_of = np.zeros(WORDS, np.float32)
    for word in np.unique(IDS):
        (value_of[word],) = set(outputs[word == IDS].flat)
    assert set(value_of) == {0, scaled}
    is_kept = value_of[np.unique(IDS)] == scaled
    assert np.mean(is_kept) == pytest.approx(1 - rate, abs=0.1)
    slopes = 2 * scaled * value_of * np.bincount(IDS.flat, minlength=WORDS)
    for of_feature in gradient.T:
        assert_allclose(of_feature, slopes, rtol=1e-5)
    assert_array_equal(again()[0], outputs, err_msg="a seed drops the same")
    assert np.any(step()[0] != outputs), "each step drops others"
