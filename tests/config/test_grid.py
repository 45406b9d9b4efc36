"""Grids: which models they make, and how flags and other files change them."""

from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.config.load import Override, dump, load, select
from rnnbench.config.nodes import ConfigError
from rnnbench.points import split_setting
from rnnbench.storage import write_text

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


def write(text: str, name: str = "grid.yaml") -> Path:
    write_text(Path(name), text)
    return Path(name)


def with_grid(*lines: str, after: str = "") -> Path:
    indented = "".join(f"      {line}\n" for line in lines)
    return write(f"{RNN}    grid:\n{indented}{after}")


def setting(text: str) -> Override:
    return Override(f"--set {text}", *split_setting(text))


def models(file: Path, *settings: str) -> dict:
    return load(file, [setting(text) for text in settings]).models


def messages(file: Path, *settings: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        models(file, *settings)
    return str(caught.value).splitlines()


# The points of a grid.


def test_every_value_is_combined_with_every_other():
    file = with_grid("layers.2.gru.units: [3, 4]", "training: {learning_rate: [0.1, 0.2]}")
    found = models(file)
    assert list(found) == [
        "rnn[units=3,lr=0.1]",
        "rnn[units=3,lr=0.2]",
        "rnn[units=4,lr=0.1]",
        "rnn[units=4,lr=0.2]",
    ]
    assert [model.layers[2].units for model in found.values()] == [3, 3, 4, 4]
    assert [model.training["learning_rate"] for model in found.values()] == [0.1, 0.2, 0.1, 0.2]


def test_nested_keys_and_dotted_ones_mean_the_same():
    dotted = models(with_grid("layers.2.gru.units: [3, 4]", "training.epochs: [1, 2]"))
    nested = models(with_grid('layers: {"2": {gru.units: [3, 4]}}', "training: {epochs: [1, 2]}"))
    assert dotted == nested


def test_zipped_values_change_together():
    file = with_grid(
        "zip: {layers.1.gru.units: [3, 4], layers.2.gru.units: [5, 6]}", "training.epochs: [1, 2]"
    )
    assert [(m.layers[1].units, m.layers[2].units) for m in models(file).values()] == [
        (3, 5),
        (4, 6),
        (3, 5),
        (4, 6),
    ]
    assert next(iter(models(file))) == "rnn[epochs=1,1.gru.units=3,2.gru.units=5]"


def test_a_star_stands_for_every_layer_of_the_kind():
    found = models(with_grid("layers.*.gru.units: [3, 4]"))
    assert list(found) == ["rnn[units=3]", "rnn[units=4]"]
    assert [(m.layers[1].units, m.layers[2].units) for m in found.values()] == [(3, 3), (4, 4)]


def test_baselines_have_grids_too():
    found = models(write(f"{RNN}{SVM}    grid: {{baseline.tfidf_linear_svm.C: [0.5, 1, 2]}}\n"))
    assert list(found) == ["rnn", "svm[C=0.5]", "svm[C=1]", "svm[C=2]"]
    assert found["svm[C=0.5]"].baseline.C == 0.5


def test_labels_are_different_even_if_their_short_forms_are_the_same():
    grid = "grid: {arguments.lr: [1, 2], training.learning_rate: [0.1, 0.2]}"
    file = write(f"name: a\nmodels:\n  own:\n    python: nets:make\n    {grid}\n")
    assert next(iter(models(file))) == "own[arguments.lr=1,training.learning_rate=0.1]"


def test_different_values_that_are_spelled_alike_are_numbered():
    grid = 'grid: {arguments.text: ["a,b", "a=b", "a_b"]}'
    file = write(f"name: a\nmodels:\n  own:\n    python: nets:make\n    {grid}\n")
    assert list(models(file)) == ["own[text=a_b]", "own[text=a_b-2]", "own[text=a_b-3]"]


def test_a_value_without_an_alternative_is_not_in_the_name():
    found = models(with_grid("layers.2.gru.units: [3]", "training.epochs: [1, 2]"))
    assert list(found) == ["rnn[epochs=1]", "rnn[epochs=2]"]
    assert {model.layers[2].units for model in found.values()} == {3}
    assert list(models(with_grid("layers.2.gru.units: [3]"))) == ["rnn"]


def test_a_value_may_be_anything_that_the_parameter_takes():
    file = write(
        "name: a\nmodels:\n  own:\n    python: nets:make\n    grid:\n      arguments.sizes:\n"
        "        - [1, 2]\n        - [3]\n        - null\n        - {a: true}\n        - a b/c\n"
    )
    found = models(file)
    assert list(found) == [f"own[sizes={each}]" for each in ("1_2", "3", "null", "a_true", "a_b_c")]
    assert [model.arguments["sizes"] for model in found.values()] == [
        [1, 2], [3], None, {"a": True}, "a b/c",
    ]  # fmt: skip


def test_a_grid_without_values_is_none():
    assert list(models(write(f"{RNN}    grid:\n"))) == ["rnn"]
    assert list(models(write(f"{RNN}    grid: {{}}\n"))) == ["rnn"]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=3))
def test_the_number_of_points_is_the_product_of_the_numbers_of_values(lengths):
    keys = ["learning_rate", "batch_size", "epochs"]
    grid = {key: list(range(1, n + 1)) for key, n in zip(keys, lengths, strict=False)}
    facts = yaml.safe_load(RNN)
    facts["models"]["rnn"]["grid"] = {"training": grid}
    found = load(facts).models
    product = 1
    for n in lengths:
        product *= n
    assert len(found) == product
    assert len({str(model) for model in found.values()}) == product


def test_a_resolved_config_has_the_points_as_models():
    file = with_grid("layers.2.gru.units: [3, 4]", "training.epochs: [1, 2]", after=SVM)
    benchmark = load(file)
    again = load(write(dump(benchmark), "resolved.yaml"))
    assert again == benchmark


def test_points_are_selected_by_name_or_all_together():
    benchmark = load(with_grid("layers.2.gru.units: [3, 4]", after=SVM))
    assert list(select(benchmark, ["rnn"], "--models").models) == ["rnn[units=3]", "rnn[units=4]"]
    assert list(select(benchmark, ["rnn[units=4]"], "--models").models) == ["rnn[units=4]"]


# How a model is trained.


def test_a_model_may_be_trained_in_its_own_way():
    benchmark = load(
        write(
            f"{RNN}    training: {{epochs: 3, engine: keras}}\n{SVM}training: {{batch_size: 7}}\n"
        )
    )
    own, of_all = benchmark.training_of("rnn"), benchmark.training_of("svm")
    assert (own.epochs, own.engine, own.batch_size) == (3, "keras", 7)
    assert of_all == benchmark.training


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("{epochs: 0}", "models.rnn.training.epochs: got 0 (should be greater than 0)"),
        ("{seeds: 3}", "models.rnn: training: seeds are the same for all models (set them outside "
         "models)"),
        ("{epoch: 3}", "models.rnn.training.epoch: unknown key (allowed: epochs, batch_size, "
         "optimizer, learning_rate, validation_split, ema, engine, seeds; did you mean 'epochs'?)"),
        ("3", "models.rnn.training: got 3 (should be a mapping of keys to values)"),
    ],
)  # fmt: skip
def test_a_wrong_training_of_a_model(line, answer):
    (found,) = messages(write(f"{RNN}    training: {line}\n"))
    assert found.partition(": ")[2] == answer


def test_a_baseline_has_no_epochs():
    (found,) = messages(write(f"{RNN}{SVM}    training: {{epochs: 3}}\n"))
    assert found.endswith("training: a baseline has no epochs (allowed: validation_split)")


# Flags.


def test_a_list_that_a_flag_sets_makes_a_grid():
    found = models(write(RNN), "models.rnn.layers.2.gru.units=[3, 4]")
    assert list(found) == ["rnn[units=3]", "rnn[units=4]"]


def test_a_list_of_training_makes_a_grid_of_every_network():
    found = models(write(RNN + SVM), "training.learning_rate=[0.1, 0.2]")
    assert list(found) == ["rnn[lr=0.1]", "rnn[lr=0.2]", "svm"]


def test_seeds_layers_and_arguments_are_lists_themselves():
    file = write(f"{RNN}  own: {{python: nets:make}}\n")
    benchmark = load(
        file,
        [
            setting("training.seeds=[3, 4]"),
            setting("models.own.arguments.sizes=[1, 2]"),
            setting(f"models.rnn.layers=[{{pooling: {{by: mean}}}}, {{dense: {SOFTMAX}}}]"),
        ],
    )
    assert benchmark.training.seeds == (3, 4)
    assert benchmark.models["own"].arguments == {"sizes": [1, 2]}
    assert len(benchmark.models["rnn"].layers) == 2


def test_a_flag_changes_an_axis_or_ends_it():
    file = with_grid("layers.2.gru.units: [3, 4]", "training.epochs: [1, 2]")
    assert list(models(file, "models.rnn.layers.2.gru.units=[5, 6]", "training.epochs=9")) == [
        "rnn[units=5]",
        "rnn[units=6]",
    ]
    (only,) = models(file, "models.rnn.grid.layers.2.gru.units=[8]", "training.epochs=9").values()
    assert only.layers[2].units == 8
    (only,) = models(file, "models.rnn.layers.2.gru.units=7", "training.epochs=9").values()
    assert only.layers[2].units == 7


def test_a_flag_for_all_trainings_counts_for_those_of_single_models():
    file = write(f"{RNN}    training: {{epochs: 3}}\n")
    assert load(file, [setting("training.epochs=9")]).training_of("rnn").epochs == 9
    later = [setting("training.epochs=9"), setting("models.rnn.training.epochs=5")]
    assert load(file, later).training_of("rnn").epochs == 5


def test_a_flag_may_name_every_layer_of_a_kind():
    (model,) = models(write(RNN), "models.rnn.layers.*.gru.units=5").values()
    assert [layer.units for layer in model.layers[1:3]] == [5, 5]


@pytest.mark.parametrize(
    ("setting", "point"),
    [
        ("training.epochs=5", "models.rnn[epochs=1]"),
        ("models.rnn[epochs=2].training.epochs=5", "models.rnn[epochs=2]"),
    ],
)
def test_the_points_of_a_resolved_grid_keep_the_values_in_their_names(setting, point):
    resolved = write(dump(load(with_grid("training.epochs: [1, 2]"))), "resolved.yaml")
    hint = "change the config that has the grid"
    assert messages(resolved, setting) == [
        f"--set {setting}: {point}: has this value in its name ({hint})"
    ]
    (whole,) = messages(resolved, "models.rnn[epochs=2].training={epochs: 5}")
    assert "has this value in its name" in whole
    changed = models(resolved, "models.rnn[epochs=2].training.batch_size=5")
    assert changed["rnn[epochs=2]"].training == {"epochs": 2, "batch_size": 5}


def test_a_value_elsewhere_may_change_even_if_it_has_the_same_label():
    resolved = write(dump(load(with_grid("layers.2.gru.units: [3, 4]"))), "resolved.yaml")
    changed = models(resolved, "models.rnn[units=3].layers.1.gru.units=7")
    assert [layer.units for layer in changed["rnn[units=3]"].layers[1:3]] == [7, 3]


def test_a_point_has_no_grid_of_its_own():
    resolved = write(dump(load(with_grid("layers.2.gru.units: [3, 4]"))), "resolved.yaml")
    found = messages(resolved, "models.rnn[units=3].training.batch_size=[1, 2]")
    assert found[0].endswith("a point of a grid cannot have a grid of its own")


@pytest.mark.parametrize(
    ("setting", "axis"),
    [
        ("models.rnn.layers.2.gru.units=7", "layers.*.gru.units"),
        ("models.rnn.layers.2.gru.units=[7, 8]", "layers.*.gru.units"),
        ("models.rnn.layers.2.gru={units: 7}", "layers.*.gru.units"),
    ],
)
def test_a_flag_does_not_overlap_with_an_axis(setting, axis):
    (found,) = messages(with_grid("layers.*.gru.units: [3, 4]"), setting)
    assert found.endswith(f": overlaps with {axis} in the grid (set that instead)")


def test_a_list_of_training_needs_a_network():
    file = write(f"name: a\nmodels:\n{SVM}")
    (found,) = messages(file, "training.learning_rate=[0.1, 0.2]")
    assert found.endswith("there is no network to try these values on")


def test_a_whole_section_of_training_counts_for_all_models_too():
    file = write(f"{RNN}    training: {{epochs: 3, batch_size: 9}}\n")
    training = load(file, [setting("training={epochs: 5}")]).training_of("rnn")
    assert (training.epochs, training.batch_size) == (5, 9)


# Several files.


def test_a_grid_of_another_file_is_changed_key_by_key():
    with_grid("layers.2.gru.units: [3, 4]", "training: {epochs: [1, 2]}")
    above = "extends: grid.yaml\nmodels: {rnn: {grid: {layers: {'2': {gru: {units: [5]}}}}}}\n"
    assert [model.layers[2].units for model in models(write(above, "above.yaml")).values()] == [
        5,
        5,
    ]


# Mistakes.


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("layers.2.gru.units: 3", "models.rnn.grid.layers.2.gru.units: got 3 (should be a list of "
         "values to try)"),
        ("layers.2.gru.units: []", "models.rnn.grid.layers.2.gru.units: got [] (should be a list "
         "of values to try)"),
        ("layers.2.gru.units: [3, 0]", "models.rnn.layers.2.gru.units: got 0 (should be greater "
         "than 0)"),
        ("layers.2.gru.unit: [3, 4]", "models.rnn.layers.2.gru.unit: unknown key (allowed: units, "
         "activation, return_sequences, dropout, recurrent_dropout, weight_drop, "
         "recurrent_activation, "
         "reset_after; did you mean 'units'?)"),
        ("layers.2.lstm.units: [3, 4]", "models.rnn.grid.layers.2.lstm.units: item 2 has no lstm "
         "(allowed: gru)"),
        ("layers.9.gru.units: [3, 4]", "models.rnn.grid.layers.9.gru.units: no item '9' (the list "
         "has 4, counted from 0)"),
        ("layers.*.lstm.units: [3, 4]", "models.rnn.grid.layers.*.lstm.units: no item of the list "
         "has the key after *"),
        ("zip: {training.epochs: [1, 2], training.batch_size: [1]}", "models.rnn.grid.zip: needs "
         "lists of the same length (training.epochs has 2, training.batch_size has 1)"),
        ("{zip: {training.epochs: [1]}, training.epochs: [2]}", "models.rnn.grid."
         "training.epochs: overlaps with training.epochs (allowed: one of them)"),
        ("training.epochs: [1, 1]", "models.rnn.grid: makes 'rnn[epochs=1]' twice "
         "(a list repeats a value)"),
        ("{layers.*.gru.units: [1, 2], layers.2.gru: [{units: 3}]}", "models.rnn.grid."
         "layers.*.gru.units: overlaps with layers.2.gru (allowed: one of them)"),
        ("training.seeds: [1, 2]", "models.rnn: training: seeds are the same for all models "
         "(set them outside models)"),
        ("[1]", "models.rnn.grid: got [1] (should be a mapping of key paths to lists)"),
        (f"arguments: {{{', '.join(f'a{n}: [1]' for n in range(101))}}}",
         "models.rnn.grid: has 101 key paths (allowed: 100)"),
        (f"training.epochs: {list(range(1, 1_002))}", "models.rnn.grid: makes 1,001 models "
         "(allowed: 1,000, with 100,000 values in all)"),
    ],
)  # fmt: skip
def test_a_wrong_grid_is_answered_once_with_its_line(line, answer):
    (found,) = messages(with_grid(line))
    assert found.startswith("grid.yaml:")
    assert found.split(": ", 1)[1] == answer


@pytest.mark.parametrize("value", [b"x", 1j, date(2026, 1, 1), ..., {(1, 2): 3}], ids=repr)
@pytest.mark.parametrize("path", ["layers.0.embedding.dropout", "training.ema"])
def test_a_value_that_only_python_can_give_is_refused(path, value):
    config = yaml.safe_load(RNN)
    config["models"]["rnn"]["grid"] = {path: [0.5, value]}

    with pytest.raises(ConfigError, match=rf"models.rnn.{path}: got .* \(should be a valid number"):
        load(config)


def test_a_point_cannot_have_the_name_of_another_model():
    text = yaml.safe_load(RNN)["models"]["rnn"]
    other = yaml.safe_dump({"rnn[epochs=1]": text}).replace("\n", "\n  ")
    (found,) = messages(with_grid("training.epochs: [1, 2]", after=f"  {other}\n"))
    assert found.endswith("models.rnn[epochs=1]: two models have this name")


def test_a_name_that_would_be_too_long_is_refused():
    values = [f"{'x' * 38}{n}" for n in range(2)]
    file = write(
        f"name: a\nmodels:\n  own:\n    python: nets:make\n    grid: {{arguments: "
        f"{{a: {values}, b: {values}, c: {values}}}}}\n"
    )
    (found,) = messages(file)
    assert "is too long (allowed: 100 characters in brackets" in found
