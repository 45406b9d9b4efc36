"""Machine code that compares each address in the arena with the bounds of its array.

It counts the accesses that are out of bounds, and carries them out at the start of the array.
"""

import ctypes

from llvmlite import ir

from rnnbench.training.engines.native.assembler import F32, I64, Assembler


class Checked(Assembler):
    """Makes code that checks its addresses, and is slow."""

    def __init__(self, processor):
        super().__init__(processor)
        self.faults = ir.GlobalVariable(self.module, I64, "faults")
        self.faults.initializer = ir.Constant(I64, 0)
        self.bounds = {}

    def at(self, array, *indices):
        start = super().at(array)
        self.bounds[start.pointer] = start.pointer, self._gep(start.pointer, array.size)
        return start[indices]

    def move(self, pointer, indices, strides):
        moved = super().move(pointer, indices, strides)
        if pointer in self.bounds:  # what is not in the arena has no bounds that are known here
            self.bounds[moved] = self.bounds[pointer]
        return moved

    def load(self, pointer, kind):
        return super().load(self.inside(pointer, kind), kind)

    def store(self, pointer, floats):
        super().store(self.inside(pointer, floats.raw.type), floats)

    def inside(self, pointer, kind):
        """Return a pointer to floats, or that to the start of their array if they are not in it."""
        if pointer not in self.bounds:
            return pointer
        build, (start, end) = self.builder, self.bounds[pointer]
        after = self._gep(pointer, getattr(kind, "count", 1))
        numbers = [build.ptrtoint(each, I64) for each in (start, pointer, after, end)]
        is_inside = build.and_(
            build.icmp_unsigned("<=", *numbers[:2]), build.icmp_unsigned("<=", *numbers[2:])
        )
        fault = build.zext(build.not_(is_inside), I64)
        build.store(build.add(build.load(self.faults), fault), self.faults)
        return build.select(is_inside, pointer, start)

    def _gep(self, pointer, floats):
        offset = self.number(floats).raw
        return self.builder.gep(pointer, [offset], inbounds=False, source_etype=F32)


def faults(code):
    """Return the number of accesses out of bounds so far."""
    return ctypes.c_int64.from_address(code._engine.get_global_value_address("faults")).value
