"""Files that appear whole, hashes of their content, and documents with a checksum."""

import json
import os
import stat
import tempfile
import zipfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from factories import record

from rnnbench.storage import (
    LARGE,
    DamagedResultError,
    OtherVersionError,
    UnwritableError,
    atomic_write,
    canonical_json,
    check_replaceable,
    mapped_arrays,
    read_file,
    read_record,
    sha256_arrays,
    sha256_file,
    sha256_json,
    sweep,
    temporary_folder,
    write_arrays,
    write_document,
    write_text,
)
from rnnbench.training.outcome import TRIAL_VERSION as VERSION
from rnnbench.training.outcome import TrialRecord

FACTS = ("predictions_sha256",)


def write(file, content, error=None):
    with atomic_write(file) as stream:
        stream.write(content)
        stream.flush()
        assert not file.exists() or file.read_bytes() == b"old"
        if error:
            raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_file_changes_when_the_new_one_is_complete(tmp_path, error):
    file = tmp_path / "new" / "folder" / "a.bin"

    write(file, b"old")
    with pytest.raises(error):
        write(file, b"half of the n", error)
    assert file.read_bytes() == b"old"
    write(file, b"new")

    assert file.read_bytes() == b"new"
    assert list(file.parent.iterdir()) == [file]


def test_text_is_written_as_utf_8_with_its_own_line_ends(tmp_path):
    file = tmp_path / ("x" * 255)

    write_text(file, "é\r\n\n")

    assert file.read_bytes() == b"\xc3\xa9\r\n\n"
    assert sha256_file(file) == sha256(file.read_bytes()).hexdigest()


def test_a_file_has_the_mode_of_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "a.txt", "text")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o640


def test_canonical_json_is_short():
    json_text = b'{"a":"\\u00e9","b":[1,2.5,null]}'

    assert canonical_json({"b": [1, 2.5, None], "a": "é"}) == json_text
    assert sha256_json({}) == sha256(b"{}").hexdigest()


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_canonical_json_has_only_numbers_of_json(number):
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"loss": number})


PAIR = np.array([1, 2], "<i4")


@pytest.mark.parametrize(
    ("n_bytes", "compression"),
    [(LARGE, zipfile.ZIP_BZIP2), (LARGE + 1, zipfile.ZIP_DEFLATED)],
)
def test_large_arrays_are_compressed_quickly(tmp_path, n_bytes, compression):
    file = tmp_path / "scores.npz"

    with file.open("wb") as opened:
        write_arrays(opened, {"scores": np.arange(n_bytes, dtype=np.uint8)})

    with zipfile.ZipFile(file) as archive:
        assert archive.getinfo("scores.npy").compress_type == compression
    expected = np.arange(n_bytes, dtype=np.uint8)
    assert (mapped_arrays(file)["scores"] == expected).all()


def test_the_order_of_arrays_does_not_matter():
    single = np.array([2], "<i4")
    in_order = {"a": PAIR, "b": single}
    in_another = {"b": single, "a": PAIR}

    assert sha256_arrays(in_order, {}) == sha256_arrays(in_another, {})


@pytest.mark.parametrize(
    "other",
    [
        {"b": PAIR},
        {"a": PAIR.reshape(1, 2)},
        {"a": np.array([1 + (2 << 32)], "<i8")},
        {"a": np.array([2], "<i4")},
    ],
    ids=["name", "shape", "type", "values"],
)
def test_the_hash_of_arrays_depends_on_all_else(other):
    assert sha256_arrays(other, {}) != sha256_arrays({"a": PAIR}, {})


@pytest.fixture
def file(tmp_path):
    """The file of a document that was written."""
    write_document(tmp_path / "a.json", record(), predictions_sha256="5" * 64)
    return tmp_path / "a.json"


def test_what_was_written_comes_back_with_the_facts_beside_it(file):
    stored, others = read_record(file, TrialRecord, *FACTS)

    assert stored == record()
    assert others == {"predictions_sha256": "5" * 64}


def test_a_fact_that_was_not_asked_for_is_a_fault(file):
    fault = rf"^unusable result: {file}: [\s\S]*predictions_"
    with pytest.raises(DamagedResultError, match=fault):
        read_record(file, TrialRecord)


def test_the_checksum_is_the_last_entry_of_a_document(file):
    document = json.loads(file.read_text())

    assert list(document)[-1] == "checksum"
    assert document.pop("checksum") == sha256_json(document)


def test_the_checksum_does_not_depend_on_the_layout(file):
    before = read_record(file, TrialRecord, *FACTS)
    document = json.loads(file.read_text())

    file.write_text(json.dumps(dict(sorted(document.items()))))

    assert read_record(file, TrialRecord, *FACTS) == before


def test_the_checksum_covers_all_other_entries(file):
    document = json.loads(file.read_text())
    without_checksum = dict(document)
    del without_checksum["checksum"]
    changed = [document | {"steps": 7}, document | {"note": ""}, without_checksum]

    for content in ("", "null", "[1, 2]", *map(json.dumps, changed)):
        file.write_text(content)
        fault = f"^unusable result: {file}: .* replaces it"
        with pytest.raises(DamagedResultError, match=fault):
            read_record(file, TrialRecord, *FACTS)


@pytest.mark.parametrize(
    ("version", "hint"),
    [
        (VERSION + 1, "update rnnbench"),
        (VERSION - 2, "run the benchmark again"),
        (str(VERSION), "run the benchmark again"),
        (None, "run the benchmark again"),
    ],
)
def test_a_document_of_another_version_says_what_to_do(file, version, hint):
    document = json.loads(file.read_text())
    file.write_text(json.dumps(document | {"schema_version": version}))

    versions = f"it has schema version {version}, .* reads version {VERSION}"
    fault = f"^unusable result: {file}: {versions}; {hint}"
    with pytest.raises(OtherVersionError, match=fault):
        read_record(file, TrialRecord)


def test_a_temporary_folder_goes_with_all_that_is_in_it(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with temporary_folder() as folder:
        (folder / "worker.log").touch()
        assert [*tmp_path.iterdir()] == [folder]
    assert not [*tmp_path.iterdir()]


def test_a_temporary_folder_that_cannot_be_made_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    tmp_path.rmdir()
    with pytest.raises(UnwritableError, match=f"^{tmp_path}: cannot be written: "):
        temporary_folder().__enter__()


def test_old_files_are_swept_where_no_others_write(tmp_path):
    mine = {tmp_path / name for name in ("trials", "predictions", "models", "plots")}
    for folder in (*mine, tmp_path / "another-run"):
        folder.mkdir()
        (folder / ".rnnbench-x.tmp").touch()

    sweep(tmp_path, older_than=60)
    assert len([*tmp_path.rglob("*.tmp")]) == 5
    sweep(tmp_path)

    assert {*tmp_path.rglob("*.tmp")} == {tmp_path / "another-run" / ".rnnbench-x.tmp"}


def test_a_link_is_replaced_but_not_its_file(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("file")

    write_text(tmp_path / "link", "text")

    assert (tmp_path / "file").read_text() == "mine"
    assert (tmp_path / "link").read_text() == "text"
    assert not (tmp_path / "link").is_symlink()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "link"]


def test_a_device_or_a_pipe_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to(os.devnull)
    for name in ("pipe", "device"):
        fault = f"{name}: cannot be written: not a regular file"
        with pytest.raises(UnwritableError, match=fault):
            write_text(tmp_path / name, "text")

    assert sorted(file.name for file in tmp_path.iterdir()) == ["device", "pipe"]
    fault = "/dev/stdout: cannot be written: not a regular"
    with pytest.raises(UnwritableError, match=fault):
        check_replaceable(Path("/dev/stdout"))  # a link, even where it leads to a file


def test_no_more_is_read_of_a_file_than_allowed(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")

    assert read_file(tmp_path / "file", 5) == b"12345"
    with pytest.raises(OSError, match="longer than 4 bytes"):
        read_file(tmp_path / "file", 4)


def test_only_regular_files_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    for file in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(OSError, match="not a regular file"):
            read_file(file, 5)


@pytest.fixture
def refusals(monkeypatch):
    """Windows, which refuses to replace a file until the list of refusals is empty."""
    refusals = []
    replace = Path.replace

    def replacing(path, new):
        if refusals:
            refusals.pop()
            raise PermissionError(13, "Access is denied", str(path))
        return replace(path, new)

    monkeypatch.setattr("pathlib.Path.replace", replacing)
    monkeypatch.setattr("rnnbench.leftovers.HAS_LOCKS", False)
    monkeypatch.setattr("time.sleep", lambda _: None)
    return refusals


def test_a_file_that_another_program_reads_is_replaced_after_that(tmp_path, refusals):
    file = tmp_path / "table.csv"
    file.write_text("old")
    refusals += range(4)

    write_text(file, "new")

    assert file.read_text() == "new"


def test_a_file_that_another_program_keeps_open_is_named(tmp_path, refusals):
    refusals += range(100)

    with pytest.raises(UnwritableError, match=r"table\.csv: cannot be written: Access"):
        write_text(tmp_path / "table.csv", "new")

    assert not list(tmp_path.iterdir())
