"""Which models of a run are surely equal, up to a margin."""

import numpy as np
import pytest

from rnnbench import verdict
from rnnbench.analysis.equivalence import equivalences

RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(2, size=2_000)
OLD = np.where(RANDOM.random(2_000) < 0.9, LABELS, 1 - LABELS)
ALIKE = np.where(np.arange(2_000) < 4, 1 - OLD, OLD)
"""Other answers to four documents alone."""
WORSE = np.where(np.arange(2_000) < 200, 1 - LABELS, OLD)


def pair_of(new, points):
    (pair,) = equivalences(verdict(LABELS, {"old": OLD, "new": new}), points)
    return pair


@pytest.mark.parametrize(("points", "is_equal"), [(1, True), (0.1, False)])
def test_models_that_differ_on_few_documents_are_equal_within_a_large_margin(
    points, is_equal
):
    pair = pair_of(ALIKE, points)

    assert pair.is_equal == is_equal
    assert abs(pair.difference) < pair.surely_within < 0.005


@pytest.mark.parametrize("order", [1, -1])
def test_a_model_that_is_clearly_worse_is_not_equal_in_either_order(order):
    answers = dict([("old", OLD), ("new", WORSE)][::order])

    (pair,) = equivalences(verdict(LABELS, answers), 1)

    assert not pair.is_equal
    assert pair.surely_within > abs(pair.difference) > 0.05


def test_two_seeds_are_too_few_to_call_models_equal():
    pair = pair_of([OLD, ALIKE], 50)

    assert not pair.is_equal
    assert pair.surely_within is None


def test_a_verdict_with_a_margin_shows_which_models_are_surely_equal(cli, tmp_path):
    files = []
    for name, answers in [("old", OLD), ("new", ALIKE)]:
        files.append(str(tmp_path / f"{name}.csv"))
        rows = np.column_stack([np.arange(2_000), LABELS, answers])
        np.savetxt(
            files[-1], rows, "%d", ",", header="id,label,prediction", comments=""
        )

    shown = cli("verdict", *files, "--margin", "0.5")

    assert shown.exit_code == 0, shown.stderr
    assert "equal within 0.005" in shown.stdout
    assert shown.stdout.count("surely") > 1
