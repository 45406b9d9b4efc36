"""Which training documents are held out."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rnnbench.data.validation import hold_out
from rnnbench.errors import UserError

sizes = st.integers(1, 2000)
shares = st.floats(0, 1, exclude_min=True, exclude_max=True)


@given(n=sizes, share=st.just(0.0) | shares)
def test_every_document_is_either_trained_on_or_held_out_and_keeps_its_place(n, share):
    assume(not share or 0 < int(n * share) < n)

    kept, held_out = hold_out(n, share)

    assert len(held_out) == int(n * share)
    assert sorted([*kept, *held_out]) == list(range(n))
    for part in (kept, held_out):
        assert (np.diff(part) > 0).all()


@given(n=sizes, share=shares, seed=st.integers(0, 2**32 - 1))
def test_no_seed_changes_which_documents_are_held_out(n, share, seed):
    assume(0 < int(n * share) < n)
    before = hold_out(n, share)

    np.random.seed(seed)

    for ours, others in zip(before, hold_out(n, share), strict=True):
        np.testing.assert_array_equal(ours, others)


def test_a_larger_share_holds_out_what_a_smaller_one_does_and_more():
    smaller, larger = (set(hold_out(100, share)[1]) for share in (0.1, 0.3))

    assert smaller < larger


def test_the_held_out_documents_are_drawn_from_everywhere():
    _, held_out = hold_out(1000, 0.2)

    assert np.histogram(held_out, bins=5, range=(0, 1000))[0].min() > 20


@given(n=sizes, share=shares)
def test_a_share_that_leaves_nothing_on_one_side_is_answered_with_both(n, share):
    held_out = int(n * share)
    assume(held_out in (0, n))

    with pytest.raises(UserError) as caught:
        hold_out(n, share)

    assert str(caught.value) == (
        f"training.validation_split: {share} of {n} training documents leaves {held_out} to "
        f"validate on and {n - held_out} to train on"
    )
