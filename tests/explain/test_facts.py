"""The facts about a layer are those of the real one."""

from dataclasses import replace

import pytest

from rnnbench.explain import recurrences
from rnnbench.explain.facts import Sizes, explain_layer
from rnnbench.explain.kinds import GRU, KINDS, LSTM, SIMPLE_RNN

kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
SIZES = Sizes(units=5, features=3, steps=4, batch=2)


@kinds
def test_the_axes_of_the_input_have_the_sizes_that_were_asked_for(kind):
    axes = explain_layer(kind, SIZES).axes

    assert [(each.name, each.size) for each in axes] == [
        ("batch", 2),
        ("timesteps", 4),
        ("features", 3),
    ]


@kinds
def test_the_output_has_an_axis_more_when_it_returns_sequences(kind):
    outputs = explain_layer(kind, SIZES).outputs

    assert [(each.return_sequences, each.shape) for each in outputs] == [
        (False, (2, 5)),
        (True, (2, 4, 5)),
    ]
    assert all(len(each.axes) == len(each.shape) for each in outputs)


@pytest.mark.parametrize(
    ("kind", "symbols"), [(SIMPLE_RNN, ["h"]), (GRU, ["h"]), (LSTM, ["h", "c"])]
)
def test_only_the_lstm_carries_a_cell_state(kind, symbols):
    states = explain_layer(kind, SIZES).states

    assert [each.symbol for each in states] == symbols
    assert {each.shape for each in states} == {(2, 5)}


@pytest.mark.parametrize(
    ("kind", "shapes", "counts", "total"),
    [
        (SIMPLE_RNN, [(3, 5), (5, 5), (5,)], [15, 25, 5], 45),
        (GRU, [(3, 15), (5, 15), (2, 15)], [45, 75, 30], 150),
        (LSTM, [(3, 20), (5, 20), (20,)], [60, 100, 20], 180),
    ],
    ids=KINDS,
)
def test_the_parameters_are_told_weight_by_weight(kind, shapes, counts, total):
    parameters = explain_layer(kind, SIZES).parameters

    assert [each.name for each in parameters.weights] == ["kernel", "recurrent_kernel", "bias"]
    assert [each.shape for each in parameters.weights] == shapes
    assert [each.count for each in parameters.weights] == counts
    assert [each.formula.value for each in parameters.weights] == counts
    assert parameters.count == parameters.formula.value == total


@kinds
def test_the_recurrence_is_carried_out_step_by_step(kind):
    check = explain_layer(kind, SIZES).check

    assert [each.step for each in check.steps] == [1, 2, 3, 4]
    assert all(len(each.numpy) == len(each.keras) == 3 for each in check.steps)
    assert all(0 not in each.numpy for each in check.steps)
    assert check.compared == 2 * 4 * 5 + 2 * 5 + len(kind.states) * 2 * 5
    assert max(each.largest_difference for each in check.steps) <= check.largest_difference
    assert check.largest_difference < 1e-12 < check.tolerance == 1e-6


@kinds
@pytest.mark.parametrize(
    "sizes", [Sizes(1, 1, 1, 1), Sizes(2, 1, 50, 1), Sizes(256, 256, 2, 2)], ids=str
)
def test_every_size_that_is_allowed_passes(kind, sizes):
    explanation = explain_layer(kind, sizes)

    assert explanation.failures() == []
    assert len(explanation.check.steps[0].numpy) == min(sizes.units, 3)


@kinds
def test_the_same_sizes_give_the_same_numbers(kind):
    assert explain_layer(kind, SIZES) == explain_layer(kind, SIZES)


@kinds
@pytest.mark.parametrize("which", [0, 1, 2], ids=["kernel", "recurrent_kernel", "bias"])
def test_a_recurrence_without_one_of_the_weights_fails(kind, which, monkeypatch):
    right = getattr(recurrences, kind.name)

    def without(x, *weights):
        return right(x, *(weight * (n != which) for n, weight in enumerate(weights)))

    monkeypatch.setattr(recurrences, kind.name, without)

    (failure,) = explain_layer(kind, SIZES).failures()

    assert failure.startswith("NumPy and Keras differ by ")
    assert failure.endswith(" (allowed: at most 1e-06)")


def test_a_result_that_is_not_a_number_fails(monkeypatch):
    right = recurrences.gru
    monkeypatch.setattr(recurrences, "gru", lambda *arguments: right(*arguments) * float("nan"))

    assert explain_layer(GRU, SIZES).failures()


def test_a_formula_that_keras_does_not_confirm_fails():
    wrong = replace(LSTM, bias_rows=2)

    assert explain_layer(wrong, SIZES).failures() == [
        "bias: by formula 40 parameters, in Keras 20",
        "all weights: by formula 200 parameters, in Keras 180",
    ]
