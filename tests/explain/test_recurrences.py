"""Properties of the recurrences in NumPy; ``test_facts.py`` compares them with Keras's layers."""

import doctest

import numpy as np
import pytest

from rnnbench.explain import recurrences
from rnnbench.explain.kinds import KINDS

kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def states(kind, dtype="float64", scale=1):
    """Run the recurrence on 2 sequences of 4 steps and 5 features, with 3 units."""
    random, width = np.random.default_rng(0), 3 * len(kind.gates)
    bias = (width,) if kind.bias_rows == 1 else (2, width)
    shapes = ((2, 4, 5), (5, width), (3, width), bias)
    x, *weights = (random.normal(size=shape).astype(dtype) for shape in shapes)
    return recurrences.run(kind.step, len(kind.states), x * scale, *weights)


@kinds
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_states_have_the_precision_of_the_arguments(kind, dtype):
    found = states(kind, dtype)

    assert [(each.shape, each.dtype) for each in found] == [((2, 4, 3), dtype)] * len(kind.states)


@kinds
def test_huge_numbers_saturate_without_a_warning(kind):
    with np.errstate(all="raise", under="ignore"):
        found = states(kind, scale=1e6)

    assert np.isfinite(found).all()


def test_the_examples_in_the_docstrings_are_right():
    outcome = doctest.testmod(recurrences)

    assert outcome.attempted >= 3
    assert not outcome.failed
