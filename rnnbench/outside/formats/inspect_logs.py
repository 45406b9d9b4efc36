"""Logs of inspect_ai: ``read_inspect_archive(path, reading, of_labels)``.

An ``.eval`` is a zip archive with a file for each sample, a ``.json`` has all of them.
"""

import json
import logging
from pathlib import Path
from typing import BinaryIO
from zipfile import ZipFile, ZipInfo

from rnnbench.errors import UserError
from rnnbench.outside.columns import Column, Columns, Reading, columns_of_rows
from rnnbench.storage import MAX_UNPACKED, Document, check_unpacked, open_regular
from rnnbench.text import listed

log = logging.getLogger("rnnbench.outside.files")
VALUES = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0, "yes": 1.0, "no": 0.0}
"""Correct, partly, incorrect, no answer, and what judges say."""
ZSTANDARD = 93  # a method of compression that zipfile lacks before Python 3.14
LOCAL_HEADER = 30  # bytes before the name of a member, whose length is in the last four
HEADERS = ("header.json", "_journal/start.json")  # of a finished log, or of another


def read_inspect_log(
    path: Path, document: Document, reading: Reading, _of_labels: bool
) -> tuple[str, Columns]:
    """Return the scores of each sample; its epoch is a seed."""
    evaluation = document["eval"]
    samples = document.get("samples") or []
    status = document.get("status", "unfinished")
    if status != "success":
        log.warning("%s: the evaluation is '%s', not whole", path, status)
    scorer, _, part = reading.columns.get("score", "").partition(".")
    rows = []
    scorers: dict[str, None] = {}
    for sample in samples:
        scores = sample.get("scores") or {}
        scorers |= dict.fromkeys(scores)
        value = scores.get(scorer or next(iter(scorers), ""), {}).get("value")
        if type(value) is dict:
            value = value.get(part or next(iter(value)))
        seed = f"{evaluation['run_id']} {sample['epoch']}"
        rows.append((sample["id"], seed, _number(value, path)))
    if scorer and scorer not in scorers:
        raise UserError(f"{path}: no score '{scorer}' (allowed: {listed([*scorers])})")
    if len(scorers) > 1 and not scorer:
        first, *others = scorers
        hint = f"--score NAME takes another: {listed(others)}"
        log.warning("%s: the score is %s (%s)", path, first, hint)
    columns = columns_of_rows(("id", "seed", "score"), rows)
    for key in ("model", "task"):
        columns[key] = Column.of_one(str(evaluation[key]), len(rows))
    return path.stem, columns


def _number(value: str | float | None, path: Path) -> float | None:
    """Return the value of a score as a number, unless it is missing."""
    if value is None:
        return None
    try:
        if value in VALUES:
            return VALUES[str(value)]
        return float(value)
    except (TypeError, ValueError):
        fault = f"got the score {value!r} (allowed: C, I, P, N, numbers)"
        raise UserError(f"{path}: {fault}") from None


def read_inspect_archive(
    path: Path, reading: Reading, of_labels: bool
) -> tuple[str, Columns]:
    """Return the same of an archive.

    Raises:
        UserError: it is damaged, too large, or pyarrow is missing.
    """
    with open_regular(path, MAX_UNPACKED) as raw:
        try:
            archive = ZipFile(raw)
            check_unpacked(archive)
            document = _document(archive, raw)
        except ImportError:
            hint = "pip install 'rnnbench[parquet]'"
            raise UserError(f"{path}: needs pyarrow: {hint}") from None
        except MemoryError:
            raise
        except Exception as error:
            # Damage makes zipfile raise almost anything.
            fault = f"cannot be read as a log of inspect_ai: {error!r}"
            raise UserError(f"{path}: {fault}") from None
    try:
        return read_inspect_log(path, document, reading, of_labels)
    except (KeyError, TypeError, AttributeError) as error:
        fault = f"its JSON is not that of a log: {error!r}"
        raise UserError(f"{path}: {fault}") from None


def _document(archive: ZipFile, raw: BinaryIO) -> Document:
    """Return what a log would be as JSON."""
    members = {member.filename: member for member in archive.infolist()}
    header = next(filter(members.get, HEADERS), HEADERS[0])
    document: Document = json.loads(_unpacked(archive, members[header], raw))
    samples = []
    for name, member in members.items():
        if name.startswith("samples/"):
            sample = json.loads(_unpacked(archive, member, raw))
            used = {"id": sample["id"], "epoch": sample["epoch"]}
            samples.append(used | {"scores": sample.get("scores")})
    return document | {"samples": samples}


def _unpacked(archive: ZipFile, member: ZipInfo, raw: BinaryIO) -> bytes:
    """Return the content of a member of an archive."""
    if member.compress_type != ZSTANDARD:
        return archive.read(member)
    import pyarrow  # it is optional

    raw.seek(member.header_offset)
    lengths = raw.read(LOCAL_HEADER)[-4:]
    raw.seek(int.from_bytes(lengths[:2], "little"), 1)
    raw.seek(int.from_bytes(lengths[2:], "little"), 1)
    packed = raw.read(member.compress_size)
    return bytes(pyarrow.decompress(packed, member.file_size, "zstd", asbytes=True))
