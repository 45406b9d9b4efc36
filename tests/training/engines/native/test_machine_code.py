"""The machine code, piece by piece, against NumPy; and that it stays in its arrays."""

import ctypes
import math
import mmap
from dataclasses import replace
from functools import cache

import llvmlite.binding as llvm
import numpy as np
import pytest
from checked_code import Checked, CheckedProgram, faults
from hypothesis import example, given
from hypothesis import strategies as st
from machine_code import (
    LANES,
    REGISTERS,
    SIGMOID,
    SOFTMAX,
    all_sizes,
    documents,
    examples,
    is_x86,
    network,
    networks,
    program,
)
from numpy.random import default_rng
from numpy.testing import assert_allclose, assert_array_equal

from rnnbench.labels import form_of
from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.training.engines.native.assembler import (
    Array,
    Assembler,
    Code,
    Processor,
    Value,
    processor,
)
from rnnbench.training.engines.native.losses import loss_of
from rnnbench.training.engines.native.memory import OF_HALF, SHARED, Memory, Sizes
from rnnbench.training.engines.native.network import Scorer, longest_first
from rnnbench.training.engines.native.program import passes
from rnnbench.training.engines.native.random import make_mask, philox, quarter, times

HERE = Processor(8, 32, is_x86)
WORD = st.integers(0, 2**31 - 1)
GRU = {"gru": {"units": 6, "return_sequences": True, "weight_drop": 0.3}}
SMALL = LayeredNetwork.model_validate(
    {
        "layers": [
            {"embedding": {"dim": 9}},
            {"simple_rnn": {"units": 6}},
            SOFTMAX,
        ]
    }
)
DROPPING = LayeredNetwork.model_validate(
    {
        "layers": [
            {"embedding": {"dim": 9, "masking": True, "dropout": 0.2}},
            {"spatial_dropout": {"rate": 0.4}},
            {"bidirectional": {"layer": GRU}},
            {"dropout": {"rate": 0.3}},
            {"pooling": {"by": "max"}},
            SOFTMAX,
        ]
    }
)


def run(name, arena, make, processor=HERE):
    """Make a function of an arena, and call it."""
    asm = Assembler(processor)
    with asm.function(name, [OF_HALF]):
        make(asm)
    Code(asm).run(name, [arena])


@examples(12)
@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 70),
    inner=st.integers(1, 30),
    lanes=LANES,
    registers=REGISTERS,
    adds=st.booleans(),
    is_transposed=st.booleans(),
)
def test_products_of_all_shapes(
    rows, columns, inner, lanes, registers, adds, is_transposed
):
    memory = Memory()
    shape = (rows, inner)
    if is_transposed:
        shape = (inner, rows)
    left = memory.place(*shape)
    right = memory.place(inner, columns)
    out = memory.place(rows, columns)
    arena = default_rng(0).normal(size=memory.size).astype(np.float32)
    a = left.of(arena).copy()
    b = right.of(arena).copy()
    before = out.of(arena).copy()

    def make(asm):
        view = asm.at(left)
        if is_transposed:
            view = view.T
        asm.at(out).write_product(view, asm.at(right), adds=adds)

    run("product", arena, make, Processor(lanes, registers, is_x86))

    if is_transposed:
        a = a.T
    expected = a @ b
    if adds:
        expected += before
    assert_allclose(out.of(arena), expected, rtol=1e-4, atol=1e-5)


@given(rows=st.integers(1, 200), vectors=st.integers(1, 4), registers=REGISTERS)
def test_the_sums_of_a_tile_fit_into_the_registers(rows, vectors, registers):
    height = Processor(8, registers, is_x86).rows_of_tile(rows, vectors)

    assert height * vectors + vectors + 1 <= registers
    assert 1 <= height <= rows


FUNCTIONS = ("tanh", "sigmoid", "exp")


@pytest.fixture(scope="module")
def functions():
    """The functions of floats, each from one array of 16 numbers to another."""
    asm = Assembler(Processor(16, 32, is_x86))
    for name in FUNCTIONS:
        with asm.function(name, ["out", "x"]):
            x = asm.given["x"][0].load()
            function = getattr(x, name)
            asm.given["out"][0].store(function())
    code = Code(asm)

    def call(name, x):
        out = np.zeros(16, np.float32)
        padded = np.resize(x, 16).astype(np.float32)
        code.run(name, [out, padded])
        return out[: len(x)]

    return call


@given(st.lists(st.floats(-80, 80, width=32), min_size=1, max_size=16))
def test_functions_of_floats_are_right_to_a_few_units_in_the_last_place(
    functions, numbers
):
    x = np.array(numbers, np.float64)

    tanh = functions("tanh", x)
    sigmoid = functions("sigmoid", x)
    exp = functions("exp", x)

    assert_allclose(tanh, np.tanh(x), rtol=5e-7, atol=1e-30)
    assert_allclose(sigmoid, 1 / (1 + np.exp(-x)), atol=3e-7)
    assert_allclose(exp, np.exp(x), rtol=5e-7)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_number_that_is_none_stays_visible(functions, name):
    nothing = np.array([np.nan])

    assert np.isnan(functions(name, nothing)).all()


def guarded_copy(numbers):
    """Return a flat copy, which ends where a page begins that nobody may touch."""
    count = numbers.size
    n_pages = math.ceil(count * 4 / mmap.PAGESIZE)
    size = n_pages * mmap.PAGESIZE
    memory = mmap.mmap(-1, size + mmap.PAGESIZE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    end = ctypes.c_void_p(start + size)
    protect = ctypes.CDLL(None).mprotect
    assert protect(end, mmap.PAGESIZE, 0) == 0
    pages = np.frombuffer(memory, np.float32, size // 4)
    copy = pages[size // 4 - count :]
    copy[:] = numbers.ravel()
    return copy


CANARY = np.float32(1234.5)


@examples(3)
@given(
    model=networks(most_units=10),
    sizes=all_sizes(),
    count=st.integers(1, 60),
)
def test_no_access_is_outside_of_its_array(model, sizes, count):
    x, y = documents(sizes, count, model=model)
    net = network(program(model, sizes, kind=CheckedProgram), model, x)
    first, second = net.arenas
    size = first.size
    memory = np.full(2 * size + 48, CANARY)
    start_of_second = 32 + size
    around_first = memory[16 : 16 + size]
    around_second = memory[start_of_second : start_of_second + size]
    around_first[:] = first
    around_second[:] = second
    net.arenas = (around_first, around_second)

    net.train(net.lay_out(x), y, 1)
    net.train(net.lay_out(x), y, 2, threads=2)
    scorer = Scorer(net.program, net.model, net.weights())
    scorer.scores(x)

    assert faults(net.program.code) == 0
    assert (memory[:16] == CANARY).all()
    assert (memory[16 + size : start_of_second] == CANARY).all()
    assert (memory[-16:] == CANARY).all()


@examples(3)
@given(model=networks(most_units=10), sizes=all_sizes(), count=st.integers(2, 60))
@example(model=DROPPING, sizes=Sizes(6, 3, 20, 7, 7, 8), count=40)
def test_a_program_that_only_scores_gives_the_answers_of_one_that_trains(
    model, sizes, count
):
    x, _ = documents(sizes, count, model=model)
    net = network(program(model, sizes), model, x)
    random = default_rng(0)
    weights = []
    for array in net.weights():
        weights.append(random.normal(0, 0.3, array.shape).astype(np.float32))
    trains = Scorer(net.program, model, weights, seed=0)
    code = program(model, replace(sizes, only_scores=True), kind=CheckedProgram)
    scores = Scorer(code, model, weights)

    parts = [scores.score(scores.lay_out(part)) for part in np.array_split(x, 2)]

    expected = trains.score(trains.lay_out(x))
    assert_allclose(np.concatenate(parts), expected, atol=1e-5)
    assert faults(code.code) == 0


@pytest.mark.skipif(
    not hasattr(mmap, "MAP_PRIVATE"), reason="pages cannot be protected here"
)
@examples(3)
@given(model=networks(most_units=10), sizes=all_sizes(), count=st.integers(1, 40))
def test_nothing_reads_or_writes_past_what_it_is_given(model, sizes, count):
    x, y = documents(sizes, count, model=model)
    net = network(program(model, sizes), model, x)
    laid_out = net.lay_out(x)
    order = longest_first(laid_out, np.arange(count), sizes.batch)
    loss = loss_of(form_of(y))
    labels = loss.targets(y, np.ones(count, np.float32), net.program.width)
    notes = np.zeros(labels.shape[1] * (count + sizes.rows), np.float32)
    arena, second = map(guarded_copy, net.arenas)
    read = arena, arena, *map(guarded_copy, (order, *laid_out))
    scores = guarded_copy(np.zeros((count, net.program.width), np.float32))

    others = map(guarded_copy, (labels, net.rates, notes))
    net.program.code.run("epoch", [*read, second, *others], count)
    net.program.code.run("score", [*read, scores], count)

    assert np.isfinite(scores).all()


def test_checked_code_notices_an_access_outside_of_its_array():
    asm = Checked(Processor(4, 16, is_x86))
    with asm.function("run", [SHARED], numbers=1) as (place,):
        asm.at(Array(4, (8,), (1,), 8, SHARED))[place].store(asm.vector_of(1.0))
    code = Code(asm)
    arena = np.zeros(16, np.float32)

    noticed = []
    for place in (0, 4, 5, -1, 10**6):
        code.run("run", [arena], place)
        noticed.append(faults(code))

    assert noticed == [0, 0, 1, 2, 3]
    assert (arena[:4] == 0).all()
    assert (arena[12:] == 0).all()


def test_tiny_numbers_count_as_0_where_they_are_flushed():
    arena = np.full(16, 1e-30, np.float32)

    def multiply(asm):
        number = asm.given[OF_HALF].moved(0)
        with asm.flushing():
            number.store(number.load_float() * 1e-10)

    run("multiply", arena, multiply)

    assert arena[0] == 0


def test_an_array_with_gaps_is_not_passed_to_machine_code():
    with pytest.raises(ctypes.ArgumentError, match="array must have"):
        run("nothing", np.zeros(8, np.float32)[::2], lambda _: None)


def test_the_self_test_notices_wrong_results(monkeypatch):
    here = processor()
    if here is None:
        pytest.skip("no code is made for this processor")
    assert passes(here)

    monkeypatch.setattr(Value, "tanh", Value.exp)
    assert not passes(here)


made = cache(program)


def trained(model=DROPPING, seed=0, lanes=8, rows=4, threads=1, clip=None):
    """Return a network after two epochs, the second one by so many threads."""
    sizes = Sizes(
        timesteps=6, topics=3, n_ids=20, batch=7, rows=rows, lanes=lanes, clip=clip
    )
    x, y = documents(sizes, 18)
    net = network(made(model, sizes), model, x, seed)
    net.train(net.lay_out(x), y, 1)
    net.train(net.lay_out(x), y, 2, threads)
    return net


@pytest.mark.parametrize(
    ("model", "threads", "clip", "same"),
    [
        pytest.param(
            DROPPING,
            1,
            None,
            None,
            id="again",
        ),
        pytest.param(
            DROPPING,
            2,
            None,
            None,
            id="threads",
        ),
        pytest.param(
            SMALL,
            2,
            1e-3,
            1e-3,
            id="clipped by threads",
        ),
        pytest.param(
            SMALL,
            1,
            1e300,
            None,
            id="too short for any clip",
        ),
        pytest.param(
            SMALL,
            2,
            1e3,
            None,
            id="for a clip",
        ),
    ],
)
def test_the_same_training_gives_the_same_weights_bit_for_bit(
    model, threads, clip, same
):
    weights = trained(model, threads=threads, clip=clip).weights()

    expected = trained(model, clip=same).weights()
    for array, right in zip(weights, expected, strict=True):
        assert_array_equal(array, right)
    assert np.float32(1e-30) * np.float32(1e-10) > 0, "tiny numbers are what they were"


@pytest.mark.parametrize(("lanes", "rows"), [(16, 7), (4, 1)])
def test_a_seed_drops_the_same_on_vectors_of_any_length(lanes, rows):
    weights = trained(lanes=lanes, rows=rows).weights()

    for array, right in zip(weights, trained().weights(), strict=True):
        assert_allclose(array, right, atol=1e-4)


def test_another_seed_drops_others():
    vectors = trained(seed=1).weights()[0]

    assert not np.allclose(vectors, trained().weights()[0], atol=1e-2)


@examples(25)
@given(
    rate=st.floats(0.01, 0.99),
    features=st.integers(1, 300),
    place=st.tuples(WORD, WORD, WORD),
)
def test_masks_are_those_that_philox_gives_in_numpy(rate, features, place):
    memory = Memory()
    asm = Assembler(HERE)
    length = quarter(features)
    key = memory.place(2)
    mask = memory.place(4 * length)
    with asm.function("mask", [OF_HALF]):
        make_mask(asm.at(key), place, rate, asm.at(mask), features)
    (arena,) = memory.new_arenas(1)
    words_of_key = key.of(arena).view(np.uint32)
    words_of_key[:] = (7, 9)

    Code(asm).run("mask", [arena])

    numbers = np.arange(length, dtype=np.uint32)
    others = np.array([place], np.uint32).T
    keys = np.array([[7], [9]], np.uint32)
    words = np.concatenate(philox([numbers, *others], keys, times))
    is_kept = words >= round(rate * 2**32)
    expected = np.where(is_kept, 1 / (1 - rate), 0)
    assert_allclose(mask.of(arena), expected, rtol=1e-6)


def test_a_network_diverges_visibly():
    sizes = Sizes(timesteps=6, topics=3, n_ids=20, batch=7, rows=4, lanes=8)
    x, y = documents(sizes, 9)
    net = network(made(DROPPING, sizes), DROPPING, x)
    vectors = net.program.parts[0]
    vectors.write(net.arenas[0], np.full(vectors.shape, np.nan, np.float32))

    loss, _ = net.train(net.lay_out(x), y, 1)

    assert np.isnan(loss)
    assert np.isnan(Scorer(net.program, net.model, net.weights()).scores(x)).any()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("last", [SOFTMAX, SIGMOID])
@pytest.mark.parametrize("weight", [1e30, np.inf, np.nan])
def test_a_network_diverges_without_a_warning(last, weight):
    layers = [{"embedding": {"dim": 9}}, {"pooling": {"by": "mean"}}, last]
    model = LayeredNetwork.model_validate({"layers": layers})
    sizes = Sizes(timesteps=6, topics=3, n_ids=20, batch=7, rows=4, lanes=8)
    x, y = documents(sizes, 9, model=model)
    net = network(made(model, sizes), model, x)
    kernel = net.program.parts[-2]
    kernel.write(net.arenas[0], np.full(kernel.shape, weight, np.float32))

    losses = [net.train(net.lay_out(x), y, epoch)[0] for epoch in (1, 2)]
    losses.append(net.judge(net.lay_out(x), y)[0])

    assert not np.isfinite(losses).all() or max(losses) > 1e6


AVX2 = {"avx2": True, "fma": True}
AVX512 = AVX2 | {"avx512f": True, "avx512vl": True}
X86 = "x86_64-linux-gnu"
ARM = "arm64-apple-darwin"


@pytest.mark.parametrize(
    ("triple", "name", "features", "expected"),
    [
        pytest.param(
            X86,
            "haswell",
            AVX2,
            Processor(lanes=8, registers=16, is_x86=True),
            id="AVX2",
        ),
        pytest.param(
            X86,
            "icelake",
            AVX512,
            Processor(lanes=16, registers=32, is_x86=True),
            id="AVX-512",
        ),
        pytest.param(
            X86,
            "znver4",
            AVX512,
            Processor(lanes=8, registers=32, is_x86=True),
            id="AVX-512 in halves",
        ),
        pytest.param(
            X86,
            "nehalem",
            {"avx2": False, "fma": False},
            None,
            id="neither",
        ),
        pytest.param(
            ARM,
            "apple-m1",
            {},
            Processor(lanes=4, registers=32, is_x86=False),
            id="ARM",
        ),
        pytest.param(
            "riscv64-linux-gnu",
            "generic",
            {},
            None,
            id="another kind",
        ),
    ],
)
def test_each_processor_has_its_vectors(monkeypatch, triple, name, features, expected):
    monkeypatch.setattr(llvm, "get_default_triple", lambda: triple)
    monkeypatch.setattr(llvm, "get_host_cpu_name", lambda: name)
    monkeypatch.setattr(llvm, "get_host_cpu_features", lambda: features)

    assert processor.__wrapped__() == expected
