"""An explained layer in the terminal."""

import io
from dataclasses import replace
from functools import cache

import pytest
from rich.console import Console

from rnnbench.plugins.teach import LayerSizes, facts
from rnnbench.plugins.teach.kinds import KINDS, LSTM, SIMPLE_RNN, in_ascii

NOTEBOOK = LayerSizes(units=50, features=30, steps=10, batch=4)

explain_kind = cache(facts.explain_kind)


def shown(explanation, width=80, **options):
    """Return the lines on the screen without trailing blanks."""
    console = Console(width=width, file=io.StringIO(), **options)
    console.print(explanation, crop=False)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def changed(explanation, **changes):
    """Return the explanation with another outcome of its check."""
    return explanation.model_copy(update={"check": replace(explanation.check, **changes)})


def test_an_lstm_is_explained_from_its_input_to_the_numbers():
    lines = shown(explain_kind(LSTM, NOTEBOOK))

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


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize(
    ("width", "sizes"), [(60, LayerSizes(256, 256, 50, 1)), (200, LayerSizes(1, 1, 1, 1))], ids=str
)
def test_it_is_no_wider_than_80_columns_and_no_number_is_cut(kind, width, sizes):
    explanation = explain_kind(kind, sizes)

    lines = shown(changed(explanation, compared=1_000_000), width)

    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)
    for step in explanation.check.steps:
        row = [f"{step.step}", *(f"{value:.5f}" for value in (*step.numpy, *step.keras))]
        assert [*row, f"{step.largest_difference:.1e}"] in [line.split() for line in lines]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_where_the_encoding_is_ascii_so_are_the_equations(kind):
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict")
    console = Console(width=80, file=file)

    console.print(explain_kind(kind, NOTEBOOK), crop=False)

    file.flush()
    lines = [line.strip() for line in file.buffer.getvalue().decode("ascii").splitlines()]
    assert max(map(len, lines)) <= 80
    for equation in kind.equations:
        assert any(line.startswith(in_ascii(equation.text)) for line in lines)
    if kind is LSTM:
        assert "c[t] = f[t] * c[t-1] + i[t] * c~[t]          new cell state" in lines
        assert "sigmoid(a) = 1 / (1 + exp(-a)); * multiplies element by element." in lines
        assert "4(h(h + i) + h) = 4 * (50 * (50 + 30) + 50) = 16,200" in lines


def test_a_difference_is_shown_in_red():
    explanation, red = explain_kind(SIMPLE_RNN, NOTEBOOK), "\x1b[1;31m"
    right, wrong = (
        "\n".join(shown(each, force_terminal=True, color_system="standard"))
        for each in (explanation, changed(explanation, largest_difference=0.5))
    )

    assert red not in right
    assert f"{red}5.0e-01" in wrong
