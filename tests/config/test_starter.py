"""The config that a new one starts from."""

import re

import pytest

from rnnbench.config.load import load
from rnnbench.config.nodes import parse
from rnnbench.config.schema import Benchmark, Published, Reference
from rnnbench.config.shipped import starter
from rnnbench.data.settings import Data
from rnnbench.models.baselines import BASELINES
from rnnbench.models.descriptions import BaselineModel, LayeredNetwork, PythonNetwork
from rnnbench.models.layers import LAYERS
from rnnbench.training.settings import Training


def read(text):
    return parse(text, "starter.yaml")[0].plain


@pytest.mark.parametrize("name", ["a.b", "123", "true", "_", "é", "x" * 120, "name: starter"])
def test_a_new_config_has_no_problems_whatever_its_name(name):
    load(read(starter(name)))


def test_a_new_config_shows_an_embedding_with_a_gru_and_a_baseline():
    network, baseline = load(read(starter())).models.values()

    assert [layer.kind for layer in network.layers] == ["embedding", "gru", "dense"]
    assert isinstance(baseline, BaselineModel)


def test_every_option_that_is_switched_off_can_be_switched_on(tmp_path):
    (tmp_path / "other.yaml").write_text("training: {epochs: 3}\n")
    (tmp_path / "a.yaml").write_text(switched_on())

    points = [f"gru[units={units},epochs={epochs}]" for units in (16, 32) for epochs in (10, 20)]
    assert list(load(tmp_path / "a.yaml").models) == [*points, "naive_bayes", "mine"]


def test_a_new_config_names_every_key_there_is():
    sections = (
        *(Benchmark, Data, Training, LayeredNetwork, PythonNetwork, BaselineModel),
        *(Reference, Published),
    )

    named = set(keys(read(switched_on())))

    every = {key for section in sections for key in section.model_fields}
    assert every - {"train", "test"} <= named, "which would need that there is no path"
    assert "extends" in named


def test_a_new_config_lists_every_kind_of_layer_and_baseline_with_its_defaults():
    layers = comments(r"^#   ( *(?!rnnbench).+)$")

    assert {kind: parameters for item in layers for kind, parameters in item.items()} == {
        kind: defaults(layer) for kind, layer in LAYERS.items()
    }
    assert comments(r"^  #   (.+)$") == {
        kind: defaults(baseline) for kind, baseline in BASELINES.items()
    }


def test_a_new_config_fits_a_terminal():
    first, *lines = starter().splitlines()

    # An editor reads the first line, whose length depends on where rnnbench is installed.
    assert first.startswith("# yaml-language-server: $schema=")
    assert max(map(len, lines)) <= 80


def switched_on():
    """Return the starter with every option that is switched off switched on."""
    return re.sub(r"^( *)#(?=\S)", r"\1", starter(), flags=re.MULTILINE)


def comments(pattern):
    """Return the YAML in lines of comments."""
    return read("\n".join(re.findall(pattern, starter(), flags=re.MULTILINE)))


def defaults(section):
    fields = section.model_fields.items()
    return {key: "N" if field.is_required() else field.default for key, field in fields}


def keys(tree):
    """Yield every key of a tree of mappings and lists."""
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        yield key
        if isinstance(value, dict | list):
            yield from keys(value)
