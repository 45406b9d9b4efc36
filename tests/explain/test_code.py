"""The printed code, executed as it is, computes what Keras computes with the same weights."""

import doctest
import subprocess
import sys

import keras
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rnnbench.explain import code
from rnnbench.explain.code import numpy_code
from rnnbench.explain.kinds import KINDS
from rnnbench.explain.toy import work_through

few = st.integers(1, 6)
kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
stacks = st.lists(st.sampled_from(list(KINDS.values())), min_size=2, max_size=4)


def functions(stacked):
    """Return the functions of the code."""
    names = {"__name__": "copied"}
    exec(numpy_code(stacked), names)  # noqa: S102 - it is ours
    return names


def layer_of(kind, units, features, **options):
    """Return a Keras layer with random weights and biases, and the weights."""
    random = np.random.default_rng(units)
    layer = getattr(keras.layers, kind.keras_name)(units, dtype="float64", **options)
    layer.build((None, None, features))
    weights = [random.normal(size=each.shape) for each in layer.get_weights()]
    layer.set_weights(weights)
    return layer, weights


@kinds
@settings(max_examples=10, deadline=None)
@given(units=few, features=few, steps=few, batch=few)
@example(units=50, features=30, steps=10, batch=4)
def test_the_code_of_a_layer_gives_what_keras_gives(kind, units, features, steps, batch):
    x = np.random.default_rng(0).normal(size=(batch, steps, features))
    layer, weights = layer_of(kind, units, features, return_sequences=True)

    found = functions([kind])[kind.name](x, *weights)

    np.testing.assert_allclose(found, layer(x), rtol=0, atol=1e-6)


@settings(max_examples=10, deadline=None)
@given(stacked=stacks, units=few, features=few)
@example(stacked=[KINDS["lstm"]] * 2, units=50, features=1)
@example(stacked=list(KINDS.values()), units=3, features=2)
def test_the_code_of_a_stack_gives_what_keras_gives(stacked, units, features):
    x = np.random.default_rng(0).normal(size=(2, 5, features))
    layers, weights = [], []
    for position, kind in enumerate(stacked):
        is_last = position + 1 == len(stacked)
        width = units if position else features
        layer, own = layer_of(kind, units, width, return_sequences=not is_last)
        layers.append(layer)
        weights.append(own)
    expected = x
    for layer in layers:
        expected = layer(expected)

    found = functions(stacked)["stack"](x, weights)

    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@kinds
def test_huge_numbers_overflow_nowhere(kind):
    _, weights = layer_of(kind, 3, 2)
    with np.errstate(all="raise", under="ignore"):
        found = functions([kind])[kind.name](np.full((1, 4, 2), 1e6), *weights)

    assert np.isfinite(found).all()


@pytest.mark.parametrize("names", [["gru"], ["lstm", "simple_rnn"]], ids=" ".join)
def test_as_a_script_it_prints_the_numbers_of_the_toy(tmp_path, names):
    stacked = [KINDS[name] for name in names]
    (tmp_path / "it.py").write_text(numpy_code(stacked))

    done = subprocess.run(
        [sys.executable, tmp_path / "it.py"], check=True, capture_output=True, text=True
    )

    output = work_through(stacked)[-1].values["h"][:, -1]
    assert done.stdout == f"{output}\n"


@pytest.mark.parametrize("names", [*([name] for name in KINDS), [*KINDS, *KINDS]], ids=" ".join)
def test_it_is_plain_python_that_any_editor_shows(names):
    text = numpy_code([KINDS[name] for name in names])

    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 88
    assert all(line == line.rstrip() for line in text.splitlines())
    assert "\n\n\n\n" not in text
    assert ("sigmoid" in text) == (names != ["simple_rnn"])


def test_the_examples_in_the_docstrings_are_right():
    outcome = doctest.testmod(code)

    assert outcome.attempted
    assert not outcome.failed
