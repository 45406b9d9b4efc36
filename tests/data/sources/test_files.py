"""Corpora of the user's own texts."""

import logging

import numpy as np
import pytest

from rnnbench.data.sources.files import read
from rnnbench.errors import UserError


def write(file, *rows):
    """Write rows of a text and a label, and return the file."""
    lines = ["text,label", *(f"{text},{label}" for text, label in rows)]
    file.write_text("\n".join(lines))
    return file


def words_of(corpus):
    return [" ".join(corpus.words(number)) for number in range(len(corpus))]


@pytest.fixture
def table(tmp_path):
    return write(
        tmp_path / "own.csv",
        *[("Profit rose", "earn"), ("They bought it", "acq"), ("it rose; it fell", "earn")],
        ("they sold", "acq"),
    )


def test_a_corpus_has_the_texts_of_a_table_in_their_order(table):
    corpus = read(table)

    assert words_of(corpus) == ["profit rose", "they bought it", "it rose it fell", "they sold"]
    assert [corpus.topics[label] for label in corpus.labels] == ["earn", "acq", "earn", "acq"]
    assert corpus.topics == ("acq", "earn")
    assert corpus.is_test is None
    assert corpus.provenance == {"from": "own.csv", "tokenizer": "words"}


def test_words_are_ranked_by_frequency_and_then_by_first_occurrence(table):
    corpus = read(table)

    expected = ("it", "rose", "they", "profit", "bought", "fell", "sold")
    assert corpus.vocabulary == expected
    assert (corpus.tokens.dtype, corpus.offsets.dtype) == (np.int32, np.int64)


def test_two_tables_are_a_split(tmp_path, table):
    test = write(tmp_path / "later.csv", ("oil fell", "crude"))

    corpus = read(table, test=test)

    assert corpus.is_test.tolist() == [False, False, False, False, True]
    assert corpus.topics == ("acq", "crude", "earn")
    assert corpus.provenance["from"] == "own.csv and later.csv"


def test_a_tokenizer_is_chosen_by_its_name(table):
    assert read(table, tokenizer="characters").words(0) == list("Profit rose")


def test_a_label_that_occurs_once_is_warned_of_with_its_line(tmp_path, table, caplog):
    test = write(tmp_path / "later.csv", *[("oil fell", f"crude{number}") for number in range(5)])

    with caplog.at_level(logging.WARNING):
        read(table, test=test)

    assert [record.getMessage() for record in caplog.records] == [
        f"{test}:2: the label 'crude0' occurs once",
        f"{test}:3: the label 'crude1' occurs once",
        f"{test}:4: the label 'crude2' occurs once",
        f"{table}: 2 more labels occur once",
    ]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "own.csv: no row with a text in it"),
        ([("a", "x"), ("b", "x")], "own.csv: 1 different label (allowed: 2 to 1,000)"),
        ([("a", number) for number in range(1_001)], "own.csv: 1,001 different labels"),
        ([("a", "x"), ("?!", "y")], "own.csv:3: no words in the text: ?!"),
        ([("a", "x" * 101)], f"own.csv:2: a label of 101 characters: {'x' * 37}..."),
    ],
)
def test_texts_that_cannot_be_told_apart_are_refused(tmp_path, rows, message):
    with pytest.raises(UserError) as error:
        read(write(tmp_path / "own.csv", *rows))

    assert message in str(error.value)
