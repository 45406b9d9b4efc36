"""``data show`` with files and folders that other programs wrote."""

import json
from pathlib import Path

import openpyxl
import pandas
import pytest

HUGGING_FACE = Path(__file__).parent / "hugging_face"
FRAME = pandas.DataFrame(
    {"text": [f"text number {n}" for n in range(16)], "label": ["no", "yes"] * 8}
)


def workbook(folder):
    book = openpyxl.Workbook()
    for row in [("text", "label"), *FRAME.itertuples(index=False)]:
        book.active.append(list(row))
    book.save(folder / "own.xlsx")
    return folder / "own.xlsx"


def packed(ending):
    def make(folder):
        FRAME.to_csv(folder / f"own.csv{ending}", index=False)
        return folder / f"own.csv{ending}"

    return make


def orange(folder):
    lines = ["label\tbody", "d\tstring", "class\tinclude=True"]
    for row in FRAME.itertuples():
        lines.append(f"{row.label}\t{row.text}")
    (folder / "own.tab").write_text("\n".join(lines))
    return folder / "own.tab"


def parts_with_labels(folder):
    for row in FRAME.itertuples():
        part = "test" if row.Index < 4 else "train"
        place = folder / "own" / part / row.label
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{row.Index}").write_text(row.text)
    return folder / "own"


SHAPES = {
    "workbook": workbook,
    "gz": packed(".gz"),
    "zip": packed(".zip"),
    "orange": orange,
    "folder": parts_with_labels,
    "saved": lambda _: HUGGING_FACE / "saved",
    "parquet": lambda _: HUGGING_FACE / "parquet",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_is_described(cli, tmp_path, shape):
    described = cli("data", "show", SHAPES[shape](tmp_path), "--json")

    assert described.exit_code == 0, described.stderr
    shown = json.loads(described.stdout)
    assert shown["documents"] == 16
    assert [count["topic"] for count in shown["topic_counts"]] == ["no", "yes"]
    assert shown["test_size"] == 4
