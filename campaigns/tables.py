"""Has commands read hostile tables and arrays: each is read, or refused in a brief
message.

A file has quotation marks anywhere, damage, many columns or columns of one name, or an
array that is larger than it looks.
"""

import csv
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pyarrow
from pyarrow import parquet
from typer.testing import CliRunner

from campaigns.campaign import Campaign, at_most, spell
from campaigns.damage import damage
from rnnbench.cli.app import app
from rnnbench.errors import MAX_CHARACTERS, MAX_LINES

LONGEST = 60
"""Seconds that a command may take."""
MESSAGES = 3
"""The most messages of one command: what a table looks like, a warning and an error."""
HEADER = ["id", "text", "label", "prediction"]
ROWS = [[str(n), f"profit {n} rose", "ab"[n % 2], "abb"[n % 3]] for n in range(60)]
TABLES, ARRAYS = [".csv", ".tsv", ".json", ".jsonl", ".parquet"], [".npz", ".npy"]
PIECES = ["a", '"', '""', ",", "\t", "\n", "\r\n", ";", " "]
"""What rows with quotation marks are made of."""


def attempt(_number, random, _bench, folder):
    """Yield what is wrong when commands read a random hostile file."""
    kind = random.choice(list(KINDS))
    file = KINDS[kind](random, folder)
    commands = [("verdict",)]
    if file.suffix in TABLES:
        commands.append(("data", "show"))
    for command in commands:
        for what in _misread([*command, str(file)]):
            yield f"{kind}, {' '.join(command)} {file.name}: {what}"


def _misread(command):
    try:
        with at_most(LONGEST):
            done = CliRunner().invoke(app, command)
    except Exception as error:
        yield spell(error)
        return
    if done.exception and not isinstance(done.exception, SystemExit):
        yield spell(done.exception)
    elif done.exit_code not in (0, 2):
        yield f"exit status {done.exit_code}: {done.stderr[-200:]}"
    if len(done.stderr) > MESSAGES * MAX_CHARACTERS:
        yield f"{len(done.stderr):,} characters on standard error"
    if done.stderr.count("\n") > MESSAGES * MAX_LINES:
        yield f"{done.stderr.count(chr(10)):,} lines on standard error"


def _write(file, header, rows):
    """Write a table in the format that its name asks for, which may repeat names of
    columns.
    """
    if file.suffix in (".csv", ".tsv"):
        text = io.StringIO()
        delimiter = "\t" if file.suffix == ".tsv" else ","
        csv.writer(text, delimiter=delimiter).writerows([header, *rows])
        file.write_text(text.getvalue())
    elif file.suffix == ".parquet":
        columns = [list(column) for column in zip(*rows, strict=True)]
        parquet.write_table(pyarrow.table(columns, names=header), file)
    elif file.suffix == ".npz":
        columns = dict(zip(header, zip(*rows, strict=True), strict=True))
        np.savez_compressed(file, **{name: np.array(columns[name]) for name in columns})
    elif file.suffix == ".npy":
        np.save(file, np.array([row[-1] for row in rows]))
    else:
        objects = [dict(zip(header, row, strict=True)) for row in rows]
        lines = [json.dumps(row) for row in objects]
        file.write_text(
            json.dumps(objects) if file.suffix == ".json" else "\n".join(lines)
        )
    return file


def _with_quotes(random, folder):
    file = Path(folder, f"quotes{random.choice(['.csv', '.tsv'])}")
    repeats = random.choice([1, 300, 30_000])
    pattern = "".join(random.choices(PIECES, k=random.randint(1, 12)))
    end = "".join(random.choices(PIECES, k=random.randint(0, 3)))
    header = HEADER[1:] if random.random() < 0.5 else ["text", "label"]
    delimiter = "\t" if file.suffix == ".tsv" else ","
    file.write_text(delimiter.join(header) + "\n" + pattern * repeats + end, newline="")
    return file


def _damaged(random, folder):
    file = _write(
        Path(folder, f"damaged{random.choice(TABLES + ARRAYS)}"), HEADER, ROWS
    )
    content = file.read_bytes()
    for _ in range(random.choice((1, 1, 3))):
        _, content = damage(random, content or b"\0")
    file.write_bytes(content)
    return file


def _with_columns(random, folder):
    file = Path(folder, f"columns{random.choice([*TABLES, '.npz'])}")
    count = random.choice([5, 300, 3_000, 30_000])
    header = [f"column {number}" for number in range(count)]
    for name in random.sample(HEADER, random.randint(0, len(HEADER))):
        header[random.randrange(count)] = name
    if file.suffix != ".npz":
        header[random.randrange(count)] = random.choice(header)
    value = random.choice(["0.5", "a", ""])
    return _write(file, header, [[value] * count] * random.randint(1, 3))


def _array(random, folder):
    """Write arrays of any size and type, of which the header may be forged."""
    shape = random.choice(
        [(), (0,), (7,), (7, 3), (7, 1), (0, 2), (7, 2, 2), (500, 2_000)]
    )
    kinds = ["f8", "i1", "U3", "S2", "c8", "M8[s]", "?", "V4", "f2", ">i4", "i4,f4"]
    array = np.zeros(shape, random.choice(kinds))
    content = io.BytesIO()
    forged = random.choice(
        [shape, (10**11,), (-7,), (2**62, 2**62, 0), (4 * 10**6,), (7, 10**9)]
    )
    kind = np.lib.format.dtype_to_descr(array.dtype)
    header = {"descr": kind, "fortran_order": random.random() < 0.3, "shape": forged}
    np.lib.format.write_array_header_1_0(content, header)
    content.write(array.tobytes())
    file = Path(folder, f"array{random.choice(ARRAYS)}")
    if file.suffix == ".npy":
        file.write_bytes(content.getvalue())
        return file
    with zipfile.ZipFile(file, "w", random.choice([0, 8, 12, 14])) as archive:
        for name in random.sample(HEADER, random.randint(1, 3)):
            archive.writestr(f"{name}.npy", content.getvalue())
    return file


KINDS = {
    "quotation marks": _with_quotes,
    "damage": _damaged,
    "columns": _with_columns,
    "array": _array,
}

CAMPAIGN = Campaign(long=400, short=5, attempt=attempt)
