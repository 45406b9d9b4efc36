"""``extends``: a file merged over the files that it names. For mistakes see test_messages.py."""

from pathlib import Path

import pytest

from rnnbench.config.load import Override, tree_of
from rnnbench.storage import write_text


def write(text: str, name: str = "top.yaml") -> Path:
    write_text(Path(name), text)
    return Path(name)


def value_of(file: Path):
    tree = tree_of(file)
    assert (tree.problems, tree.is_whole) == ([], True)
    return tree.root.plain


def test_names_and_data_paths_are_relative_to_the_file_that_they_are_in():
    write("name: base\nseed: 3\ndata: {path: ../corpus}\n", "configs/bases/base.yaml")
    write("extends: bases/base.yaml\nname: middle\n", "configs/middle.yaml")
    value = value_of(write("extends: configs/middle.yaml\n"))
    assert (value["name"], value["seed"]) == ("middle", 3)
    assert Path(value["data"]["path"]).resolve() == Path("configs/corpus").resolve()


def test_of_several_extended_files_the_last_wins_and_entries_keep_their_order():
    write("zulu: 1\ntraining: {epochs: 3, batch_size: 7}\n", "z.yaml")
    write("alpha: 2\ntraining: {epochs: 4}\n", "a.yaml")
    value = value_of(write("rnn: 3\nextends: [z.yaml, a.yaml]\n"))
    assert value["training"] == {"epochs": 4, "batch_size": 7}
    assert list(value) == ["zulu", "training", "alpha", "rnn"]


@pytest.mark.parametrize("path", ["/corpora/reuters", "~/corpus"])
def test_a_data_path_from_the_root_or_from_home_stays(path):
    assert value_of(write(f"data: {{path: {path}}}\n", "configs/a.yaml"))["data"]["path"] == path


def test_only_the_data_path_is_relative_to_its_file():
    file = write("name: &corpus reuters\ndata: {path: *corpus}\n", "configs/a.yaml")
    assert value_of(file) == {"name": "reuters", "data": {"path": "configs/reuters"}}


def test_a_config_extends_a_hundred_files_at_most():
    for number in range(24):
        write(f"extends: [e{number + 1}.yaml, e{number + 1}.yaml]\n", f"e{number}.yaml")
    write("name: x\n", "e24.yaml")

    found = tree_of(Path("e0.yaml"))

    assert "too many files (allowed: 100)" in found.problems[0].message
    assert len(found.problems) < 100


def test_a_flag_leads_no_deeper_than_a_file_may_nest():
    deep, too_deep = (Override("--set", ".".join("a" * n), "9") for n in (100, 101))

    assert tree_of({}, [deep]).problems == []
    (problem,) = tree_of({}, [too_deep]).problems
    assert str(problem) == "--set: a path of 101 keys (allowed: 100)"
