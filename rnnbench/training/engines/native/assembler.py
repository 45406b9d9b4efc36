"""An assembler of vector code: numbers in registers, arrays in memory, products.

Python code writes machine code: it runs once, and what it does with values is recorded.
This function doubles the numbers of an array::

    asm = Assembler(processor())
    with asm.function("double", ["x"], numbers=1) as (count,):
        for i in asm.loop(count, step=asm.lanes):
            x = asm.given["x"].moved(i)
            x.store(x.load() * 2.0)
    Code(asm).run("double", [numbers], len(numbers))

It is a thin layer over the IR builder of llvmlite, and knows nothing of networks.
Products are made of tiles whose sums stay in registers; ``docs/speed.md`` draws one.
For each element of the inner dimension, one vector of each column of the tile is
loaded, and one float of each row is spread.
"""

import ctypes
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cache, reduce
from operator import add, mul
from typing import Any, TypeAlias, cast

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numpy.typing import ArrayLike, NDArray

F32 = ir.FloatType()
I32 = ir.IntType(32)
I64 = ir.IntType(64)
POINTER = ir.PointerType()
BYTES = 4  # the size of a float
LINE = 16  # floats in a cache line; every array begins at one
Floats = NDArray[np.float32]
FLOATS = np.ctypeslib.ndpointer(np.float32, flags="C_CONTIGUOUS")  # others are refused
# These work on 512 bits as two halves, and 256 bits have fewer empty lanes.
IN_HALVES = {"znver4"}
# The bits of a control register that have tiny numbers count as 0.
FLUSH_ON_X86 = 0x8040
FLUSH_ON_ARM64 = 1 << 24

TANH_LIMIT = 7.99881172180175781  # beyond it, tanh is 1; these constants are Eigen's
TANH_ABOVE = (
    -2.76076847742355e-16,
    2.00018790482477e-13,
    -8.60467152213735e-11,
    5.12229709037114e-08,
    1.48572235717979e-05,
    6.37261928875436e-04,
    4.89352455891786e-03,
)
TANH_BELOW = (
    1.19825839466702e-06,
    1.18534705686654e-04,
    2.26843463243900e-03,
    4.89352518554385e-03,
)
EXP = (  # of Cephes, for arguments of at most half of log 2
    1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
    5.0000001201e-1, 1.0, 1.0,
)  # fmt: skip
# Their sum is log 2; small multiples of the first are exact.
LOG2_HIGH = 0.693359375
LOG2_LOW = -2.12194440e-4
VERY_LOW = -1e30  # to start a maximum from
TO_WHOLE = 1.5 * 2**23  # a float of this size has no digits after the point


def ceil_div(number: int, divisor: int) -> int:
    """Return ``number / divisor``, rounded up."""
    return -(-number // divisor)


@dataclass(frozen=True)
class Processor:
    """The vector registers of a processor."""

    lanes: int  # floats in a register
    registers: int
    is_x86: bool

    @property
    def vectors_of_tile(self) -> int:
        """How many vectors stand side by side in a tile, at most."""
        return 4 if self.registers >= 32 else 2

    def rows_of_tile(self, rows: "Index", vectors: int) -> int:
        """Return how many rows fit into the registers, in tiles of about one size."""
        # A register for each sum, one for each vector that is loaded, and one more.
        most = max((self.registers - 1 - vectors) // vectors, 1)
        if not isinstance(rows, int):
            return most
        tiles = ceil_div(rows, most)
        return ceil_div(rows, tiles)


@cache
def processor() -> Processor | None:
    """Return this machine's processor; ``None`` if no code is made for its kind."""
    kind = llvm.get_default_triple().partition("-")[0]
    if kind in ("aarch64", "arm64"):
        return Processor(lanes=4, registers=32, is_x86=False)
    if kind not in ("x86_64", "amd64"):
        return None
    has = dict(llvm.get_host_cpu_features())
    if not (has.get("avx2") and has.get("fma")):
        return None
    if not (has.get("avx512f") and has.get("avx512vl")):
        return Processor(lanes=8, registers=16, is_x86=True)
    if llvm.get_host_cpu_name() in IN_HALVES:
        return Processor(lanes=8, registers=32, is_x86=True)
    return Processor(lanes=16, registers=32, is_x86=True)


def _operator(
    of_floats: str, of_integers: str, *sign: str
) -> Callable[["Value", "Operand"], "Value"]:
    """Return a method that makes an instruction of llvmlite's builder, by its name."""

    def operate(self: "Value", other: "Operand") -> "Value":
        numbers = (*sign, self.raw, self.lift(other).raw)
        if getattr(self.raw.type, "element", self.raw.type) == F32:
            make = getattr(self.builder, of_floats)
            # A product and a sum may become one instruction.
            return Value(self.builder, make(*numbers, flags=("contract",)))
        make = getattr(self.builder, of_integers)
        return Value(self.builder, make(*numbers))

    return operate


@dataclass(frozen=True)
class Value:
    """A number or a vector in a register, to calculate with."""

    builder: ir.IRBuilder
    raw: ir.Value

    __add__ = _operator("fadd", "add")
    __radd__ = __add__
    __mul__ = _operator("fmul", "mul")
    __rmul__ = __mul__
    __sub__ = _operator("fsub", "sub")
    __xor__ = _operator("", "xor")
    __truediv__ = _operator("fdiv", "")
    __floordiv__ = _operator("", "udiv")
    __lt__ = _operator("fcmp_ordered", "icmp_signed", "<")
    __gt__ = _operator("fcmp_ordered", "icmp_signed", ">")
    equals = _operator("fcmp_ordered", "icmp_signed", "==")
    differs = _operator("fcmp_unordered", "icmp_signed", "!=")

    def __rsub__(self, number: float) -> "Value":
        return self.lift(number) - self

    def __rtruediv__(self, number: float) -> "Value":
        return self.lift(number) / self

    def lift(self, number: "Operand") -> "Value":
        """Return a Python number as a value of this type; a value stays as it is."""
        return as_value(self.builder, number, self.raw.type)

    def select(self, yes: "Value", no: "Operand") -> "Value":
        """Return ``yes`` in the lanes where this condition holds, and else ``no``."""
        raw = self.builder.select(self.raw, yes.raw, yes.lift(no).raw)
        return Value(self.builder, raw)

    def at_most(self, most: "Index") -> "Value":
        """Return the number, or the largest one that is allowed."""
        return (self > most).select(self.lift(most), self)

    def pick(self, lanes: Sequence[int], other: "Value | None" = None) -> "Value":
        """Return lanes of the vector and, after them, of the other one."""
        mask = ir.Constant(ir.VectorType(I32, len(lanes)), list(lanes))
        second = other or self
        raw = self.builder.shuffle_vector(self.raw, second.raw, mask)
        return Value(self.builder, raw)

    def tanh(self) -> "Value":
        """Return the hyperbolic tangent: ``x P(x²) / Q(x²)``."""
        x = (self > TANH_LIMIT).select(self.lift(TANH_LIMIT), self)
        x = (x < -TANH_LIMIT).select(x.lift(-TANH_LIMIT), x)  # NaN stays NaN
        square = x * x
        return x * square._polynomial(TANH_ABOVE) / square._polynomial(TANH_BELOW)

    def sigmoid(self) -> "Value":
        return (self * 0.5).tanh() * 0.5 + 0.5

    def exp(self) -> "Value":
        """Return the exponential of numbers up to 88; -87 stands for any below it."""
        x = (self < -87).select(self.lift(-87), self)
        shifted = x * 1.44269504088896341 + TO_WHOLE
        rounded = shifted - TO_WHOLE  # x / log 2, as a whole number
        rest = x - rounded * LOG2_HIGH - rounded * LOG2_LOW
        polynomial = rest._polynomial(EXP)
        build = self.builder
        bits = ir.VectorType(I32, self.raw.type.count)
        exponent = build.shl(build.bitcast(shifted.raw, bits), ir.Constant(bits, 23))
        power = build.add(exponent, ir.Constant(bits, 127 << 23))
        return polynomial * Value(build, build.bitcast(power, self.raw.type))

    def _polynomial(self, coefficients: Sequence[float]) -> "Value":
        """Return a polynomial of the number, by coefficients from the highest power."""
        result = self.lift(coefficients[0])
        for coefficient in coefficients[1:]:
            result = result * self + coefficient
        return result


def as_value(builder: ir.IRBuilder, number: "Operand", kind: ir.Type) -> Value:
    """Return a Python number as a value of a type; a value stays as it is."""
    if isinstance(number, Value):
        return number
    return Value(builder, ir.Constant(kind, number))


Operand: TypeAlias = "Value | float | Sequence[int]"  # the last for a vector
Index = Value | int  # that the code computes, or that is known when it is made
Rows: TypeAlias = "View | None"  # row numbers; ``None``: the first rows


@dataclass(frozen=True)
class Array:
    """Floats, or whole numbers of their size, in the arena ``block``; its parts are
    views.
    """

    offset: int  # in floats, as the strides and the size
    shape: tuple[int, ...]
    strides: tuple[int, ...]  # rows may be padded: vectors are read and written whole
    size: int
    block: str
    memory: Any = None  # which knows the ``Assembler``

    def __getitem__(self, indices: "Index | tuple[Index, ...]") -> "View":
        """Return the part at indices of the first dimensions."""
        return cast("View", self.memory.asm.at(self)[indices])

    @property
    def view(self) -> "View":
        return self[()]

    def get(self, *indices: "Index") -> Value:
        """Return the whole number in an array of such, by default its only one."""
        return self[indices or 0].load_index()

    def set(self, *indices_and_number: "Index") -> None:
        """Write a whole number, the last argument."""
        *indices, number = indices_and_number
        self[tuple(indices) or 0].store_index(number)

    def of(self, arena: Floats) -> Floats:
        """Return the array as a part of the arena."""
        strides = [stride * arena.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(
            arena[self.offset :], self.shape, strides
        )


@dataclass(frozen=True)
class View:
    """An array in memory, or a part of one; ``asm`` makes the code that reads and
    writes it.
    """

    asm: "Assembler"
    pointer: ir.Value
    shape: tuple[Any, ...]  # of ``Index``
    strides: tuple[int, ...]

    def __getitem__(self, indices: Index | tuple[Index, ...]) -> "View":
        """Return the part at indices of the first dimensions, unchecked."""
        if not isinstance(indices, tuple):
            indices = (indices,)
        floats = sum(map(mul, indices, self.strides))
        part = self.moved(floats)
        n = len(indices)
        return replace(part, shape=self.shape[n:], strides=self.strides[n:])

    def moved(self, floats: Index) -> "View":
        """Return a view of the same shape, some floats further."""
        offsets = [self.asm.number(floats).raw]
        pointer = self.asm.builder.gep(
            self.pointer, offsets, inbounds=True, source_etype=F32
        )
        return replace(self, pointer=pointer)

    @property
    def T(self) -> "View":  # noqa: N802 - as in NumPy
        return replace(self, shape=self.shape[::-1], strides=self.strides[::-1])

    def rows(self, first: Index, count: Index) -> "View":
        start = self.moved(first * self.strides[0])
        return replace(start, shape=(count, *self.shape[1:]))

    def columns(self, first: Index, count: Index) -> "View":
        return self.T.rows(first, count).T

    def load(self, kind: ir.Type | None = None) -> Value:
        """Return the vector that begins here, or another kind of value."""
        build = self.asm.builder
        raw = build.load(self.pointer, align=BYTES, typ=kind or self.asm.vector)
        return Value(build, raw)

    def load_float(self) -> Value:
        """Return the single float that is here."""
        return self.load(F32)

    def spread(self) -> Value:
        """Return a vector of the single float that is here."""
        return self.asm.spread(self.load(F32))

    def load_index(self) -> Value:
        """Return the whole number that is here, which takes the place of a float."""
        build = self.asm.builder
        return Value(build, build.sext(self.load(I32).raw, I64))

    def store_index(self, number: Index) -> None:
        build = self.asm.builder
        short = build.trunc(self.asm.number(number).raw, I32)
        build.store(short, self.pointer, align=BYTES)

    def add(self, floats: Value, count: int | None = None) -> None:
        self.store(self.load() + floats, count)

    def store(self, floats: Value, count: int | None = None) -> None:
        """Write a vector, or only its first ``count`` floats, or one float."""
        if count not in (None, self.asm.lanes):
            floats = floats.pick(range(count))
        self.asm.builder.store(floats.raw, self.pointer, align=BYTES)

    def load_row(self, features: int, fill: float = 0.0) -> list[Value]:
        """Return the vectors of a row, with a number in the lanes past its end."""
        starts = range(0, features, self.asm.lanes)
        vectors = [self.moved(start).load() for start in starts]
        return self.asm.filled(vectors, features, fill)

    def store_row(self, vectors: Iterable[Value], features: int) -> None:
        """Write a row up to its end."""
        lanes = self.asm.lanes
        for start, vector in zip(range(0, features, lanes), vectors, strict=True):
            self.moved(start).store(vector, min(lanes, features - start))

    def times(self, b: "View", sums: Sequence[Value], rows: Rows = None) -> "Sums":
        """Return ``sums[i, v] + Σ_k self[i, k] * b[rows[k] or k, v]``.

        Here ``v`` counts vectors of columns.
        """
        asm = self.asm
        sums = list(sums)
        height = self.shape[0]
        vectors = len(sums) // height
        for k in asm.loop(self.shape[1], sums):
            number = k
            if rows:
                number = rows[k].load_index()
            row = b[number]
            columns = [row[v * asm.lanes].load() for v in range(vectors)]
            for i in range(height):
                spread = self[i, k].spread()
                for v, column in enumerate(columns):
                    sums[i * vectors + v] += spread * column
        return sums

    def write_product(
        self,
        a: "View",
        b: "View",
        *,
        adds: bool = False,
        inner: Rows = None,
        outer: Rows = None,
    ) -> None:
        """Write ``a b``, or add it.

        ``inner`` picks rows of ``b``, and ``outer`` picks rows of the result. The last
        vector of a row may go past the columns, and the last tile past computed rows.
        """
        asm = self.asm
        lanes = asm.lanes
        rows = a.shape[0]
        columns = ceil_div(b.shape[1], lanes)
        for column, vectors in asm.tiles(columns, asm.processor.vectors_of_tile):
            right = b.columns(column * lanes, vectors * lanes)
            most = asm.processor.rows_of_tile(rows, vectors)
            for row, height in asm.tiles(rows, most):
                tile = self._tile(row, height, column, outer)
                places = [
                    line.moved(v * lanes) for line in tile for v in range(vectors)
                ]
                if adds:
                    sums = [place.load() for place in places]
                else:
                    sums = [asm.zero] * len(places)
                sums = a.rows(row, height).times(right, sums, inner)
                for place, total in zip(places, sums, strict=True):
                    place.store(total)

    def _tile(
        self, row: Value, height: int, vector: Value, numbers: Rows
    ) -> list["View"]:
        """Return the rows of a tile, from a vector on; ``numbers`` may pick them."""
        if numbers:
            rows = [numbers[row + i].load_index() for i in range(height)]
        else:
            rows = [row + i for i in range(height)]
        return [self[row, vector * self.asm.lanes] for row in rows]

    def write_transposed(self, source: "View") -> None:
        rows, columns = source.shape
        for i in self.asm.loop(rows):
            for j in self.asm.loop(columns):
                self[j, i].store(source[i, j].load_float())


Sums = list[Value]  # of a tile: all vectors of its first row, of the next, and so on


class Assembler:
    """Makes functions of machine code.

    Attributes:
        lanes: floats in a vector.
        given: the arrays of the function in progress, by name.
    """

    builder: ir.IRBuilder

    def __init__(self, processor: Processor):
        self.processor = processor
        self.lanes = processor.lanes
        self.module = ir.Module("rnnbench")
        self.vector = ir.VectorType(F32, self.lanes)
        self.given: dict[str, View] = {}
        # Without data, llvmlite sets aside no memory for addresses of other functions.
        ir.GlobalVariable(self.module, I64, "data").initializer = ir.Constant(I64, 0)

    @contextmanager
    def function(
        self, name: str, arrays: Sequence[str], numbers: int = 0
    ) -> Iterator[list[Value]]:
        """Make the block the body of a function, and give it the function's numbers."""
        kinds = [POINTER] * len(arrays) + [I64] * numbers
        function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), kinds), name)
        function.attributes.alignstack = LINE * BYTES  # vectors are saved on the stack
        self.builder = ir.IRBuilder(function.append_basic_block())
        self.given = {}
        for argument, array in zip(function.args, arrays, strict=False):
            argument.name = array
            argument.add_attribute("noalias")
            self.given[array] = View(self, argument, (), (1,))
        yield [Value(self.builder, number) for number in function.args[len(arrays) :]]
        self.builder.ret_void()

    def call(
        self, name: str, *numbers: Index, renamed: Mapping[str, str] | None = None
    ) -> None:
        """Call a function that was made before, with the arrays of this one.

        ``renamed`` says which of them stands for one of the other's.
        """
        renamed = renamed or {}
        function = self.module.globals[name]
        arguments = []
        for argument in function.args:
            if argument.type == POINTER:
                array = renamed.get(argument.name, argument.name)
                arguments.append(self.given[array].pointer)
        arguments += [self.number(number).raw for number in numbers]
        self.builder.call(function, arguments)

    def intrinsic(self, name: str, result: ir.Type, *arguments: ir.Value) -> Value:
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        function = self.module.declare_intrinsic(name, (), kind)
        return Value(self.builder, self.builder.call(function, arguments))

    @contextmanager
    def flushing(self) -> Iterator[None]:
        """Have slow numbers, too small for full precision, count as 0 in the block."""
        before = self._control()
        bits = FLUSH_ON_ARM64
        if self.processor.is_x86:
            bits = FLUSH_ON_X86
        now = self.builder.or_(before, ir.Constant(before.type, bits))
        self._set_control(now)
        yield
        self._set_control(before)

    def _control(self) -> ir.Value:
        """Return the control register of calculations with floats."""
        if not self.processor.is_x86:
            return self.intrinsic("llvm.aarch64.get.fpcr", I64).raw
        place = self.builder.alloca(I32)
        self.intrinsic("llvm.x86.sse.stmxcsr", ir.VoidType(), place)
        return self.builder.load(place, typ=I32)

    def _set_control(self, control: ir.Value) -> None:
        if not self.processor.is_x86:
            self.intrinsic("llvm.aarch64.set.fpcr", ir.VoidType(), control)
            return
        place = self.builder.alloca(I32)
        self.builder.store(control, place)
        self.intrinsic("llvm.x86.sse.ldmxcsr", ir.VoidType(), place)

    def loop(
        self, count: Index, carried: list[Value] | None = None, *, step: int = 1
    ) -> Iterator[Value]:
        """Have the body of a ``for`` run with each number of ``range(0, count, step)``.

        Python runs the body once, to make its code, so it has no ``break``. A count
        that the code computes may be 0, and is rounded up to a multiple of ``step``.
        The values in ``carried`` stay in registers; the body replaces them, and the
        list has the last ones after the loop.
        """
        build = self.builder
        if carried is None:
            carried = []
        starts = [self.number(0), *carried]
        with build.goto_entry_block():  # LLVM moves its variables into registers
            variables = [build.alloca(start.raw.type) for start in starts]

        def read() -> list[Value]:
            return [Value(build, build.load(variable)) for variable in variables]

        def write(values: Sequence[Value]) -> None:
            for value, variable in zip(values, variables, strict=True):
                build.store(value.raw, variable)

        write(starts)
        may_be_empty: AbstractContextManager[object] = nullcontext()
        if isinstance(count, Value):
            may_be_empty = self.when(self.number(0) < count)
        with may_be_empty:
            body = build.append_basic_block()
            after = build.append_basic_block()
            build.branch(body)
            build.position_at_end(body)
            i, *carried[:] = read()
            yield i
            following = i + step
            write([following, *carried])
            build.cbranch((following < count).raw, body, after)
            build.position_at_end(after)
        carried[:] = read()[1:]

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """Run the block of a ``with`` only if a condition holds."""
        with self.builder.if_then(condition.raw):
            yield

    def tiles(self, total: Index, size: int) -> Iterator[tuple[Value, int]]:
        """Have the body of a ``for`` run with the start and the size of each tile.

        Tiles cover ``total``, and the last one may be smaller. If the code computes the
        total, all have the same size, and the last may go past it.
        """
        if isinstance(total, Value):
            for start in self.loop(total - 0, step=size):
                yield start, size
            return
        rest = total % size
        if total > rest:
            for start in self.loop(total - rest, step=size):
                yield start, size
        if rest:
            yield self.number(total - rest), rest

    def at(self, array: Array) -> View:
        start = self.given[array.block].moved(array.offset)
        return replace(start, shape=array.shape, strides=array.strides)

    def clear(self, array: Array, row: Index, rows: Index = 1) -> None:
        """Write zeros into rows, and into what lies after each."""
        for i in self.loop(rows * array.strides[0], step=self.lanes):
            array[row].moved(i).store(self.zero)

    def number(self, number: Index) -> Value:
        return as_value(self.builder, number, I64)

    def vector_of(self, numbers: ArrayLike) -> Value:
        """Return a vector of numbers, or of equal ones."""
        constant = ir.Constant(self.vector, np.asarray(numbers).tolist())
        return Value(self.builder, constant)

    @property
    def zero(self) -> Value:
        """A vector of zeros."""
        return self.vector_of(0.0)

    def filled(
        self, vectors: Iterable[Value], features: int, fill: float = 0.0
    ) -> list[Value]:
        """Return the vectors of a row with a number in the lanes past its end."""
        *full, last = vectors
        rest = features - len(full) * self.lanes
        is_real = self.vector_of(np.arange(self.lanes)) < rest
        return [*full, is_real.select(last, fill)]

    def spread(self, single: Value) -> Value:
        nothing = ir.Constant(ir.VectorType(single.raw.type, self.lanes), ir.Undefined)
        first = self.builder.insert_element(nothing, single.raw, ir.Constant(I32, 0))
        return Value(self.builder, first).pick([0] * self.lanes)

    def to_float(self, number: Value) -> Value:
        return Value(self.builder, self.builder.sitofp(number.raw, F32))

    def largest(self, vectors: Sequence[Value]) -> Value:
        name = f"llvm.vector.reduce.fmax.v{self.lanes}f32"
        most = vectors[0]
        for vector in vectors[1:]:
            most = (vector > most).select(vector, most)
        return self.intrinsic(name, F32, most.raw)

    def total(self, vectors: Sequence[Value]) -> Value:
        name = f"llvm.vector.reduce.fadd.v{self.lanes}f32"
        vector = reduce(add, vectors)
        return self.intrinsic(name, F32, ir.Constant(F32, 0.0), vector.raw)

    def root(self, floats: Value) -> Value:
        return self.intrinsic(f"llvm.sqrt.v{self.lanes}f32", self.vector, floats.raw)


class Code:
    """Machine code that can be called."""

    def __init__(self, asm: Assembler):
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        target = llvm.Target.from_default_triple()
        machine = target.create_target_machine(
            cpu=llvm.get_host_cpu_name(),
            features=llvm.get_host_cpu_features().flatten(),
            reloc="pic",
            codemodel="small",
        )
        module = llvm.parse_assembly(str(asm.module))
        module.verify()
        # The loops are vectors already; LLVM should not make them longer.
        options = llvm.create_pipeline_tuning_options(speed_level=1)
        options.loop_vectorization = False
        options.slp_vectorization = False
        options.loop_unrolling = False
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(module, builder)
        self._engine = llvm.create_mcjit_compiler(module, machine, use_lmm=True)
        self._engine.finalize_object()

    def run(self, name: str, arrays: Sequence[Floats], *numbers: int) -> None:
        """Call a function with its arrays and its numbers."""
        kinds = [FLOATS] * len(arrays) + [ctypes.c_int64] * len(numbers)
        function = ctypes.CFUNCTYPE(None, *kinds)
        address = self._engine.get_function_address(name)
        function(address)(*arrays, *numbers)
