"""Random numbers: those of dropout in machine code, and Keras's for the initial weights
in NumPy.

All come from Philox, a function of a key and a counter: J. Salmon et al.: Parallel
Random Numbers: As Easy as 1, 2, 3 (SC 2011). So a number depends on nothing but what it
is for.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from .assembler import I32, I64, Index, Value, View

MULTIPLIERS = 0xD2511F53, 0xCD9E8D57
WEYL = 0x9E3779B9, 0xBB67AE85  # added to the key after each round
ROUNDS = 10
SCRAMBLE = (
    [0x3EC8F720],
    [0x02461E29],
)  # with which TensorFlow makes a key and a counter of a seed
SEEDS = 2**31 - 2  # Keras takes seeds modulo this
BLOCK = (
    2**14
)  # counters whose numbers are made together; more would not fit into the cache
QUARTER = 16
"""Philox gives four numbers at once. The features of a vector are cut into four
quarters, whose lengths are a multiple of this, so that the numbers do not depend on the
lanes of a processor."""
LEAST = np.float32(1e-7)  # the least number whose logarithm is taken


def philox(
    counter: Sequence[Any], key: Sequence[Any], times: Callable[..., Any]
) -> list[Any]:
    """Return four random words of 32 bits for a counter of four words and a key of two.

    Each word is an array, or a vector in machine code; ``times`` multiplies it by a
    number and gives the high word of the product, then the low one.
    """
    x0, x1, x2, x3 = counter
    for _ in range(ROUNDS):
        (high_0, low_0), (high_2, low_2) = (
            times(x0, MULTIPLIERS[0]),
            times(x2, MULTIPLIERS[1]),
        )
        x0, x1, x2, x3 = high_2 ^ x1 ^ key[0], low_2, high_0 ^ x3 ^ key[1], low_0
        key = [word + step for word, step in zip(key, WEYL, strict=True)]
    return [x0, x1, x2, x3]


def times(words: NDArray[np.uint32], factor: int) -> tuple[NDArray[np.uint32], ...]:
    """Return the high and the low words of products, for ``philox``."""
    both = words.astype(np.uint64) * np.uint64(factor)
    return (both >> np.uint64(32)).astype(np.uint32), both.astype(np.uint32)


def uniform(count: int, seed: int) -> NDArray[np.float32]:
    """Return uniform numbers from 0 to 1, as ``tf.random.stateless_uniform`` of
    ``[seed, 0]``.
    """
    first, zero, *scramble = np.array([[seed % SEEDS], [0], *SCRAMBLE], np.uint32)
    *key, third, fourth = philox([first, zero, zero, zero], scramble, times)
    words = np.empty((-(-count // 4), 4), np.uint32)
    for start in range(0, len(words), BLOCK):
        block = words[start : start + BLOCK]
        numbers = np.arange(start, start + len(block), dtype=np.uint32)
        block[:] = np.transpose(philox([numbers, zero, third, fourth], key, times))
    bits = (words.ravel()[:count] & np.uint32(0x7FFFFF)) | np.uint32(127 << 23)
    return bits.view(np.float32) - np.float32(1)


def normal(count: int, seed: int) -> NDArray[np.float64]:
    """Return the numbers of ``tf.random.stateless_normal`` up to rounding, by Box and
    Muller.
    """
    pairs = uniform(-(-count // 4) * 4, seed).reshape(-1, 2).astype(np.float64)
    radius = np.sqrt(-2 * np.log(np.maximum(pairs[:, 0], LEAST)))
    angle = 2 * math.pi * pairs[:, 1]
    return np.stack([np.sin(angle) * radius, np.cos(angle) * radius], axis=1).ravel()[
        :count
    ]


def random_uniform(
    shape: tuple[int, ...], seed: int, limit: float = 0.05
) -> NDArray[np.float32]:
    """Return weights as ``keras.initializers.RandomUniform`` makes them, bit for
    bit.
    """
    low, high = np.float32(-limit), np.float32(limit)
    return (uniform(math.prod(shape), seed) * (high - low) + low).reshape(shape)


def glorot_uniform(shape: tuple[int, ...], seed: int) -> NDArray[np.float32]:
    """Return weights as ``keras.initializers.GlorotUniform`` makes them, bit for
    bit.
    """
    fans = sum(shape[-2:]) * math.prod(shape[:-2])
    return random_uniform(shape, seed, math.sqrt(3.0 / max(1.0, fans / 2)))


def orthogonal(shape: tuple[int, int], seed: int) -> NDArray[np.float32]:
    """Return weights as ``keras.initializers.Orthogonal`` makes them, up to
    rounding.
    """
    rows, columns = max(shape), min(shape)
    q, r = np.linalg.qr(normal(rows * columns, seed).reshape(rows, columns))
    q *= np.sign(np.diag(r))
    return np.ascontiguousarray(q.T if shape[0] < shape[1] else q, np.float32)


def quarter(features: int) -> int:
    """Return the length of a quarter of the features."""
    return -(-features // (4 * QUARTER)) * QUARTER


def make_mask(
    key: View, place: Sequence[Index], rate: float, mask: View, features: int
) -> None:
    """Write a mask of dropout: 0 with the probability ``rate``, and otherwise ``1 / (1
    - rate)``.

    The place is the step of the optimizer, a document or row of weights, and a step in
    time. The mask has room for four quarters of the features.
    """
    length, asm, build = quarter(features), mask.asm, mask.asm.builder
    words, wide = (ir.VectorType(kind, asm.lanes) for kind in (I32, I64))
    limit = ir.Constant(words, min(round(rate * 2**32), 2**32 - 1))
    kept, dropped = asm.vector_of(1 / (1 - rate)), asm.vector_of(0.0)

    def spread(number: Index) -> Value:
        return asm.spread(Value(build, build.trunc(asm.number(number).raw, I32)))

    def times(x: Value, factor: int) -> list[Value]:
        both = build.mul(build.zext(x.raw, wide), ir.Constant(wide, factor))
        high = build.lshr(both, ir.Constant(wide, 32))
        return [Value(build, build.trunc(half, words)) for half in (high, both)]

    keys, others = (
        [spread(key[n].load_index()) for n in range(2)],
        list(map(spread, place)),
    )
    for column in asm.loop(length, step=asm.lanes):
        first = spread(column)
        counter = [first + first.lift([*range(asm.lanes)]), *others]
        for n, bits in enumerate(philox(counter, keys, times)):
            is_kept = Value(build, build.icmp_unsigned(">=", bits.raw, limit))
            mask[column + n * length].store(is_kept.select(kept, dropped))
