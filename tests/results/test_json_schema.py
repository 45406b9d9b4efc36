"""The JSON Schema of ``results.json``."""

import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from rnnbench.analysis.load import load_summary
from rnnbench.json_schema import results_schema
from rnnbench.results import schema

SHIPPED = Path(schema.__file__).with_name("results.schema.json")


def test_the_shipped_schema_is_the_generated_one():
    hint = "rnnbench config schema --results > rnnbench/results/results.schema.json"
    assert json.loads(SHIPPED.read_text()) == results_schema(), hint


@pytest.fixture
def published(repository, tmp_path):
    """Returns the summary of a reference run in the form of this version."""

    def read(name):
        folder = shutil.copytree(repository / "results" / "reference" / name, tmp_path / name)
        load_summary(folder)  # which converts an older one
        return json.loads((folder / "results.json").read_text())

    return read


@pytest.mark.parametrize("name", ["all", "zoo", "r52"])
def test_published_results_are_accepted(published, name):
    jsonschema.Draft202012Validator(results_schema()).validate(published(name))


def test_results_that_lack_a_key_are_refused(published):
    results = published("zoo")
    del results["models"]

    assert not jsonschema.Draft202012Validator(results_schema()).is_valid(results)
