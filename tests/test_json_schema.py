"""The JSON Schemas accept what is right, and refuse what has a wrong shape."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from config.test_messages import CASES

import rnnbench
from rnnbench.config import shipped
from rnnbench.config.shipped import starter
from rnnbench.json_schema import config_schema, results_schema
from rnnbench.models.layers import LAYERS
from rnnbench.results.run import load_results

PACKAGE = Path(rnnbench.__file__).parent
IN_THE_TEXT = {"keys: merge key of YAML 1.1", "keys: twice", "keys: three times"}
IN_THE_TEXT |= {"keys: twice in a layer", 'names: "a\\n"', "layers: yes is a word"}
ABOUT_VALUES = {
    f"values: data: {{path: {path}}}" for path in ('""', "~nobody-here/x", '"a\\0b"')
}
ABOUT_VALUES |= {
    "values: training: {validation_split: .nan}",
    "values: training: {seeds: [1.0]}",
}
"""An integer of JSON may be written as 1.0."""
ABOUT_SEVERAL_VALUES = {
    *(
        f"layers: {case}"
        for case in ("recurrent on a vector", "recurrent after pooling")
    ),
    *(
        "layers: embedding not first",
        "layers: embedding twice",
        "layers: answer at each time step",
    ),
    *("layers: misfits in branches", "layers: branches of different lengths"),
    "stacks: last layer without softmax",
    "stacks: scaled inputs of an embedding",
    "stacks: texts for random vectors",
    "stacks: layers that are no language model",
    "baselines: smallest n-gram above the largest",
    "baselines: characters beside characters",
    "baselines: with epochs",
    *(
        f"ensembles: {case}"
        for case in ("of margins", "of another ensemble", "unknown model")
    ),
    *(f"ensembles: one model{case}" for case in ("", " twice")),
    *("ensembles: too few weights", "ensembles: with epochs"),
    *("references: neither a dataset nor a split", "references: dataset and split"),
    "references: training of other models",
}
CANNOT_BE_SEEN = IN_THE_TEXT | ABOUT_VALUES | ABOUT_SEVERAL_VALUES
"""The known mistakes that a schema does not find, beside those in other files, flags
and YAML, and in the values of grids."""
SOFTMAX = {"dense": {"units": "topics", "activation": "softmax"}}


@pytest.fixture(scope="module")
def schema():
    return config_schema()


@pytest.fixture(scope="module")
def validator(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("name", ["config", "results"])
def test_a_shipped_schema_is_the_generated_one(schema, name):
    generated = {"config": schema, "results": results_schema()}
    file = PACKAGE / name / f"{name}.schema.json"
    hint = f"rnnbench config show --schema {name} > rnnbench/{name}/{name}.schema.json"
    assert json.loads(file.read_text()) == generated[name], hint


@pytest.mark.parametrize("name", sorted(set(shipped.names()) - {"references"}))
def test_the_configs_of_the_package_are_accepted(validator, name):
    validator.validate(yaml.safe_load(shipped.find(name).read_text(encoding="utf-8")))


def test_the_starter_is_accepted_by_the_schema_that_it_names(validator):
    file = PACKAGE / "config/config.schema.json"
    assert starter().startswith(f"# yaml-language-server: $schema={file}\n")
    validator.validate(yaml.safe_load(starter()))


MODELS = [
    {"baseline": "stratified"},
    {"baseline": {"tfidf_linear_svm": None}},
    {"python": "nets:make", "arguments": {"units": 3}},
    {
        "layers": [
            {"bidirectional": {"layer": {"gru": {"units": 2}}}},
            {"dense": {"units": 3}},
        ]
    },
    {
        "layers": [{"gru": None}, SOFTMAX],
        "grid": {"layers.0.gru.units": [2, 4], "zip": {}},
    },
    {"layers": [SOFTMAX], "training": {"epochs": 3, "engine": "keras"}},
]


def test_models_of_every_kind_and_one_or_several_seeds_and_trackers_are_accepted(
    validator,
):
    models = {f"point[units={n},lr=0.1]": model for n, model in enumerate(MODELS)}
    for seeds, trackers in (
        (10_000, "wandb"),
        ([3, 2**32 - 1], ["tensorboard", "mlflow"]),
    ):
        values = {"data": None, "training": {"seeds": seeds}, "tracking": trackers}
        validator.validate({"name": "a", "models": models} | values)
        validator.validate({"extends": "all"} | values)


def test_a_config_that_extends_another_may_lack_keys(validator):
    validator.validate({"extends": "all"})
    validator.validate(
        {"extends": ["a.yaml"], "models": {"lstm": {"inputs": "scaled_ids"}}}
    )
    wrong = [
        {"grid": [1]},
        {"layers": [], "training": {"seeds": 2}},
        {"training": {"epochs": 0}},
    ]
    for config in ({"modles": {}}, *({"models": {"m": model}} for model in wrong)):
        assert not validator.is_valid({"extends": "all"} | config)
    assert not validator.is_valid({"name": "a"})


def test_a_known_mistake_is_found_unless_a_schema_cannot_see_it(validator):
    seen = set()
    checked = 0
    for case, (files, flags) in CASES.items():
        if (
            len(files) > 1
            or flags
            or case.partition(":")[0] in ("YAML", "extends", "grids")
        ):
            continue
        try:
            config = yaml.safe_load(files["bad.yaml"])
        except yaml.YAMLError:
            continue  # not YAML 1.1, which this test reads
        checked += 1
        seen |= {case} if validator.is_valid(config) else set()
    assert seen == CANNOT_BE_SEEN
    assert checked > 130


def test_every_key_and_kind_is_described(schema):
    definitions = schema["$defs"]

    assert {*definitions["Layer"]["properties"]} == {*LAYERS}
    for name in ("Benchmark", "Training"):
        keys = definitions[name]["properties"]
        assert [
            key for key, definition in keys.items() if "description" not in definition
        ] == []


@pytest.mark.parametrize("missing", [(), ("models",)])
def test_published_results_are_accepted_unless_a_key_is_missing(repository, missing):
    results = load_results(repository / "results/reference/all").model_dump(mode="json")
    results |= dict.fromkeys(("config_sha256", "checksum"), "0" * 64)
    validator = jsonschema.Draft202012Validator(results_schema())
    for key in missing:
        del results[key]

    assert validator.is_valid(results) is not bool(missing)
