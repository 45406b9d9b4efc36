"""Random subsets of training documents."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rnnbench.data.subsets import Subset, parse_sizes
from rnnbench.errors import UserError

few = settings(max_examples=40)
LABELS = st.integers(2, 60).flatmap(
    lambda n: (
        arrays(np.int32, n, elements=st.integers(0, 4))
        | arrays(np.uint8, (n, 4), elements=st.integers(0, 1))
    )
)


@few
@given(LABELS, st.integers(1, 9), st.data())
def test_a_larger_subset_includes_a_smaller_one(labels, draw, data):
    n = len(labels)
    small = data.draw(st.integers(2, n))
    large = data.draw(st.integers(small, n))

    inner = Subset(small, draw).positions(labels)
    outer = Subset(large, draw).positions(labels)

    assert (len(inner), len(outer)) == (small, large)
    assert set(inner) <= set(outer)


@few
@given(LABELS, st.integers(1, 9), st.data())
def test_groups_stay_whole(labels, draw, data):
    n = len(labels)
    groups = np.array(data.draw(st.lists(st.integers(0, 5), min_size=n, max_size=n)))
    size = data.draw(st.integers(2, n))

    chosen = Subset(size, draw).positions(labels, groups)

    inside = np.isin(np.arange(n), chosen)
    assert len(chosen) >= size
    assert set(groups[inside]).isdisjoint(groups[~inside])


@few
@given(st.lists(st.integers(1, 30), min_size=2, max_size=8), st.integers(1, 9))
def test_twice_as_many_documents_as_labels_have_all_labels(sizes, draw):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    n = min(len(labels), 2 * len(sizes) + 1)

    assert set(labels[Subset(n, draw).positions(labels)]) == set(labels)


@few
@given(st.integers(20, 200), st.integers(20, 200), st.floats(0.2, 1))
def test_each_label_keeps_its_share(first, second, share):
    labels = np.repeat([0, 1], [first, second])

    counts = np.bincount(labels[Subset(share).positions(labels)])

    assert np.abs(counts - share * np.array([first, second])).max() <= 2


def test_draws_are_different():
    labels = np.zeros(100, int)
    first, second = [set(Subset(0.5, n).positions(labels)) for n in (1, 2)]

    assert 10 < len(first & second) < 40


def test_more_labels_than_there_are_cannot_be_learned_from():
    with pytest.raises(UserError, match=r"labels: got 300 \(allowed: 2 to 100\)"):
        Subset(300).positions(np.zeros(100, int))


def test_sizes_are_sorted():
    assert parse_sizes("shares", "100% , 5%,0.2,5%") == [0.05, 0.2, 1]
    assert parse_sizes("labels", "1000,300") == [300, 1000]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *[("shares", text) for text in ("", "0%", "101%", "-1%", "5%%", "nan%", "5")],
        *[("labels", text) for text in ("1", "2.5", "1e99", "inf", "5%", "x" * 99)],
        ("labels", ",".join(map(str, range(2, 23)))),
    ],
)
def test_sizes_that_cannot_be_are_refused(name, text):
    with pytest.raises(UserError, match=rf"{name}: got .*should be .*such as"):
        parse_sizes(name, text)
