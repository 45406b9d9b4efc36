"""An explained layer: formulas, facts of the real Keras layer, and their page."""

import doctest
import io
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console

import rnnbench
from rnnbench.models.layers.recurrent import RECURRENT
from rnnbench.plugins.teach import kinds as module
from rnnbench.plugins.teach.facts import LayerSizes, explain_kind
from rnnbench.plugins.teach.kinds import GRU, KINDS, LSTM, SIMPLE_RNN, Formula
from rnnbench.plugins.teach.recurrences import STEPS

kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
few = st.integers(1, 12)
SIZES = LayerSizes(units=5, features=3, steps=4, batch=2)


def test_the_examples_in_the_docstrings_are_right():
    outcome = doctest.testmod(module)

    assert outcome.attempted == 1
    assert not outcome.failed


@kinds
def test_the_recurrence_is_carried_out_step_by_step(kind):
    steps = explain_kind(kind, SIZES).check.steps

    assert [step.step for step in steps] == [1, 2, 3, 4]
    assert all(len(step.numpy) == len(step.keras) == 3 for step in steps)
    assert all(0 not in step.numpy for step in steps)


@kinds
def test_all_numbers_are_compared_with_those_of_keras(kind):
    check = explain_kind(kind, SIZES).check

    assert check.compared == 2 * 4 * 5 + 2 * 5 + len(kind.states) * 2 * 5
    largest = max(step.largest_difference for step in check.steps)
    assert largest <= check.largest_difference
    assert check.largest_difference < 1e-12 < check.tolerance == 1e-6


@kinds
def test_the_same_sizes_give_the_same_numbers(kind):
    assert explain_kind(kind, SIZES) == explain_kind(kind, SIZES)


@kinds
def test_its_name_in_keras_is_that_of_the_layer_in_configs(kind):
    assert RECURRENT[kind.name].plain_keras_name == kind.keras_name


@kinds
def test_a_formula_has_the_value_of_its_numbers(kind):
    formulas = [kind.parameters(5, 3), *kind.weights(5, 3).values()]

    for formula in formulas:
        numbers = formula.numbers.replace("×", "*")  # noqa: RUF001
        assert eval(numbers) == formula.value  # noqa: S307 - it is ours


@kinds
@settings(max_examples=1)
@given(units=few, features=few, steps=few, batch=few)
@example(units=1, features=1, steps=1, batch=1)
@example(units=100, features=100, steps=2, batch=2)
def test_keras_confirms_the_formulas_and_numpy_at_every_size(
    kind, units, features, steps, batch
):
    explanation = explain_kind(kind, LayerSizes(units, features, steps, batch))

    assert explanation.failures == []
    assert len(explanation.check.steps[0].numpy) == min(units, 3)


def test_a_result_that_is_not_a_number_fails(monkeypatch):
    def not_a_number(_x, _weights, before):
        return {"h": before["h"] + float("nan")}

    monkeypatch.setitem(STEPS, "gru", not_a_number)

    assert explain_kind(GRU, SIZES).failures


def test_a_formula_that_keras_does_not_confirm_fails(monkeypatch):
    monkeypatch.setattr(module, "_formula", lambda *_: Formula("", "", 7))

    assert explain_kind(SIMPLE_RNN, SIZES).failures == [
        "kernel: 7 parameters by formula, 15 in Keras",
        "recurrent_kernel: 7 parameters by formula, 25 in Keras",
        "bias: 7 parameters by formula, 5 in Keras",
        "all weights: 7 parameters by formula, 45 in Keras",
    ]


@pytest.mark.parametrize(
    ("size", "number", "message"),
    [
        ("units", 0, r"got 0 \(should be a whole number from 1 to \d+\)"),
        ("features", 100_000, r"got 100000 \(should be a whole number from 1 to \d+\)"),
        ("steps", 2.5, "got 2.5"),
        ("batch", True, "got true"),
    ],
)
def test_sizes_are_whole_numbers_with_bounds(size, number, message):
    with pytest.raises(rnnbench.UserError, match=f"{size}: {message}"):
        rnnbench.explain_layer("lstm", **{size: number})


# The page

NOTEBOOK = LayerSizes(units=50, features=30, steps=10, batch=4)

explained = cache(explain_kind)


def shown(explanation, width=80, **options):
    """Return the lines on the screen without trailing blanks."""
    console = Console(width=width, file=io.StringIO(), **options)
    console.print(explanation, crop=False)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def changed(explanation, **changes):
    """Return the explanation with another outcome of its check."""
    return explanation.model_copy(
        update={"check": replace(explanation.check, **changes)}
    )


def test_an_lstm_is_explained_from_its_input_to_the_numbers():
    lines = shown(explained(LSTM, NOTEBOOK))

    assert [line for line in lines if line[:1].isdigit()] == [
        "1  The input has three axes",
        "2  The output",
        "3  The states carried from step to step",
        "4  The equations",
        "5  The trainable parameters",
        "6  The same in NumPy, step by step",
    ]
    for line in (
        "LSTM, long short-term memory",
        "   x  (4, 10, 30)  (batch, timesteps, features)",
        "   return_sequences=False  (4, 50)      (batch, units)",
        "   return_sequences=True   (4, 10, 50)  (batch, timesteps, units)",
        "   h  hidden state  (4, 50)  the output, which the next step also sees",
        "   c  cell state    (4, 50)  the memory, which gates write and erase",
        "   cₜ = fₜ ⊙ cₜ₋₁ + iₜ ⊙ ĉₜ            new cell state",
        "   W       kernel            (30, 200)  i × 4h       6,000     6,000",  # noqa: RUF001
        "   4(h(h + i) + h) = 4 × (50 × (50 + 30) + 50) = 16,200",  # noqa: RUF001
    ):
        assert line in lines


small_and_large = pytest.mark.parametrize(
    ("width", "sizes"),
    [(60, LayerSizes(100, 100, 12, 1)), (200, LayerSizes(1, 1, 1, 1))],
    ids=str,
)


@kinds
@small_and_large
def test_it_is_no_wider_than_80_columns(kind, width, sizes):
    explanation = explained(kind, sizes)

    lines = shown(changed(explanation, compared=1_000_000), width)

    assert max(map(len, lines)) <= 80


@kinds
@small_and_large
def test_no_number_is_cut(kind, width, sizes):
    explanation = explained(kind, sizes)

    lines = shown(changed(explanation, compared=1_000_000), width)

    assert "…" not in "".join(lines)
    rows = [line.split() for line in lines]
    for step in explanation.check.steps:
        values = [f"{value:.5f}" for value in (*step.numpy, *step.keras)]
        assert [f"{step.step}", *values, f"{step.largest_difference:.1e}"] in rows


def test_signs_are_spelled_where_the_encoding_has_only_ascii():
    file = io.TextIOWrapper(io.BytesIO(), "ascii")
    Console(file=file, width=80).print(
        rnnbench.explain_layer("lstm", units=2, features=2, steps=2)
    )
    file.flush()

    page = file.buffer.getvalue().decode()
    assert "sigmoid(a) = 1 / (1 + exp(-a)); * multiplies element by element." in page
    assert "h[t] = o[t] * tanh(c[t])" in page
