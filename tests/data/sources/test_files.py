"""The user's own texts, and the line of everything that is wrong in one."""

import csv
import json
import logging
import re
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from newswires import write_table
from pyarrow import parquet

from rnnbench.data import cache
from rnnbench.data.sources.files import read
from rnnbench.data.sources.tables import READERS, Layout, Row, lines
from rnnbench.data.sources.tables.layout import TableKind, TextTable
from rnnbench.data.sources.texts import read_texts, undeclared_groups
from rnnbench.errors import UserError


@pytest.fixture
def table(tmp_path):
    rows = [
        ("Profit rose", "earn"),
        ("They bought it", "acq"),
        ("it rose; it fell", "earn"),
    ]
    return write_table(tmp_path / "own.csv", [*rows, ("they sold", "acq")])


def test_a_corpus_has_the_texts_of_a_table_in_their_order(table):
    corpus = read(table)

    texts = [" ".join(corpus.words(number)) for number in range(len(corpus))]
    assert texts == ["profit rose", "they bought it", "it rose it fell", "they sold"]
    assert corpus.topics == ("acq", "earn")
    assert corpus.labels.tolist() == [1, 0, 1, 0]
    assert corpus.is_test is None
    assert corpus.provenance == {"from": "own.csv", "tokenizer": "words"}


def test_words_of_a_table_are_ranked_by_their_counts(table):
    corpus = read(table)

    ranking = ("it", "rose", "they", "profit", "bought", "fell", "sold")
    assert corpus.vocabulary == ranking
    assert (corpus.tokens.dtype, corpus.offsets.dtype) == (np.int32, np.int64)


def test_a_text_may_be_split_into_characters(table):
    assert read(table, tokenizer="characters").words(0) == list("Profit rose")


def test_a_label_that_occurs_once_is_warned_of_with_its_line(tmp_path, table, caplog):
    rows = [("oil fell", f"crude{number}") for number in range(5)]
    test = write_table(tmp_path / "later.csv", rows)

    with caplog.at_level(logging.WARNING):
        corpus = read(table, test=test)

    assert corpus.is_test.tolist() == [False] * 4 + [True] * 5
    assert corpus.provenance["from"] == "own.csv and later.csv"
    first = ", ".join(f"'crude{number}' ({test}:{number + 2})" for number in range(3))
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [f"{table}: labels that occur once: {first} and 2 more"]


def rows_of(path, *columns):
    layout = Layout()
    if columns:
        layout = Layout(text=columns[0], label=columns[1])
    bad_rows = []
    texts = list(read_texts(path, layout, bad_rows))
    assert not bad_rows
    return [(text.text, *text.labels) for text in texts]


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "ndjson", "parquet"])
def test_a_table_has_columns_of_any_name(tmp_path, ending):
    before = csv.field_size_limit()
    rows = [("spam", 7, "buy now"), ("ham", -1, "hello")]
    table = write_table(tmp_path / f"own.{ending}", rows, ("kind", "id", "body"))

    assert rows_of(table, "body", "kind") == [("buy now", "spam"), ("hello", "ham")]
    assert rows_of(table, "body", "id") == [("buy now", "7"), ("hello", "-1")]
    assert csv.field_size_limit() == before, "it is that of the process"


def test_a_kind_of_table_is_added_by_its_ending(tmp_path, monkeypatch):
    def read_pairs(path, _layout, _progress, _columns):
        lines = path.read_text().splitlines()
        rows = [Row(f"{path}:{n}", line.split("=")) for n, line in enumerate(lines, 1)]
        return TextTable(["label", "text"], iter(rows))

    monkeypatch.setitem(READERS, ".pairs", TableKind(read_pairs, is_text=False))
    table = tmp_path / "own.pairs"
    table.write_text("spam=buy now\nham=hello")

    assert rows_of(table) == [("buy now", "spam"), ("hello", "ham")]


def test_a_cached_corpus_tells_how_a_text_begins_where_it_stands(tmp_path):
    rows = [("Net PROFIT\nrose!", "earn"), ("", "earn"), ("It buys " * 500, "acq")]
    table = write_table(tmp_path / "own.csv", rows)

    corpus = cache.read(cache.store("files", read(table, on_bad="skip")).file)

    assert corpus.excerpt(0) == ("own.csv:2", "Net PROFIT rose!")
    place, text = corpus.excerpt(1)
    assert place == "own.csv:5"
    assert re.fullmatch("It buys (It buys )+…", text)


def test_an_excerpt_of_a_folder_names_its_file(tmp_path):
    for label in ("ham", "spam"):
        (tmp_path / "own" / label).mkdir(parents=True)
        (tmp_path / "own" / label / "1.txt").write_text(f"Some {label}.")

    corpus = read(tmp_path / "own")

    assert corpus.excerpt(0) == ("own/ham/1.txt", "Some ham.")


def test_a_folder_has_a_folder_for_each_label(tmp_path):
    for name, text in {
        "b/2.txt": "two",
        "b/deep/1.txt": "one",
        "a/3.txt": "three",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "a" / "notes.md").write_text("not a text")
    (tmp_path / "readme.txt").write_text("without a label")
    (tmp_path / "loop").symlink_to(".")

    assert rows_of(tmp_path) == [("three", "a"), ("two", "b"), ("one", "b")]
    (tmp_path / "a" / "4.TXT").write_bytes(b"one\n\xe9t\xe9")
    with pytest.raises(
        UserError, match=r"4\.TXT: a byte that its encoding does not have"
    ):
        read(tmp_path)


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r\0")).filter(
    str.strip
)
LABELS = (
    TEXTS.map(lambda text: " ".join(text.split()))
    .filter(str.isprintable)
    .filter(lambda label: len(label) <= 100)
)


@settings(
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.filter_too_much,
    ],
    max_examples=10,
)
@given(rows=st.lists(st.tuples(TEXTS, LABELS), min_size=1))
@pytest.mark.parametrize("ending", ["csv", "jsonl", "ndjson", "parquet"])
def test_any_text_is_read_as_it_is(tmp_path, ending, rows):
    assert rows_of(write_table(tmp_path / f"own.{ending}", rows)) == rows


WRONG = {
    "own.csv": {
        b"": "own.csv: it is empty",
        b"text,label\na,b\0c\n": "own.csv:2: the label has characters that cannot",
        b"text,kind\na,b\n": "--label NAME, to one of kind (1 value)",
        b"text,text,label\n": "own.csv: there are two columns 'text'; rename",
        b"text,label\na\n": "own.csv:2: 1 field, but the header has 2",
        b"text,label\n": "own.csv: no row with a text in it",
        b"text,label\na,x\nb,x\n": "own.csv: 1 different label (allowed: 2 to 10,000)",
        b"text,label\na,"
        + b"\na,".join(map(b"%d".__mod__, range(10_001))): "10,001 different lab",
        b"text,label\na,x\n?!,y\n": "own.csv:3: no words in the text: ?!",
        b"text,label\na,"
        + b"x" * 101: f"a label of 101 characters (allowed: 100): {'x' * 37}...",
        b"text,label\n\na,b\n,b\n": "own.csv:4: the text is empty",
        b"text,label\na,b\nc, \n": "own.csv:3: the label is empty",
        b'"text,label\na,b\n': "own.csv:1: the header cannot be read as a row",
        b'text,label\n"a,b\n': "own.csv:2: cannot be read as a row: unexpected",
        b"text,label\n"
        + b"\xc3\xa9,b\n" * 10
        + b"\xe9t\xe9,b\n": "own.csv:12: a byte that utf-8 does not have; see data.enc",
    },
    "own.tsv": {b"text,label\na,b\n": "--label NAME, to one of text,label"},
    "own.jsonl": {
        b'{"text": "a", "label": "b"}\n{"text": "a"\n': "own.jsonl:2: not JSON: ",
        b'\n["a", "b"]\n': "own.jsonl:2: should be an object, such as ",
        b'{"text": "a"}\n': "--label NAME, to one of text",
        b'{"text": 3, "label": "b"}\n': "own.jsonl:1: text: should be a text: 3",
        b'{"text": "a", "label": NaN}\n': "own.jsonl:1: label: should be a text or",
        b'{"text": "a", "label": "b"}\n\xff\n': "own.jsonl:2: not JSON",
        b"[" * 100_000: "own.jsonl:1: not JSON: ",
        b'{"text": "a\\ud800", "label": "b"}': "own.jsonl:1: half a character",
        b'{"text": "a", "label": "\\ud800"}': "own.jsonl:1: half a character",
    },
    "own.json": {
        b"{}": "own.json: should be an array of objects",
        b"[{": "own.json: not JSON: ",
        b"[3]": "own.json, item 1: should be an object",
    },
    "own.parquet": {b"PAR1": "own.parquet: cannot be read as Parquet: "},
    "own.xls": {b"": "own.xls: not a table of texts (allowed: .csv, .tsv, "},
}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [(name, *case) for name, cases in WRONG.items() for case in cases.items()],
)
def test_what_is_wrong_is_named_with_its_line(
    tmp_path, monkeypatch, name, content, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(content)

    with pytest.raises(UserError) as error:
        read(Path(name))

    assert message in str(error.value)
    assert str(error.value).startswith(name)


@pytest.mark.parametrize("name", ["own.csv", "own.jsonl"])
def test_a_line_without_end_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.setattr(lines, "MAX_TEXT", 100)
    (tmp_path / name).write_text("x" * 101)

    with pytest.raises(UserError, match=f"{name}:1: longer than 100 characters"):
        rows_of(tmp_path / name)


def test_quotation_marks_are_part_of_a_text_between_tabs(
    tmp_path,
):
    (tmp_path / "own.tsv").write_text(
        'text\t label\n"hello there\t x\n"alpha" he said\ty \n'
    )

    assert rows_of(tmp_path / "own.tsv") == [
        ('"hello there', "x"),
        ('"alpha" he said', "y"),
    ]


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_fields_between_tabs_may_have_quotation_marks_around_them(tmp_path, quoting):
    rows = [('"Well", he\nsaid', "a"), ("two", 'the "b"'), ('"all"', "a")]
    with (tmp_path / "own.tsv").open("w", newline="") as file:
        table = csv.writer(file, delimiter="\t", quoting=quoting)
        table.writerows([("text", "label"), *rows])

    assert rows_of(tmp_path / "own.tsv") == rows


@pytest.mark.parametrize(
    ("text", "rows", "message"),
    [
        (
            "word " * 200_000,
            60_000,
            "its texts unpack to more than 33,554,432 characters",
        ),
        ("x" * (2**24 + 1), 1, "own.parquet, row 1: a text of 16,777,217 characters"),
        ([], 1, "own.parquet: text: should be a text"),
    ],
    ids=["all together", "one", "a list"],
)
def test_endless_text_in_a_small_parquet_file_is_refused(
    tmp_path, monkeypatch, text, rows, message
):
    monkeypatch.setattr("rnnbench.data.sources.tables.parquet.MAX_UNPACKED", 2**25)
    repeated = pyarrow.DictionaryArray.from_arrays([0] * rows, pyarrow.array([text]))
    table = {"text": repeated if text else [text], "label": ["a"] * rows}
    parquet.write_table(pyarrow.table(table), tmp_path / "own.parquet")

    with pytest.raises(UserError, match=message):
        read(tmp_path / "own.parquet", text="text", label="label")


@pytest.fixture
def table_with_bad_rows(tmp_path):
    rows = ["good one,a", ",a", "?!,b", "no label,", "too,many,fields", "good two,b"]
    table = tmp_path / "own.csv"
    table.write_text("\n".join(["text,label", *rows, *[","] * 9]))
    return table


BAD_ROWS = "13 of 15 rows cannot be used: 10 empty text, 1 no words, 1 empty label, 1 not a row"


def test_all_bad_rows_are_found_at_once(table_with_bad_rows):
    table = table_with_bad_rows

    with pytest.raises(UserError) as error:
        read(table)

    first, *shown, more, end = str(error.value).splitlines()
    assert first == f"{table}: {BAD_ROWS}"
    assert shown[:4] == [
        f"  {table}:3: the text is empty",
        f"  {table}:4: no words in the text: ?!",
        f"  {table}:5: the label is empty",
        f"  {table}:6: 3 fields, but the header has 2",
    ]
    assert (len(shown), more) == (10, "  and 3 more")
    assert end == "To leave them out, set data.on_bad=skip."


def test_endless_bad_rows_end_the_reading(table_with_bad_rows, monkeypatch):
    monkeypatch.setattr("rnnbench.data.sources.texts.MOST_BAD_ROWS", 2)

    with pytest.raises(UserError, match="more than 2 rows cannot be used, such as"):
        read(table_with_bad_rows, on_bad="skip")


def test_bad_rows_are_left_out_if_wanted(table_with_bad_rows, caplog):
    table = table_with_bad_rows

    with caplog.at_level(logging.WARNING):
        corpus = read(table, on_bad="skip")

    assert [" ".join(corpus.words(number)) for number in range(2)] == [
        "good one",
        "good two",
    ]
    assert corpus.provenance["from"] == "own.csv, without 13 bad rows"
    assert corpus.bad_rows[3] == (
        f"{table}:6",
        "not a row",
        "3 fields, but the header has 2",
    )
    assert f"{table}: {BAD_ROWS}" in caplog.text


def test_labels_may_be_numbers_booleans_or_any_text_in_one_line(tmp_path):
    labels = [
        True,
        1.0,
        2,
        -0.5,
        " x ",
        "very\u00a0 good",
        "\U0001f468\u200d\U0001f467",
    ]
    lines = [json.dumps({"text": "a", "label": label}) for label in labels]
    (tmp_path / "own.jsonl").write_text("\n".join(lines))

    assert read(tmp_path / "own.jsonl").topics == (
        *("-0.5", "1", "2", "true", "very good", "x"),
        labels[-1],
    )


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_texts_of_a_group_stay_together(tmp_path, ending):
    rows = [("one", "a", "x"), ("two", "b", "y"), ("three", "a", "x")]
    table = write_table(tmp_path / f"own.{ending}", rows, ("text", "label", "author"))

    assert read(table, group="author").groups.tolist() == [0, 1, 0]
    assert read(table).groups is None


def test_texts_may_have_any_number_of_labels_as_lists_or_with_a_separator(tmp_path):
    labels_of = [["b", "a"], [], ["a", "a"], ["c"]]
    lines = [
        json.dumps({"text": f"word{n}", "label": labels})
        for n, labels in enumerate(labels_of)
    ]
    (tmp_path / "lists.jsonl").write_text("\n".join(lines))
    rows = [f'word{n},"{" | ".join(labels)}"' for n, labels in enumerate(labels_of)]
    (tmp_path / "table.csv").write_text("\n".join(["text,label", *rows]))
    listed = [(f"word{n}", labels) for n, labels in enumerate(labels_of)]

    lists = read(tmp_path / "lists.jsonl")
    table = read(tmp_path / "table.csv", label_separator="|")
    columns = read(write_table(tmp_path / "lists.parquet", listed))

    assert lists.topics == ("a", "b", "c")
    assert lists.labels.tolist() == [[1, 1, 0], [0, 0, 0], [1, 0, 0], [0, 0, 1]]
    assert lists.fingerprint == table.fingerprint == columns.fingerprint


SAID = [
    (
        [["a", "b"], [], ["a"]],
        "",
        "3 texts may have any number of labels: 1 have several, 1 have",
    ),
    ([["a", "a"], ["b"], []], "", "0 have several, 1 have none"),
    ([["a", "b"], "b", "a"], "", "1 have several, 0 have none"),
    (["a", "b", "a;b"], "|", "3 texts may have any number of labels: 0 have several"),
    ([0, "1|0", None], "|", "1 have several, 1 have none"),
]
REFUSED = [
    (
        [["a|b"], ["c"], []],
        "|",
        "item 1: the label 'a|b' has data.label_separator in it",
    ),
    ([["a"], [["b"]], ["c"]], "", "item 2: label: should be a text or a number: ['b']"),
    ([[], [], []], "", "0 different labels (allowed: 2 to 10,000)"),
    (
        [[*map(str, range(11_000))]],
        "",
        "11,000 different labels (allowed: 2 to 10,000)",
    ),
]


@pytest.mark.parametrize(("labels", "separator", "message"), SAID + REFUSED)
def test_sets_of_labels_that_are_odd_are_said_or_refused(
    tmp_path, caplog, labels, separator, message
):
    file = tmp_path / "own.json"
    file.write_text(
        json.dumps([{"text": "some words", "label": label} for label in labels])
    )
    refused = (labels, separator, message) in REFUSED

    with (
        pytest.raises(UserError, match=re.escape(message)) if refused else nullcontext()
    ):
        read(file, label_separator=separator or None)
    assert refused or message in caplog.text


def test_a_small_parquet_file_of_one_text_over_and_over_is_refused(tmp_path):
    write_table(tmp_path / "own.parquet", [("word " * 20_000, "a")] * 1_000)

    with pytest.raises(UserError, match="unpacks to more than 67,108,864 bytes"):
        read(tmp_path / "own.parquet")


def test_a_list_of_endless_labels_in_a_small_parquet_file_is_refused(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("rnnbench.data.sources.tables.parquet.MAX_UNPACKED", 10_000)
    write_table(tmp_path / "own.parquet", [("a", ["x" * 50] * 300)] * 2)

    with pytest.raises(
        UserError, match="its texts unpack to more than 10,000 characters"
    ):
        read(tmp_path / "own.parquet")


def test_labels_that_are_almost_equal_are_warned_of(tmp_path, caplog):
    labels = ["Chandler", "New York", "chandler", "new  york", "NewYork", "Ross"]
    table = write_table(tmp_path / "own.csv", [("a line", label) for label in labels])

    read(table)

    alike = "'Chandler' and 'chandler', 'New York' and 'NewYork' and 'new york'"
    message = f"own.csv: labels that differ only in case or spaces: {alike}"
    assert message in caplog.text


@pytest.fixture
def names_of_files(tmp_path):
    """Rows with names of files that are beside the table."""
    (tmp_path / "reviews").mkdir()
    rows = [(f"reviews/{number}.txt", "ab"[number % 2]) for number in range(30)]
    for name, _ in rows:
        (tmp_path / name).write_text("a review")
    return rows


def test_texts_that_are_names_of_files_are_warned_of(tmp_path, caplog, names_of_files):
    read(write_table(tmp_path / "own.csv", names_of_files))

    assert "own.csv: the texts are names of files, such as reviews/" in caplog.text


def test_a_text_may_look_like_the_name_of_a_file(tmp_path, caplog, names_of_files):
    names_of_files[3] = ("reviews/none.txt", "a")

    read(write_table(tmp_path / "own.csv", names_of_files))

    assert "names of files" not in caplog.text


def test_groups_are_looked_for_in_a_table_of_many_columns_in_seconds(tmp_path):
    names = tuple(f"c{number}" for number in range(3_000))
    rows = [("some words", label, *["1"] * len(names)) for label in "xy" * 200]
    table = write_table(tmp_path / "wide.csv", rows, ("text", "label", *names))
    start = time.monotonic()

    assert undeclared_groups(table, Layout()) is None

    assert time.monotonic() - start < 20, (
        "a minute, if each cell is looked for among the columns"
    )
