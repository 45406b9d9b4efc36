"""The equations, formulas and names of the layers."""

import re

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.explain import recurrences
from rnnbench.explain.kinds import KINDS, find_kind, in_ascii
from rnnbench.models.layers.recurrent import RECURRENT

kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
sizes = st.integers(1, 40)


def value(formula, **letters):
    """Evaluate a formula in which ``4h`` and ``h(h + i)`` are products."""
    spelled = re.sub(r"([0-9h])(?=[(h])", r"\1*", formula.replace("×", "*"))  # noqa: RUF001
    return eval(spelled, {}, letters)  # noqa: S307 - it is ours


@kinds
@given(h=sizes, i=sizes)
def test_every_formula_has_its_value_in_letters_and_in_numbers(kind, h, i):
    for formula in (kind.parameters(h, i), *kind.weights(h, i).values()):
        assert value(formula.text, h=h, i=i) == formula.value
        assert value(formula.numbers) == formula.value


@kinds
def test_the_equations_as_printed_compute_the_states_of_the_keras_layer(kind):
    random = np.random.default_rng(0)
    x = random.normal(size=(4, 5, 2))
    layer = getattr(keras.layers, kind.keras_name)(
        3, return_sequences=True, return_state=True, dtype="float64"
    )
    layer.build(x.shape)
    layer.set_weights([random.normal(size=each.shape) for each in layer.get_weights()])
    sequence, *states = map(np.asarray, layer(x))
    symbols = [each.symbol for each in kind.states]
    in_numpy = recurrences.run(kind.step, symbols, x, *layer.get_weights())

    scope = names_in_equations(kind, layer.get_weights())
    scope |= {f"{each.symbol}_before": np.zeros((4, 3)) for each in kind.states}
    for t in range(5):
        scope["x"] = x[:, t]
        for equation in kind.equations:
            exec(as_python(equation.text), scope)  # noqa: S102 - it is ours
            np.testing.assert_allclose(scope[equation.symbol], in_numpy[equation.symbol][:, t])
        np.testing.assert_allclose(scope["h"], sequence[:, t])
        scope |= {f"{each.symbol}_before": scope[each.symbol] for each in kind.states}
    for state, values in zip(kind.states, states, strict=True):
        np.testing.assert_allclose(scope[state.symbol], values)


def names_in_equations(kind, weights):
    """Return the weights by their names in the equations, gate by gate."""
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
def test_equations_and_formulas_have_a_spelling_in_ascii(kind):
    texts = [*(each.text for each in kind.equations), *kind.notes, kind.parameters(3, 2).numbers]

    assert all(in_ascii(text).isascii() for text in texts)
    assert in_ascii("hₜ = oₜ ⊙ tanh(cₜ₋₁)") == "h[t] = o[t] * tanh(c[t-1])"


@kinds
def test_the_names_are_those_of_configs_and_of_keras(kind):
    assert RECURRENT[kind.name].keras_name == kind.keras_name
    assert find_kind(kind.name) is kind
