"""The facts about a layer are those of the real Keras layer."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import rnnbench
from rnnbench.plugins.teach import LayerSizes
from rnnbench.plugins.teach.facts import explain_kind
from rnnbench.plugins.teach.kinds import GRU, KINDS, LSTM, SIMPLE_RNN

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
@example(units=2, features=1, steps=50, batch=1)
@example(units=256, features=256, steps=2, batch=2)
def test_keras_confirms_the_formulas_and_numpy_at_every_size(kind, units, features, steps, batch):
    explanation = explain_kind(kind, LayerSizes(units, features, steps, batch))

    assert explanation.failures == []
    assert len(explanation.check.steps[0].numpy) == min(units, 3)


@kinds
@pytest.mark.parametrize("which", [0, 1, 2], ids=["kernel", "recurrent_kernel", "bias"])
def test_a_recurrence_without_one_of_the_weights_fails(kind, which):
    def without(x, states, *weights):
        return kind.step(x, states, *(weight * (n != which) for n, weight in enumerate(weights)))

    (failure,) = explain_kind(replace(kind, step=without), SIZES).failures

    assert failure.startswith("NumPy and Keras differ by ")
    assert failure.endswith(" (allowed: at most 1e-06)")


def test_a_result_that_is_not_a_number_fails():
    wrong = replace(GRU, step=lambda _, states, *__: {"h": np.full_like(states[0], np.nan)})

    assert explain_kind(wrong, SIZES).failures


def test_a_formula_that_keras_does_not_confirm_fails():
    wrong = replace(LSTM, bias_rows=2)

    assert explain_kind(wrong, SIZES).failures == [
        "bias: 40 parameters by formula, 20 in Keras",
        "all weights: 200 parameters by formula, 180 in Keras",
    ]


def test_a_layer_is_explained_as_on_the_command_line(cli):
    explanation = rnnbench.explain_layer("gru", units=3, features=2, steps=4, batch=2)

    page = cli("explain", "gru", "--units", 3, "--features", 2, "--steps", 4, "--batch", 2).stdout
    assert str(explanation) == repr(explanation)
    assert repr(explanation).splitlines() == [line.rstrip() for line in page.splitlines()]
    assert isinstance(explanation, rnnbench.Explanation)
    assert explanation.parameters.formula.value == explanation.parameters.count == 63
    assert explanation.check.largest_difference < 1e-6
    assert explanation.failures == []


@pytest.mark.parametrize("size", ["units", "features", "steps", "batch"])
@pytest.mark.parametrize(
    ("number", "message"),
    [
        (0, r"got 0 \(should be 1 to \d+\)"),
        (100_000, r"got 100000 \(should be 1 to \d+\)"),
        (2.5, "got 2.5"),
        (True, "got true"),
    ],
)
def test_sizes_are_whole_numbers_with_bounds(size, number, message):
    with pytest.raises(rnnbench.UserError, match=f"{size}: {message}"):
        rnnbench.explain_layer("lstm", **{size: number})
