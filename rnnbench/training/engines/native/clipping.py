"""Gradients that are clipped: scaled down to a norm, over all weights together, as Keras does."""

from collections.abc import Iterable
from dataclasses import replace
from functools import reduce
from operator import add

from rnnbench.training.engines.native.adam import WordTable, gradients_at
from rnnbench.training.engines.native.assembler import Assembler, where
from rnnbench.training.engines.native.group import Group
from rnnbench.training.engines.native.memory import OTHER, Trained
from rnnbench.training.engines.native.stage import filled


def measure(
    asm: Assembler, group: Group, trained: Iterable[Trained], tables: Iterable[WordTable]
) -> None:
    """Add up the squares of gradients: half 0 of those that every batch has, and each half of those
    in its columns of tables. Whole vectors are written, so beside weights there may be anything.
    """
    squares = asm.at(group.squares)
    squares.store(asm.vector_of(0.0))
    with asm.when(asm.get(group.half).equals(0)):
        for own in trained:
            total = [squares.load()]
            for i in asm.loop(own.value.size, total, step=asm.lanes):
                gradient = reduce(add, [place.load() for place in gradients_at(asm, own, i)])
                gradient = where(asm.at(own.is_weight.flat, i).load() > 0, gradient, 0.0)
                total[0] += gradient * gradient
            squares.store(total[0])
    for table in tables:
        for column, width in table.own_columns(asm, asm.lanes):
            total = [asm.vector_of(0.0)]
            for i in asm.loop(asm.get(table.count), total):
                gradient = asm.at(table.trained.gradient, i, column).load()
                total[0] += gradient * gradient
            squares.store(squares.load() + filled(asm, total, width)[0])


def decide(asm: Assembler, group: Group, most: float) -> None:
    """Find the factor, by what both halves counted."""
    both = group.squares, replace(group.squares, block=OTHER)
    total = asm.total([asm.at(half).load() for half in both])
    norm = asm.root(asm.spread(total))
    factor = where(norm > most, most / norm, 1.0) + (norm - norm)  # NaN stays visible
    asm.at(group.factor).store(factor)
