"""Layers on paper and in NumPy.

``test_facts.py`` and ``test_toy.py`` compare what the equations compute with Keras's layers.
"""

import doctest
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.models.layers.recurrent import RECURRENT
from rnnbench.plugins.teach import kinds as module
from rnnbench.plugins.teach.kinds import KINDS, find_kind

kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
sizes = st.integers(1, 40)


def value(formula, **letters):
    """Evaluate a formula in which ``4h`` and ``h(h + i)`` are products."""
    spelled = re.sub(r"([0-9h])(?=[(h])", r"\1*", formula.replace("×", "*"))  # noqa: RUF001
    return eval(spelled, {}, letters)  # noqa: S307 - it is ours


@kinds
@settings(max_examples=25)
@given(h=sizes, i=sizes)
def test_every_formula_has_its_value_in_letters_and_in_numbers(kind, h, i):
    for formula in (kind.parameters(h, i), *kind.weights(h, i).values()):
        assert value(formula.text, h=h, i=i) == formula.value
        assert value(formula.numbers) == formula.value


@kinds
def test_the_names_are_those_of_configs_and_of_keras(kind):
    assert RECURRENT[kind.name].keras_name == kind.keras_name
    assert find_kind(kind.name) is kind


@kinds
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_values_are_those_of_the_equations_in_the_precision_of_the_arguments(kind, dtype):
    random, width = np.random.default_rng(0), 3 * len(kind.gates)
    bias = (width,) if kind.bias_rows == 1 else (2, width)
    shapes = ((2, 4, 5), (5, width), (3, width), bias)
    found = kind.run(*(random.normal(size=shape).astype(dtype) for shape in shapes))

    assert list(found) == [equation.symbol for equation in kind.equations]
    assert {(each.shape, each.dtype) for each in found.values()} == {((2, 4, 3), np.dtype(dtype))}


def test_the_examples_in_the_docstrings_are_right():
    outcome = doctest.testmod(module)

    assert outcome.attempted >= 4
    assert not outcome.failed
