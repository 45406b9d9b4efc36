"""Products of matrices, blocked so that sums stay in registers; ``docs/native.md`` draws a tile.

A tile of the result, some rows by some vectors, is summed up in registers. For each element of the
inner dimension, one vector of each of its columns is loaded, and one float of each of its rows is
spread over a vector.
"""

from rnnbench.training.engines.native.assembler import F32, Assembler, Value, View
from rnnbench.training.engines.native.layout import Array

Sums = list[Value]
"""The sums of a tile: all vectors of its first row, of the next, and so on."""


def rows_of_tile(rows: int, vectors: int, registers: int) -> int:
    """Return how many rows of how many vectors fit into the registers, in tiles of about one size.

    A tile needs a register for each sum, one for each vector that is loaded, and one more.
    """
    most = max((registers - 1 - vectors) // vectors, 1)
    tiles = -(-rows // most)
    return -(-rows // tiles)


def vectors_of_tile(registers: int) -> int:
    """Return how many vectors stand side by side in a tile, at most."""
    return 4 if registers >= 32 else 2


def sum_up(asm: Assembler, sums: Sums, a: View, b: View) -> Sums:
    """Return ``sums[i, v] + Σ_k a[i, k] * b[k, v]``, where ``v`` is a vector of columns."""
    sums, vectors = list(sums), len(sums) // a.shape[0]
    for k in asm.loop(a.shape[1], sums):
        row = b[k]
        columns = [row[v * asm.lanes].load() for v in range(vectors)]
        for i in range(a.shape[0]):
            spread = asm.spread(a[i, k].load(F32))
            for v, column in enumerate(columns):
                sums[i * vectors + v] += spread * column
    return sums


def product(asm: Assembler, out: View, a: View, b: View, *, adds: bool = False) -> None:
    """Write ``a b``, or add it to ``out``; the last vector of a row may go past the columns."""
    if (out.shape, a.shape[1]) != ((a.shape[0], b.shape[1]), b.shape[0]):
        raise ValueError(f"no product of {a.shape} and {b.shape} is {out.shape}")
    (rows, columns), lanes, registers = out.shape, asm.lanes, asm.processor.registers
    for first, vectors in asm.tiles(-(-columns // lanes), vectors_of_tile(registers)):
        right = b.columns(first * lanes, vectors * lanes)
        for row, height in asm.tiles(rows, rows_of_tile(rows, vectors, registers)):
            tile = out.rows(row, height).columns(first * lanes, vectors * lanes)
            places = [tile[i, v * lanes] for i in range(height) for v in range(vectors)]
            sums = [each.load() if adds else asm.vector_of(0.0) for each in places]
            sums = sum_up(asm, sums, a.rows(row, height), right)
            for place, each in zip(places, sums, strict=True):
                place.store(each)


def clear(asm: Assembler, array: Array) -> None:
    """Fill an array with zeros."""
    for i in asm.loop(array.size, step=asm.lanes):
        asm.at(array.flat, i).store(asm.vector_of(0.0))


def transpose(asm: Assembler, out: View, source: View) -> None:
    """Write the transposed ``source``."""
    rows, columns = source.shape
    for i in asm.loop(rows):
        for j in asm.loop(columns):
            out[j, i].store(source[i, j].load(F32))
