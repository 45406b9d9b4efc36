"""Properties of the recurrences in NumPy; ``test_facts.py`` compares them with Keras's layers."""

import doctest

import numpy as np
import pytest

from rnnbench.explain import recurrences
from rnnbench.explain.kinds import KINDS

kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def values(kind, dtype="float64", scale=1):
    """Return the recurrence on 2 sequences of 4 steps and 5 features, with 3 units."""
    random, width = np.random.default_rng(0), 3 * len(kind.gates)
    bias = (width,) if kind.bias_rows == 1 else (2, width)
    shapes = ((2, 4, 5), (5, width), (3, width), bias)
    x, *weights = (random.normal(size=shape).astype(dtype) for shape in shapes)
    symbols = [state.symbol for state in kind.states]
    return recurrences.run(kind.step, symbols, x * scale, *weights)


@kinds
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_values_are_those_of_the_equations_in_the_precision_of_the_arguments(kind, dtype):
    found = values(kind, dtype)

    assert list(found) == [equation.symbol for equation in kind.equations]
    assert {(each.shape, each.dtype) for each in found.values()} == {((2, 4, 3), np.dtype(dtype))}


@kinds
def test_huge_numbers_saturate_without_a_warning(kind):
    with np.errstate(all="raise", under="ignore"):
        found = values(kind, scale=1e6)

    assert all(np.isfinite(each).all() for each in found.values())


def test_the_examples_in_the_docstrings_are_right():
    outcome = doctest.testmod(recurrences)

    assert outcome.attempted >= 3
    assert not outcome.failed
