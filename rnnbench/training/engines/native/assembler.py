"""An assembler of vector code: numbers in registers, arrays in memory, and loops.

It is a thin layer over the IR builder of llvmlite. Nothing in it knows of networks.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from llvmlite import ir
from numpy.typing import ArrayLike

from rnnbench.training.engines.native.layout import LINE, Array

F32, I32, I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
POINTER = ir.PointerType()
BYTES = 4
"""The size of a float."""
FLUSH = 0x8040
"""The bits of the control register of x86 that have tiny numbers count as 0."""


@dataclass(frozen=True)
class Processor:
    """The vectors of a processor.

    Attributes:
        lanes: floats in a register.
        registers: their number.
        is_x86: whether it is of this family.
    """

    lanes: int
    registers: int
    is_x86: bool


def _operator(
    of_floats: str, of_whole: str = "", *arguments: str, is_reflected: bool = False
) -> Callable[["Value", Any], "Value"]:
    def operate(self: "Value", other: Any) -> "Value":
        operands = [self.raw, self.lift(other).raw]
        operands = operands[::-1] if is_reflected else operands
        if self.raw.type == I64:
            return Value(self.builder, getattr(self.builder, of_whole)(*arguments, *operands))
        make = getattr(self.builder, of_floats)
        return Value(self.builder, make(*arguments, *operands, flags=("contract",)))

    return operate


@dataclass(frozen=True)
class Value:
    """A whole number, a float or a vector of floats in a register, with the usual operators.

    A product and a sum of it may become one fused instruction.
    """

    builder: Any
    raw: Any

    __add__, __radd__ = _operator("fadd", "add"), _operator("fadd", "add", is_reflected=True)
    __sub__, __rsub__ = _operator("fsub", "sub"), _operator("fsub", "sub", is_reflected=True)
    __mul__, __rmul__ = _operator("fmul", "mul"), _operator("fmul", "mul", is_reflected=True)
    __truediv__, __floordiv__ = _operator("fdiv"), _operator("", "udiv")
    __rtruediv__ = _operator("fdiv", is_reflected=True)
    __lt__ = _operator("fcmp_ordered", "icmp_signed", "<")
    __gt__ = _operator("fcmp_ordered", "icmp_signed", ">")
    equals = _operator("fcmp_ordered", "icmp_signed", "==")

    def lift(self, number: Any) -> "Value":
        """Return a Python number as a value of the same type; other values stay as they are."""
        if isinstance(number, Value):
            return number
        return Value(self.builder, ir.Constant(self.raw.type, number))


Index = Value | int
"""A number that the code computes, or one that is known when the code is made."""


def where(condition: Value, one: Value, other: Any) -> Value:
    """Return one or the other, lane by lane."""
    return Value(one.builder, one.builder.select(condition.raw, one.raw, one.lift(other).raw))


def least(one: Index, other: Value) -> Value:
    """Return the smaller of two numbers."""
    return where(other > one, other.lift(one), other)


def pick(vectors: Sequence[Value], lanes: Sequence[int]) -> Value:
    """Return lanes of one or two vectors, as if these stood one after the other."""
    builder, mask = vectors[0].builder, ir.Constant(ir.VectorType(I32, len(lanes)), list(lanes))
    return Value(builder, builder.shuffle_vector(vectors[0].raw, vectors[-1].raw, mask))


@dataclass(frozen=True)
class View:
    """An array in memory, or a part of one.

    Attributes:
        asm: makes the code that reads and writes it.
        pointer: to its first element.
        shape: its lengths, as ``Index``.
        strides: in floats.
    """

    asm: "Assembler"
    pointer: ir.Value
    shape: tuple[Any, ...]
    strides: tuple[int, ...]

    def __getitem__(self, indices: Index | tuple[Index, ...]) -> "View":
        """Return the part at indices of the first dimensions; an index may be past the end."""
        indices = indices if isinstance(indices, tuple) else (indices,)
        n, known, part = len(indices), 0, self
        for index, stride in zip(indices, self.strides[:n], strict=True):
            if isinstance(index, int):
                known += index * stride
            elif stride:
                part = part.moved(index * stride)
        part = part.moved(known) if known else part
        return replace(part, shape=self.shape[n:], strides=self.strides[n:])

    def moved(self, floats: Index) -> "View":
        """Return a view of the same shape, some floats further."""
        offset, build = self.asm.number(floats).raw, self.asm.builder
        return replace(
            self, pointer=build.gep(self.pointer, [offset], inbounds=True, source_etype=F32)
        )

    @property
    def T(self) -> "View":  # noqa: N802 - as in NumPy
        """The transposed matrix, in the same memory."""
        return replace(self, shape=self.shape[::-1], strides=self.strides[::-1])

    def rows(self, first: Index, count: Index) -> "View":
        """Return some rows of a matrix."""
        return replace(self, pointer=self[first].pointer, shape=(count, *self.shape[1:]))

    def columns(self, first: Index, count: Index) -> "View":
        """Return some columns of a matrix."""
        return self.T.rows(first, count).T

    def load(self, kind: ir.Type | None = None) -> Value:
        """Return the vector that begins here, or another kind of value."""
        build, kind = self.asm.builder, kind or self.asm.vector
        return Value(build, build.load(self.pointer, align=BYTES, typ=kind))

    def store(self, floats: Value, count: int | None = None) -> None:
        """Write a vector, or only its first ``count`` floats, or one float."""
        if count in (None, self.asm.lanes):
            self.asm.builder.store(floats.raw, self.pointer, align=BYTES)
            return
        done = 0
        for size in (8, 4, 2, 1):
            if count & size:
                self.moved(done).store(pick([floats], range(done, done + size)))
                done += size


class Assembler:
    """Makes functions of machine code, one after the other.

    Attributes:
        given: the arrays of the function in progress, by name.
    """

    def __init__(self, processor: Processor):
        self.processor, self.lanes = processor, processor.lanes
        self.module = ir.Module("rnnbench")
        self.vector = ir.VectorType(F32, self.lanes)
        self.builder: Any = None
        self.given: dict[str, View] = {}
        # Without any data, llvmlite sets aside no memory for the addresses of external functions.
        ir.GlobalVariable(self.module, I64, "data").initializer = ir.Constant(I64, 0)

    # Functions

    @contextmanager
    def function(self, name: str, arrays: Sequence[str], numbers: int = 0) -> Iterator[list[Value]]:
        """Make the block the body of a function of arrays and numbers; it is given the numbers."""
        kinds = [POINTER] * len(arrays) + [I64] * numbers
        function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), kinds), name)
        function.attributes.alignstack = LINE * BYTES  # vectors are saved on the stack
        self.builder = ir.IRBuilder(function.append_basic_block())
        self.given = {}
        for argument, each in zip(function.args, arrays, strict=False):
            argument.name = each
            argument.add_attribute("noalias")
            self.given[each] = View(self, argument, (), (1,))
        yield [Value(self.builder, each) for each in function.args[len(arrays) :]]
        self.builder.ret_void()

    def call(self, name: str, *numbers: Index) -> None:
        """Call a function that was made before, with this one's arrays of the same names."""
        function = self.module.globals[name]
        arrays = [self.given[each.name].pointer for each in function.args if each.type == POINTER]
        self.builder.call(function, [*arrays, *(self.number(each).raw for each in numbers)])

    def intrinsic(self, name: str, result: Any, *arguments: Any) -> Value:
        """Call a function that LLVM knows."""
        kinds = [each.type for each in arguments]
        function = self.module.globals.get(name) or ir.Function(
            self.module, ir.FunctionType(result, kinds), name
        )
        return Value(self.builder, self.builder.call(function, arguments))

    @contextmanager
    def flushing(self) -> Iterator[None]:
        """Have numbers too small for full precision count as 0 in the block: they are slow."""
        if not self.processor.is_x86:
            yield
            return
        before, now = self.builder.alloca(I32), self.builder.alloca(I32)
        self.intrinsic("llvm.x86.sse.stmxcsr", ir.VoidType(), before)
        flags = self.builder.or_(self.builder.load(before, typ=I32), ir.Constant(I32, FLUSH))
        self.builder.store(flags, now)
        self.intrinsic("llvm.x86.sse.ldmxcsr", ir.VoidType(), now)
        yield
        self.intrinsic("llvm.x86.sse.ldmxcsr", ir.VoidType(), before)

    # Loops

    def loop(
        self, count: Index, carried: list[Value] | None = None, *, step: int = 1
    ) -> Iterator[Value]:
        """Have the body of a ``for`` run with each number of ``range(0, count, step)``.

        Python runs the body once, to make its code, so it has no ``break``. The code runs it at
        least once, so ``count`` must be 1 or more, and a multiple of ``step``. The floats in the
        list ``carried`` stay in registers: the body replaces them there, and the list has their
        last values after the loop.
        """
        if count == step:
            yield self.number(0)
            return
        carried, build = carried or [], self.builder
        before, head = build.block, build.append_basic_block()
        build.branch(head)
        build.position_at_end(head)
        phis = []
        for each in (self.number(0), *carried):
            phis.append(build.phi(each.raw.type))
            phis[-1].add_incoming(each.raw, before)
        i, *carried[:] = (Value(build, phi) for phi in phis)
        yield i
        following, last = i + step, build.block
        for phi, each in zip(phis, (following, *carried), strict=True):
            phi.add_incoming(each.raw, last)
        after = build.append_basic_block()
        build.cbranch((following < count).raw, head, after)
        build.position_at_end(after)

    def tiles(self, total: int, size: int) -> Iterator[tuple[Value, int]]:
        """Have the body of a ``for`` run with the starts and sizes of tiles that cover ``total``.

        Its code is made twice if the last tile is smaller.
        """
        whole = total // size * size
        if whole:
            for start in self.loop(whole, step=size):
                yield start, size
        if total - whole:
            yield self.number(whole), total - whole

    # Values

    def at(self, array: Array, *indices: Index) -> View:
        """Return an array in the arena, or its part at indices of the first dimensions."""
        arena = replace(self.given["arena"], shape=array.shape, strides=array.strides)
        return arena.moved(array.offset)[indices]

    def number(self, number: Index) -> Value:
        """Return a whole number as a value."""
        if isinstance(number, Value):
            return number
        return Value(self.builder, ir.Constant(I64, number))

    def vector_of(self, numbers: ArrayLike) -> Value:
        """Return a vector of numbers, or of equal ones."""
        return Value(self.builder, ir.Constant(self.vector, np.asarray(numbers).tolist()))

    def spread(self, single: Value) -> Value:
        """Return a vector of equal floats."""
        nothing = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(nothing, single.raw, ir.Constant(I32, 0))
        return pick([Value(self.builder, first)], [0] * self.lanes)

    def to_float(self, number: Value) -> Value:
        """Return a whole number as a float."""
        return Value(self.builder, self.builder.sitofp(number.raw, F32))

    def largest(self, vectors: Sequence[Value]) -> Value:
        """Return the largest float of vectors."""
        most = reduce(lambda one, other: where(other > one, other, one), vectors)
        return self.intrinsic(f"llvm.vector.reduce.fmax.v{self.lanes}f32", F32, most.raw)

    def total(self, vectors: Sequence[Value]) -> Value:
        """Return the sum of all floats of vectors."""
        name, zero = f"llvm.vector.reduce.fadd.v{self.lanes}f32", ir.Constant(F32, 0.0)
        return self.intrinsic(name, F32, zero, reduce(add, vectors).raw)

    def root(self, floats: Value) -> Value:
        """Return the square roots."""
        return self.intrinsic(f"llvm.sqrt.v{self.lanes}f32", self.vector, floats.raw)
