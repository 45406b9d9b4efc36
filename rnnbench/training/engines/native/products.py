"""Matrix products in tiles whose sums stay in registers; ``docs/native.md`` draws a tile.

For each element of the inner dimension of a tile, one vector of each of its columns is loaded, and
one float of each of its rows is spread over a vector.
"""

from collections.abc import Sequence

from rnnbench.training.engines.native.assembler import F32, Assembler, Index, Value, View

Sums = list[Value]
"""The sums of a tile: all vectors of its first row, of the next, and so on."""


def rows_of_tile(rows: Index, vectors: int, registers: int) -> int:
    """Return how many rows of how many vectors fit into the registers, in tiles of about one size.

    A tile needs a register for each sum, one for each vector that is loaded, and one more.
    """
    most = max((registers - 1 - vectors) // vectors, 1)
    return -(-rows // -(-rows // most)) if isinstance(rows, int) else most


def vectors_of_tile(registers: int) -> int:
    """Return how many vectors stand side by side in a tile, at most."""
    return 4 if registers >= 32 else 2


def sum_up(
    asm: Assembler, sums: Sequence[Value], a: View, b: View, places: View | None = None
) -> Sums:
    """Return ``sums[i, v] + Σ_k a[i, k] * b[k, v]``, where ``v`` is a vector of columns.

    With ``places``, the row of ``b`` is ``places[k]``, not ``k``.
    """
    sums, vectors = list(sums), len(sums) // a.shape[0]
    for k in asm.loop(a.shape[1], sums):
        row = b[places[k].load_index() if places else k]
        columns = [row[v * asm.lanes].load() for v in range(vectors)]
        for i in range(a.shape[0]):
            spread = asm.spread(a[i, k].load(F32))
            for v, column in enumerate(columns):
                sums[i * vectors + v] += spread * column
    return sums


def product(
    asm: Assembler,
    out: View,
    a: View,
    b: View,
    *,
    adds: bool = False,
    inner: View | None = None,
    outer: View | None = None,
) -> None:
    """Write ``a b``, or add it to ``out``; the last vector of a row may go past the columns.

    If the code computes the number of rows, the last tile may go past them. The views ``inner`` and
    ``outer`` pick rows: ``b[inner]`` and ``out[outer]``.
    """
    (rows, _), columns = a.shape, b.shape[1]
    lanes, registers = asm.lanes, asm.processor.registers
    for first, vectors in asm.tiles(-(-columns // lanes), vectors_of_tile(registers)):
        right = b.columns(first * lanes, vectors * lanes)
        for row, height in asm.tiles(rows, rows_of_tile(rows, vectors, registers)):
            lines = [outer[row + i].load_index() if outer else row + i for i in range(height)]
            tile = [out[line, first * lanes] for line in lines]
            places = [line.moved(v * lanes) for line in tile for v in range(vectors)]
            sums = [place.load() if adds else asm.vector_of(0.0) for place in places]
            sums = sum_up(asm, sums, a.rows(row, height), right, inner)
            for place, total in zip(places, sums, strict=True):
                place.store(total)


def transpose(asm: Assembler, out: View, source: View) -> None:
    """Write the transposed ``source``."""
    rows, columns = source.shape
    for i in asm.loop(rows):
        for j in asm.loop(columns):
            out[j, i].store(source[i, j].load(F32))
