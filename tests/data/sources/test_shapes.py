"""Files and folders of texts as other programs write them, and bombs."""

import gzip
import io
import json
import zipfile

import openpyxl
import pyarrow
import pytest
from backports import zstd
from pyarrow import feather, ipc, parquet

from rnnbench.data.sources.files import read
from rnnbench.data.sources.tables import (
    Layout,
    is_folder_of_texts,
    open_table,
    parts_of,
    sniff,
)
from rnnbench.errors import UserError

ROWS = [(f"text number {number}", "ab"[number % 2]) for number in range(30)]
CSV = "text,label\n" + "".join(f"{text},{label}\n" for text, label in ROWS)


def zipped(content):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("own.csv", content)
    return file.getvalue()


PACKERS = {".gz": gzip.compress, ".zst": zstd.compress, ".zip": zipped}


@pytest.mark.parametrize("ending", PACKERS)
def test_a_packed_table_has_the_fingerprint_of_the_table(tmp_path, ending):
    (tmp_path / "own.csv").write_text(CSV)
    packed = tmp_path / f"own.csv{ending}"
    packed.write_bytes(PACKERS[ending](CSV.encode()))

    assert read(packed).fingerprint == read(tmp_path / "own.csv").fingerprint


@pytest.mark.parametrize("ending", PACKERS)
def test_a_bomb_is_refused(tmp_path, ending):
    bomb = tmp_path / f"own.csv{ending}"
    bomb.write_bytes(PACKERS[ending](b"text,label\n" + b"a,b\n" * 2**25))

    with pytest.raises(UserError, match="unpacks to more than"):
        sniff(bomb, Layout())


def test_a_damaged_file_is_named(tmp_path):
    content = gzip.compress(CSV.encode())
    (tmp_path / "own.csv.gz").write_bytes(content[: len(content) // 2])

    with pytest.raises(UserError, match=r"own\.csv\.gz: cannot be unpacked"):
        sniff(tmp_path / "own.csv.gz", Layout())


FOREIGN = {
    "own.csv": (b"%PDF-1.7", "is a PDF"),
    "own.xls": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an Excel or Word file of before 2007",
    ),
    "own.zip": (b"PK\x05\x06" + bytes(18), "an archive with nothing in it"),
    "own.7z": (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_that_is_not_read_is_named_as_what_it_is(tmp_path, name):
    content, message = FOREIGN[name]
    (tmp_path / name).write_bytes(content)

    with pytest.raises(UserError, match=message):
        sniff(tmp_path / name, Layout())


def test_columns_of_orange_have_roles(tmp_path):
    table = tmp_path / "own.tab"
    table.write_text("A\tB\tC\nd\tstring\td\nclass\tinclude=True\tmeta\nx\ttext\ty\n")

    layout = sniff(table, Layout())

    assert (layout.text, layout.label) == ("B", "A")
    assert [row.values for row in open_table(table, layout).rows] == [
        ["x", "text", "y"]
    ]


def test_the_last_columns_of_orange_may_have_no_roles(tmp_path):
    table = tmp_path / "own.tab"
    table.write_text("A\tB\tC\nd\tstring\td\nclass\nx\ttext\ty\n")

    assert sniff(table, Layout()).label == "A"


def test_names_of_orange_have_prefixes(tmp_path):
    table = tmp_path / "own.tab"
    table.write_text("cD#kind\tmS#text\nx\tsome text\ny\tother text\n")

    layout = sniff(table, Layout())

    assert (layout.text, layout.label) == ("text", "kind")


def test_a_column_of_numbers_of_orange_is_no_class(tmp_path):
    table = tmp_path / "own.tab"
    table.write_text("C#size\tcD#kind\tmS#text\n1\tx\tsome text\n2\ty\tother\n")

    assert sniff(table, Layout()).label == "kind"


@pytest.mark.parametrize("test", ["test", "validation"])
def test_the_test_part_of_a_folder_stays_apart(tmp_path, test):
    for part in ("train", test):
        for label in "ab":
            folder = tmp_path / part / label
            folder.mkdir(parents=True)
            (folder / "0001").write_text(f"{part} {label}")

    assert read(tmp_path).is_test.tolist() == [False, False, True, True]


def test_classes_of_parquet_have_names(tmp_path):
    import pyarrow
    from pyarrow import parquet

    info = {"info": {"features": {"label": {"names": ["no", "yes"]}}}}
    table = pyarrow.table({"text": ["one", "two"], "label": [0, 1]})
    table = table.replace_schema_metadata({"huggingface": json.dumps(info)})
    for part in ("train", "test"):
        parquet.write_table(table, tmp_path / f"{part}-00000-of-00001.parquet")

    assert read(tmp_path).topics == ("no", "yes")
    assert len(parts_of(tmp_path)) == 2


def workbook(path, cells):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        sheet = f"<worksheet><sheetData>{cells}</sheetData></worksheet>"
        archive.writestr("xl/worksheets/sheet1.xml", sheet)


def test_a_workbook_with_room_for_too_many_cells_is_refused(tmp_path):
    workbook(tmp_path / "own.xlsx", '<row r="1"><c r="XFD1048576"><v>1</v></c></row>')

    with pytest.raises(UserError, match="room for 17,179,869,184 cells"):
        sniff(tmp_path / "own.xlsx", Layout())


def test_a_workbook_of_endless_tags_is_refused(tmp_path):
    workbook(tmp_path / "own.xlsx", f"<row>{'<c/>' * 2**23}</row>")

    with pytest.raises(UserError, match="unpacks to more than 67,108,864 bytes"):
        sniff(tmp_path / "own.xlsx", Layout())


TITLES = [
    pytest.param([["Complaints of 2025"]], id="a title"),
    pytest.param([["Complaints"], [], ["by", "Ann"]], id="a title and an author"),
    pytest.param([], id="nothing"),
]


@pytest.mark.parametrize("above", TITLES)
def test_the_header_of_a_workbook_may_be_below_a_title(tmp_path, caplog, above):
    book = openpyxl.Workbook()
    for row in [*above, ["id", "text", "label"], [1, "a ripe apple", "fruit"]]:
        book.active.append(row)
    book.save(tmp_path / "own.xlsx")

    header, rows = open_table(tmp_path / "own.xlsx", Layout())

    assert header == ["id", "text", "label"]
    (row,) = rows
    assert row.place.endswith(f"row {len(above) + 2}")
    is_noticed = f"row {len(above) + 1} is the header" in caplog.text
    assert is_noticed == bool(above)


def test_a_web_page_in_a_folder_is_no_table(tmp_path):
    folder_of_texts(tmp_path, ["a/1.txt", "b/2.txt"])
    (tmp_path / "a/1.txt").write_text("<html><p>an apple")

    with pytest.raises(UserError, match=r"a web page \(save a text as \.txt"):
        read(tmp_path)


def test_sheets_of_a_workbook_are_measured_one_by_one(tmp_path):
    book = openpyxl.Workbook()
    for row in [("text", "label"), *ROWS]:
        book.active.append(row)
    book.create_sheet("tall").cell(40_000, 1, "a value")
    book.create_sheet("wide").cell(1, 1_000, "a value")
    book.save(tmp_path / "own.xlsx")

    assert read(tmp_path / "own.xlsx").topics == ("a", "b")


def test_a_workbook_in_an_encoding_that_does_not_exist_is_refused(tmp_path):
    workbook(tmp_path / "own.xlsx", "")
    with zipfile.ZipFile(tmp_path / "own.xlsx", "a") as archive:
        archive.writestr("xl/styles.xml", '<?xml version="1.0" encoding="x"?><a/>')

    with pytest.raises(UserError, match=r"cannot be read as Excel .* encoding: x"):
        sniff(tmp_path / "own.xlsx", Layout())


def test_a_parquet_file_of_endless_rows_is_refused(tmp_path):
    column = pyarrow.array(bytes(2**26), pyarrow.int8())
    table = pyarrow.table({"first": column, "second": column})
    parquet.write_table(table, tmp_path / "own.parquet")

    with pytest.raises(UserError, match="unpacks to more than 67,108,864 bytes"):
        sniff(tmp_path / "own.parquet", Layout())


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_a_compressed_arrow_file_is_read(tmp_path, compression):
    table = pyarrow.table({"text": [row[0] for row in ROWS], "label": ["a", "b"] * 15})
    feather.write_feather(table, tmp_path / "own.arrow", compression=compression)

    assert read(tmp_path / "own.arrow").topics == ("a", "b")


@pytest.mark.parametrize("start", [ipc.new_file, ipc.new_stream])
def test_an_arrow_file_is_no_bomb(tmp_path, start):
    column = pyarrow.array(["a" * 2**20] * 80)
    table = pyarrow.table({"text": column, "label": column.dictionary_encode()})
    options = ipc.IpcWriteOptions(compression="zstd")
    with start(tmp_path / "own.arrow", table.schema, options=options) as file:
        file.write_table(table)

    with pytest.raises(UserError, match="unpacks to more than 67,108,864 bytes"):
        sniff(tmp_path / "own.arrow", Layout())


def folder_of_texts(folder, files):
    for name in files:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"the text {name}")


def test_hidden_files_of_a_folder_are_left_out(tmp_path, caplog):
    folder_of_texts(tmp_path, ["a/1", "b/2", "b/.cache/3", "b/.4", ".c/5"])

    corpus = read(tmp_path)

    assert len(corpus) == 2
    assert corpus.topics == ("a", "b")
    assert "each folder in it is a label: 'a' (1), 'b' (1)" in caplog.text


@pytest.mark.parametrize("other", [".git/HEAD", "results.json", "c/results.json"])
def test_a_folder_of_programs_or_results_is_none_of_texts(tmp_path, other):
    folder_of_texts(tmp_path, ["a/1.txt", "b/2.txt"])
    assert is_folder_of_texts(tmp_path)

    folder_of_texts(tmp_path, [other])

    assert not is_folder_of_texts(tmp_path)


@pytest.mark.parametrize("option", ["--text", "--label"])
def test_a_folder_has_no_other_columns(cli, tmp_path, option):
    folder_of_texts(tmp_path, ["a/1.txt", "b/2.txt"])

    refused = cli("data", "show", tmp_path, option, "body")

    assert refused.exit_code == 2
    assert f"no column 'body' (allowed: text, label; {option}" in refused.stderr
