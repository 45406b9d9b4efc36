"""The layers that Keras lacks, against scikit-learn, NumPy and the layers of Keras."""

import math
from itertools import pairwise, product

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
    drawn = []
    for weight in layer.get_weights():
        drawn.append(random.normal(size=weight.shape))
    layer.set_weights(drawn)


# Words as numbers

N_IDS = 9
id_arrays = arrays.arrays(
    np.int32,
    shape=st.tuples(st.integers(1, 5), st.integers(1, 6)),
    elements=st.integers(0, N_IDS - 1),
)


def words(ids):
    """Return the words of each document, without padding."""
    documents = []
    for row in ids.tolist():
        documents.append([word for word in row if word > START])
    return documents


def assert_numbers(values, learned, other, expected):
    """Compare the numbers of the layer, and those in NumPy, with others."""
    layer = BagOfWords(N_IDS, values)
    layer.build((None, None))
    layer.adapt(learned)
    assert_allclose(layer(other), expected, atol=1e-6)

    weights = word_weights(learned, N_IDS, values)
    documents, columns, counts = weighted_words(other, weights, values)
    in_numpy = np.zeros((len(other), N_IDS))
    in_numpy[documents, columns] = counts
    assert_allclose(in_numpy, expected, atol=1e-6)


@settings(max_examples=10)
@given(learned=id_arrays, other=id_arrays)
def test_tfidf_is_that_of_scikit_learn(learned, other):
    if not any(words(learned)):
        return  # scikit-learn refuses documents without words
    vectorizer = TfidfVectorizer(tokenizer=str.split, token_pattern=None)
    vectorizer.fit(texts(learned))
    columns = [int(word) for word in vectorizer.get_feature_names_out()]
    expected = np.zeros((len(other), N_IDS))
    expected[:, columns] = vectorizer.transform(texts(other)).toarray()

    assert_numbers("tfidf", learned, other, expected)


@settings(max_examples=10)
@given(learned=id_arrays, other=id_arrays)
def test_shares_are_those_of_the_words_that_were_in_the_documents_learned_from(
    learned, other
):
    vocabulary = set()
    for document in words(learned):
        vocabulary.update(document)
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
    hidden = np.tanh(steps @ kernel + bias)
    scores = np.exp(hidden @ query)
    shares = scores / scores.sum()
    return (shares * steps).sum(axis=0)


def layer_and_sequences(by, shape, seed):
    """Return a layer with random weights, and sequences of this shape for it."""
    random = default_rng(seed)
    layer = POOLS[by]()
    layer.build(shape)
    draw_weights(layer, random)
    sequences = random.normal(size=shape).astype(np.float32)
    return layer, sequences


small = st.integers(1, 5)
masks = arrays.arrays(
    bool,
    shape=st.tuples(small, small),
).filter(lambda mask: mask.any(axis=1).all())
"""Which steps of some sequences count: at least one of each."""


def vectors_and_slopes(layer, sequences, mask):
    """Return the vectors of sequences, and the gradients by sequences and weights."""
    inputs = tf.constant(sequences)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        vectors = layer(inputs, mask=mask)
        loss = tf.reduce_sum(vectors**2)
    slopes = tape.gradient(loss, [inputs, *layer.trainable_variables])
    return vectors, slopes


@of_one_step
@ways
@settings(max_examples=10)
@given(mask=masks, features=small, seed=st.integers(0, 99))
def test_masked_steps_have_no_influence(by, mask, features, seed):
    layer, sequences = layer_and_sequences(by, (*mask.shape, features), seed)
    is_kept = mask[..., np.newaxis]
    changed = np.where(is_kept, sequences, np.float32(1000))

    vectors, slopes = vectors_and_slopes(layer, sequences, mask)
    vectors_of_changed, slopes_of_changed = vectors_and_slopes(layer, changed, mask)

    assert_allclose(vectors, vectors_of_changed, atol=1e-4)
    for slope, expected in zip(slopes, slopes_of_changed, strict=True):
        assert_allclose(slope, expected, atol=1e-4)
    slope_of_inputs = np.array(slopes[0])
    assert_array_equal(slope_of_inputs[~mask], 0)


@ways
def test_a_sequence_that_is_masked_throughout_has_the_vector_0(by):
    layer, sequences = layer_and_sequences(by, (3, 4, 3), seed=0)
    mask = np.array([[False] * 4, [True] * 4, [True, False, True, False]])

    vectors = layer(sequences, mask=mask)

    assert_array_equal(vectors[0], np.zeros(3))
    weights = layer.get_weights()
    of_all_steps = pooled(by, sequences[1], weights)
    assert_allclose(vectors[1], of_all_steps, atol=1e-6)
    of_every_other_step = pooled(by, sequences[2, ::2], weights)
    assert_allclose(vectors[2], of_every_other_step, atol=1e-6)


@ways
def test_a_sequence_that_is_masked_throughout_has_no_gradient(by):
    layer, sequences = layer_and_sequences(by, (3, 4, 3), seed=0)
    mask = np.array([[False] * 4, [True] * 4, [True, False, True, False]])

    inputs = tf.constant(sequences)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        vectors = layer(inputs, mask=mask)
    gradient = np.array(tape.gradient(vectors, inputs))

    assert_array_equal(gradient[0], np.zeros((4, 3)))


def pooled_by_parts(by, steps, weights, chunks):
    """Return the vectors of equal parts of the steps that count, joined."""
    ends = []
    for number in range(chunks + 1):
        ends.append(math.ceil(len(steps) * number / chunks))
    vectors = []
    for start, end in pairwise(ends):
        vector = np.zeros(2)
        if start < end:
            vector = pooled(by, steps[start:end], weights)
        vectors.append(vector)
    return np.concatenate(vectors)


@of_one_step
@ways
@settings(max_examples=15)
@given(
    mask=st.one_of(masks, masks.map(np.ones_like)),
    chunks=st.integers(1, 4),
)
def test_the_vectors_of_equal_parts_of_the_steps_that_count_are_joined(
    by, mask, chunks
):
    without_parts, sequences = layer_and_sequences(by, (*mask.shape, 2), seed=0)
    layer = POOLS[by](chunks=chunks)
    layer.build(sequences.shape)
    layer.set_weights(without_parts.get_weights())

    vectors = np.array(layer(sequences, mask=mask))

    if mask.all():
        assert_array_equal(layer(sequences), vectors)
    assert vectors.shape == layer.compute_output_shape(sequences.shape)
    weights = layer.get_weights()
    for steps, kept, vector in zip(sequences, mask, vectors, strict=True):
        expected = pooled_by_parts(by, steps[kept], weights, chunks)
        assert_allclose(vector, expected, atol=1e-5)


# Embeddings


def ngrams_of(words, n):
    """Return the words of a document, then its pairs, and so on up to ``n`` words."""
    grams = []
    for size in range(1, n + 1):
        for start in range(len(words) - size + 1):
            end = start + size
            grams.append(tuple(words[start:end]))
    return grams


hashed_ngrams = given(
    ids=id_arrays,
    n=st.integers(2, 4),
    buckets=st.integers(1, 50),
)


@settings(max_examples=10)
@hashed_ngrams
def test_ngrams_with_padding_are_masked(ids, n, buckets):
    layer = HashedEmbedding(N_IDS, dim=2, n=n, buckets=buckets, seed=3)

    is_kept = np.array(layer.compute_mask(ids))

    for document, kept in zip(ids.tolist(), is_kept.tolist(), strict=True):
        assert kept == [0 not in gram for gram in ngrams_of(document, n)]


@settings(max_examples=10)
@hashed_ngrams
def test_equal_ngrams_have_the_same_vector(ids, n, buckets):
    layer = HashedEmbedding(N_IDS, dim=2, n=n, buckets=buckets, seed=3)

    vectors = np.array(layer(ids))

    is_kept = np.array(layer.compute_mask(ids))
    (matrix,) = layer.get_weights()
    assert matrix.shape == (N_IDS + buckets, 2)
    documents = ids.tolist()
    vector_of = {}
    for row, column in np.argwhere(is_kept):
        gram = ngrams_of(documents[row], n)[column]
        vector = vectors[row, column]
        assert_array_equal(vector, vector_of.setdefault(gram, vector))
        candidates = matrix[gram[0]]
        if len(gram) > 1:
            candidates = matrix[N_IDS:]
        assert (candidates == vector).all(axis=-1).any()


def test_buckets_are_about_as_full_as_by_chance():
    words = range(1, 300)
    pairs = np.array([*product(words, words)], np.int32)
    layer = HashedEmbedding(300, dim=1, n=2, buckets=1000)

    rows = np.array(layer.rows(pairs))

    rows_of_pairs = rows[:, 2]
    counts = np.bincount(rows_of_pairs - 300, minlength=1000)
    assert len(counts) == 1000
    assert counts.var() < 2 * counts.mean()


@given(mask=masks)
@settings(max_examples=10)
def test_a_step_is_moved_by_the_vector_of_its_number_among_those_that_count(mask):
    layer = PositionEmbedding(seed=0)
    origin = np.zeros((*mask.shape, 3), np.float32)

    moved = np.array(layer(origin, mask=mask))

    (vectors,) = layer.get_weights()
    for steps, kept in zip(moved, mask, strict=True):
        n_kept = kept.sum()
        assert_array_equal(steps[kept], vectors[:n_kept])
    without_mask = layer(origin)
    assert_array_equal(without_mask, np.broadcast_to(vectors, origin.shape))


# Attention


def normalized(x, scale, offset):
    mean = x.mean(axis=-1, keepdims=True)
    variance = x.var(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-3) * scale + offset


def attended(query, key, value):
    """Return the values of a head that each step attends to."""
    scores = np.exp(query @ key.T / np.sqrt(query.shape[-1]))
    shares = scores / scores.sum(axis=1, keepdims=True)
    return shares @ value


def encoded(x, weights):
    """Return the output of a block for the steps of a document, ``(steps, features)``."""
    (*attention, output, bias, scale, offset) = weights[:10]
    y = normalized(x, scale, offset)
    by_head = []  # queries, keys and values
    kernels = attention[::2]
    shifts = attention[1::2]
    for kernel, shift in zip(kernels, shifts, strict=True):
        product = np.einsum("sf,fhk->hsk", y, kernel)
        by_head.append(product + shift[:, np.newaxis])
    sums = x + bias
    for query, key, value, kernel in zip(*by_head, output, strict=True):
        sums += attended(query, key, value) @ kernel

    scale, offset, inner, shift, outer, bias = weights[10:]
    y = normalized(sums, scale, offset)
    hidden = np.maximum(y @ inner + shift, 0)
    return sums + hidden @ outer + bias


@pytest.mark.parametrize("heads", [1, 2, 3])
def test_each_document_is_encoded_as_if_it_was_alone_without_padding(heads):
    random = default_rng(heads)
    x = random.normal(size=(4, 6, 4)).astype(np.float32)
    kept_steps = [
        [1, 1, 1, 1, 1, 1],
        [0, 0, 1, 1, 1, 1],
        [1, 0, 1, 0, 0, 0],
        [0, 0, 0, 0, 0, 0],
    ]
    mask = np.array(kept_steps, bool)
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
    without_mask = layer(x)
    assert_allclose(without_mask[0], outputs[0], atol=1e-6)


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

    first = block(SEQUENCES, training=True)

    assert_array_equal(again(SEQUENCES, training=True), first)


def test_each_step_of_a_block_drops_others():
    block = TransformerBlock(2, 5, dropout=0.5, seed=1)

    first = block(SEQUENCES, training=True)
    second = block(SEQUENCES, training=True)

    assert not np.allclose(first, second)


def test_a_block_with_another_seed_drops_others():
    block = TransformerBlock(2, 5, dropout=0.5, seed=1)
    other = TransformerBlock(2, 5, dropout=0.5, seed=2)
    block.build(SEQUENCES.shape)
    other.build(SEQUENCES.shape)
    other.set_weights(block.get_weights())

    first = block(SEQUENCES, training=True)

    assert not np.allclose(other(SEQUENCES, training=True), first)


def test_a_block_drops_only_while_it_is_trained():
    block = TransformerBlock(2, 5, dropout=0.5, seed=1)
    other = TransformerBlock(2, 5, dropout=0.5, seed=2)
    block.build(SEQUENCES.shape)
    other.build(SEQUENCES.shape)
    other.set_weights(block.get_weights())

    assert_array_equal(block(SEQUENCES), other(SEQUENCES))


# A recurrence without steps


def scanned(x, mask, weights, activation):
    """Return the states after each step of a document, one step after another."""
    kernel, bias = weights
    state = np.zeros(len(bias) // 2)
    states = []
    for step, is_kept in zip(x, mask, strict=True):
        gate, candidate = np.split(step @ kernel + bias, 2)
        share = 1 / (1 + np.exp(-gate))
        if is_kept:
            state = (1 - share) * state + share * activation(candidate)
        states.append(state)
    return np.array(states)


FUNCTIONS = {"linear": np.positive, "tanh": np.tanh}


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
    kernel = random.normal(size=(2, 6)) * scale
    bias = random.normal(size=6) * scale
    layer = MinimalGRU(
        3,
        activation,
        return_sequences=True,
        go_backwards=is_backwards,
        dtype="float64",
    )
    layer.build(x.shape)
    layer.set_weights([kernel, bias])

    all_states = np.array(layer(x, mask=mask))

    in_order = x
    mask_in_order = mask
    if is_backwards:
        in_order = x[:, ::-1]
        mask_in_order = mask[:, ::-1]
    function = FUNCTIONS[activation]
    for states, document, kept in zip(all_states, in_order, mask_in_order, strict=True):
        expected = scanned(document, kept, [kernel, bias], function)
        assert_allclose(states, expected, rtol=1e-9, atol=1e-12)
    without_mask = layer(x)
    assert_array_equal(without_mask, layer(x, mask=np.ones_like(mask)))


MASK = np.arange(STEPS) < [[1], [2], [STEPS]]
"""The first of ``SEQUENCES`` has one step that counts, and so on."""


def test_a_scan_can_give_its_last_state():
    layer = MinimalGRU(3, return_sequences=True)
    last = MinimalGRU(3)
    layer.build(SEQUENCES.shape)
    last.build(SEQUENCES.shape)
    last.set_weights(layer.get_weights())

    states = layer(SEQUENCES, mask=MASK)

    assert_array_equal(last(SEQUENCES, mask=MASK), states[:, -1])


def test_a_scan_that_gives_its_last_state_hands_no_mask_on():
    last = MinimalGRU(3)

    assert last.compute_mask(SEQUENCES, MASK) is None


def test_a_scan_of_a_long_document_stays_finite():
    layer = MinimalGRU(3, return_sequences=True)
    x = tf.random.stateless_normal((2, 3000, 4), (1, 2))

    with tf.GradientTape() as tape:
        tape.watch(x)
        states = layer(100 * x)
    gradient = tape.gradient(states, x)

    assert np.isfinite(states).all()
    assert np.isfinite(gradient).all()


# Side by side


@pytest.fixture
def branches():
    """Two branches: the first hands its mask on, the second need not."""
    convolution = MaskedConv1D(2, 2, padding="same")
    dense = keras.layers.Dense(3)
    gru = keras.layers.GRU(4, return_sequences=True)
    return [
        keras.Sequential([convolution, dense]),
        keras.Sequential([gru]),
    ]


def test_the_outputs_of_branches_are_joined(branches):
    layer = SideBySide(branches)

    joined = np.array(layer(SEQUENCES, mask=MASK))

    expected = [branch.call(SEQUENCES, mask=MASK) for branch in branches]
    assert_array_equal(joined, np.concatenate(expected, axis=-1))
    unmasked = layer(SEQUENCES)
    assert np.abs(joined - unmasked).max() > 0.01, "the mask reaches the branches"


def test_branches_hand_on_the_mask_of_the_first(branches):
    layer = SideBySide(branches)
    layer(SEQUENCES, mask=MASK)

    assert_array_equal(layer.compute_mask(SEQUENCES, MASK), MASK)


def test_branches_that_give_vectors_hand_no_mask_on():
    layer = SideBySide([keras.Sequential([MaxPooling()])])

    assert layer.compute_mask(SEQUENCES, MASK) is None


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
    n_steps = outputs.shape[1]
    assert_array_equal(handed_on, mask[:, :n_steps])
    lost = 0
    if padding == "valid":
        lost = kernel - 1
    for output, document, length in zip(outputs, x, lengths, strict=True):
        n_kept = length - lost
        if n_kept > 0:
            batch_of_one = document[np.newaxis, :length]
            alone = layer(batch_of_one)[0]
            assert_allclose(output[:n_kept], alone, atol=1e-5)


@pytest.mark.parametrize("padding", PADDINGS)
def test_a_convolution_without_a_mask_is_that_of_keras(padding):
    layer = MaskedConv1D(3, 2, padding=padding, activation="tanh")

    outputs = layer(SEQUENCES)

    assert_array_equal(outputs, keras.layers.Conv1D.call(layer, SEQUENCES))
    assert layer.compute_mask(SEQUENCES) is None


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
        UNITS,
        return_sequences=True,
        weight_drop=rate,
        weight_drop_seed=seed,
        name="a",
    )
    model = keras.Sequential([keras.Input((STEPS, 2)), *below, layer])
    draw_weights(model, default_rng(2))
    model.set_weights([weight / 4 for weight in model.get_weights()])
    return model


def without_dropping(kind, weights):
    """Return a model of the stock layer with these weights."""
    stock = getattr(keras.layers, kind)
    layer = stock(UNITS, return_sequences=True)
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
        gradients = []
        for slope in tape.gradient(loss, weights):
            gradients.append(np.array(tf.convert_to_tensor(slope)))
        return np.array(outputs), gradients

    return step


def kept_in(step):
    """Return which recurrent weights a step keeps: those that a gradient reaches."""
    _, gradients = step()
    return gradients[RECURRENT_KERNEL] != 0


@dropping_kinds
def test_a_step_is_that_of_the_stock_layer_with_kept_recurrent_weights_scaled(kind):
    rate = 0.25
    model = recurrent(kind, rate)

    outputs, gradients = trainer(model, SEQUENCES)()

    is_kept = gradients[RECURRENT_KERNEL] != 0
    assert np.mean(is_kept) == pytest.approx(1 - rate, abs=0.1)
    mask = is_kept / np.float32(1 - rate)
    weights = model.get_weights()
    weights[RECURRENT_KERNEL] *= mask
    stock = without_dropping(kind, weights)
    expected, slopes = trainer(stock, SEQUENCES)()
    assert_allclose(outputs, expected, atol=1e-5)
    slopes[RECURRENT_KERNEL] *= mask
    for gradient, slope in zip(gradients, slopes, strict=True):
        assert_allclose(gradient, slope, atol=1e-4)


by_chance = pytest.approx(0.5, abs=0.1)
"""The share of weights that two masks have in common."""


def trainer_with_seed(seed):
    return trainer(recurrent("SimpleRNN", seed=seed), SEQUENCES)


def test_each_step_drops_others():
    step = trainer_with_seed(1)

    first = kept_in(step)
    second = kept_in(step)

    assert np.mean(first == second) == by_chance


def test_a_seed_drops_the_same():
    first = kept_in(trainer_with_seed(1))

    again = kept_in(trainer_with_seed(1))

    assert_array_equal(again, first)


def test_another_seed_drops_others():
    first = kept_in(trainer_with_seed(1))

    other = kept_in(trainer_with_seed(2))

    assert np.mean(first == other) == by_chance


@dropping_kinds
def test_no_weight_is_dropped_while_predicting(kind):
    model = recurrent(kind)
    plain = without_dropping(kind, model.get_weights())

    assert_allclose(model(SEQUENCES), plain(SEQUENCES), atol=1e-5)


def test_no_word_is_dropped_while_predicting():
    model = embedding()

    assert_array_equal(model(IDS), np.ones((*IDS.shape, 3)))


def test_weights_are_dropped_under_a_mask_too():
    model = recurrent("SimpleRNN", below=[keras.layers.Masking()])

    is_kept = kept_in(trainer(model, SEQUENCES))

    assert np.mean(is_kept) == by_chance


def test_the_two_directions_drop_weights_of_their_own():
    gru = bidirectional("gru", units=UNITS, weight_drop=0.5)
    description = network([EMBEDDING, gru])
    shape = Shape(STEPS, 3, WORDS)
    model = randomized(build(description, shape, 0))

    _, gradients = trainer(model, IDS)()

    forward = gradients[2] != 0
    backward = gradients[5] != 0
    assert forward.shape == backward.shape == (UNITS, 3 * UNITS)
    assert np.mean(forward) == by_chance
    assert np.mean(backward) == by_chance
    assert np.mean(forward == backward) == by_chance


def test_an_embedding_drops_words_wherever_they_are():
    rate = 0.9
    step = trainer(embedding(rate), IDS)

    outputs, gradients = step()

    scaled = np.float32(1 / (1 - rate))
    words = np.unique(IDS)
    value_of = np.zeros(WORDS, np.float32)
    for word in words:
        (value_of[word],) = set(outputs[word == IDS].flat)
    assert set(value_of) == {0, scaled}, "the rest is scaled"
    is_kept = value_of[words] == scaled
    assert np.mean(is_kept) == pytest.approx(1 - rate, abs=0.1)
    counts = np.bincount(IDS.flat, minlength=WORDS)
    slopes = 2 * scaled * value_of * counts
    (gradient,) = gradients
    for gradient_of_feature in gradient.T:
        assert_allclose(gradient_of_feature, slopes, rtol=1e-5)


def test_an_embedding_drops_the_same_by_its_seed():
    outputs, _ = trainer(embedding(0.9), IDS)()

    again, _ = trainer(embedding(0.9), IDS)()

    assert_array_equal(again, outputs)


def test_each_step_of_an_embedding_drops_others():
    step = trainer(embedding(0.9), IDS)

    first, _ = step()
    second, _ = step()

    assert np.any(first != second)
