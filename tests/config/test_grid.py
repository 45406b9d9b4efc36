"""Grids: which models they make, and how flags and other files change them."""

import re
from itertools import product
from pathlib import Path

import pytest
from config.test_load import messages, setting, write

from rnnbench.config.load import dump, load

RNN = """\
name: small
models:
  rnn:
    layers:
      - embedding: {dim: 4}
      - gru: {units: 2, return_sequences: true}
      - gru: {units: 2}
      - dense: {units: topics, activation: softmax}
"""
SOFTMAX = "{units: topics, activation: softmax}"
SVM = """\
  svm:
    baseline: tfidf_linear_svm
"""


def with_grid(*lines: str, after: str = "") -> Path:
    indented = "".join(f"      {line}\n" for line in lines)
    return write(f"{RNN}    grid:\n{indented}{after}", "grid.yaml")


def models(file: Path, *settings: str) -> dict:
    return load(file, [setting(text) for text in settings]).models


def values_of(model) -> tuple:
    """Return the units of the two recurrent layers of a point, and its own training."""
    return model.layers[1].units, model.layers[2].units, model.training


@pytest.mark.parametrize(
    ("lines", "points"),
    [
        (
            ["layers.2.gru.units: [3, 4]", "training: {learning_rate: [0.1, 0.2]}"],
            {
                f"rnn[units={n},lr={lr}]": (2, n, {"learning_rate": lr})
                for n, lr in product((3, 4), (0.1, 0.2))
            },
        ),
        (
            ['layers: {"2": {gru.units: [3, 4]}}', "training: {epochs: [1]}"],
            {f"rnn[units={n}]": (2, n, {"epochs": 1}) for n in (3, 4)},
        ),
        (
            [
                "zip: {layers.1.gru.units: [3, 4], layers.2.gru.units: [5, 6]}",
                "training.ema: [.5]",
            ],
            {
                f"rnn[1.gru.units={n},2.gru.units={n + 2}]": (n, n + 2, {"ema": 0.5})
                for n in (3, 4)
            },
        ),
        (
            ["layers.*.gru.units: [3, 4]"],
            {f"rnn[units={n}]": (n, n, None) for n in (3, 4)},
        ),
        (["layers.2.gru.units: [3]"], {"rnn": (2, 3, None)}),
        ([""], {"rnn": (2, 2, None)}),
    ],
    ids=[
        "crossed",
        "nested keys",
        "zipped",
        "every layer of a kind",
        "one value",
        "nothing",
    ],
)
def test_a_grid_stands_for_its_points(lines, points):
    made = models(with_grid(*lines))
    assert {name: values_of(model) for name, model in made.items()} == points
    assert list(made) == list(points)


@pytest.mark.parametrize(
    ("grid", "names"),
    [
        (
            "{arguments.lr: [1, 2], training.learning_rate: [0.1]}",
            ["own[lr=1]", "own[lr=2]"],
        ),
        (
            "{zip: {arguments.lr: [1, 2], training.learning_rate: [0.1, 0.2]}}",
            [f"own[arguments.lr={n},training.learning_rate=0.{n}]" for n in (1, 2)],
        ),
        ('{arguments.text: ["a,b", "a=b"]}', ["own[text=a_b]", "own[text=a_b-2]"]),
    ],
)
def test_points_have_different_names_even_if_their_short_forms_are_the_same(
    grid, names
):
    file = write(f"name: a\nmodels:\n  own:\n    python: nets:make\n    grid: {grid}\n")
    assert list(models(file)) == names


def test_a_value_may_be_anything_that_the_parameter_takes():
    grid = "{arguments.sizes: [[1, 2], [3], null, {a: true}, a b/c]}"
    model = f"{{python: 'nets:make', grid: {grid}}}"

    made = models(write(f"name: a\nmodels:\n  own: {model}\n"))

    sizes = {name: model.arguments["sizes"] for name, model in made.items()}
    assert sizes == {
        "own[sizes=1_2]": [1, 2],
        "own[sizes=3]": [3],
        "own[sizes=null]": None,
        "own[sizes=a_true]": {"a": True},
        "own[sizes=a_b_c]": "a b/c",
    }
    assert list(sizes) == [
        f"own[sizes={size}]" for size in ("1_2", "3", "null", "a_true", "a_b_c")
    ]


def test_what_is_a_list_itself_makes_no_grid():
    file = write(f"{RNN}  own: {{python: nets:make}}\n")
    layers = f"models.rnn.layers=[{{pooling: {{by: mean}}}}, {{dense: {SOFTMAX}}}]"
    flags = ["training.seeds=[3, 4]", "models.own.arguments.sizes=[1, 2]", layers]
    benchmark = load(file, [*map(setting, flags)])
    assert benchmark.training.seeds == (3, 4)
    assert benchmark.models["own"].arguments == {"sizes": [1, 2]}
    assert len(benchmark.models["rnn"].layers) == 2


@pytest.mark.parametrize(
    ("key", "points"),
    [
        ("layers.2.gru.units=[5, 6]", {"rnn[units=5]": 5, "rnn[units=6]": 6}),
        ("grid.layers.2.gru.units=[8]", {"rnn": 8}),
        ("layers.2.gru.units=7", {"rnn": 7}),
    ],
)
@pytest.mark.parametrize(
    "axes",
    [
        ["layers.2.gru.units: [3, 4]", "training.epochs: [1, 2]"],
        ["zip: {layers.2.gru.units: [3, 4], training.epochs: [1, 2]}"],
    ],
    ids=["crossed", "zipped"],
)
def test_a_flag_changes_an_axis_or_ends_it(axes, key, points):
    made = models(with_grid(*axes), "training.epochs=9", f"models.rnn.{key}")

    assert {name: model.layers[2].units for name, model in made.items()} == points


def test_a_flag_for_all_trainings_counts_for_those_of_single_models():
    file = write(f"{RNN}    training: {{epochs: 3, batch_size: 9}}\n")

    def training(*flags):
        training = load(file, [setting(flag) for flag in flags]).training_of("rnn")
        return training.epochs, training.batch_size

    assert training("training.epochs=9") == (9, 9)
    assert training("training={epochs: 5}") == (5, 9)
    assert training("training.epochs=9", "models.rnn.training.epochs=5") == (5, 9)


def test_a_list_that_a_flag_sets_for_all_trainings_makes_a_grid_of_every_network():
    rates = "training.learning_rate=[0.1, 0.2]"
    twice = "  twice:\n    ensemble: {of: [svm], by: votes, over_seeds: true}\n"
    made = models(write(RNN + SVM + twice), rates)
    assert list(made) == ["rnn[lr=0.1]", "rnn[lr=0.2]", "svm", "twice"]
    (fault,) = messages(write(f"name: a\nmodels:\n{SVM}"), setting(rates))
    assert fault.endswith("there is no network to try these values on")


def test_a_point_may_change_in_all_that_is_not_in_its_name():
    resolved = write(
        dump(load(with_grid("layers.2.gru.units: [3, 4]"))), "resolved.yaml"
    )
    changes = [
        "models.rnn[units=3].layers.1.gru.units=7",
        "models.rnn[units=3].training.epochs=5",
    ]
    changed = models(resolved, *changes)
    assert values_of(changed["rnn[units=3]"]) == (7, 3, {"epochs": 5})
    assert values_of(changed["rnn[units=4]"]) == (2, 4, None)


def test_a_grid_of_another_file_is_changed_key_by_key():
    with_grid("layers.2.gru.units: [3, 4]", "training: {epochs: [1, 2]}")
    above = "extends: grid.yaml\nmodels: {rnn: {grid: {layers: {'2': {gru: {units: [5]}}}}}}\n"
    made = models(write(above, "above.yaml")).values()
    points = [(2, 5, {"epochs": 1}), (2, 5, {"epochs": 2})]
    assert [values_of(model) for model in made] == points


def test_a_flag_may_name_every_layer_of_a_kind():
    (model,) = models(write(RNN), "models.rnn.layers.*.gru.units=5").values()
    assert values_of(model) == (5, 5, None)


LONG = [f"{'x' * 38}{n}" for n in range(2)]


@pytest.mark.parametrize(
    ("grid", "answer"),
    [
        (
            {"arguments": dict.fromkeys("abc", LONG)},
            "is too long (allowed: 100 characters in bra",
        ),
        (
            {"training.epochs": [*range(1, 1_002)]},
            "makes 1,001 models (allowed: 1,000, with ",
        ),
        (
            {f"arguments.a{n}": [n] for n in range(101)},
            "has 101 key paths (allowed: 100)",
        ),
    ],
)
def test_a_grid_that_is_too_large_is_refused(grid, answer):
    model = {"python": "nets:make", "grid": grid}
    (fault,) = messages({"name": "a", "models": {"rnn": model}})
    assert re.match(rf"models\.rnn\.grid: .*{re.escape(answer)}", fault)


def test_a_point_cannot_have_the_name_of_another_model():
    other = "  rnn[epochs=1]: {python: nets:make}\n"
    (fault,) = messages(with_grid("training.epochs: [1, 2]", after=other))
    assert fault.endswith("models.rnn[epochs=1]: two models have this name")


def test_an_ensemble_of_a_model_with_a_grid_or_of_its_point_is_left_out():
    others = """\
  calm:
    baseline: complement_naive_bayes
  both:
    ensemble: {of: [rnn, calm]}
  of_point:
    ensemble: {of: ["rnn[units=1]", calm]}
  twice:
    ensemble: {of: [calm], over_seeds: true}
"""

    made = models(with_grid("layers.1.gru.units: [1, 2]", after=others))

    assert list(made) == ["rnn[units=1]", "rnn[units=2]", "calm", "twice"]


BOTH = ("models.both.ensemble.of=[svm, rnn]", "models.both.ensemble.by=votes")
WEIGHTS = "models.both.ensemble.weights="


def test_a_flag_sets_the_lists_of_an_ensemble():
    both = models(write(RNN + SVM), *BOTH, f"{WEIGHTS}[2, 1]")["both"].ensemble

    assert (both.of, both.weights) == (("svm", "rnn"), (2, 1))
    (fault,) = messages(write(RNN + SVM), setting("models.both.ensemble.of=svm"))
    assert fault.endswith("models.both.ensemble.of: got 'svm' (should be a list)")


def test_a_list_of_lists_makes_a_grid_of_an_ensemble():
    made = models(write(RNN + SVM), *BOTH, f"{WEIGHTS}[[2, 1], [1, 2]]")

    assert len(made) == 4
