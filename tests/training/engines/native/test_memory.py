"""The layout of memory, and the refusal of too much before any is taken."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from rnnbench.errors import RnnbenchError
from rnnbench.training.engines.native.assembler import LINE
from rnnbench.training.engines.native.memory import KerasArray, Memory
from rnnbench.training.engines.native.recurrent import column_order

SHAPES = st.lists(st.lists(st.integers(1, 300), min_size=1, max_size=3), min_size=1)


@given(SHAPES)
def test_no_array_overlaps_another_one(shapes):
    memory = Memory()

    arrays = [memory.place(*shape) for shape in shapes]

    places = sorted((array.offset, array.offset + array.size) for array in arrays)
    for (_, end), (start, _) in itertools.pairwise(places):
        assert end <= start
    assert places[-1][1] <= memory.size
    for array in arrays:
        last_index = np.array(array.shape) - 1
        assert last_index @ array.strides < array.size


@given(SHAPES)
def test_every_row_begins_at_a_cache_line(shapes):
    memory = Memory()

    arrays = [memory.place(*shape) for shape in shapes]

    for array in arrays:
        assert array.offset % LINE == 0
        assert all(stride % LINE == 0 for stride in array.strides[:-1])
    for arena in memory.new_arenas(2):
        assert arena.ctypes.data % (4 * LINE) == 0


@given(
    units=st.integers(1, 40), gates=st.integers(1, 4), lanes=st.sampled_from([4, 8, 16])
)
def test_weights_are_read_as_they_were_written_wherever_they_lie(units, gates, lanes):
    memory = Memory()
    trained = memory.trained(5, gates * units)
    order = np.argsort(column_order(units, gates, lanes))
    part = KerasArray((5, gates * units), trained, np.ix_(range(5), order))
    (arena,) = memory.new_arenas(1)
    weights = np.arange(5.0 * gates * units, dtype=np.float32).reshape(part.shape)

    part.write(arena, weights)

    assert_array_equal(part.read(arena, "value"), weights)
    assert sorted(arena[arena != 0]) == sorted(weights.ravel()[1:])


def test_all_gates_of_a_vector_of_units_stand_together():
    assert column_order(units=2, gates=3, lanes=4).tolist() == [0, 1, 2, 3, 4, 5]
    assert column_order(units=3, gates=2, lanes=2).tolist() == [0, 1, 3, 4, 2, 5]


def test_a_network_that_needs_too_much_memory_is_refused_before_any_is_taken():
    with pytest.raises(
        RnnbenchError, match=r"needs more than 8\.6 GB; use training\.engine"
    ):
        Memory().place(100_000, 100_000)
