"""``extends``: a file merged over the files that it names. For mistakes see test_messages.py."""

from pathlib import Path

import pytest

from rnnbench.config.merge import Override, merged, tree_of, with_value
from rnnbench.config.nodes import ConfigError, Node, parse
from rnnbench.storage import write_text


def write(text: str, name: str = "top.yaml") -> Path:
    write_text(Path(name), text)
    return Path(name)


def value_of(file: Path):
    tree = tree_of(file, [])
    assert (tree.problems, tree.is_whole) == ([], True)
    return tree.root.plain


def tree(text: str, name: str = "a.yaml") -> Node:
    return parse(text, name)[0]


# A file with those that it extends.


def test_extends_is_relative_to_its_own_file():
    write("name: base\nseed: 3\n", "configs/bases/base.yaml")
    write("extends: bases/base.yaml\nname: middle\n", "configs/middle.yaml")
    assert value_of(write("extends: configs/middle.yaml\n")) == {"name": "middle", "seed": 3}


def test_a_config_extends_a_hundred_files_at_most():
    for number in range(24):
        write(f"extends: [e{number + 1}.yaml, e{number + 1}.yaml]\n", f"e{number}.yaml")
    write("name: x\n", "e24.yaml")

    found = tree_of(Path("e0.yaml"), [])

    assert "too many files (allowed: 100)" in found.problems[0].message
    assert len(found.problems) < 100


def test_extended_entries_come_first_and_in_order():
    write("zulu: 1\n", "z.yaml")
    write("alpha: 2\n", "a.yaml")
    assert list(value_of(write("rnn: 3\nextends: [z.yaml, a.yaml]\n"))) == ["zulu", "alpha", "rnn"]


def test_of_several_extended_files_the_last_wins():
    write("training: {epochs: 3, batch_size: 7}\n", "first.yaml")
    write("training: {epochs: 4}\n", "second.yaml")
    value = value_of(write("extends: [first.yaml, second.yaml]\n"))
    assert value == {"training": {"epochs": 4, "batch_size": 7}}


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


def test_a_flag_leads_no_deeper_than_a_file_may_nest():
    deep, too_deep = (Override("--set", ".".join("a" * n), "9") for n in (100, 101))

    assert tree_of({}, [deep]).problems == []
    (problem,) = tree_of({}, [too_deep]).problems
    assert str(problem) == "--set: a path of 101 keys (allowed: 100)"


@pytest.mark.parametrize("key", ["2", "-1", "x", "9" * 5000])
def test_a_list_gets_no_new_items(key):
    with pytest.raises(ConfigError, match=r"^--set: no item '.+ \(the list has 2, counted"):
        with_value(tree("a: [1, 2]"), ["a", key], Node(9, "--set"))
