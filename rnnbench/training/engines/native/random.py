"""Random numbers: of dropout in machine code, and of initial weights in NumPy.

All come from Philox, a function of a key and a counter: J. Salmon et al.: Parallel
Random Numbers: As Easy as 1, 2, 3 (SC 2011). So a number depends on nothing but its
purpose. The initial weights are Keras's::

    glorot_uniform((100, 50), seed=3)  # as ``keras.initializers.GlorotUniform(3)``
"""

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from .assembler import I32, I64, Floats, Index, Value, View, ceil_div

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)  # added to the key after each round
ROUNDS = 10
# With these, TensorFlow makes a key and a counter of a seed.
SCRAMBLE = (0x3EC8F720, 0x02461E29)
SEEDS = 2**31 - 2  # Keras takes seeds modulo this
# Counters whose numbers are made together; more would not fit into the cache.
BLOCK = 2**14
QUARTER = 16
"""Philox gives four numbers at once. The features of a vector are cut into four
quarters, whose lengths are a multiple of this, so that the numbers do not depend on the
lanes of a processor."""
LEAST = np.float32(1e-7)  # the least number whose logarithm is taken

Words = NDArray[np.uint32]
Word = TypeVar("Word", Words, Value)


def philox(
    counter: Sequence[Word],
    key: Sequence[Word],
    times: Callable[[Word, int], Sequence[Word]],
) -> list[Word]:
    """Return four random words of 32 bits for a counter of four words and a key of two.

    Each word is an array, or a vector in machine code; ``times`` multiplies it by a
    number and gives the high word of the product, then the low one.
    """
    x0, x1, x2, x3 = counter
    key_0, key_1 = key
    for _ in range(ROUNDS):
        high_0, low_0 = times(x0, MULTIPLIERS[0])
        high_2, low_2 = times(x2, MULTIPLIERS[1])
        x0 = high_2 ^ x1 ^ key_0
        x1 = low_2
        x2 = high_0 ^ x3 ^ key_1
        x3 = low_0
        key_0 = key_0 + WEYL[0]
        key_1 = key_1 + WEYL[1]
    return [x0, x1, x2, x3]


def times(words: Words, factor: int) -> tuple[Words, Words]:
    """Return the high and the low words of products, for ``philox``."""
    both = words.astype(np.uint64) * np.uint64(factor)
    return (both >> np.uint64(32)).astype(np.uint32), both.astype(np.uint32)


def uniform(count: int, seed: int) -> Floats:
    """Return numbers from 0 to 1: ``tf.random.stateless_uniform`` of ``[seed, 0]``."""
    numbers = [seed % SEEDS, 0, *SCRAMBLE]
    first, zero, *scramble = np.array(numbers, np.uint32)[:, np.newaxis]
    *key, third, fourth = philox([first, zero, zero, zero], scramble, times)
    words = np.empty((ceil_div(count, 4), 4), np.uint32)
    for start in range(0, len(words), BLOCK):
        block = words[start : start + BLOCK]
        counters = np.arange(start, start + len(block), dtype=np.uint32)
        block[:] = np.transpose(philox([counters, zero, third, fourth], key, times))
    digits = words.ravel()[:count] & np.uint32(0x7FFFFF)
    bits = digits | np.uint32(127 << 23)  # of a number from 1 to 2
    return bits.view(np.float32) - np.float32(1)


def normal(count: int, seed: int) -> NDArray[np.float64]:
    """Return ``tf.random.stateless_normal`` up to rounding, by Box and Muller."""
    uniform_numbers = uniform(ceil_div(count, 4) * 4, seed)
    pairs = uniform_numbers.reshape(-1, 2).astype(np.float64)
    radius = np.sqrt(-2 * np.log(np.maximum(pairs[:, 0], LEAST)))
    angle = 2 * math.pi * pairs[:, 1]
    points = np.stack([np.sin(angle) * radius, np.cos(angle) * radius], axis=1)
    return points.ravel()[:count]


def random_uniform(shape: tuple[int, ...], seed: int, limit: float = 0.05) -> Floats:
    """Return the weights of ``keras.initializers.RandomUniform``, bit for bit."""
    low = np.float32(-limit)
    high = np.float32(limit)
    return (uniform(math.prod(shape), seed) * (high - low) + low).reshape(shape)


def glorot_uniform(shape: tuple[int, ...], seed: int) -> Floats:
    """Return the weights of ``keras.initializers.GlorotUniform``, bit for bit."""
    fans = sum(shape[-2:]) * math.prod(shape[:-2])
    return random_uniform(shape, seed, math.sqrt(3.0 / max(1.0, fans / 2)))


def orthogonal(shape: tuple[int, ...], seed: int) -> Floats:
    """Return the weights of ``keras.initializers.Orthogonal``, up to rounding."""
    rows = max(shape)
    columns = min(shape)
    q, r = np.linalg.qr(normal(rows * columns, seed).reshape(rows, columns))
    q *= np.sign(np.diag(r))
    if shape[0] < shape[1]:
        q = q.T
    return np.ascontiguousarray(q, np.float32)


def quarter(features: int) -> int:
    """Return the length of a quarter of the features."""
    return ceil_div(features, 4 * QUARTER) * QUARTER


def make_mask(
    key: View, place: Sequence[Index], rate: float, mask: View, features: int
) -> None:
    """Write a mask of dropout: 0, or ``1 / (1 - rate)`` for what is kept.

    The place is the step of the optimizer, a document or row of weights, and a step in
    time. The mask has room for four quarters of the features.
    """
    asm = mask.asm
    build = asm.builder
    short = ir.VectorType(I32, asm.lanes)
    wide = ir.VectorType(I64, asm.lanes)
    limit = ir.Constant(short, min(round(rate * 2**32), 2**32 - 1))
    kept = asm.vector_of(1 / (1 - rate))
    dropped = asm.zero

    def spread(number: Index) -> Value:
        return asm.spread(Value(build, build.trunc(asm.number(number).raw, I32)))

    def times(x: Value, factor: int) -> list[Value]:
        product = build.mul(build.zext(x.raw, wide), ir.Constant(wide, factor))
        high = build.lshr(product, ir.Constant(wide, 32))
        return [Value(build, build.trunc(half, short)) for half in (high, product)]

    keys = [spread(key[n].load_index()) for n in range(2)]
    others = [spread(number) for number in place]
    length = quarter(features)
    for column in asm.loop(length, step=asm.lanes):
        first = spread(column)
        counter = [first + first.lift(list(range(asm.lanes))), *others]
        for n, bits in enumerate(philox(counter, keys, times)):
            is_kept = Value(build, build.icmp_unsigned(">=", bits.raw, limit))
            mask[column + n * length].store(is_kept.select(kept, dropped))
