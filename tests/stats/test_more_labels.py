"""Scores by the number of labels, on plain arrays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.stats.more_labels import SHARES, LabelCurve, overtaking, power_law
from simulations.more_labels import simulated

few = settings(max_examples=15, deadline=None)
LABELS = np.array([100.0, 400.0, 1600.0, 6400.0])


def curve_of(errors, n_documents=2000, n_draws=2):
    shape = (len(errors), n_draws, n_documents)
    places = np.linspace(0, 1, n_documents, endpoint=False)
    values = places >= np.asarray(errors)[:, None, None]
    return LabelCurve(LABELS, np.broadcast_to(values, shape) * 1.0, pool=10_000)


def test_intervals_of_a_gain_hold_it_about_as_often_as_they_say():
    gain, error, width = simulated("floor 0.03, exponent 0.5", 1000, times=40)

    assert gain >= 0.85
    assert error >= 0.85
    assert width < 0.02


@few
@given(st.floats(0, 0.2), st.floats(0.5, 4), st.floats(0.2, 1))
def test_the_law_that_made_the_errors_is_among_those_that_fit(floor, factor, exponent):
    errors = floor + factor / 6 * (LABELS / LABELS[0]) ** -exponent

    law = power_law(LABELS, errors, np.diag((0.02 * errors) ** 2))

    true = floor + factor / 6 * (12_800 / LABELS[0]) ** -exponent
    assert law.error_at(12_800).low - 1e-3 <= true <= law.error_at(12_800).high + 1e-3
    gain = law.gain(6400, 12_800)
    # The laws are those of a grid, in which the floor is a share of the last error.
    step = errors[-1] * np.diff(SHARES).max()
    assert gain.low - step <= errors[-1] - true <= gain.high + step


def test_a_model_that_learns_nothing_may_gain_nothing():
    errors = np.full(4, 0.3)

    assert power_law(LABELS, errors, np.eye(4) * 1e-4).gain(6400, 12_800).low == 0


def test_fewer_sizes_leave_more_laws():
    curve = curve_of([0.4, 0.2, 0.1, 0.05])

    widths = []
    for n in (1, 2, 4):
        covariance = curve.covariance[:n, :n]
        law = power_law(LABELS[:n], 1 - curve.scores[:n], covariance)
        gain = law.gain(LABELS[n - 1], 2 * LABELS[n - 1])
        widths.append((gain.high - gain.low) / (1 - curve.scores[n - 1]))
    assert widths == sorted(widths, reverse=True)


def test_draws_on_other_documents_count_as_draws_not_as_documents():
    random = np.random.default_rng(0)
    values = (random.random((4, 3, 600)) > 0.2) * 1.0
    values[:, ~np.repeat(np.eye(3, dtype=bool), 200, axis=1)] = np.nan
    curve = LabelCurve(LABELS, values, pool=1e9)

    shares = np.diag(curve.of_draws) / np.diag(curve.of_documents)
    assert shares.max() < 1


def test_clusters_widen_intervals():
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 10)
    values = np.repeat(random.random((4, 2, 60)) > 0.2, 10, axis=2) * 1.0
    alone = LabelCurve(LABELS, values, pool=1e9)
    together = LabelCurve(LABELS, values, 1e9, groups)

    wider = np.diag(together.of_documents) / np.diag(alone.of_documents)
    assert wider.min() > 5


def test_a_model_that_is_always_right_could_be_wrong():
    (estimate, *_) = curve_of(np.zeros(4)).estimates()

    assert estimate.value == 1
    assert estimate.cut.low < 0.9995


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([0.3, 0.3, 0.3, 0.3], None),
        ([0.4, 0.3, 0.25, 0.2], 400),
        ([0.2, 0.2, 0.2, 0.2], None),
        ([0.4, 0.35, 0.25, 0.2], 800),
    ],
)
def test_one_model_overtakes_another_where_their_lines_cross(errors, expected):
    other = curve_of([0.3, 0.3, 0.3, 0.3])

    place, *_ = overtaking(curve_of(errors).minus(other))

    if expected is None:
        assert place is None
    else:
        assert place == pytest.approx(expected, rel=0.05)


def test_draws_of_all_documents_say_little_of_other_documents():
    random = np.random.default_rng(0)
    values = (random.random((1, 3, 90)) > 0.3) * 1.0
    curve = LabelCurve(np.array([384.0]), values, pool=384.0)

    law = power_law(curve.labels, 1 - curve.scores, curve.covariance)

    assert law.gain(384, 768).high <= 1
    assert law.error_at(768).high <= 1
    assert np.diag(curve.of_draws).max() < 0.1
