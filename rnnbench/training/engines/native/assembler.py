"""An assembler of vector code: loops, places in memory, and arithmetic on floats in registers.

It is a thin layer over the IR builder of llvmlite. Nothing in it knows of networks.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from rnnbench.training.engines.native.layout import LINE, Array

F32, I32, I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
POINTER = ir.PointerType()
BYTES = 4
"""The size of a float, and of a label."""
FLUSH = 0x8040
"""The bits of the control register of x86 that have tiny numbers count as 0."""

Index = Any
"""A Python number, known when the code is made, or a number that the code computes."""


def _operator(operation: str, *, is_reflected: bool = False) -> Callable[["Floats", Any], "Floats"]:
    def operate(self: "Floats", other: Any) -> "Floats":
        operands = [self.value, self.lift(other).value]
        operands = operands[::-1] if is_reflected else operands
        result = getattr(self.builder, operation)(*operands, flags=("contract",))
        return Floats(self.builder, result)

    return operate


@dataclass(frozen=True)
class Floats:
    """One or several floats in a register, with the operators of arithmetic.

    A product and a sum of it may become one fused instruction.
    """

    builder: ir.IRBuilder
    value: ir.Value

    __add__, __radd__ = _operator("fadd"), _operator("fadd", is_reflected=True)
    __sub__, __rsub__ = _operator("fsub"), _operator("fsub", is_reflected=True)
    __mul__, __rmul__ = _operator("fmul"), _operator("fmul", is_reflected=True)
    __truediv__ = _operator("fdiv")

    def lift(self, number: Any) -> "Floats":
        """Return a Python number as floats of the same shape; other floats stay as they are."""
        if isinstance(number, Floats):
            return number
        kind = self.value.type
        single = ir.Constant(F32, float(number))
        is_vector = isinstance(kind, ir.VectorType)
        return Floats(
            self.builder, ir.Constant(kind, [single] * kind.count) if is_vector else single
        )

    def limited(self, sign: str, limit: float) -> "Floats":
        """Return the limit where it is ``sign`` (``<`` or ``>``) the floats; NaN stays NaN."""
        bound = self.lift(limit).value
        is_beyond = self.builder.fcmp_ordered(sign, bound, self.value)
        return Floats(self.builder, self.builder.select(is_beyond, bound, self.value))


@dataclass(frozen=True)
class Place:
    """A place in memory, and the bounds of the array that it belongs to.

    The bounds are used only in code that checks its addresses.
    """

    pointer: ir.Value
    start: ir.Value
    end: ir.Value


@dataclass(frozen=True)
class View:
    """A matrix in memory.

    Attributes:
        place: of its first element.
        shape: its rows and columns; their number may be one that the code computes.
        strides: from row to row, and from column to column, in floats.
    """

    place: Place
    shape: tuple[Index, Index]
    strides: tuple[int, int]

    @property
    def T(self) -> "View":  # noqa: N802 - as in NumPy
        """The transposed matrix, in the same memory."""
        return View(self.place, self.shape[::-1], self.strides[::-1])


class Assembler:
    """Makes functions of machine code, one after the other.

    Args:
        lanes: floats in a vector register.
        registers: the number of those registers.
        is_checked: whether the code compares every address with the bounds of its array. Such code
            is slow; it counts the accesses that are out of bounds in the global ``faults``, and
            carries them out at the start of the array.
    """

    def __init__(self, lanes: int, registers: int, *, is_checked: bool = False):
        self.lanes, self.registers, self.is_checked = lanes, registers, is_checked
        self.module = ir.Module("rnnbench")
        self.vector = ir.VectorType(F32, lanes)
        self.builder: Any = None
        self.slices: dict[str, Place] = {}
        self._faults = ir.GlobalVariable(self.module, I64, "faults")
        self._faults.initializer = ir.Constant(I64, 0)

    # Functions

    @contextmanager
    def function(self, name: str, slices: Sequence[str], numbers: int = 0) -> Iterator[list[Index]]:
        """Make the code of the block a function; the block gets its numbers.

        A function takes slices of memory, each as a pointer and a count of floats, and then
        numbers. In the block, ``self.slices`` holds the slices by name.
        """
        kinds = [POINTER, I64] * len(slices) + [I64] * numbers
        function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), kinds), name)
        function.attributes.alignstack = LINE * BYTES  # vectors are saved on the stack
        self.builder = ir.IRBuilder(function.append_basic_block())
        arguments = list(function.args)
        self.slices = {}
        for each in slices:
            pointer, count = arguments.pop(0), arguments.pop(0)
            pointer.add_attribute("noalias")
            self.slices[each] = Place(pointer, pointer, self._gep(pointer, count))
        yield arguments
        self.builder.ret_void()

    def call(self, name: str, slices: Sequence[str], *numbers: Index) -> None:
        """Call a function that was made before, with slices of this one."""
        arguments: list[Any] = []
        for place in (self.slices[each] for each in slices):
            both = [self.builder.ptrtoint(each, I64) for each in (place.end, place.start)]
            count = self.builder.sdiv(self.builder.sub(*both), self.number(BYTES))
            arguments += [place.start, count]
        arguments += [self.number(each) for each in numbers]
        self.builder.call(self.module.globals[name], arguments)

    @contextmanager
    def flushing(self, *, is_x86: bool) -> Iterator[None]:
        """Have numbers too small for full precision count as 0 in the block: they are slow."""
        if not is_x86:
            yield
            return
        before, now = self.builder.alloca(I32), self.builder.alloca(I32)
        self.intrinsic("llvm.x86.sse.stmxcsr", ir.VoidType(), before)
        flags = self.builder.or_(self.builder.load(before, typ=I32), ir.Constant(I32, FLUSH))
        self.builder.store(flags, now)
        self.intrinsic("llvm.x86.sse.ldmxcsr", ir.VoidType(), now)
        yield
        self.intrinsic("llvm.x86.sse.ldmxcsr", ir.VoidType(), before)

    def intrinsic(self, name: str, result: Any, *arguments: Any) -> Any:
        """Call a function that LLVM knows."""
        kinds = [each.type for each in arguments]
        function = self.module.globals.get(name) or ir.Function(
            self.module, ir.FunctionType(result, kinds), name
        )
        return self.builder.call(function, arguments)

    # Numbers and loops

    def number(self, value: Index) -> ir.Value:
        """Return a number as a value of the code."""
        return ir.Constant(I64, value) if isinstance(value, int) else value

    def plus(self, one: Index, other: Index) -> Index:
        """Return the sum of two numbers."""
        if isinstance(one, int) and isinstance(other, int):
            return one + other
        return self.builder.add(self.number(one), self.number(other))

    def minus(self, one: Index, other: Index) -> Index:
        """Return the difference of two numbers."""
        return self.builder.sub(self.number(one), self.number(other))

    def times(self, one: Index, factor: int) -> Index:
        """Return a number times another one that is known."""
        return one * factor if isinstance(one, int) else self.builder.mul(one, self.number(factor))

    def least(self, one: Index, other: Index) -> Index:
        """Return the smaller of two numbers."""
        one, other = self.number(one), self.number(other)
        return self.builder.select(self.builder.icmp_signed("<", one, other), one, other)

    def parts(self, total: Index, size: int) -> Index:
        """Return how many parts of a size cover ``total``, which is not negative."""
        return self.builder.udiv(self.plus(total, size - 1), self.number(size))

    def rounded_up(self, total: Index, size: int) -> Index:
        """Return the multiple of ``size`` that is at or above ``total``."""
        return self.times(self.parts(total, size), size)

    def loop(
        self,
        count: Index,
        body: Callable[..., Any],
        carried: Sequence[Floats] = (),
        *,
        step: int = 1,
        is_down: bool = False,
    ) -> list[Floats]:
        """Run ``carried = body(i, *carried)`` for ``i`` in ``range(0, count, step)``.

        The body runs at least once, so ``count`` must be 1 or more, and a multiple of ``step``.
        """
        if count == step:
            return list(body(0, *carried) or ())
        before, head = self.builder.block, self.builder.append_basic_block()
        self.builder.branch(head)
        self.builder.position_at_end(head)
        i = self.builder.phi(I64)
        phis = [self.builder.phi(each.value.type) for each in carried]
        index = self.minus(self.minus(count, step), i) if is_down else i
        results = list(body(index, *(Floats(self.builder, phi) for phi in phis)) or ())
        following, last = self.plus(i, step), self.builder.block
        after = self.builder.append_basic_block()
        goes_on = self.builder.icmp_signed("<", following, self.number(count))
        self.builder.cbranch(goes_on, head, after)
        i.add_incoming(self.number(0), before)
        i.add_incoming(following, last)
        for phi, first, result in zip(phis, carried, results, strict=True):
            phi.add_incoming(first.value, before)
            phi.add_incoming(result.value, last)
        self.builder.position_at_end(after)
        return results

    def tiles(self, total: int, size: int, body: Callable[[Index, int], Any]) -> None:
        """Call ``body(start, size)`` for tiles that cover ``total``; the last may be smaller."""
        whole = total // size * size
        if whole:
            self.loop(whole, lambda start: body(start, size), step=size)
        if total - whole:
            body(whole, total - whole)

    # Places in memory

    def _gep(self, pointer: ir.Value, floats: Index) -> ir.Value:
        return self.builder.gep(
            pointer, [self.number(floats)], inbounds=not self.is_checked, source_etype=F32
        )

    def move(self, place: Place, *steps: tuple[Index, int]) -> Place:
        """Return a place some floats further: the sum of products ``(index, stride)``."""
        pointer, known = place.pointer, 0
        for index, stride in steps:
            if isinstance(index, int):
                known += index * stride
            elif stride:
                pointer = self._gep(pointer, self.times(index, stride))
        return Place(self._gep(pointer, known) if known else pointer, place.start, place.end)

    def at(self, array: Array, *indices: Index) -> Place:
        """Return the place of an element of an array in the arena; missing indices are 0."""
        arena = self.slices["arena"].pointer
        start = self._gep(arena, array.offset)
        end = self._gep(arena, array.offset + array.size) if self.is_checked else start
        strides = array.strides[: len(indices)]
        return self.move(Place(start, start, end), *zip(indices, strides, strict=True))

    def view(self, array: Array, *indices: Index) -> View:
        """Return the last two dimensions of an array as a matrix, at indices of the others."""
        shape, strides = array.shape[-2:], array.strides[-2:]
        return View(self.at(array, *indices), (shape[0], shape[1]), (strides[0], strides[1]))

    def rows(self, view: View, first: Index, count: Index) -> View:
        """Return some rows of a matrix."""
        place = self.move(view.place, (first, view.strides[0]))
        return View(place, (count, view.shape[1]), view.strides)

    def columns(self, view: View, first: Index, count: Index) -> View:
        """Return some columns of a matrix."""
        return self.rows(view.T, first, count).T

    def _pointer(self, place: Place, count: int) -> ir.Value:
        """Return the pointer to ``count`` floats; see ``is_checked``."""
        if not self.is_checked:
            return place.pointer
        build = self.builder
        first, last, start, end = (
            build.ptrtoint(each, I64)
            for each in (place.pointer, self._gep(place.pointer, count), place.start, place.end)
        )
        is_inside = build.and_(
            build.icmp_unsigned(">=", first, start), build.icmp_unsigned("<=", last, end)
        )
        fault = build.zext(build.not_(is_inside), I64)
        build.store(build.add(build.load(self._faults), fault), self._faults)
        return build.select(is_inside, place.pointer, place.start)

    def load(self, place: Place) -> Floats:
        """Return a vector from memory."""
        pointer = self._pointer(place, self.lanes)
        return Floats(self.builder, self.builder.load(pointer, align=BYTES, typ=self.vector))

    def load_one(self, place: Place) -> Floats:
        """Return one float from memory."""
        return Floats(self.builder, self.builder.load(self._pointer(place, 1), typ=F32))

    def load_label(self, place: Place) -> ir.Value:
        """Return a whole number of 32 bits from memory."""
        return self.builder.load(self._pointer(place, 1), typ=I32)

    def store(self, place: Place, floats: Floats, count: int | None = None) -> None:
        """Write a vector, or only its first ``count`` floats, or one float."""
        is_one = floats.value.type == F32
        left = 1 if is_one else self.lanes if count is None else count
        if is_one or left == self.lanes:
            self.builder.store(floats.value, self._pointer(place, left), align=BYTES)
            return
        done = 0
        for size in (8, 4, 2, 1):
            if left & size:
                part = self.pick([floats], range(done, done + size))
                pointer = self._pointer(self.move(place, (done, 1)), size)
                self.builder.store(part.value, pointer, align=BYTES)
                done += size

    # Vectors

    def vector_of(self, number: float) -> Floats:
        """Return a vector of equal numbers."""
        return Floats(
            self.builder, ir.Constant(self.vector, [ir.Constant(F32, number)] * self.lanes)
        )

    def one(self, number: float) -> Floats:
        """Return one float."""
        return Floats(self.builder, ir.Constant(F32, number))

    def spread(self, single: Floats) -> Floats:
        """Return a vector of equal floats."""
        undefined = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(undefined, single.value, ir.Constant(I32, 0))
        return self.pick([Floats(self.builder, first)], [0] * self.lanes)

    def pick(self, vectors: Sequence[Floats], lanes: Sequence[int]) -> Floats:
        """Return lanes of one or two vectors, as if these stood one after the other."""
        mask = ir.Constant(ir.VectorType(I32, len(lanes)), list(lanes))
        one, other = vectors[0].value, vectors[-1].value
        return Floats(self.builder, self.builder.shuffle_vector(one, other, mask))

    def where(self, condition: Any, one: Floats, other: Floats) -> Floats:
        """Return one or the other, lane by lane; the condition may be a list of Python booleans."""
        if isinstance(condition, list):
            flag = ir.IntType(1)
            condition = ir.Constant(ir.VectorType(flag, len(condition)), condition)
        return Floats(self.builder, self.builder.select(condition, one.value, other.value))

    def largest(self, vectors: Sequence[Floats]) -> Floats:
        """Return the largest float of vectors."""
        most = vectors[0]
        for each in vectors[1:]:
            is_more = self.builder.fcmp_ordered(">", each.value, most.value)
            most = self.where(is_more, each, most)
        name = f"llvm.vector.reduce.fmax.v{self.lanes}f32"
        return Floats(self.builder, self.intrinsic(name, F32, most.value))

    def total(self, vectors: Sequence[Floats]) -> Floats:
        """Return the sum of all floats of vectors."""
        total = vectors[0]
        for each in vectors[1:]:
            total = total + each
        name = f"llvm.vector.reduce.fadd.v{self.lanes}f32"
        return Floats(self.builder, self.intrinsic(name, F32, self.one(0.0).value, total.value))

    def root(self, floats: Floats) -> Floats:
        """Return the square roots."""
        name = f"llvm.sqrt.v{self.lanes}f32"
        return Floats(self.builder, self.intrinsic(name, self.vector, floats.value))

    def share(self, row: Index, left: Index, size: Index) -> Floats:
        """Return one divided by ``size``, or 0 if ``row`` is not below ``left``."""
        share = self.one(1.0) / Floats(self.builder, self.builder.sitofp(self.number(size), F32))
        is_left = self.builder.icmp_signed("<", self.number(row), self.number(left))
        return self.where(is_left, share, self.one(0.0))

    def are_equal(self, label: ir.Value, numbers: Sequence[int]) -> ir.Value:
        """Return which of some numbers, one for each lane, a label is."""
        kind = ir.VectorType(I32, self.lanes)
        first = self.builder.insert_element(
            ir.Constant(kind, ir.Undefined), label, ir.Constant(I32, 0)
        )
        spread = self.builder.shuffle_vector(first, first, ir.Constant(kind, [0] * self.lanes))
        return self.builder.icmp_signed("==", spread, ir.Constant(kind, list(numbers)))
