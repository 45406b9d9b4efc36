"""The JSON Schema of configs accepts what is right, and refuses what has a wrong shape."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from config.test_messages import CASES

from rnnbench.config import shipped
from rnnbench.config.json_schema import config_schema
from rnnbench.config.starter import starter
from rnnbench.models.baselines import BASELINES
from rnnbench.models.layers import LAYERS

SHIPPED_SCHEMA = Path(shipped.__file__).with_name("config.schema.json")
IN_THE_TEXT = {"keys: merge key of YAML 1.1", "keys: twice", "keys: three times"}
IN_THE_TEXT |= {"keys: twice in a layer", 'names: "a\\n"', "layers: yes is a word"}
ABOUT_VALUES = {f"values: data: {{path: {path}}}" for path in ('""', "~nobody-here/x", '"a\\0b"')}
ABOUT_VALUES |= {"values: training: {validation_split: .nan}", "values: training: {seeds: [1.0]}"}
"""An integer of JSON may be written as 1.0."""
ABOUT_SEVERAL_VALUES = {
    *(f"layers: {each}" for each in ("recurrent on a vector", "recurrent after pooling")),
    *("layers: embedding not first", "layers: embedding twice", "layers: answer at each time step"),
    *("layers: masking ended by a convolution", "stacks: last layer without softmax"),
    "stacks: scaled inputs of an embedding",
    "baselines: smallest n-gram above the largest",
    "baselines: characters beside characters",
    *("references: neither a dataset nor a split", "references: dataset and split"),
    "references: training of other models",
}
CANNOT_BE_SEEN = IN_THE_TEXT | ABOUT_VALUES | ABOUT_SEVERAL_VALUES
"""The known mistakes that a schema does not find, beside those in other files, flags and YAML."""


@pytest.fixture(scope="module")
def validator():
    jsonschema.Draft202012Validator.check_schema(config_schema())
    return jsonschema.Draft202012Validator(config_schema())


def test_the_shipped_schema_is_the_generated_one():
    hint = "rnnbench config schema > rnnbench/config/config.schema.json"
    assert json.loads(SHIPPED_SCHEMA.read_text()) == config_schema(), hint


@pytest.mark.parametrize("name", sorted(set(shipped.names()) - {"references"}))
def test_the_configs_of_the_package_are_accepted(validator, name):
    validator.validate(yaml.safe_load(shipped.find(name).read_text(encoding="utf-8")))


def test_the_starter_names_the_schema_and_is_accepted_by_it(validator):
    first = starter().splitlines()[0]

    assert first == f"# yaml-language-server: $schema={SHIPPED_SCHEMA}"
    validator.validate(yaml.safe_load(starter()))


@pytest.mark.parametrize(
    "model",
    [
        *({"baseline": name} for name in BASELINES),
        *({"baseline": {name: None}} for name in BASELINES),
        {"python": "nets:make", "arguments": {"units": 3}},
        {"layers": [{"bidirectional": {"layer": {"gru": {"units": 2}}}}, {"dense": {"units": 3}}]},
    ],
    ids=str,
)
def test_models_of_every_kind_are_accepted(validator, model):
    validator.validate({"name": "a", "data": None, "models": {"m": model}})


def test_a_model_may_have_a_grid_that_completes_it_and_a_training_of_its_own(validator):
    softmax = {"dense": {"units": "topics", "activation": "softmax"}}
    grid = {"layers.0.gru.units": [2, 4], "training": {"epochs": [1, 2]}, "zip": {}}
    models = {
        "m": {"layers": [{"gru": None}, softmax], "grid": grid},
        "own": {"layers": [softmax], "training": {"epochs": 3, "engine": "keras"}},
        "point[units=2,lr=0.1]": {"baseline": "most_frequent"},
    }
    validator.validate({"name": "a", "models": models})


@pytest.mark.parametrize(
    "model", [{"grid": [1]}, {"layers": [], "training": {"seeds": 2}}, {"training": {"epochs": 0}}]
)
def test_a_grid_and_a_training_have_their_shapes(validator, model):
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({"extends": "all", "models": {"m": model}})


@pytest.mark.parametrize("seeds", [1, 10_000, [0], [3, 2**32 - 1]])
def test_seeds_are_a_number_or_a_list(validator, seeds):
    validator.validate(
        {"name": "a", "training": {"seeds": seeds}, "models": {"m": {"python": "a:b"}}}
    )


@pytest.mark.parametrize("trackers", ["wandb", [], ["tensorboard", "mlflow"]])
def test_tracking_is_a_name_or_a_list(validator, trackers):
    validator.validate({"name": "a", "models": {"m": {"python": "a:b"}}, "tracking": trackers})
    validator.validate({"extends": "all", "tracking": trackers})


def test_a_config_that_extends_another_may_lack_keys(validator):
    validator.validate({"extends": "all"})
    validator.validate({"extends": ["a.yaml"], "models": {"lstm": {"inputs": "scaled_ids"}}})
    assert not validator.is_valid({"name": "a"})
    assert not validator.is_valid({"extends": "all", "modles": {}})


@pytest.mark.parametrize(
    "case",
    [
        case
        for case, (files, flags) in CASES.items()
        if len(files) == 1 and not flags and case.partition(":")[0] not in ("YAML", "extends")
    ],
)
def test_a_known_mistake_is_found_unless_a_schema_cannot_see_it(validator, case):
    try:
        config = yaml.safe_load(CASES[case][0]["bad.yaml"])
    except yaml.YAMLError:
        pytest.skip("not YAML 1.1, which this test reads")

    assert validator.is_valid(config) == (case in CANNOT_BE_SEEN)


def test_every_key_and_kind_is_described():
    definitions = config_schema()["$defs"]

    assert {*definitions["Layer"]["properties"]} == {*LAYERS}
    for name in ("Benchmark", "Training"):
        keys = definitions[name]["properties"]
        assert [key for key, each in keys.items() if "description" not in each] == []
