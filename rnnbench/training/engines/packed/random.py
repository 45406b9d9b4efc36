"""Random numbers: those of dropout in machine code, and Keras's for the initial weights in NumPy.

All come from Philox, a function of a key and a counter: J. Salmon et al.: Parallel Random Numbers:
As Easy as 1, 2, 3 (SC 2011). So a number depends on nothing but what it is for.
"""

import math

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from rnnbench.training.engines.packed.assembler import I32, I64, Assembler, Value, View

MULTIPLIERS = np.array([0xD2511F53, 0xCD9E8D57], np.uint64)
WEYL = np.array([0x9E3779B9, 0xBB67AE85], np.uint64)
"""Added to the key after each round."""
ROUNDS = 10
LOW = np.uint64(0xFFFFFFFF)
SCRAMBLE = (0x3EC8F720, 0x02461E29)
"""The key with which TensorFlow makes a key and a counter of a seed."""
SEEDS = 2**31 - 2
"""Keras takes seeds modulo this."""
QUARTER = 16
"""Philox gives four numbers at once. The features of a vector are cut into four quarters, whose lengths
are a multiple of this, so that the numbers do not depend on the lanes of a processor."""
LEAST = np.float32(1e-7)
"""Of a uniform number of which the logarithm is taken."""


def philox(counters: NDArray[np.uint64], key: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return four random words of 32 bits for each counter, which has four words, too."""
    x0, x1, x2, x3 = counters.T.copy()
    for _ in range(ROUNDS):
        one, two = x0 * MULTIPLIERS[0], x2 * MULTIPLIERS[1]
        x0, x1 = (two >> np.uint64(32)) ^ x1 ^ key[0], two & LOW
        x2, x3 = (one >> np.uint64(32)) ^ x3 ^ key[1], one & LOW
        key = (key + WEYL) & LOW
    return np.stack([x0, x1, x2, x3], axis=1)


def uniform(count: int, seed: int) -> NDArray[np.float32]:
    """Return uniform numbers from 0 to 1, as ``tf.random.stateless_uniform`` of ``[seed, 0]``."""
    seed %= SEEDS
    scrambled = philox(np.array([[seed, 0, 0, 0]], np.uint64), np.array(SCRAMBLE, np.uint64))[0]
    counters = np.zeros((-(-count // 4), 4), np.uint64)
    counters[:, 0] = np.arange(len(counters))
    counters[:, 2:] = scrambled[2:]
    words = philox(counters, scrambled[:2]).ravel()[:count].astype(np.uint32)
    return ((words & np.uint32(0x7FFFFF)) | np.uint32(127 << 23)).view(np.float32) - np.float32(1)


def normal(count: int, seed: int) -> NDArray[np.float64]:
    """Return the numbers of ``tf.random.stateless_normal`` up to rounding, by Box and Muller."""
    pairs = uniform(-(-count // 4) * 4, seed).reshape(-1, 2).astype(np.float64)
    radius = np.sqrt(-2 * np.log(np.maximum(pairs[:, 0], LEAST)))
    angle = 2 * math.pi * pairs[:, 1]
    both = np.stack([np.sin(angle) * radius, np.cos(angle) * radius], axis=1)
    return both.ravel()[:count]


def glorot_uniform(shape: tuple[int, int], seed: int) -> NDArray[np.float32]:
    """Return weights as ``keras.initializers.GlorotUniform`` makes them, bit for bit."""
    limit = math.sqrt(3.0 / max(1.0, sum(shape) / 2))
    low, high = np.float32(-limit), np.float32(limit)
    return (uniform(math.prod(shape), seed) * (high - low) + low).reshape(shape)


def orthogonal(shape: tuple[int, int], seed: int) -> NDArray[np.float32]:
    """Return weights as ``keras.initializers.Orthogonal`` makes them, up to rounding."""
    rows, columns = max(shape), min(shape)
    q, r = np.linalg.qr(normal(rows * columns, seed).reshape(rows, columns))
    q *= np.sign(np.diag(r))
    return np.ascontiguousarray(q.T if shape[0] < shape[1] else q, np.float32)


def quarter(features: int) -> int:
    """Return the length of a quarter of the features."""
    return -(-features // (4 * QUARTER)) * QUARTER


def keep(asm: Assembler, key: View, place: tuple[Value, ...], rate: float, mask: View, features: int) -> None:
    """Write a mask of dropout for a vector: 0 for a share of about ``rate``, else ``1 / (1 - rate)``.

    The ``place`` is three numbers: the step of the optimizer, a document, and a step in time. The mask has
    room for four quarters of the features.
    """
    length, build = quarter(features), asm.builder
    words = ir.VectorType(I32, asm.lanes)
    limit = ir.Constant(words, [min(round(rate * 2**32), 2**32 - 1)] * asm.lanes)
    kept, dropped = asm.vector_of(1 / (1 - rate)), asm.vector_of(0.0)

    def spread(number: Value) -> ir.Value:
        first = build.insert_element(
            ir.Constant(words, ir.Undefined), build.trunc(number.raw, I32), ir.Constant(I32, 0)
        )
        zeros = ir.Constant(words, [0] * asm.lanes)
        return build.shuffle_vector(first, first, zeros)

    keys = [spread(key.load_index()), spread(key.moved(1).load_index())]
    others = list(map(spread, place))
    lanes = ir.Constant(words, list(range(asm.lanes)))
    for column in asm.loop(length, step=asm.lanes):
        counter = [build.add(spread(column), lanes), *others]
        for n, bits in enumerate(philox_code(asm, counter, keys)):
            is_kept = Value(build, build.icmp_unsigned(">=", bits, limit))
            chosen = Value(build, build.select(is_kept.raw, kept.raw, dropped.raw))
            mask.moved(column + n * length).store(chosen)


def philox_code(asm: Assembler, counter: list[ir.Value], key: list[ir.Value]) -> list[ir.Value]:
    """Return four vectors of random words of 32 bits for the vectors of a counter; see ``philox``."""
    build, words = asm.builder, counter[0].type
    wide = ir.VectorType(I64, words.count)

    def constant(kind: ir.Type, number: int) -> ir.Value:
        return ir.Constant(kind, [number] * words.count)

    def times(x: ir.Value, factor: int) -> tuple[ir.Value, ir.Value]:
        both = build.mul(build.zext(x, wide), constant(wide, factor))
        return build.trunc(build.lshr(both, constant(wide, 32)), words), build.trunc(both, words)

    x0, x1, x2, x3 = counter
    for _ in range(ROUNDS):
        (high0, low0), (high1, low1) = times(x0, int(MULTIPLIERS[0])), times(x2, int(MULTIPLIERS[1]))
        x0, x1 = build.xor(build.xor(high1, x1), key[0]), low1
        x2, x3 = build.xor(build.xor(high0, x3), key[1]), low0
        key = [build.add(one, constant(words, int(bump))) for one, bump in zip(key, WEYL, strict=True)]
    return [x0, x1, x2, x3]
