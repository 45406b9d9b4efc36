"""Machine code that compares each address in the arena with the bounds of its array.

It counts the accesses that are out of bounds, and carries them out at the start of the
array.
"""

import ctypes
from dataclasses import dataclass, replace
from typing import Any

from llvmlite import ir

from rnnbench.training.engines.native.assembler import F32, I64, Assembler, View
from rnnbench.training.engines.native.program import Program


@dataclass(frozen=True)
class CheckedView(View):
    """A view that remembers the start and the end of its array."""

    bounds: tuple[Any, Any]

    def moved(self, floats):
        offset = self.asm.number(floats).raw
        gep = self.asm.builder.gep(
            self.pointer, [offset], inbounds=False, source_etype=F32
        )
        return replace(self, pointer=gep)

    def load(self, kind=None):
        return super(CheckedView, self.inside(kind or self.asm.vector)).load(kind)

    def store(self, floats, count=None):
        if count in (None, self.asm.lanes):
            super(CheckedView, self.inside(floats.raw.type)).store(floats)
        else:
            super().store(floats, count)

    def inside(self, kind):
        """Return the view, or the start of its array if it is found to be outside."""
        build = self.asm.builder
        start, end = self.bounds
        after = self.moved(getattr(kind, "count", 1)).pointer
        begins = build.icmp_unsigned(
            "<=", self.number(start), self.number(self.pointer)
        )
        ends = build.icmp_unsigned("<=", self.number(after), self.number(end))
        is_inside = build.and_(begins, ends)
        fault = build.zext(build.not_(is_inside), I64)
        count = self.asm.module.globals["faults"]
        build.store(build.add(build.load(count), fault), count)
        return replace(self, pointer=build.select(is_inside, self.pointer, start))

    def number(self, address):
        return self.asm.builder.ptrtoint(address, I64)


class Checked(Assembler):
    """Makes code that checks its addresses, and is slow."""

    def __init__(self, processor):
        super().__init__(processor)
        ir.GlobalVariable(self.module, I64, "faults").initializer = ir.Constant(I64, 0)

    def at(self, array):
        start = super().at(array)
        return CheckedView(
            **vars(start), bounds=(start.pointer, start.moved(array.size).pointer)
        )


class CheckedProgram(Program):
    assembler = Checked


def faults(code):
    """Return the number of accesses out of bounds so far."""
    address = code._engine.get_global_value_address("faults")
    return ctypes.c_int64.from_address(address).value
