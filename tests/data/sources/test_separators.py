"""Separators of labels: which are found, which are not, and what is said of them."""

from collections import Counter

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from newswires import write_table

from rnnbench.data.sources.files import read
from rnnbench.data.sources.separators import find_separator

TOPICS = ["acq", "corn", "earn", "wheat"]
SETS = st.lists(st.sets(st.sampled_from(TOPICS)), min_size=40, max_size=40)


@given(SETS, st.sampled_from([";", "; ", "|", " | "]))
def test_a_separator_of_sets_of_labels_is_found(sets, joint):
    sets += [{"acq"}, {"earn"}, {"acq", "earn"}, {"earn", "wheat"}, {"acq", "wheat"}]
    cells = Counter(joint.join(sorted(labels)) for labels in sets)

    assert find_separator(cells).mark == joint.strip()


NAMES = ["Portland, OR", "Salem, OR", "Seattle, WA", "Health; Fitness", "Tom &amp; Jo"]
NAMES += [
    "Arts, Music",
    "Arts, Film",
    "Kids, Music",
    "Kids, Film",
    "Arts",
    "Kids",
]


@given(st.lists(st.sampled_from(NAMES), max_size=40))
def test_names_with_marks_are_read_as_they_are(labels):
    assert find_separator(Counter(labels)) is None


@pytest.mark.parametrize(
    "labels",
    [
        ["1", "1,5", "2", "2,5", "3", "3,5", "5"],
        ["Portland, OR", "Salem, OR", "OR"],
        ["red, small", "red, large", "blue, small", "blue, large"],
        ["Yes", "No", "Yes, but", "No, but"],
        ["a;b", *["a"] * 20, *["b"] * 20],
        ["a;a", "b;b", "a", "b"],
        ["I came, I saw", "I saw, I came, I slept", "I left"],
        ["[0, 1, 0]", "[1, 0, 0]"],
        ["[deleted]", "[kept]"],
        ["", " "],
    ],
)
def test_what_may_be_one_label_is_read_as_one(labels):
    assert find_separator(Counter(labels)) is None


def test_commas_separate_labels_that_are_also_alone():
    cells = Counter({"a": 3, "b": 3, "b, c": 2, "c, a": 2, "d, a": 1, "c": 9})

    found = find_separator(cells)

    assert found.mark == ","
    assert found.reason == "',' separates labels in 5 of 20 rows"


def test_lists_are_found():
    cells = Counter({"['a, b', 'c;d']": 4, "['e']": 2, "[]": 1, "": 1})

    found = find_separator(cells)

    assert found.mark == "[]"
    assert found.reason == "labels are lists, such as ['a, b', 'c;d'], in 7 of 8 rows"


ROWS = [("net profit", "earn"), ("it buys", "acq"), ("both of them", "earn; acq")] * 10


def test_a_separator_is_said_with_the_option_that_says_otherwise(tmp_path, caplog):
    corpus = read(write_table(tmp_path / "own.csv", ROWS))

    assert corpus.topics == ("acq", "earn")
    assert (
        "own.csv: ';' separates labels in 10 of 30 rows: several labels" in caplog.text
    )
    assert "a text; data.label_separator=none if not" in caplog.text


def test_no_separator_is_looked_for_if_none_is_named(tmp_path, caplog):
    table = write_table(tmp_path / "own.csv", ROWS)

    corpus = read(table, label_separator="none")

    assert corpus.topics == ("acq", "earn", "earn; acq")
    assert not caplog.text


def test_a_separator_is_found_in_a_later_row_or_the_other_file(tmp_path):
    alone = [("net profit", "earn"), ("it buys", "acq")] * 150
    train = write_table(tmp_path / "train.csv", alone)
    test = write_table(tmp_path / "test.csv", ROWS * 10)

    assert read(train, test=test).topics == ("acq", "earn")


def test_the_first_rows_of_a_large_table_tell_its_separator(
    tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr("rnnbench.data.sources.texts.MOST_CELLS", 3)
    monkeypatch.setattr("rnnbench.data.sources.separators.MOST_CELLS", 3)

    read(write_table(tmp_path / "own.csv", ROWS))

    assert "';' separates labels in 1 of the first 3 rows: several" in caplog.text


def test_the_first_rows_of_all_parts_together_tell_a_separator(
    tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr("rnnbench.data.sources.texts.MOST_ROWS", 30)
    for part in ("train", "test"):
        write_table(tmp_path / f"{part}.csv", ROWS)

    read(tmp_path)

    assert "';' separates labels in 10 of 30 rows" in caplog.text


def test_lists_of_pandas_are_read_as_several_labels(tmp_path, caplog):
    labels = [["earn", "it's, new"], [], ["acq"]]
    frame = pandas.DataFrame({"text": ["net profit", "today", "it buys"]})
    frame.assign(labels=labels).to_csv(tmp_path / "own.csv", index=False)

    corpus = read(tmp_path / "own.csv", text="text", label="labels")

    assert corpus.topics == ("acq", "earn", "it's, new")
    assert corpus.labels.tolist() == [[0, 1, 1], [0, 0, 0], [1, 0, 0]]
    assert "labels are lists, such as" in caplog.text


@pytest.mark.parametrize("command", ["show", "new --from"])
def test_a_config_of_a_table_has_its_separator(cli, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "own.csv", ROWS)

    config = cli("config", *command.split(), "own.csv").stdout

    assert "label_separator: ;\n" in config
    assert "activation: sigmoid" in config
    assert "softmax" not in config


@pytest.mark.parametrize("option", [(), ("--set", "data.label_separator=none")])
def test_networks_for_one_label_stay_as_they_are(cli, tmp_path, monkeypatch, option):
    monkeypatch.chdir(tmp_path)
    rows = ROWS if option else [row for row in ROWS if ";" not in row[1]]
    write_table(tmp_path / "own.csv", rows)

    assert "activation: softmax" in cli("config", "show", "own.csv", *option).stdout
