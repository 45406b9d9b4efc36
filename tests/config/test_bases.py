"""``extends``: a file merged over the files that it names."""

from pathlib import Path

import pytest

from rnnbench.config import document
from rnnbench.config.bases import read_with_bases

A_BASE = "should name a config file, or a list of them (relative to this file)"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(text: str, name: str = "top.yaml") -> Path:
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def value_of(file: Path):
    read = read_with_bases(file)
    assert (read.problems, read.is_whole) == ([], True)
    return document.construct(read.root)


# What a file is with those that it extends.


def test_a_file_that_extends_nothing_is_what_it_says():
    assert value_of(write("name: small\n")) == {"name": "small"}


@pytest.mark.parametrize(
    ("base", "own", "both"),
    [
        ("t: {e: 3, b: 7}", "t: {e: 4}", {"t": {"e": 4, "b": 7}}),
        ("l: [1, 2]", "l: [3]", {"l": [3]}),
        ("t: {e: 3}", "t:", {"t": {"e": 3}}),
        ("m: {rnn: {l: []}}", "m: {rnn: }", {"m": {"rnn": {"l": []}}}),
        ("data: {maxlen: 50}", "data: {maxlen: }", {"data": {"maxlen": None}}),
        ("data: {path: corpus}", "data: {path: }", {"data": {"path": None}}),
    ],
)
def test_mappings_are_merged_key_by_key_and_all_else_is_replaced(base, own, both):
    write(base, "base.yaml")
    assert value_of(write(f"extends: base.yaml\n{own}\n")) == both


def test_extends_is_relative_to_its_own_file():
    write("name: base\nseed: 3\n", "configs/bases/base.yaml")
    write("extends: bases/base.yaml\nname: middle\n", "configs/middle.yaml")
    assert value_of(write("extends: configs/middle.yaml\n")) == {"name": "middle", "seed": 3}


def test_what_is_extended_comes_first_and_in_order():
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


# Where a data path leads.


def test_a_data_path_is_relative_to_the_file_it_stands_in():
    write("data: {path: ../corpus}\n", "configs/bases/base.yaml")
    value = value_of(write("extends: configs/bases/base.yaml\n"))
    assert Path(value["data"]["path"]).resolve() == Path("configs/corpus").resolve()


@pytest.mark.parametrize("path", ["/corpora/reuters", "~/corpus"])
def test_a_data_path_from_the_root_or_from_home_stays(path):
    assert value_of(write(f"data: {{path: {path}}}\n", "configs/a.yaml"))["data"]["path"] == path


def test_only_the_data_path_is_relative_to_its_file():
    file = write("name: &corpus reuters\ndata: {path: *corpus}\n", "configs/a.yaml")
    assert value_of(file) == {"name": "reuters", "data": {"path": "configs/reuters"}}


# Files that are not there or not right.


def case(what: str, *rest):
    return pytest.param(*rest, id=what)


@pytest.mark.parametrize(
    ("files", "answer"),
    [
        case(
            "missing",
            {"bad.yaml": "name: a\nextends: notebok.yaml\n", "notebook.yaml": "data: {}\n"},
            "bad.yaml:2: extends: no such file: notebok.yaml (allowed: notebook.yaml; "
            "did you mean 'notebook.yaml'?)",
        ),
        case(
            "missing-in-a-list",
            {"bad.yaml": "extends:\n  - a.yaml\n  - b.yaml\n", "a.yaml": "data: {}\n"},
            "bad.yaml:3: extends: no such file: b.yaml (allowed: a.yaml; did you mean 'a.yaml'?)",
        ),
        case(
            "missing-in-a-folder",
            {"bad.yaml": "extends: bases/small.yaml\n", "bases/smal.yaml": "data: {}\n"},
            "bad.yaml:1: extends: no such file: bases/small.yaml (allowed: bases/smal.yaml; "
            "did you mean 'bases/smal.yaml'?)",
        ),
        case(
            "missing-folder",
            {"bad.yaml": "extends: bases/small.yaml\n", "small.yaml": "data: {}\n"},
            "bad.yaml:1: extends: no such file: bases/small.yaml (allowed: none)",
        ),
        case(
            "folder",
            {"bad.yaml": "extends: bases\n", "bases/a.yaml": "data: {}\n"},
            "bad.yaml:1: extends: no such file: bases (allowed: none)",
        ),
        case(
            "name-too-long",
            {"bad.yaml": f"extends: {'x' * 300}\n"},
            f"bad.yaml:1: extends: no such file: {'x' * 300} (allowed: none)",
        ),
        case("nothing", {"bad.yaml": "extends:\n"}, f"bad.yaml:1: extends: {A_BASE}"),
        case("no-files", {"bad.yaml": "extends: []\n"}, f"bad.yaml:1: extends: {A_BASE}"),
        case("a-NUL", {"bad.yaml": 'extends: "a\\0b"\n'}, f"bad.yaml:1: extends: {A_BASE}"),
        case("empty-name", {"bad.yaml": "extends: ''\n"}, f"bad.yaml:1: extends: {A_BASE}"),
        case(
            "list-in-a-list",
            {"bad.yaml": "extends:\n  - a.yaml\n  - [x]\n", "a.yaml": "data: {}\n"},
            f"bad.yaml:3: extends: {A_BASE}",
        ),
        case(
            "twice",
            {"bad.yaml": "extends: a.yaml\nextends: a.yaml\n", "a.yaml": "data: {}\n"},
            "bad.yaml:2: extends: duplicate key (first on line 1)",
        ),
        case(
            "cycle-of-one",
            {"bad.yaml": "name: a\nextends: bad.yaml\n"},
            "bad.yaml:2: extends: cycle: bad.yaml -> bad.yaml",
        ),
        case(
            "cycle-further-down",
            {
                "bad.yaml": "extends: a.yaml\n",
                "a.yaml": "extends: b.yaml\n",
                "b.yaml": "data: {}\nextends: a.yaml\n",
            },
            "b.yaml:2: extends: cycle: bad.yaml -> a.yaml -> b.yaml -> a.yaml",
        ),
        case(
            "cycle-through-a-folder",
            {"bad.yaml": "extends: sub/a.yaml\n", "sub/a.yaml": "extends: ../bad.yaml\n"},
            "sub/a.yaml:1: extends: cycle: bad.yaml -> sub/a.yaml -> sub/../bad.yaml",
        ),
        case(
            "extended-file-empty",
            {"bad.yaml": "extends: a.yaml\n", "a.yaml": ""},
            "a.yaml: the file is empty (needs: name, models)",
        ),
        case(
            "extended-file-not-YAML",
            {"bad.yaml": "extends: a.yaml\n", "a.yaml": "data: }\n"},
            "a.yaml:1: not YAML: while parsing a block node, expected the node content, but "
            "found '}'",
        ),
    ],
)
def test_extends_names_files_that_are_there_and_right(files, answer):
    for name, text in files.items():
        write(text, name)
    (problem,) = read_with_bases(Path("bad.yaml")).problems
    assert str(problem) == answer


def test_the_folder_of_a_file_is_no_file():
    write("name: small\n", "a.yaml")
    (problem,) = read_with_bases(write("extends: .\n", "configs/bad.yaml")).problems
    assert str(problem).startswith("configs/bad.yaml:1: extends: no such file: .")


@pytest.mark.parametrize(
    ("extended", "is_whole"),
    [
        ("name: small\n", True),
        ("name: small\nname: small\n", True),
        ("", False),
        ("extends: missing.yaml\n", False),
    ],
)
def test_a_tree_is_whole_where_every_extended_file_could_be_read(extended, is_whole):
    write(extended, "a.yaml")
    write("extends: a.yaml\n", "b.yaml")
    assert read_with_bases(write("extends: [b.yaml]\n")).is_whole == is_whole
