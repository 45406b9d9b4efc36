"""The measurements of commands on large tables, here on small ones."""

import json
import sys

import pytest

from simulations import size

SMALL = size.Shape(rows=300, labels=3, has_several=False)


def rows_of(folder, shape):
    size.make_table(folder / "texts.jsonl", shape)
    lines = (folder / "texts.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_a_table_has_the_rows_of_its_shape(tmp_path):
    rows = rows_of(tmp_path, SMALL)

    assert len(rows) == 300
    assert {row["label"] for row in rows} == {"label0", "label1", "label2"}


def test_a_table_may_have_several_labels_a_row(tmp_path):
    rows = rows_of(tmp_path, size.Shape.parse("50x10+"))

    counts = [len(row["label"]) for row in rows]
    assert min(counts) >= 1
    assert max(counts) > 1


def test_the_same_shape_gives_the_same_table(tmp_path):
    assert rows_of(tmp_path, SMALL) == rows_of(tmp_path, SMALL)


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_a_command_is_measured(capsys):
    size.main(["300x3", "--only", "data show"])

    table = capsys.readouterr().out
    row = next(line for line in table.splitlines() if "data show" in line)
    shape, _, seconds, megabytes, _ = [cell.strip() for cell in row.split("|")[1:-1]]
    assert shape == "300 x 3"
    assert 0 < float(seconds) < 60
    assert 10 < float(megabytes) < 2_000
