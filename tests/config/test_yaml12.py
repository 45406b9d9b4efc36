"""The dialect of YAML that configs are written in."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.config.yaml12 import Dumper, Loader


def read(text):
    return yaml.load(text, Loader=Loader)  # noqa: S506 - it reads plain data only


def written(value):
    return yaml.dump(value, Dumper=Dumper, allow_unicode=True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-3", -3),
        ("010", 10),
        ("1e-3", 0.001),
        ("1.", 1.0),
        ("-.inf", float("-inf")),
        ("true", True),
        ("~", None),
        ("!!str 3", "3"),
        ("{a: {b: }}", {"a": {"b": None}}),
    ],
)
def test_data_are_those_of_yaml_1_2(text, value):
    assert (read(text), type(read(text))) == (value, type(value))


def test_all_else_is_a_word():
    words = ["yes", "off", "True", "Null", "0x10", "1_000", "1:30", "2001-01-01", "nan", "<<", "="]
    assert read("\n".join(f"- {word}" for word in words)) == words


def test_keys_are_text_as_it_was_written():
    assert read("{1.50: a, null: b, true: c, 010: d, <<: {e: f}}") == {
        "1.50": "a",
        "null": "b",
        "true": "c",
        "010": "d",
        "<<": {"e": "f"},
    }


@pytest.mark.parametrize("text", ["!!set {a}", "!word a"])
def test_other_tags_are_errors(text):
    with pytest.raises(yaml.constructor.ConstructorError):
        read(text)


def test_a_word_that_either_version_takes_for_something_else_is_quoted():
    words = ["", "~", "null", "Null", "true", "no", "08", "010", "1_000", "0x1f", "0o7", "1e3"]
    words += ["1e-3", ".5", ".inf", "1:30", "2001-01-01", "<<", "=", "- a", "a: b", "# a", "!a"]
    assert read(written(words)) == words
    assert yaml.safe_load(written(words)) == words


@given(st.integers() | st.floats(allow_nan=False) | st.booleans() | st.none())
def test_both_versions_read_a_number_that_was_written(number):
    assert read(written(number)) == number
    assert yaml.safe_load(written(number)) == number
