"""The layout of memory: nothing overlaps, and sizes are checked before code is made."""

import dataclasses
import itertools

import pytest
from hypothesis import given
from machine_code import examples, sizes

from rnnbench.errors import RnnbenchError
from rnnbench.training.engines.native.network import (
    LINE,
    Array,
    NetworkArrays,
    NetworkSizes,
    column_order,
)

SMALL = NetworkSizes((("lstm", 3),), topics=2, timesteps=4, batch=5, lanes=4)


def arrays_of(thing):
    """Return the arrays of a layout or of a layer, own once."""
    return {own.offset: own for own in vars(thing).values() if isinstance(own, Array)}


@examples(50)
@given(sizes())
def test_no_array_overlaps_another_one_and_every_row_begins_at_a_cache_line(of):
    layout = NetworkArrays(of)
    whole = [layout.weights, layout.gradient, layout.mean, layout.square]
    of_weights = [layout.head, *(layer.weights for layer in layout.layers)]
    of_gradient = [layout.d_head, *(layer.gradient for layer in layout.layers)]

    parts = arrays_of(layout) | {
        key: own for x in layout.layers for key, own in arrays_of(x).items()
    }
    inside = [*of_weights, *of_gradient]
    places = sorted(
        {(own.offset, own.offset + own.size) for own in [*whole, *parts.values()]}
        - {(own.offset, own.offset + own.size) for own in inside}
    )
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(places))
    assert places[-1][1] <= layout.size
    for outer, inner in ((layout.weights, of_weights), (layout.gradient, of_gradient)):
        assert sum(own.size for own in inner) == outer.size
        assert all(outer.offset <= own.offset < outer.offset + outer.size for own in inner)

    for layer in layout.layers:
        for array in arrays_of(layer).values():
            last = sum((n - 1) * s for n, s in zip(array.shape, array.strides, strict=True))
            assert array.offset % LINE == 0
            assert all(stride % LINE == 0 for stride in array.strides[:-1])
            assert last < array.size


def test_all_gates_of_a_vector_of_units_stand_together_and_none_is_left_out():
    assert column_order(units=2, gates=3, lanes=4).tolist() == [0, 1, 2, 3, 4, 5]
    assert column_order(units=3, gates=2, lanes=2).tolist() == [0, 1, 3, 4, 2, 5]
    for units in range(1, 40):
        assert sorted(column_order(units, 4, 16)) == list(range(4 * units))


@pytest.mark.parametrize(
    "change", [{"topics": 0}, {"timesteps": 0}, {"batch": -1}, {"lanes": 5}, {"layers": ()}]
)
def test_sizes_that_make_no_sense_are_refused(change):
    with pytest.raises(RnnbenchError, match="no machine code can be made for NetworkSizes"):
        dataclasses.replace(SMALL, **change)


def test_a_network_that_needs_too_much_memory_is_refused_before_any_is_taken():
    huge = dataclasses.replace(SMALL, layers=(("lstm", 1_000_000),))

    with pytest.raises(
        RnnbenchError, match=r"needs .* GB \(allowed: 34\.4\); use training\.engine"
    ):
        NetworkArrays(huge)


def test_parts_of_a_batch_are_of_about_one_size_and_larger_where_weights_exceed_the_cache():
    rows = [dataclasses.replace(SMALL, batch=batch).rows for batch in (1, 10, 11, 32, 50, 53)]

    assert rows == [1, 10, 6, 8, 10, 9]
    assert dataclasses.replace(SMALL, layers=(("lstm", 512),), batch=50).rows == 25
