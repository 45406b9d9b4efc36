"""Tables of all kinds: their delimiter, encoding and columns are found out."""

import csv
import json
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from newswires import write_table

from rnnbench.data.fetch import silent
from rnnbench.data.sources.tables import (
    Layout,
    Row,
    columns_at_once,
    encodings,
    open_table,
    parquet,
    sniff,
)
from rnnbench.data.sources.tables.separated import records
from rnnbench.data.sources.tables.sniffing import DELIMITERS
from rnnbench.data.sources.texts import read_texts
from rnnbench.errors import UserError

SENTENCES = {
    "cp1252": "Je voudrais être remboursé; le colis est arrivé abîmé.",
    "cp1250": "Ženska je rekla, da še čaka na denar, in že tretjič klicala.",
    "iso8859_2": "Ženska je rekla, da še čaka na denar, in že tretjič klicala.",
    "cp852": "Ženska je rekla, da še čaka na denar, in že tretjič klicala.",
    "cp1251": "Пожалуйста, верните деньги, посылка пришла повреждённой.",
    "utf-8": "Grüße, naïve café, 返金してください",
    "utf_16": "Ich möchte mein Geld zurück, die Größe paßt nicht.",
}


write = partial(write_table, header=("id", "tweet", "mood"))


@pytest.mark.parametrize("encoding", SENTENCES)
def test_the_encoding_is_found_out(tmp_path, encoding):
    rows = [(number, SENTENCES[encoding], "ab"[number % 2]) for number in range(30)]
    table = write(tmp_path / "own.csv", rows, encoding=encoding)

    layout = sniff(table, Layout())
    assert layout == Layout(",", encoding, "tweet", "mood")
    _, rows = open_table(table, layout)
    assert next(rows).values[1] == SENTENCES[encoding]


MESS = {
    "own.csv": [
        b'"text";"label"\n"one";"a"\n"two, too";"b"\n',
        b'\n\ntext,label\none,a\n\n"two, too",b\n',
        b'text,label,\none,a,\n"two, too",b,,\n',
        "text\tlabel\r\none\ta\r\ntwo, too\tb\r\n".encode("utf-16"),
        b"sep=;\rtext;label\rone;a\rtwo, too;b\r",
    ],
    "own.json": [
        b'{"text": "one", "label": "a"}\n{"text": "two, too", "label": "b"}\n'
    ],
}


@pytest.mark.parametrize(
    ("name", "content"), [(name, content) for name in MESS for content in MESS[name]]
)
def test_tables_as_programs_write_them_are_read(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)

    header, rows = open_table(tmp_path / name, sniff(tmp_path / name, Layout()))
    assert header[:2] == ["text", "label"]
    assert [row.values[:2] for row in rows] == [["one", "a"], ["two, too", "b"]]


def test_one_wrong_character_in_utf_16_costs_one_row(tmp_path):
    table = tmp_path / "own.csv"
    table.write_bytes("text,label\n\ud800,a\ntwo,b\n".encode("utf-16", "surrogatepass"))

    _, rows = open_table(table, sniff(table, Layout()))
    assert [row.values for row in rows] == [["\udcff", "a"], ["two", "b"]]
    with pytest.raises(
        UserError, match=r"own\.csv: cannot be decoded: .*; data\.encoding names"
    ):
        open_table(table, Layout(encoding="idna"))


def test_a_quotation_mark_that_is_not_closed_costs_one_row(tmp_path):
    lines = ["text,label", "one,a", '"two,b', *[f"{number},a" for number in range(20)]]
    (tmp_path / "own.csv").write_text("\n".join(lines))

    rows = list(open_table(tmp_path / "own.csv", Layout())[1])
    assert [bool(row.fault) for row in rows] == [False, True, *[False] * 20]
    assert rows[1].place == f"{tmp_path / 'own.csv'}:3"
    assert rows[2][:2] == (f"{tmp_path / 'own.csv'}:4", ["0", "a"])


def test_a_table_without_a_header_is_refused(tmp_path):
    rows = [("some longer text", "ham")] * 9
    table = write_table(tmp_path / "own.csv", rows, ("a longer text", "ham"))
    with table.open("a") as file:
        file.write("some longer text,spam\n")

    with pytest.raises(
        UserError, match="its first line is not a header: 'ham' is a label"
    ):
        sniff(table, Layout())


def test_a_header_may_stand_between_rows_again(tmp_path):
    table = write_table(
        tmp_path / "own.csv", [("some text", "a"), ("more text", "b")] * 9
    )
    table.write_bytes(table.read_bytes() * 2)

    rows = list(open_table(table, sniff(table, Layout()))[1])
    bad = [row for row in rows if row.fault]
    assert [(row.place, row.fault) for row in bad] == [
        (f"{table}:20", "the header again")
    ]


def test_the_encoding_is_found_out_however_late_characters_tell_it(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(encodings, "SAMPLE", 100)
    rows = [(1, "see you", "a")] * 99 + [(2, SENTENCES["cp1250"], "b")] * 9
    table = write(tmp_path / "own.csv", rows, encoding="cp1250")

    assert sniff(table, Layout()).encoding == "cp1250"


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
def test_the_delimiter_is_found_out_whatever_the_texts_contain(
    tmp_path, cells, delimiter
):
    rows = [(number, *both) for number, both in enumerate(cells)]
    table = write(tmp_path / "own.csv", rows, delimiter=delimiter)

    layout = sniff(table, Layout())
    header, stored = open_table(table, layout)
    assert (layout.delimiter, header) == (delimiter, ["id", "tweet", "mood"])
    assert [tuple(row.values[1:]) for row in stored] == cells


@pytest.mark.parametrize(
    ("header", "text", "label"),
    [
        ("Label,Text,other", "Text", "Label"),
        ("sentiment,review,text", "text", "sentiment"),
        ("a,b,c", "b", "c"),  # b has the longest values, c the fewest
    ],
)
def test_columns_are_told_by_their_names_or_by_what_is_in_them(
    tmp_path, header, text, label
):
    rows = [
        (f"user{number}", f"a longer text {number}", number % 3) for number in range(60)
    ]
    table = write_table(tmp_path / "own.csv", rows, header.split(","))

    layout = sniff(table, Layout())
    assert (layout.text, layout.label) == (text, label)
    assert sniff(table, Layout(text="x", label="y")) == Layout(",", "utf-8", "x", "y")


def test_a_choice_between_columns_is_told(tmp_path, caplog):
    table = write_table(
        tmp_path / "own.csv", [("one", "two", "a")], ("tweet", "text", "label")
    )

    assert sniff(table, Layout()).text == "text"
    assert "texts in 'text'" in caplog.text


def test_columns_that_could_both_hold_labels_are_left_open(tmp_path):
    rows = [(number % 2, f"a longer text {number}", number % 3) for number in range(60)]

    assert sniff(write(tmp_path / "own.csv", rows), Layout()).label is None


def test_no_labels_are_looked_for_in_a_table_of_new_texts(tmp_path, caplog):
    rows = [(f"a longer text {number}", "xy"[number % 2]) for number in range(60)]
    table = write_table(tmp_path / "new.csv", rows, ("text", "x"))

    assert sniff(table, Layout(label="")) == Layout(",", "utf-8", "text", "")
    assert not caplog.text


def test_the_first_objects_tell_the_columns_of_json(tmp_path):
    table = tmp_path / "own.json"
    table.write_text(json.dumps([{"text": "one"}, 3, {"label": "a"}]))

    header, rows = open_table(table, Layout())
    assert header == ["text", "label"]
    first, second, third = rows
    assert first.values == ["one", None]
    assert second.fault.startswith("should be an object")
    assert third == Row(f"{table}, item 3", [None, "a"])


def test_progress_is_told_in_bytes(tmp_path):
    table = write(tmp_path / "own.csv", [(1, "text", "a")] * 12_000)
    calls = []

    _, rows = open_table(table, Layout(), lambda *call: calls.append(call))
    assert len(list(rows)) == 12_000
    size = table.stat().st_size
    assert [call[::2] for call in calls] == [("reading own.csv", size)] * 2
    assert 0 < calls[0][1] < calls[1][1] <= size


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(alphabet=",ab \n\r\t\0é\"'\u2028", max_size=25),
    st.sampled_from(["", "\ufeff"]),
)
def test_columns_at_once_are_those_of_the_rows(tmp_path, text, mark):
    pytest.importorskip("pyarrow")
    file = tmp_path / "m.csv"
    layout = Layout(delimiter=",", encoding="utf-8")
    file.write_bytes(f"{mark}id,label\n1,x\n{text}".encode())

    at_once = columns_at_once(file, layout, ["id", "label"])

    if at_once is not None:
        rows = [row.values for row in open_table(file, layout)[1]]
        columns = [
            [values[code] for code in codes] for values, codes in at_once.values()
        ]
        assert [list(row) for row in zip(*columns, strict=True)] == rows


def test_utf_16_without_a_mark_has_to_be_named(tmp_path):
    table = write(
        tmp_path / "own.csv", [(1, "see you", "ham")] * 9, encoding="utf-16-le"
    )

    with pytest.raises(UserError, match="looks like UTF-16 without a byte order mark"):
        sniff(table, Layout())
    assert sniff(table, Layout(encoding="utf-16-le")).text == "tweet"


def test_columns_of_a_table_differ(tmp_path):
    table = write(tmp_path / "own.csv", [(1, "see you", "ham")] * 9)

    with pytest.raises(UserError, match="should name different columns: text, text"):
        sniff(table, Layout(text="text", label="text"))


def lines_of_a_row(lines, start):
    """The row that starts in a line, ``None`` if there is none, and the number of its
    lines.
    """
    taken = []

    def take():
        for line in lines[start:]:
            taken.append(line)
            yield line

    try:
        return next(csv.reader(take(), strict=True), []), len(taken)
    except csv.Error:
        return None, 1


@given(st.lists(st.text('a,"', max_size=6), max_size=12).map("\n".join))
def test_each_line_of_a_bad_row_may_start_a_row(content):
    lines = content.splitlines(keepends=True)
    expected = []
    start = 0
    while start < len(lines):
        row, length = lines_of_a_row(lines, start)
        if row != []:
            expected.append((start + 2, row))
        start += length

    with TemporaryDirectory() as folder:
        file = Path(folder, "a.csv")
        file.write_text(f"a\n{content}")
        rows = list(records(file, Layout(delimiter=","), silent))[1:]

    read = [(record.place, None if record.fault else record.values) for record in rows]
    assert read == [(f"{file}:{number}", row) for number, row in expected]


@pytest.mark.parametrize(("byte", "first"), [(0x05, 0), (0xFF, 1)])
def test_a_damaged_parquet_file_is_read_or_refused(tmp_path, byte, first):
    file = write(
        tmp_path / "a.parquet", [(n, "Late again.", f"mood {n % 5}") for n in range(15)]
    )
    content = file.read_bytes()

    for place in range(first, len(content), 2):
        file.write_bytes(content[:place] + bytes([byte]) + content[place + 1 :])
        with suppress(UserError):
            list(open_table(file, Layout())[1])
        columns_at_once(file, Layout(), ["mood"])


def test_a_parquet_file_is_opened_once(tmp_path, monkeypatch):
    file = write(tmp_path / "a.parquet", [(n, "Late again.", "a") for n in range(9)])
    opened = []

    def open_table_file(path):
        opened.append(path.open("rb"))
        return opened[-1]

    monkeypatch.setattr(parquet, "open_table_file", open_table_file)
    header, rows = open_table(file, Layout(), columns=["mood", "tweet"])

    assert header == ["tweet", "mood"]
    assert [row.values for row in rows] == [("Late again.", "a")] * 9
    assert [raw.closed for raw in opened] == [True]


def test_names_that_json_lacks_are_told_with_all_columns(tmp_path):
    file = write(
        tmp_path / "a.jsonl", [(n, f"Late {n}.", f"mood {n}") for n in range(5)]
    )

    with pytest.raises(UserError, match=r"one of id \(5 values\), mood"):
        list(read_texts(file, Layout(), []))
