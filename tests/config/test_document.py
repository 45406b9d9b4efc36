"""YAML trees that remember where everything was written."""

import pytest

from rnnbench.config import document
from rnnbench.config.problems import ConfigError, Problem

TEXT = """\
name: small
training:
  epochs: 3
  seeds: [1, 2]
models:
  rnn:
    layers:
      - lstm: {units: 5}
      - dense:
          units: topics
"""


def tree(text=TEXT, name="a.yaml"):
    return document.compose(text, name)


def value(root):
    return document.construct(root)


def test_no_text_is_no_tree():
    assert tree("# nothing\n") is None


def test_a_file_is_read_into_a_tree(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("name: été\n", encoding="utf-8")
    read = document.read(file)
    assert (value(read.root), read.problems) == ({"name": "été"}, [])


def test_duplicate_keys_are_found_while_reading(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("a: 1\nb: [{c: 1,\n  c: 2}]\na: 3\n", encoding="utf-8")
    assert document.read(file).problems == [
        Problem(f"{file}:3", "b.0.c", "duplicate key (first on line 2)"),
        Problem(f"{file}:4", "a", "duplicate key (first on line 1)"),
    ]


@pytest.mark.parametrize(
    ("loc", "place"),
    [
        (("training",), "a.yaml:2"),
        (("training", "seeds", 1), "a.yaml:4"),
        (("models", "rnn", "layers", 1), "a.yaml:9"),
        (("models", "rnn", "layers", 1, "dense", "units"), "a.yaml:10"),
    ],
)
def test_an_entry_is_where_its_key_is_written(loc, place):
    assert document.locate(tree(), loc) == place


@pytest.mark.parametrize(
    ("loc", "place"),
    [
        (("training", "optimizer"), "a.yaml:2"),
        (("models", "rnn", "layers", 7, "gru"), "a.yaml:7"),
        (("name", "first"), "a.yaml:1"),
    ],
)
def test_an_entry_that_is_not_there_is_where_the_one_above_it_is(loc, place):
    assert document.locate(tree(), loc) == place


def test_what_a_flag_says_is_where_the_flag_is():
    root = document.with_value(tree(), ("training", "epochs"), tree("5", "--epochs"))
    assert document.locate(root, ("training", "epochs")) == "--epochs"
    assert document.locate(root, ("training", "seeds")) == "a.yaml:4"


def test_a_child_comes_with_the_node_that_names_it():
    key, child = document.child(tree(), "name")
    assert (value(key), value(child)) == ("name", "small")


@pytest.mark.parametrize("key", ["nmae", 0])
def test_a_mapping_has_no_other_children(key):
    assert document.child(tree(), key) is None


@pytest.mark.parametrize("key", [2, -1])
def test_a_list_has_no_children_beyond_its_ends(key):
    assert document.child(tree("[1, 2]"), key) is None


def test_merging_goes_key_by_key():
    merged = document.merged(tree("{a: {b: 1, c: 2}, d: 3}"), tree("{a: {c: 4}, e: 5}"))
    assert value(merged) == {"a": {"b": 1, "c": 4}, "d": 3, "e": 5}


@pytest.mark.parametrize(
    ("below", "top"),
    [("[1, 2]", "[3]"), ("{b: 1}", "3"), ("1", "{b: 1}"), ("1", "null")],
)
def test_merging_replaces_all_but_mappings_whole(below, top):
    merged = document.merged(tree(f"a: {below}"), tree(f"a: {top}"))
    assert value(merged) == value(tree(f"a: {top}"))


def test_merging_keeps_a_mapping_where_the_key_on_top_has_no_value():
    merged = document.merged(tree("{z: 1, a: {b: {c: 1}}, d: {e: 2}}"), tree("{a: {b: }, d: }"))
    assert value(merged) == {"z": 1, "a": {"b": {"c": 1}}, "d": {"e": 2}}


def test_merging_takes_a_mapping_over_a_key_without_a_value():
    assert value(document.merged(tree("a:"), tree("a: {b: 1}"))) == {"a": {"b": 1}}


def test_merging_leaves_both_trees_as_they_were():
    base, top = tree("a: {b: 1}"), tree("a: {b: 2}")
    document.merged(base, top)
    assert (value(base), value(top)) == ({"a": {"b": 1}}, {"a": {"b": 2}})


def test_a_merged_entry_is_where_it_was_written_last():
    merged = document.merged(tree("a: 1\nb: 2\n"), tree("\n\nb: 3\n", "b.yaml"))
    assert document.locate(merged, ("a",)) == "a.yaml:1"
    assert document.locate(merged, ("b",)) == "b.yaml:3"


@pytest.mark.parametrize(
    ("before", "keys", "after"),
    [
        ("{a: 1}", ("a",), {"a": 9}),
        ("{a: {b: 1, c: 2}}", ("a", "b"), {"a": {"b": 9, "c": 2}}),
        ("{}", ("a", "b", "c"), {"a": {"b": {"c": 9}}}),
        ("{a: 1}", ("a", "b"), {"a": {"b": 9}}),
        ("{a: [1, 2]}", ("a", "1"), {"a": [1, 9]}),
        ("{a: [{b: 1}]}", ("a", 0, "b"), {"a": [{"b": 9}]}),
        ("{a: 1}", (), 9),
    ],
)
def test_a_value_is_put_at_its_place(before, keys, after):
    root = tree(before)
    assert value(document.with_value(root, keys, tree("9", "--set"))) == after
    assert value(root) == value(tree(before))


def test_a_list_gets_no_new_items():
    with pytest.raises(ConfigError) as caught:
        document.with_value(tree("a: [1, 2]"), ("a", "2"), tree("9", "--set x"))
    message = "no item '2' (the list has 2, counted from 0)"
    assert caught.value.problems == (Problem("--set x", "", message),)


def test_an_entry_can_be_left_out():
    root = tree("{a: 1, b: {a: 2}}")
    assert value(document.without(root, "a")) == {"b": {"a": 2}}
    assert value(root) == {"a": 1, "b": {"a": 2}}


def test_an_empty_tree_is_there_to_be_filled():
    root = document.with_value(document.empty_mapping(), ("a",), tree("9", "--set"))
    assert value(root) == {"a": 9}
