"""Which models' seeds do not lie around one mean."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import default_rng

from rnnbench.stats.uneven import is_uneven

N_DOCUMENTS = 599
TIMES = 500


def share_uneven(n_seeds, deviation, share_lower=0.0, distance=0.0):
    """Return the share of made-up models that are uneven; deviations are in
    documents.
    """
    rng = default_rng(0)
    uneven = []
    for _ in range(TIMES):
        is_lower = rng.random(n_seeds) < share_lower
        right = 450 + deviation * (rng.normal(size=n_seeds) - distance * is_lower)
        uneven.append(is_uneven(right.round() / N_DOCUMENTS, N_DOCUMENTS))
    return np.mean(uneven)


@pytest.mark.parametrize("n_seeds", [5, 20, 60])
@pytest.mark.parametrize("deviation", [0.5, 2, 10])
def test_normal_seeds_are_seldom_called_uneven(n_seeds, deviation):
    assert share_uneven(n_seeds, deviation) <= 0.02


@pytest.mark.parametrize(("share", "at_least"), [(0.1, 0.9), (0.25, 0.95), (0.5, 0.95)])
def test_two_groups_among_sixty_seeds_are_found(share, at_least):
    assert share_uneven(60, 5, share, 6) >= at_least


def test_one_collapse_among_twenty_seeds_is_found():
    right = [450 + offset for offset in range(-9, 10)]
    assert not is_uneven(np.array([*right, 455]) / N_DOCUMENTS, N_DOCUMENTS)
    assert is_uneven(np.array([*right, 400]) / N_DOCUMENTS, N_DOCUMENTS)


@given(st.lists(st.integers(400, 500), min_size=5, max_size=30), st.randoms())
def test_the_order_of_seeds_does_not_matter(right, random):
    shuffled = random.sample(right, len(right))
    scores = np.array(right) / N_DOCUMENTS
    assert is_uneven(scores, N_DOCUMENTS) == is_uneven(
        np.array(shuffled) / N_DOCUMENTS, N_DOCUMENTS
    )


@given(st.lists(st.floats(0, 1), max_size=4))
def test_fewer_than_five_seeds_are_never_uneven(scores):
    assert not is_uneven(scores, N_DOCUMENTS)
