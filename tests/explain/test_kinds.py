"""What is written down about the layers is what Keras's layers are."""

import re

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.errors import UserError
from rnnbench.explain.kinds import GRU, KINDS, LSTM, SIMPLE_RNN, find_kind
from rnnbench.models.layers.recurrent import RECURRENT

kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
sizes = st.integers(1, 40)


def built(kind, h, i):
    layer = getattr(keras.layers, kind.keras_name)(
        h, return_sequences=True, return_state=True, dtype="float64"
    )
    layer.build((None, None, i))
    return layer


def value(formula, **letters):
    """Evaluate a formula in which ``4h`` and ``h(h + i)`` are products."""
    spelled = re.sub(r"([0-9h])(?=[(h])", r"\1*", formula.replace("×", "*"))  # noqa: RUF001
    return eval(spelled, {}, letters)  # noqa: S307 - it is ours


@kinds
@settings(max_examples=20)
@given(h=sizes, i=sizes)
def test_the_formula_gives_the_number_of_parameters_that_keras_counts(kind, h, i):
    assert kind.parameters(h, i).value == built(kind, h, i).count_params()


@kinds
@settings(max_examples=20)
@given(h=sizes, i=sizes)
def test_so_do_the_formulas_of_the_weights_one_by_one(kind, h, i):
    weights = built(kind, h, i).get_weights()

    assert [each.value for each in kind.weights(h, i).values()] == [each.size for each in weights]


@kinds
@given(h=sizes, i=sizes)
def test_every_formula_means_its_value_in_letters_and_in_numbers(kind, h, i):
    for formula in (kind.parameters(h, i), *kind.weights(h, i).values()):
        assert value(formula.text, h=h, i=i) == formula.value
        assert value(formula.numbers) == formula.value


@pytest.mark.parametrize(
    ("kind", "formula"),
    [(SIMPLE_RNN, "h(h + i) + h"), (GRU, "3(h(h + i) + 2h)"), (LSTM, "4(h(h + i) + h)")],
    ids=lambda value: getattr(value, "name", value),
)
def test_the_formulas_are_those_of_the_textbooks(kind, formula):
    assert kind.parameters(50, 30).text == formula


@kinds
def test_the_equations_as_printed_compute_what_keras_computes(kind):
    layer, x = built(kind, 3, 2), np.random.default_rng(0).normal(size=(4, 5, 2))
    layer.set_weights(
        [np.random.default_rng(1).normal(size=each.shape) for each in layer.get_weights()]
    )
    sequence, *states = map(np.asarray, layer(x))

    scope = names_in_equations(kind, layer.get_weights())
    scope |= {f"{each.symbol}_before": np.zeros((4, 3)) for each in kind.states}
    for t in range(5):
        scope["x"] = x[:, t]
        for equation in kind.equations:
            exec(as_python(equation.text), scope)  # noqa: S102 - it is ours
        np.testing.assert_allclose(scope["h"], sequence[:, t])
        scope |= {f"{each.symbol}_before": scope[each.symbol] for each in kind.states}
    for state, values in zip(kind.states, states, strict=True):
        np.testing.assert_allclose(scope[state.symbol], values)


def names_in_equations(kind, weights):
    """Return the weights by the names that they have in the equations, gate by gate."""
    kernel, recurrent_kernel, bias = weights
    named = {"W": kernel, "U": recurrent_kernel}
    named |= {"b": bias} if kind.bias_rows == 1 else {"b": bias[0], "d": bias[1]}
    if len(kind.gates) > 1:
        named = {
            f"{name}_{gate}": part
            for name, weight in named.items()
            for gate, part in zip(kind.gates, np.split(weight, len(kind.gates), -1), strict=True)
        }
    return named | {"tanh": np.tanh, "σ": lambda a: 1 / (1 + np.exp(-a))}  # noqa: RUF001


def as_python(equation):
    """Return an equation as an assignment; a state or input next to a weight is a product."""
    spelled = equation.replace("ₜ₋₁", "_before").replace("ₜ", "")
    spelled = spelled.replace("⊙", "*").replace("−", "-")  # noqa: RUF001
    return re.sub(r"(\w) ([WU])", r"\1 @ \2", spelled)


@kinds
def test_the_names_are_those_of_configs_and_of_keras(kind):
    assert RECURRENT[kind.name].keras_name == kind.keras_name
    assert find_kind(kind.name) is kind


@pytest.mark.parametrize(
    ("name", "hint"), [("LSTM", "did you mean 'lstm'?"), ("grru", "did you mean 'gru'?"), ("x", "")]
)
def test_an_unknown_name_is_answered_with_what_is_allowed(name, hint):
    with pytest.raises(UserError) as caught:
        find_kind(name)

    assert f"no layer '{name}' (allowed: simple_rnn, gru, lstm" in str(caught.value)
    assert hint in str(caught.value)
