"""Which answers to give so that few of them are wrong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import default_rng
from scipy.stats import beta

from rnnbench.stats.correctness import Correctness
from rnnbench.stats.selective import (
    answer_where,
    error_bound,
    lowest_promise,
    risk_coverage,
)
from simulations.selective import kept

ANSWERS = st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=40)


def made_up(n=1_000, error=0.1, seed=0):
    """Return sureness and which answers are wrong, few of the surest."""
    random = default_rng(seed)
    sureness = random.random(n)
    return sureness, random.random(n) < 4 * error * (1 - sureness) ** 3


def correctness(wrong, **groups):
    return Correctness(~wrong[np.newaxis], **groups)


@given(ANSWERS)
def test_the_curve_ends_at_the_error_of_all_answers(answers):
    sureness, wrong = map(np.array, zip(*answers, strict=True))

    curve = risk_coverage(sureness, wrong)

    assert curve.coverage[-1] == 1
    assert curve.errors[-1] == pytest.approx(wrong.mean())
    assert curve.coverage_at(wrong.mean() + 1e-9) == 1


@given(ANSWERS)
def test_the_curve_at_a_threshold_is_the_error_of_the_answers_above_it(answers):
    sureness, wrong = map(np.array, zip(*answers, strict=True))

    curve = risk_coverage(sureness, wrong)

    errors = [wrong[sureness >= at].mean() for at in np.unique(sureness)[::-1]]
    assert curve.errors[curve.is_threshold] == pytest.approx(errors)


@given(ANSWERS, st.randoms())
def test_the_order_of_documents_does_not_matter(answers, random):
    shuffled = random.sample(answers, len(answers))

    areas = [
        risk_coverage(*map(np.array, zip(*rows, strict=True))).area
        for rows in (answers, shuffled)
    ]

    assert areas[0] == pytest.approx(areas[1])


@given(st.integers(0, 50), st.integers(1, 50), st.floats(0.5, 0.999))
def test_the_bound_is_that_of_clopper_with_pearson(n_wrong, n_right, level):
    bound = error_bound(n_wrong, n_wrong + n_right, level)

    assert bound == pytest.approx(beta.ppf(level, n_wrong + 1, n_right))


def test_wrong_answers_alone_have_a_bound_of_1():
    assert error_bound(3, 3) == 1


def test_only_the_order_of_sureness_matters():
    sureness, wrong = made_up()

    plain = answer_where(sureness, correctness(wrong), 0.05)
    cubed = answer_where(sureness**3 - 7, correctness(wrong), 0.05)

    assert (plain.n_answered, plain.n_wrong) == (cubed.n_answered, cubed.n_wrong)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_the_counts_are_those_of_the_answers_above_the_threshold(kind):
    sureness, wrong = made_up()
    sureness = sureness.astype(kind)

    promise = answer_where(sureness, correctness(wrong), 0.05)

    is_answered = sureness >= promise.threshold
    assert promise.n_answered == is_answered.sum()
    assert promise.n_wrong == wrong[is_answered].sum()


def test_equally_sure_answers_are_given_or_left_out_together():
    wrong = made_up()[1]

    assert answer_where(np.ones(1_000), correctness(wrong), 0.05) is None
    all_answered = answer_where(np.ones(1_000), correctness(wrong), 0.2)
    assert all_answered.threshold == -np.inf


def test_few_documents_promise_little():
    nothing_wrong = correctness(np.zeros(20, bool))

    assert answer_where(np.arange(20.0), nothing_wrong, 0.05) is None
    assert answer_where(np.arange(20.0), nothing_wrong, 0.2)


def test_the_lowest_promise_can_be_made():
    sureness, wrong = made_up()

    lowest = lowest_promise(sureness, correctness(wrong))

    assert answer_where(sureness, correctness(wrong), lowest)
    assert answer_where(sureness, correctness(wrong), lowest - 0.001) is None


def test_errors_that_cluster_promise_less():
    sureness, wrong = made_up(300)
    many = [np.repeat(values, 8) for values in (sureness, wrong)]
    clusters = np.repeat(np.arange(300), 8)

    alone = answer_where(many[0], correctness(many[1]), 0.05)
    clustered = answer_where(many[0], correctness(many[1], clusters=clusters), 0.05)

    assert not clustered or clustered.n_answered < alone.n_answered


@pytest.mark.parametrize("world", ["falling", "at the limit", "surest worst"])
def test_promises_are_kept(world):
    ((share, _),) = kept(world, at_most=0.05, n=500, times=200)

    assert share >= 0.95 - 2 * (0.95 * 0.05 / 200) ** 0.5
