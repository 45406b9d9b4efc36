"""How an explained layer is shown."""

import io
import json
from dataclasses import replace
from functools import cache

import pytest
from rich.console import Console

from rnnbench.explain import facts
from rnnbench.explain.facts import Sizes
from rnnbench.explain.kinds import GRU, KINDS, LSTM, SIMPLE_RNN
from rnnbench.report.explain import explanation_json, explanation_text

kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
NOTEBOOK = Sizes(units=50, features=30, steps=10, batch=4)

explain_layer = cache(facts.explain_layer)


def shown(explanation, width=80):
    """Return what stands on the screen, without what pads the lines."""
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(explanation_text(explanation), crop=False)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_the_screen_teaches_from_the_input_to_the_numbers():
    headings = [line for line in shown(explain_layer(LSTM, NOTEBOOK)) if line[:1].isdigit()]

    assert headings == [
        "1  The input has three axes",
        "2  What comes out",
        "3  What it carries from step to step",
        "4  Its equations",
        "5  Its trainable parameters",
        "6  The same in NumPy, step by step",
    ]


def test_the_lines_of_an_lstm():
    lines = shown(explain_layer(LSTM, NOTEBOOK))

    for line in (
        "LSTM, long short-term memory",
        "   x  (4, 10, 30)  (batch, timesteps, features)",
        "   return_sequences=False  (4, 50)      (batch, units)",
        "   return_sequences=True   (4, 10, 50)  (batch, timesteps, units)",
        "   h  hidden state  (4, 50)  its output, which the next step sees, too",
        "   c  cell state    (4, 50)  its memory: gates write to it, and erase",
        "   cₜ = fₜ ⊙ cₜ₋₁ + iₜ ⊙ ĉₜ            new cell state",
        "   W       kernel            (30, 200)  i × 4h       6,000     6,000",  # noqa: RUF001
        "   4(h(h + i) + h) = 4 × (50 × (50 + 30) + 50) = 16,200",  # noqa: RUF001
    ):
        assert line in lines


@kinds
@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("sizes", [Sizes(1, 1, 1, 1), Sizes(256, 256, 50, 1)], ids=str)
def test_it_is_no_wider_than_80_columns_and_no_number_is_cut(kind, width, sizes):
    explanation = explain_layer(kind, sizes)
    most = replace(explanation.check, compared=1_000_000)

    lines = shown(replace(explanation, check=most), width)

    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)
    for step in explanation.check.steps:
        row = [f"{step.step}", *(f"{value:.5f}" for value in (*step.numpy, *step.keras))]
        assert [*row, f"{step.largest_difference:.1e}"] in [line.split() for line in lines]


@kinds
def test_json_holds_what_the_screen_shows(kind):
    explanation = explain_layer(kind, NOTEBOOK)

    document = json.loads(json.dumps(explanation_json(explanation)))

    assert document["schema_version"] == 1
    assert document["layer"] == kind.name
    assert document["sizes"] == {"units": 50, "features": 30, "steps": 10, "batch": 4}
    assert [each["text"] for each in document["equations"]] == [
        each.text for each in kind.equations
    ]
    assert document["parameters"]["count"] == explanation.parameters.count
    assert len(document["check"]["steps"]) == 10
    assert document["failures"] == []


def test_the_gates_stand_in_keras_order():
    assert explanation_json(explain_layer(LSTM, NOTEBOOK))["gates"] == ("i", "f", "c", "o")
    assert explanation_json(explain_layer(GRU, NOTEBOOK))["gates"] == ("z", "r", "h")


def test_what_differs_is_shown_in_red():
    explanation = explain_layer(SIMPLE_RNN, NOTEBOOK)
    wrong = replace(explanation, check=replace(explanation.check, largest_difference=0.5))
    screens = []
    for each in (explanation, wrong):
        console = Console(
            width=80, file=io.StringIO(), force_terminal=True, color_system="standard"
        )
        console.print(explanation_text(each))
        screens.append(console.file.getvalue())

    red = "\x1b[1;31m"
    assert red not in screens[0]
    assert f"{red}5.0e-01" in screens[1]
    assert explanation_json(wrong)["failures"] == [
        "NumPy and Keras differ by 5.0e-01 (allowed: at most 1e-06)"
    ]
