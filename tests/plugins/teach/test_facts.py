"""An explained layer: the facts are those of the real Keras layer, and the page shows them."""

import io
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console

import rnnbench
from rnnbench.plugins.teach import LayerSizes
from rnnbench.plugins.teach.facts import explain_kind
from rnnbench.plugins.teach.kinds import GRU, KINDS, LSTM, SIMPLE_RNN, Equation, Kind

kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
few = st.integers(1, 12)
SIZES = LayerSizes(units=5, features=3, steps=4, batch=2)


@pytest.mark.parametrize(
    ("kind", "symbols", "shapes", "counts"),
    [
        (SIMPLE_RNN, ["h"], [(3, 5), (5, 5), (5,)], [15, 25, 5]),
        (GRU, ["h"], [(3, 15), (5, 15), (2, 15)], [45, 75, 30]),
        (LSTM, ["h", "c"], [(3, 20), (5, 20), (20,)], [60, 100, 20]),
    ],
    ids=KINDS,
)
def test_axes_outputs_states_and_weights_have_the_shapes_of_the_layer(
    kind, symbols, shapes, counts
):
    facts = explain_kind(kind, SIZES)

    assert [each.name for each in facts.axes] == ["batch", "timesteps", "features"]
    assert [each.size for each in facts.axes] == [2, 4, 3]
    assert [(each.return_sequences, each.shape) for each in facts.outputs] == [
        (False, (2, 5)),
        (True, (2, 4, 5)),
    ]
    assert all(len(each.axes) == len(each.shape) for each in facts.outputs)
    assert [(each.symbol, each.shape) for each in facts.states] == [(s, (2, 5)) for s in symbols]
    weights = facts.parameters.weights
    assert [each.name for each in weights] == ["kernel", "recurrent_kernel", "bias"]
    assert [each.shape for each in weights] == shapes
    assert [each.count for each in weights] == counts
    assert [each.formula.value for each in weights] == counts
    assert facts.parameters.count == facts.parameters.formula.value == sum(counts)


@kinds
def test_the_recurrence_is_carried_out_step_by_step(kind):
    explanation = explain_kind(kind, SIZES)
    check = explanation.check

    assert explain_kind(kind, SIZES) == explanation, "the same sizes give the same numbers"
    assert [each.step for each in check.steps] == [1, 2, 3, 4]
    assert all(len(each.numpy) == len(each.keras) == 3 for each in check.steps)
    assert all(0 not in each.numpy for each in check.steps)
    assert check.compared == 2 * 4 * 5 + 2 * 5 + len(kind.states) * 2 * 5
    assert max(each.largest_difference for each in check.steps) <= check.largest_difference
    assert check.largest_difference < 1e-12 < check.tolerance == 1e-6


@kinds
@settings(max_examples=5)
@given(units=few, features=few, steps=few, batch=few)
@example(units=1, features=1, steps=1, batch=1)
@example(units=256, features=256, steps=2, batch=2)
def test_keras_confirms_the_formulas_and_numpy_at_every_size(kind, units, features, steps, batch):
    explanation = explain_kind(kind, LayerSizes(units, features, steps, batch))

    assert explanation.failures == []
    assert len(explanation.check.steps[0].numpy) == min(units, 3)


@kinds
@pytest.mark.parametrize("which", [0, 1, 2], ids=["kernel", "recurrent_kernel", "bias"])
def test_a_recurrence_without_one_of_the_weights_fails(kind, which, monkeypatch):
    run = Kind.run
    without = lambda self, x, *ws: run(self, x, *(w * (n != which) for n, w in enumerate(ws)))  # noqa: E731
    monkeypatch.setattr(Kind, "run", without)

    (failure,) = explain_kind(kind, SIZES).failures

    assert failure.startswith("NumPy and Keras differ by ")
    assert failure.endswith(" (allowed: at most 1e-06)")


def test_a_result_that_is_not_a_number_fails():
    wrong = Equation("hₜ = hₜ₋₁ + np.nan", "")

    assert explain_kind(replace(GRU, equations=(wrong,)), SIZES).failures


def test_a_formula_that_keras_does_not_confirm_fails():
    wrong = replace(LSTM, bias_rows=2)

    assert explain_kind(wrong, SIZES).failures == [
        "bias: 40 parameters by formula, 20 in Keras",
        "all weights: 200 parameters by formula, 180 in Keras",
    ]


@pytest.mark.parametrize(
    ("size", "number", "message"),
    [
        ("units", 0, r"got 0 \(should be 1 to \d+\)"),
        ("features", 100_000, r"got 100000 \(should be 1 to \d+\)"),
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
    return explanation.model_copy(update={"check": replace(explanation.check, **changes)})


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


@kinds
@pytest.mark.parametrize(
    ("width", "sizes"), [(60, LayerSizes(256, 256, 50, 1)), (200, LayerSizes(1, 1, 1, 1))], ids=str
)
def test_it_is_no_wider_than_80_columns_and_no_number_is_cut(kind, width, sizes):
    explanation = explained(kind, sizes)

    lines = shown(changed(explanation, compared=1_000_000), width)

    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)
    for step in explanation.check.steps:
        row = [f"{step.step}", *(f"{value:.5f}" for value in (*step.numpy, *step.keras))]
        assert [*row, f"{step.largest_difference:.1e}"] in [line.split() for line in lines]


def test_a_difference_is_shown_in_red():
    explanation, red = explained(SIMPLE_RNN, NOTEBOOK), "\x1b[1;31m"
    right, wrong = (
        "\n".join(shown(each, force_terminal=True, color_system="standard"))
        for each in (explanation, changed(explanation, largest_difference=0.5))
    )

    assert red not in right
    assert f"{red}5.0e-01" in wrong
