"""Products of matrices, blocked so that sums stay in registers; ``docs/native.md`` draws a tile.

A tile of the result, some rows by some vectors, is summed up in registers. For each element of the
inner dimension, one vector of each of its columns is loaded, and one float of each of its rows is
spread over a vector.
"""

from collections.abc import Sequence

from rnnbench.training.engines.native.assembler import Assembler, Floats, Index, View

Sums = list[list[Floats]]
"""The sums of a tile, by row and vector."""


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


def zeros(asm: Assembler, rows: int, vectors: int) -> Sums:
    """Return sums of nothing."""
    return [[asm.vector_of(0.0)] * vectors for _ in range(rows)]


def sum_up(asm: Assembler, sums: Sums, a: View, b: View) -> Sums:
    """Return ``sums[i][v] + Σ_k a[i, k] * b[k, v]``, where ``v`` is a vector of columns."""
    vectors = len(sums[0])

    def add(k: Index, *flat: Floats) -> Sequence[Floats]:
        row = asm.move(b.place, (k, b.strides[0]))
        columns = [asm.load(asm.move(row, (v, asm.lanes))) for v in range(vectors)]
        result: list[Floats] = []
        for i in range(len(sums)):
            single = asm.load_one(asm.move(a.place, (k, a.strides[1]), (i, a.strides[0])))
            spread = asm.spread(single)
            result += [flat[i * vectors + v] + spread * columns[v] for v in range(vectors)]
        return result

    flat = asm.loop(a.shape[1], add, [each for row in sums for each in row])
    return [flat[i * vectors : (i + 1) * vectors] for i in range(len(sums))]


def product(asm: Assembler, out: View, a: View, b: View, *, adds: bool = False) -> None:
    """Write ``a b``, or add it to ``out``; the last vector of a row may go past the columns."""
    if (out.shape, a.shape[1]) != ((a.shape[0], b.shape[1]), b.shape[0]):
        raise ValueError(f"no product of {a.shape} and {b.shape} is {out.shape}")
    rows, columns = out.shape

    def block(first: Index, vectors: int) -> None:
        right = asm.columns(b, asm.times(first, asm.lanes), vectors * asm.lanes)

        def tile(row: Index, height: int) -> None:
            corner = asm.move(out.place, (row, out.strides[0]), (first, asm.lanes))
            places = [
                [asm.move(corner, (i, out.strides[0]), (v, asm.lanes)) for v in range(vectors)]
                for i in range(height)
            ]
            sums = zeros(asm, height, vectors)
            if adds:
                sums = [[asm.load(place) for place in line] for line in places]
            sums = sum_up(asm, sums, asm.rows(a, row, height), right)
            for line, results in zip(places, sums, strict=True):
                for place, result in zip(line, results, strict=True):
                    asm.store(place, result)

        asm.tiles(rows, rows_of_tile(rows, vectors, asm.registers), tile)

    asm.tiles(-(-columns // asm.lanes), vectors_of_tile(asm.registers), block)


def transpose(asm: Assembler, out: View, source: View) -> None:
    """Write the transposed ``source``."""

    def row(i: Index) -> None:
        def element(j: Index) -> None:
            place = asm.move(source.place, (i, source.strides[0]), (j, source.strides[1]))
            target = asm.move(out.place, (j, out.strides[0]), (i, out.strides[1]))
            asm.store(target, asm.load_one(place))

        asm.loop(source.shape[1], element)

    asm.loop(source.shape[0], row)
