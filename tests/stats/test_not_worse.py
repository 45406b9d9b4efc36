"""Whether a model is surely not worse than another."""

import numpy as np
import pytest
from numpy.random import default_rng

from rnnbench.stats.correctness import Correctness
from rnnbench.stats.not_worse import lower_bound
from simulations.crossed import Population, draw_models


@pytest.mark.parametrize(
    ("accuracy", "n", "margin", "n_seeds"),
    [(0.9, 500, 0.02, 1), (0.98, 100, 0.015, 1), (0.9, 500, 0.02, 3)],
)
def test_a_model_that_is_worse_by_the_margin_seldom_passes(
    accuracy, n, margin, n_seeds
):
    pair = [(Population.of(accuracy - drop, 0.3), n_seeds) for drop in (0, margin)]

    old, new = draw_models(default_rng(0), 400, pair, n)

    passed = [
        lower_bound(Correctness(b), Correctness(a)) > -margin
        for a, b in zip(old, new, strict=True)
    ]
    assert np.mean(passed) <= 0.08


def test_the_bound_of_equal_answers_is_exact():
    right = Correctness(np.ones((1, 100), bool))

    bound = lower_bound(right, right)

    assert (1 + bound) ** 100 == pytest.approx(0.05)
