"""Several labels in one cell: how they are split, and which cells look like several."""

import json
import time

import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from newswires import write_table

from rnnbench.data.sources.labels import find_list, items_of_list, split_labels

names = st.lists(st.text("abc de", min_size=1).filter(str.strip), min_size=1)


@given(names, st.sampled_from([";", "|", ",", " / "]))
def test_labels_are_split_where_they_were_joined(labels, separator):
    assert split_labels(separator.join(labels), separator) == [
        label.strip() for label in labels
    ]


@given(names, st.sampled_from([str, json.dumps]), st.sampled_from([";", ","]))
def test_a_list_of_python_or_json_is_split_into_its_items(labels, spell, separator):
    assert split_labels(spell(labels), separator) == [label.strip() for label in labels]


@pytest.mark.parametrize("labels", [["b", "a"], ["it's"], ["a, b", "c[d]"], []])
def test_a_list_of_numpy_is_split_into_its_items(labels):
    assert split_labels(str(np.array(labels, dtype=object)), ",") == labels


def test_a_list_of_pandas_is_split_into_its_items(tmp_path):
    labels = ["it's", 'the "b"', "a\\b", "[x]", "2"]
    frame = pandas.DataFrame({"labels": [labels]})

    frame.to_csv(tmp_path / "lists.csv")

    (cell,) = pandas.read_csv(tmp_path / "lists.csv")["labels"]
    assert split_labels(cell, ";") == labels


@pytest.mark.parametrize("cell", ["[a, b]", "['a'", "[__import__('os')]", "['a'; 'b']"])
def test_only_texts_or_numbers_are_items_of_a_list(cell):
    assert items_of_list(cell) is None


def test_a_long_cell_that_is_no_list_is_split_at_once():
    start = time.monotonic()

    split_labels(f"[{' ' * 100_000}x]", ",")

    assert time.monotonic() - start < 1


@pytest.mark.parametrize(
    ("labels", "separator"),
    [
        (["a", "b", "a; b"], ";"),
        (["a; b", "c; d"], ";"),
        (["a", "a|b"], "|"),
        (["a", "b, a", "b"], ","),
        (["['a', 'b']", "['a']"], ","),
        (["[1, 2]", "[3]"], ","),
    ],
)
def test_labels_that_look_like_lists_are_found_with_their_separator(labels, separator):
    label, told = find_list(labels)

    assert told == separator
    assert label in labels


@pytest.mark.parametrize(
    "labels",
    [
        ["a", "b"],
        ["Health, Fitness", "News"],
        ["[deleted]", "[kept]"],
        ["R&amp;D", "sales"],
        [],
    ],
)
def test_names_with_marks_are_not_taken_for_lists(labels):
    assert find_list(labels) is None


TABLE = [("net profit", "earn"), ("it buys", "acq")] * 15
TABLE.append(("both of them", "earn; acq"))  # too few to be read as several unasked


def test_data_show_says_which_option_reads_several_labels(cli, tmp_path):
    write_table(tmp_path / "own.csv", TABLE)

    told = cli("data", "show", tmp_path / "own.csv").stderr

    assert (
        "own.csv: labels look like lists, such as 'earn; acq', but each is read as one"
        in told
    )
    assert "--set 'data.label_separator=\";\"' reads several" in told


def test_the_option_that_is_told_reads_several_labels(cli, tmp_path):
    write_table(tmp_path / "own.csv", TABLE)
    option = 'data.label_separator=";"'

    told = cli("data", "show", tmp_path / "own.csv", "--set", option).stderr

    assert "look like lists" not in told
    assert "31 texts may have any number of labels: 1 have several" in told


def test_a_verdict_says_which_option_reads_several_labels(cli, tmp_path):
    rows = [("earn", "earn"), ("acq", "acq")] * 15
    rows.append(("earn; acq", "acq"))
    file = write_table(tmp_path / "answers.csv", rows, ("label", "prediction"))

    told = cli("verdict", file).stderr

    assert "answers.csv: labels look like lists, such as 'earn; acq'" in told
    assert "--separator ';' reads several" in told


def test_a_verdict_finds_what_separates_labels(cli, tmp_path):
    rows = [("earn", "earn"), ("earn; acq", "acq;earn"), ("acq", "acq")]
    file = write_table(tmp_path / "answers.csv", rows, ("label", "prediction"))

    done = cli("verdict", file)

    assert "';' separates labels in 1 of 3 rows" in done.stderr
    assert "a test micro-F1 of 1.000" in done.stdout
