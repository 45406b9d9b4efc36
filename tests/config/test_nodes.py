"""The dialect of YAML that configs are written in."""

import pytest
import yaml

from rnnbench.config import nodes
from rnnbench.config.nodes import (
    MAX_DEPTH,
    ConfigError,
    parse,
    parse_written,
    to_yaml,
)


def tree(text, name="a.yaml"):
    return parse(text, name)[0]


def read(text):
    return tree(text).plain


def test_values_are_those_of_yaml_1_2():
    values = [-3, 10, 0.001, 1.0, float("-inf"), True, None, "3", {"b": None}]

    read_values = read("[-3, 010, 1e-3, 1., -.inf, true, ~, !!str 3, {b: }]")

    assert read_values == values
    assert [*map(type, read_values)] == [*map(type, values)]


def test_all_that_is_no_value_of_yaml_1_2_is_text():
    words = [
        "yes",
        "off",
        "True",
        "Null",
        "0x10",
        "1_000",
        "1:30",
        "2001-01-01",
        "nan",
        "<<",
        "=",
    ]
    assert read("\n".join(f"- {word}" for word in words)) == words
    keys = ["1.50", "null", "true", "010", "<<"]
    assert list(read("{1.50: a, null: b, true: c, 010: d, <<: {e: f}}")) == keys


BOMB = "\n".join(
    [
        f"a0: &a0 [{'x, ' * 9}]",
        *(f"a{n + 1}: &a{n + 1} [{f'*a{n}, ' * 9}]" for n in range(9)),
    ]
)
DEEPEST = f"{'[' * MAX_DEPTH}0{']' * MAX_DEPTH}"


@pytest.mark.parametrize("text", [f"[{DEEPEST}]", BOMB])
def test_more_data_than_any_config_needs_is_refused(text):
    assert read(DEEPEST)
    with pytest.raises(ConfigError, match="nested too deeply"):
        read(text)


def test_after_too_many_values_the_rest_is_not_even_parsed(monkeypatch):
    monkeypatch.setattr(nodes, "MAX_VALUES", 5)
    assert read("[1, 2, 3, 4]") == [1, 2, 3, 4]
    with pytest.raises(
        ConfigError, match=r"^a.yaml:2: not YAML: too many values \(allowed: 5\)$"
    ):
        read("[1, 2, 3, 4,\n5, ]]")


def test_both_versions_of_yaml_read_what_was_written():
    words = [
        "",
        "~",
        "null",
        "Null",
        "true",
        "no",
        "08",
        "010",
        "1_000",
        "0x1f",
        "0o7",
        "1e3",
    ]
    words += [
        "1e-3",
        ".5",
        ".inf",
        "1:30",
        "2001-01-01",
        "<<",
        "=",
        "- a",
        "a: b",
        "# a",
        "!a",
    ]
    words += [0, -3, 1e-3, 1e30, float("inf"), True, None]
    assert read(to_yaml(words)) == yaml.safe_load(to_yaml(words)) == words


@pytest.mark.parametrize("text", ["a: [1e-3, 010, no]\na: {b: }", "- a\n-\tb: ]", BOMB])
def test_a_file_that_we_wrote_is_read_as_others_are(text):
    def answer(reader):
        try:
            return reader(text, "a.yaml")
        except ConfigError as error:
            return str(error)

    assert answer(parse_written) == answer(parse)
