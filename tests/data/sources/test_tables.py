"""Tables of all kinds: their delimiter, encoding and columns are found out."""

import csv
import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnbench.data.sources.tables import DELIMITERS, BadRow, Layout, open_table, sniff

SENTENCES = {
    "cp1252": "Je voudrais être remboursé; le colis est arrivé abîmé.",
    "cp1250": "Ženska je rekla, da še čaka na denar, in že tretjič klicala.",
    "cp1251": "Пожалуйста, верните деньги, посылка пришла повреждённой.",
    "utf-8": "Grüße, naïve café, 返金してください",
    "utf_16": "Ich möchte mein Geld zurück, die Größe paßt nicht.",
}


def write(path, rows, header=("id", "tweet", "mood"), delimiter=",", encoding="utf-8"):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([header, *rows])
    path.write_bytes(text.getvalue().encode(encoding))
    return path


@pytest.mark.parametrize("encoding", SENTENCES)
def test_the_encoding_is_found_out(tmp_path, encoding):
    rows = [(number, SENTENCES[encoding], "ab"[number % 2]) for number in range(30)]
    table = write(tmp_path / "own.csv", rows, encoding=encoding)

    layout = sniff(table, Layout())
    assert layout == Layout(",", encoding, "tweet", "mood")
    _, found = open_table(table, layout)
    assert next(found)[1][1] == SENTENCES[encoding]


def test_a_few_wrong_bytes_do_not_make_another_encoding(tmp_path):
    lines = ["text,label", *[f"{SENTENCES['utf-8']},a"] * 30]
    table = tmp_path / "own.csv"
    table.write_bytes("\n".join(lines).encode() + b"\n\xe9t\xe9,b\n")

    assert sniff(table, Layout()).encoding == "utf-8"


CELLS = st.text(st.sampled_from("ab ,;|\t\"'\n"), min_size=1, max_size=12)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cells=st.lists(st.tuples(CELLS, CELLS), min_size=2, max_size=9),
    delimiter=st.sampled_from(list(DELIMITERS)),
)
def test_the_delimiter_is_found_out_whatever_the_texts_contain(tmp_path, cells, delimiter):
    rows = [(number, *both) for number, both in enumerate(cells)]
    table = write(tmp_path / "own.csv", rows, delimiter=delimiter)

    layout = sniff(table, Layout())
    header, found = open_table(table, layout)
    assert (layout.delimiter, header) == (delimiter, ["id", "tweet", "mood"])
    assert [tuple(values[1:]) for _, values in found] == cells


@pytest.mark.parametrize(
    ("header", "text", "label"),
    [
        ("Label,Text,other", "Text", "Label"),
        ("sentiment,review,text", "text", "sentiment"),
        ("a,b,c", "b", "c"),  # b has the longest values, c the fewest
    ],
)
def test_columns_are_told_by_their_names_or_by_what_is_in_them(tmp_path, header, text, label):
    rows = [(f"user{number}", f"a longer text {number}", number % 3) for number in range(60)]
    table = write(tmp_path / "own.csv", rows, header.split(","))

    layout = sniff(table, Layout())
    assert (layout.text, layout.label) == (text, label)
    assert sniff(table, Layout(text="x", label="y")) == Layout(",", "utf-8", "x", "y")


def test_columns_that_could_both_hold_labels_are_left_open(tmp_path):
    rows = [(number % 2, f"a longer text {number}", number % 3) for number in range(60)]

    assert sniff(write(tmp_path / "own.csv", rows), Layout()).label is None


def test_the_first_objects_tell_the_columns_of_json(tmp_path):
    table = tmp_path / "own.json"
    table.write_text(json.dumps([{"text": "one"}, 3, {"label": "a"}]))

    header, rows = open_table(table, Layout())
    assert header == ["text", "label"]
    (_, first), second, (place, third) = rows
    assert (first, third, place) == (["one", None], [None, "a"], f"{table}, item 3")
    assert isinstance(second, BadRow)


def test_progress_is_told_in_bytes(tmp_path):
    table = write(tmp_path / "own.csv", [(1, "text", "a")] * 12_000)
    calls = []

    _, rows = open_table(table, Layout(), lambda *call: calls.append(call))
    assert len(list(rows)) == 12_000
    size = table.stat().st_size
    assert [call[::2] for call in calls] == [("reading own.csv", size)] * 2
    assert 0 < calls[0][1] < calls[1][1] <= size
