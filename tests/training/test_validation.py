"""Which training wires are held out, and which epoch they choose."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rnnbench.errors import UserError
from rnnbench.training.validation import BestEpoch, hold_out

sizes = st.integers(1, 2000)
shares = st.floats(0, 1, exclude_min=True, exclude_max=True)


@given(n=sizes, share=shares)
def test_every_wire_is_either_trained_on_or_held_out_and_keeps_its_place(n, share):
    assume(0 < int(n * share) < n)

    kept, held_out = hold_out(n, share)

    assert len(held_out) == int(n * share)
    assert sorted([*kept, *held_out]) == list(range(n))
    for part in (kept, held_out):
        assert (np.diff(part) > 0).all()


@given(n=sizes)
def test_without_a_share_every_wire_is_trained_on(n):
    kept, held_out = hold_out(n, 0.0)

    assert kept.tolist() == list(range(n))
    assert len(held_out) == 0


@given(n=sizes, share=shares, seed=st.integers(0, 2**32 - 1))
def test_no_seed_changes_which_wires_are_held_out(n, share, seed):
    assume(0 < int(n * share) < n)
    before = hold_out(n, share)

    np.random.seed(seed)

    for ours, others in zip(before, hold_out(n, share), strict=True):
        np.testing.assert_array_equal(ours, others)


def test_a_larger_share_holds_out_what_a_smaller_one_does_and_more():
    smaller, larger = (set(hold_out(100, share)[1]) for share in (0.1, 0.3))

    assert smaller < larger


def test_the_held_out_wires_are_drawn_from_everywhere():
    _, held_out = hold_out(1000, 0.2)

    assert np.histogram(held_out, bins=5, range=(0, 1000))[0].min() > 20


@given(n=sizes, share=shares)
def test_a_share_that_leaves_nothing_on_one_side_is_answered_with_both(n, share):
    held_out = int(n * share)
    assume(held_out in (0, n))

    with pytest.raises(UserError) as caught:
        hold_out(n, share)

    assert str(caught.value) == (
        f"training.validation_split: {share} of {n} training wires leaves {held_out} to validate "
        f"on and {n - held_out} to train on"
    )


def best_of(scores):
    """Return what was noted of epochs with these losses and accuracies; weights are their epoch."""
    model = {}
    best = BestEpoch(lambda: [model["epoch"]])
    for epoch, (loss, accuracy) in enumerate(scores, start=1):
        model["epoch"] = epoch
        best.note(epoch, loss, accuracy)
    return best


@pytest.mark.parametrize(
    ("scores", "epoch"),
    [
        ([(1.0, 0.5)], 1),
        ([(1.0, 0.5), (2.0, 0.6), (0.5, 0.4)], 2),
        ([(1.0, 0.5), (0.5, 0.5), (0.7, 0.5)], 2),
        ([(1.0, 0.5), (1.0, 0.5)], 1),
        ([(1.0, 0.0), (0.9, 0.0)], 2),
        ([(float("inf"), 0.0), (9.0, 0.0)], 2),
    ],
    ids=[
        "a single one",
        "the highest accuracy, whatever its loss",
        "of equal accuracies the lowest loss",
        "of equal epochs the first",
        "nothing right at all",
        "a loss without bounds",
    ],
)
def test_the_best_epoch_has_the_highest_accuracy_then_the_lowest_loss(scores, epoch):
    best = best_of(scores)

    assert (best.epoch, best.weights) == (epoch, [epoch])


few = st.sampled_from([0.0, 0.25, 0.5, 1.0])


@given(scores=st.lists(st.tuples(few, few), min_size=1, max_size=12))
def test_the_weights_are_those_of_the_best_epoch_whatever_came_after(scores):
    best = best_of(scores)

    numbered = enumerate(scores, start=1)
    expected, _ = min(numbered, key=lambda each: (-each[1][1], each[1][0], each[0]))
    assert (best.epoch, best.weights) == (expected, [expected])


def test_weights_are_read_only_where_an_epoch_is_better_than_all_before():
    reads = []
    best = BestEpoch(lambda: reads.append(1) or reads)

    for accuracy in (0.1, 0.3, 0.2, 0.3, 0.4):
        best.note(1, 1.0, accuracy)

    assert len(reads) == 3


def test_an_epoch_whose_loss_is_not_a_number_is_kept_where_there_is_no_other():
    assert best_of([(float("nan"), 0.5)] * 2).weights == [1]


def test_an_epoch_whose_loss_is_no_number_is_taken_only_where_there_is_no_other():
    weights = iter(["first", "second", "third"])
    best = BestEpoch(lambda: [next(weights)])

    best.note(1, loss=float("nan"), accuracy=0.9)
    assert best.epoch == 1
    best.note(2, loss=1.0, accuracy=0.1)
    assert best.epoch == 2
    best.note(3, loss=float("nan"), accuracy=1.0)

    assert (best.epoch, best.weights) == (2, ["second"])
