"""``extends``: a file merged over the files that it names. For mistakes see test_messages.py."""

from pathlib import Path

import pytest

from rnnbench.config.merge import merged, read, with_value
from rnnbench.config.problems import ConfigError
from rnnbench.config.yaml12 import Node, parse


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(text: str, name: str = "top.yaml") -> Path:
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def value_of(file: Path):
    tree = read(file)
    assert (tree.problems, tree.is_whole) == ([], True)
    return tree.root.plain


def tree(text: str, name: str = "a.yaml") -> Node:
    return parse(text, name)[0]


# A file with those that it extends.


def test_a_file_that_extends_nothing_is_read_as_it_is():
    assert value_of(write("name: été\n")) == {"name": "été"}


def test_extends_is_relative_to_its_own_file():
    write("name: base\nseed: 3\n", "configs/bases/base.yaml")
    write("extends: bases/base.yaml\nname: middle\n", "configs/middle.yaml")
    assert value_of(write("extends: configs/middle.yaml\n")) == {"name": "middle", "seed": 3}


def test_extended_entries_come_first_and_in_order():
    write("zulu: 1\n", "z.yaml")
    write("alpha: 2\n", "a.yaml")
    assert list(value_of(write("rnn: 3\nextends: [z.yaml, a.yaml]\n"))) == ["zulu", "alpha", "rnn"]


def test_of_several_extended_files_the_last_wins():
    write("training: {epochs: 3, batch_size: 7}\n", "first.yaml")
    write("training: {epochs: 4}\n", "second.yaml")
    value = value_of(write("extends: [first.yaml, second.yaml]\n"))
    assert value == {"training": {"epochs": 4, "batch_size": 7}}


def test_two_extended_files_may_extend_the_same_file():
    write("epochs: 3\n", "base.yaml")
    write("extends: base.yaml\nname: left\n", "left.yaml")
    write("extends: base.yaml\nname: right\n", "right.yaml")
    value = value_of(write("extends: [left.yaml, right.yaml]\n"))
    assert value == {"epochs": 3, "name": "right"}


@pytest.mark.parametrize(
    ("extended", "is_whole"),
    [
        ("name: small\n", True),
        ("name: small\nname: small\n", True),
        ("", False),
        ("extends: missing.yaml\n", False),
    ],
)
def test_a_tree_is_whole_if_every_extended_file_could_be_read(extended, is_whole):
    write(extended, "a.yaml")
    write("extends: a.yaml\n", "b.yaml")
    assert read(write("extends: [b.yaml]\n")).is_whole == is_whole


def test_a_data_path_is_relative_to_the_file_that_it_is_in():
    write("data: {path: ../corpus}\n", "configs/bases/base.yaml")
    value = value_of(write("extends: configs/bases/base.yaml\n"))
    assert Path(value["data"]["path"]).resolve() == Path("configs/corpus").resolve()


@pytest.mark.parametrize("path", ["/corpora/reuters", "~/corpus"])
def test_a_data_path_from_the_root_or_from_home_stays(path):
    assert value_of(write(f"data: {{path: {path}}}\n", "configs/a.yaml"))["data"]["path"] == path


def test_only_the_data_path_is_relative_to_its_file():
    file = write("name: &corpus reuters\ndata: {path: *corpus}\n", "configs/a.yaml")
    assert value_of(file) == {"name": "reuters", "data": {"path": "configs/reuters"}}


# Merging two trees.


@pytest.mark.parametrize(
    ("base", "top", "both"),
    [
        ("{a: {b: 1, c: 2}, d: 3}", "{a: {c: 4}, e: 5}", {"a": {"b": 1, "c": 4}, "d": 3, "e": 5}),
        ("{a: [1, 2]}", "{a: [3]}", {"a": [3]}),
        ("{a: {b: 1}}", "{a: 3}", {"a": 3}),
        ("{a: 1}", "{a: {b: 1}}", {"a": {"b": 1}}),
        ("{a: }", "{a: {b: 1}}", {"a": {"b": 1}}),
        ("{a: 1}", "{a: }", {"a": None}),
        ("{a: {b: {c: 1}}, d: {e: 2}}", "{a: {b: }, d: }", {"a": {"b": {"c": 1}}, "d": {"e": 2}}),
    ],
)
def test_mappings_are_merged_key_by_key_unless_they_have_no_value_and_all_else_is_replaced(
    base, top, both
):
    below, above = tree(base), tree(top)
    assert merged(below, above).plain == both
    assert (below, above) == (tree(base), tree(top)), "neither is changed"


def test_a_merged_entry_is_where_it_was_written_last():
    both = merged(tree("a: 1\nb: 2\n"), tree("\n\nb: 3\n", "b.yaml"))
    assert {key: node.where for key, node in both.value.items()} == {
        "a": "a.yaml:1",
        "b": "b.yaml:3",
    }


# Setting one value.


@pytest.mark.parametrize(
    ("before", "keys", "after"),
    [
        ("{a: 1}", "a", {"a": 9}),
        ("{a: {b: 1, c: 2}}", "a.b", {"a": {"b": 9, "c": 2}}),
        ("{}", "a.b.c", {"a": {"b": {"c": 9}}}),
        ("{a: 1}", "a.b", {"a": {"b": 9}}),
        ("{a: [1, 2]}", "a.1", {"a": [1, 9]}),
        ("{a: [{b: 1}]}", "a.0.b", {"a": [{"b": 9}]}),
    ],
)
def test_a_value_is_put_at_its_place(before, keys, after):
    root = tree(before)
    assert with_value(root, keys.split("."), Node(9, "--set")).plain == after
    assert root == tree(before)


def test_a_value_that_is_set_and_all_above_it_are_where_it_was_set():
    root = with_value(tree("a: {b: 1}\nc: 2"), ["a", "b"], Node(9, "--set"))
    assert root.value["a"] == Node({"b": Node(9, "--set")}, "--set")
    assert (root.where, root.value["c"].where) == ("a.yaml:1", "a.yaml:2")


@pytest.mark.parametrize("key", ["2", "-1", "x", "9" * 5000])
def test_a_list_gets_no_new_items(key):
    with pytest.raises(ConfigError, match=r"^--set: no item '.+' \(the list has 2, counted from 0"):
        with_value(tree("a: [1, 2]"), ["a", key], Node(9, "--set"))
