"""The layers of exported networks: ``x, mask = dense(x, mask, w, relu)``.

A Python file gets the source of those that its model needs. For ONNX, they are called
with inputs that record what is computed, so they use NumPy alone, and never depend on
the number of texts. The mask says which steps count, ``(texts, steps)``; ``w`` are the
weights in the order of Keras.
"""

import numpy as np


def numbers(ids, mask, w, scale):
    """Return word ids as numbers."""
    return ids[:, :, None].astype(np.float32) * scale, np.greater(ids, -1)


def rows_of(vectors, numbers):
    """Return the vectors with these numbers."""
    return np.take(vectors, numbers, axis=0)


def embedding(ids, mask, w, masking):
    """Return the vectors of words."""
    return rows_of(w[0], ids), (ids > 0) | (not masking)


def ngram_embedding(ids, mask, w, n, buckets):
    """Return the vectors of words, then of n-grams, which share some by a hash."""
    rows = [ids]
    hashes = ids
    for shift in range(1, n):
        hashes = (hashes[:, :-1] * 116049371 + ids[:, shift:]) % buckets
        is_ngram = (rows[-1][:, :-1] > 0) & (ids[:, shift:] > 0)
        rows.append(np.where(is_ngram, len(w[0]) - buckets + hashes, 0))
    return embedding(np.concatenate(rows, axis=1), mask, w, True)


def bag_of_words(ids, mask, w, values):
    """Return weighted counts of all words, divided by their norm."""
    counts = np.apply_along_axis(np.bincount, 1, ids, None, len(w[0]))
    weighted = counts.astype(np.float32) * w[0]
    power = {"shares": 1, "tfidf": 2}[values]
    size = np.sum(np.abs(weighted) ** power, axis=1, keepdims=True) ** (1 / power)
    return weighted / np.maximum(size, 1e-9), mask


def positions(x, mask, w):
    """Add the vectors of the positions among the steps that count."""
    return x + rows_of(w[0], np.maximum(np.cumsum(mask, axis=1) - 1, 0)), mask


def conv1d(x, mask, w, padding, activation):
    """Return a convolution; steps that do not count are zeros."""
    more = len(w[0]) - 1
    half = more // 2
    filled = {"same": (half, more - half), "causal": (more, 0), "valid": (0, 0)}
    x = np.pad(x * mask[:, :, None], ((0, 0), filled[padding], (0, 0)))
    steps = x.shape[1] - more
    total = w[1]
    for shift, kernel in enumerate(w[0]):
        total = total + x[:, shift : shift + steps] @ kernel
    return activation(total), mask[:, :steps]


def layer_norm(x, mask, w, epsilon):
    """Return vectors with mean 0 and variance 1, scaled as learned."""
    centred = x - np.mean(x, axis=-1, keepdims=True)
    variance = np.mean(centred**2, axis=-1, keepdims=True)
    return centred / np.sqrt(variance + epsilon) * w[0] + w[1], mask


def attention(x, mask, w):
    """Return what each step reads of all steps; kernels have an axis of heads."""
    heads = []
    for place in (0, 2, 4):
        heads.append(np.einsum("ntf,fhs->nths", x, w[place]) + w[place + 1])
    query, key, value = heads
    match = np.einsum("nths,nuhs->nhtu", query, key) * w[0].shape[2] ** -0.5
    shares = softmax(np.where(mask[:, None, None, :], match, -1e9))
    read = np.einsum("nhtu,nuhs->nths", shares, value)
    return np.einsum("nths,hsf->ntf", read, w[6]) + w[7]


def transformer_encoder(x, mask, w):
    """Add what each step reads of others, then what two dense layers give."""
    y, _ = layer_norm(x, mask, w[8:10], 1e-3)
    x = x + attention(y, mask, w[:8])
    y, _ = layer_norm(x, mask, w[10:12], 1e-3)
    y, _ = dense(y, mask, w[12:14], relu)
    return x + y @ w[14] + w[15], mask


def max_of(x, mask, w):
    """Return the largest values of the steps that count."""
    largest = np.max(np.where(mask[:, :, None], x, -1e9), axis=1)
    return np.where(np.sum(mask, axis=1, keepdims=True) > 0, largest, 0)


def mean_of(x, mask, w):
    """Return the means of the steps that count."""
    weights = mask[:, :, None].astype(np.float32)
    return np.sum(x * weights, axis=1) / np.maximum(np.sum(weights, axis=1), 1)


def last_of(x, mask, w):
    """Return the last step that counts."""
    n_steps = np.sum(mask, axis=1, keepdims=True)
    is_last = mask & (np.cumsum(mask, axis=1) == n_steps)
    return np.sum(x * is_last[:, :, None], axis=1)


def attention_of(x, mask, w):
    """Return a mean with learned weights."""
    scores = np.tanh(x @ w[0] + w[1]) @ w[2]
    shares = softmax(np.where(mask[:, :, None], scores, -1e9), axis=1)
    return np.sum(shares * mask[:, :, None] * x, axis=1)


def pooling(x, mask, w, by, chunks):
    """Return the vectors of equal parts of each text, joined."""
    number = np.cumsum(mask, axis=1)
    chunk = (number - 1) * chunks // np.maximum(number[:, -1:], 1)
    vectors = []
    for place in range(chunks):
        vectors.append(by(x, mask & (chunk == place), w))
    return np.concatenate(vectors, axis=1), mask


def dense(x, mask, w, activation):
    """Return a function of weighted sums of all features."""
    return activation(x @ w[0] + w[1]), mask


def simple_rnn(x, state, w, f):
    """Return the next state of a vanilla recurrent layer."""
    h, c = state
    return f(x @ w[0] + h @ w[1] + w[2]), c


def gru(x, state, w, f, g):
    """Return the next state: z keeps the last one, r resets it."""
    h, c = state
    xz, xr, xh = np.split(x @ w[0] + w[2][0], 3, axis=1)
    hz, hr, hh = np.split(h @ w[1] + w[2][1], 3, axis=1)
    z = g(xz + hz)
    return z * h + (1 - z) * f(xh + g(xr + hr) * hh), c


def gru_reset_before(x, state, w, f, g):
    """Return the next state, whose new part reads what r left of the last one."""
    h, c = state
    xz, xr, xh = np.split(x @ w[0] + w[2], 3, axis=1)
    uz, ur, uh = np.split(w[1], 3, axis=1)
    z = g(xz + h @ uz)
    return z * h + (1 - z) * f(xh + (g(xr + h @ ur) * h) @ uh), c


def min_gru(x, state, w, f):
    """Return the next state: z lets the new part in."""
    h, c = state
    gate, new = np.split(x @ w[0] + w[2], 2, axis=1)
    z = sigmoid(gate)
    return (1 - z) * h + z * f(new), c


def lstm(x, state, w, f, g):
    """Return the next states: i lets in, k keeps, o lets out."""
    h, c = state
    i, k, new, o = np.split(x @ w[0] + h @ w[1] + w[2], 4, axis=1)
    c = g(k) * c + g(i) * f(new)
    return g(o) * f(c), c


def recurrent(x, mask, w, cell, direction):
    """Return the state after each step; those that do not count change nothing."""
    next_of, *functions = cell
    states = np.zeros((*mask.shape, len(w[1])), np.float32)
    h = c = states[:, 0]
    for step in range(mask.shape[1])[::direction]:
        next_h, next_c = next_of(x[:, step], (h, c), w, *functions)
        counts = mask[:, step, None]
        h = np.where(counts, next_h, h)
        c = np.where(counts, next_c, c)
        states[:, step] = h
    return states, mask


def linear(x):
    """Return the same."""
    return x


def tanh(x):
    """Return the hyperbolic tangent."""
    return np.tanh(x)


def sigmoid(x):
    """Return 1 / (1 + exp(-x)) without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * x))


def hard_sigmoid(x):
    """Return a sigmoid made of straight lines."""
    return np.minimum(np.maximum(x / 6 + 0.5, 0), 1)


def relu(x):
    """Return x, or 0 if it is negative."""
    return np.maximum(x, 0)


def leaky_relu(x):
    """Return x, or a part of it if it is negative."""
    return np.maximum(x, 0.2 * x)


def elu(x):
    """Return x, or below 0, exp(x) - 1."""
    return np.maximum(x, 0) + np.expm1(np.minimum(x, 0))


def selu(x):
    """Return the function of self-normalizing networks."""
    negative = 1.67326324 * np.expm1(np.minimum(x, 0))
    return 1.05070098 * (np.maximum(x, 0) + negative)


def silu(x):
    """Return x times its sigmoid."""
    return x * sigmoid(x)


def gelu(x):
    """Return x times the normal CDF of x (Abramowitz and Stegun, 7.1.26)."""
    size = np.abs(x) * 0.5**0.5
    t = 1 / (1 + 0.3275911 * size)
    rest = 1.421413741 + t * (-1.453152027 + t * 1.061405429)
    rest = t * (0.254829592 + t * (-0.284496736 + t * rest))
    return 0.5 * (x + np.abs(x) * (1 - rest * np.exp(-(size**2))))


def softplus(x):
    """Return log(1 + exp(x)) without overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def softsign(x):
    """Return x / (1 + |x|)."""
    return x / (1 + np.abs(x))


def softmax(x, axis=-1):
    """Return positive numbers that add up to 1."""
    x = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return x / np.sum(x, axis=axis, keepdims=True)
