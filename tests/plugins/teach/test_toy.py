"""The toy array of the notebook, worked through with numbers.

``test_export.py`` holds its output against that of the printed code, and that code against Keras.
"""

import io
import json
import re

import numpy as np
import pytest
from rich.console import Console

from rnnbench.plugins.teach.kinds import KINDS
from rnnbench.plugins.teach.toy import TOY, ToyPage, terms, toy_facts, weights_by_gate, work_through

STACKS = [[kind] for kind in KINDS.values()] + [list(KINDS.values())]
stacks = pytest.mark.parametrize(
    "stack", STACKS, ids=lambda stack: " ".join(each.name for each in stack)
)


def shown(stack, width=80, **options):
    console = Console(width=width, file=io.StringIO(), **options)
    console.print(ToyPage(work_through(stack)))
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_the_array_is_that_of_the_notebook():
    assert TOY.shape == (3, 2, 3)
    assert TOY[1].tolist() == [[7, 8, 9], [10, 11, 12]]


@stacks
def test_the_terms_of_an_equation_add_up_to_what_it_computes(stack):
    for layer in work_through(stack):
        for sequence, step in np.ndindex(3, 2):
            known = terms(layer, sequence, step)
            for equation in layer.kind.equations:
                left, _, right = equation.text.partition(" = ")
                np.testing.assert_allclose(value(right, known), known[left])


def value(text, known):
    """Evaluate the right side of an equation with the values of its terms."""
    names = {}
    for number, term in enumerate(sorted(known, key=len, reverse=True)):
        text = re.sub(rf"(?<!\w){re.escape(term)}(?!\w)", f"v{number}", text)
        names[f"v{number}"] = known[term]
    spelled = text.replace("⊙", "*").replace("−", "-")  # noqa: RUF001
    functions = {"tanh": np.tanh, "σ": lambda a: 1 / (1 + np.exp(-a))}  # noqa: RUF001
    return eval(spelled, functions | names)  # noqa: S307 - it is ours


def test_weights_are_those_of_keras_gate_by_gate():
    (layer,) = work_through([KINDS["gru"]])

    parts = weights_by_gate(layer)

    assert list(parts) == [f"{weight}_{gate}" for gate in "zrh" for weight in "WUbd"]
    kernel = np.concatenate([parts["W_z"], parts["W_r"], parts["W_h"]], axis=1)
    np.testing.assert_array_equal(kernel, layer.weights["W"])


def test_a_simple_rnn_is_worked_through_to_the_last_number():
    lines = shown([KINDS["simple_rnn"]])

    start = lines.index("   Sequence 1, step 2: x = [4 5 6], hidden state [0.2913 0.1974]")
    assert lines[start + 2 : start + 6] == [
        "   new hidden state",
        "   hₜ = tanh(xₜ W + hₜ₋₁ U + b)",
        "      = tanh([0.8 0.3] + [0.1269 -0.0686] + [0.1 -0.1])",
        "      = [0.7726 0.1306]",
    ]
    assert "   sequence 1  [0.2913 0.1974]  [0.7726 0.1306]" in lines


@stacks
@pytest.mark.parametrize("width", [40, 120])
def test_it_fits_the_terminal_and_shows_every_number(stack, width):
    lines = shown(stack, width)

    assert max(map(len, lines)) <= min(width, 80)
    text = " ".join(" ".join(lines).split())
    for layer in work_through(stack):
        for number in layer.values["h"].ravel():
            assert f"{round(number, 4) + 0.0:g}" in text


@stacks
def test_where_the_encoding_is_ascii_so_is_the_page(stack):
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict")
    Console(width=80, file=file).print(ToyPage(work_through(stack)))
    file.flush()

    assert "h[t] = " in file.buffer.getvalue().decode("ascii")


@stacks
def test_json_has_all_digits(stack):
    layers = work_through(stack)

    facts = json.loads(json.dumps(toy_facts(layers)))

    assert facts["x"] == TOY.tolist()
    assert [each["layer"] for each in facts["layers"]] == [kind.name for kind in stack]
    assert facts["output"] == layers[-1].values["h"][:, -1].tolist()
    assert list(facts["layers"][0]["values"]) == [each.symbol for each in stack[0].equations]
