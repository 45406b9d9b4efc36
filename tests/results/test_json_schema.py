"""The JSON Schema of ``results.json``."""

import json
from pathlib import Path

import jsonschema
import pytest

from rnnbench.results import json_schema
from rnnbench.results.json_schema import results_schema

SHIPPED = Path(json_schema.__file__).with_name("results.schema.json")


def test_the_shipped_schema_is_the_generated_one():
    hint = "rnnbench config schema --results > rnnbench/results/results.schema.json"
    assert json.loads(SHIPPED.read_text()) == results_schema(), hint


@pytest.mark.parametrize("name", ["all", "zoo", "r52"])
def test_published_results_are_accepted(repository, name):
    results = json.loads((repository / "results" / "reference" / name / "results.json").read_text())

    jsonschema.Draft202012Validator(results_schema()).validate(results)


def test_results_that_lack_a_key_are_refused(repository):
    results = json.loads((repository / "results/reference/all/results.json").read_text())
    del results["models"]

    assert not jsonschema.Draft202012Validator(results_schema()).is_valid(results)
