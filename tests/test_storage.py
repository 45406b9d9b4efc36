"""Files that appear whole, hashes of what is in them, and documents that are
checked.
"""

import json
import os
import stat
import tempfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from factories import record

from rnnbench.storage import (
    DamagedResultError,
    OtherVersionError,
    UnwritableError,
    atomic_write,
    canonical_json,
    check_replaceable,
    read_file,
    read_record,
    sha256_arrays,
    sha256_file,
    sha256_json,
    sweep,
    temporary_folder,
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
def test_a_file_appears_and_changes_when_the_new_one_is_complete(tmp_path, error):
    file = tmp_path / "new" / "folder" / "a.bin"

    write(file, b"old")
    with pytest.raises(error):
        write(file, b"half of the n", error)
    assert file.read_bytes() == b"old"
    write(file, b"new")

    assert file.read_bytes() == b"new"
    assert list(file.parent.iterdir()) == [file]


def test_text_is_written_as_utf_8_with_its_own_line_ends_and_the_mode_of_the_umask(
    tmp_path,
):
    file = tmp_path / ("x" * 255)
    before = os.umask(0o027)
    try:
        write_text(file, "é\r\n\n")
    finally:
        os.umask(before)
    assert file.read_bytes() == b"\xc3\xa9\r\n\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert sha256_file(file) == sha256(file.read_bytes()).hexdigest()


def test_canonical_json_is_short_and_has_only_numbers_of_json():
    assert (
        canonical_json({"b": [1, 2.5, None], "a": "é"})
        == b'{"a":"\\u00e9","b":[1,2.5,null]}'
    )
    assert sha256_json({}) == sha256(b"{}").hexdigest()
    for number in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="not JSON compliant"):
            canonical_json({"loss": number})


def test_the_order_of_arrays_does_not_matter_but_name_type_shape_and_values_do():
    a, b = np.array([1, 2], "<i4"), np.array([2], "<i4")
    others = [
        {"b": a},
        {"a": a.reshape(1, 2)},
        {"a": np.array([1 + (2 << 32)], "<i8")},
        {"a": b},
    ]

    assert sha256_arrays({"a": a, "b": b}, {}) == sha256_arrays({"b": b, "a": a}, {})
    assert len({sha256_arrays(arrays, {}) for arrays in [{"a": a}, *others]}) == 5


@pytest.fixture
def file(tmp_path):
    """The file of a document that was written."""
    write_document(tmp_path / "a.json", record(), predictions_sha256="5" * 64)
    return tmp_path / "a.json"


def test_what_was_written_comes_back_with_the_facts_beside_it(file):
    found, facts = read_record(file, TrialRecord, *FACTS)

    assert (found, facts) == (record(), {"predictions_sha256": "5" * 64})
    with pytest.raises(
        DamagedResultError, match=rf"^unusable result: {file}: [\s\S]*predictions_"
    ):
        read_record(file, TrialRecord)


def test_the_checksum_covers_all_other_entries_in_whatever_layout(file):
    document, before = (
        json.loads(file.read_text()),
        read_record(file, TrialRecord, *FACTS),
    )

    assert list(document)[-1] == "checksum"
    file.write_text(json.dumps(dict(sorted(document.items()))))
    assert read_record(file, TrialRecord, *FACTS) == before
    whole = dict(document)
    assert document.pop("checksum") == sha256_json(document)
    changed = [whole | {"steps": 7}, whole | {"note": ""}, document, None, [1, 2]]
    for content in ("", *map(json.dumps, changed)):
        file.write_text(content)
        with pytest.raises(
            DamagedResultError, match=f"^unusable result: {file}: .* replaces it"
        ):
            read_record(file, TrialRecord, *FACTS)


@pytest.mark.parametrize("version", [VERSION + 1, VERSION - 2, str(VERSION), None])
def test_a_document_of_another_version_says_so_and_what_to_do(file, version):
    document = json.loads(file.read_text())
    hint = "update rnnbench" if version == VERSION + 1 else "run the benchmark again"
    file.write_text(json.dumps(document | {"schema_version": version}))

    message = (
        f"{file}: it has schema version {version}, .* reads version {VERSION}; {hint}"
    )
    with pytest.raises(OtherVersionError, match=f"^unusable result: {message}"):
        read_record(file, TrialRecord)


def test_a_temporary_folder_goes_with_all_that_is_in_it(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with temporary_folder() as folder:
        (folder / "worker.log").touch()
        assert [*tmp_path.iterdir()] == [folder]
    assert not [*tmp_path.iterdir()]
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


def test_a_link_is_replaced_but_not_its_file_nor_a_device_or_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to(os.devnull)
    for name in ("pipe", "device"):
        with pytest.raises(
            UnwritableError, match=f"{name}: cannot be written: not a regular file"
        ):
            write_text(tmp_path / name, "text")
    with pytest.raises(
        UnwritableError, match="/dev/stdout: cannot be written: not a regular"
    ):
        check_replaceable(Path("/dev/stdout"))  # a link, even where it leads to a file
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("file")

    write_text(tmp_path / "link", "text")

    kept = {name: (tmp_path / name).read_text() for name in ("file", "link")}
    assert kept == {"file": "mine", "link": "text"}
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "device",
        "file",
        "link",
        "pipe",
    ]
    assert not (tmp_path / "link").is_symlink()


def test_only_regular_files_are_read_and_no_more_than_allowed(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"12345")

    assert read_file(tmp_path / "file", 5) == b"12345"
    with pytest.raises(OSError, match="longer than 4 bytes"):
        read_file(tmp_path / "file", 4)
    for file in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(OSError, match="not a regular file"):
            read_file(file, 5)
