"""Groups of documents that nobody has declared."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import default_rng

from rnnbench.data.groups import follows_labels, likely_groups

N = 300
SIZE = 6
RANDOM = default_rng(0)
PASSAGES = np.repeat(np.arange(N // SIZE), SIZE)
SHUFFLED = RANDOM.permutation(PASSAGES)
LABELS = RANDOM.choice(["acq", "earn", "grain"], N).tolist()


def names_in(column, values):
    return [groups.column for groups in likely_groups({column: list(values)})]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("id", range(1, N + 1)),
        ("id", [f"test_{number:04}" for number in range(N)]),
        ("id", [f"{number:032x}" for number in RANDOM.integers(2**60, size=N)]),
        ("date", [f"2026-{1 + n // 28 % 12:02}-{1 + n % 28:02}" for n in range(N)]),
        ("day", np.repeat([f"2026-01-{1 + n:02}" for n in range(30)], 10)),
        ("author", [f"author {number}" for number in range(N)]),
        ("author", [f"author {number % 280}" for number in RANDOM.permutation(N)]),
        ("split", RANDOM.choice(["train", "test"], N)),
        ("language", np.sort(RANDOM.choice(["de", "en", "fr", "it"], N))),
        ("source", ["Reuters"] * N),
        ("n_words", RANDOM.poisson(12, N).tolist()),
        ("n_words", np.sort(RANDOM.poisson(12, N)).tolist()),
        ("confidence", RANDOM.random(N).tolist()),
        ("confidence", [f"{share:.2f}" for share in RANDOM.random(N)]),
        ("author", [*(f"author {n}" for n in SHUFFLED[:-1]), None]),
        (
            "author",
            ["unknown"] * (N // 2) + [f"author {n}" for n in SHUFFLED[: N // 2]],
        ),
    ],
)
def test_a_column_without_groups_is_not_named(column, values):
    assert names_in(column, values) == []


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("passage", PASSAGES.tolist()),
        ("passage", SHUFFLED.tolist()),
        ("doc.page_id", SHUFFLED.tolist()),
        ("column 3", PASSAGES.tolist()),
        ("column 3", [f"p{number}" for number in PASSAGES]),
        ("id", [f"passage{n}-{place % SIZE}" for place, n in enumerate(PASSAGES)]),
        ("id", RANDOM.permutation([f"doc{n // SIZE}_{n % SIZE}" for n in range(N)])),
        ("name", np.repeat([f"author {n}" for n in range(30)], 10)),
    ],
)
def test_a_column_of_groups_is_evident(column, values):
    (groups,) = likely_groups({column: list(values)})

    assert groups.is_evident


def test_other_texts_may_be_groups_but_are_not_evident():
    (groups,) = likely_groups({"column 3": [f"p{number}" for number in SHUFFLED]})

    assert not groups.is_evident


@given(
    st.randoms(use_true_random=False),
    st.lists(st.integers(2, 9), min_size=20, max_size=30),
)
def test_documents_with_one_value_are_in_one_group(random, sizes):
    values = [f"p{number}" for number, size in enumerate(sizes) for _ in range(size)]
    random.shuffle(values)

    (groups,) = likely_groups({"passage": values})

    pairs = set(zip(values, groups.codes.tolist(), strict=True))
    assert len(pairs) == groups.n_groups == len(sizes)
    assert set(groups.codes.tolist()) == set(range(len(sizes)))


@given(
    st.lists(st.integers() | st.text() | st.none() | st.floats(), max_size=50),
    st.text(),
)
def test_any_column_is_looked_at_without_an_error(values, name):
    for groups in likely_groups({name: values}):
        assert len(groups.codes) == len(values)


@pytest.mark.parametrize(
    "values",
    [
        LABELS,
        [{"acq": "money", "earn": "money", "grain": "food"}[label] for label in LABELS],
        RANDOM.permutation(LABELS).tolist(),
        ["always"] * N,
    ],
)
def test_a_column_of_labels_follows_labels(values):
    assert follows_labels(values, LABELS)


def test_ids_that_begin_with_labels_name_no_groups():
    labels = [f"topic {number}" for number in RANDOM.integers(20, size=N)]
    ids = [f"{label}/{place}" for place, label in enumerate(labels)]

    assert likely_groups({"id": ids}, labels) == []
    assert names_in("id", ids) == ["id"]


@pytest.mark.parametrize("labels", [LABELS, list(range(N))])
def test_a_column_of_passages_follows_no_labels(labels):
    assert not follows_labels([f"p{number}" for number in PASSAGES], labels)
