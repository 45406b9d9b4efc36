"""Stored documents: what was written comes back, and nothing else does."""

import json
from contextlib import suppress

import pytest
from factories import record
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.errors import UserError
from rnnbench.results.files import (
    DamagedResultError,
    OtherVersionError,
    check_file,
    read_document,
    validate,
    version_of,
    write_document,
    write_facts,
)
from rnnbench.storage import sha256_file, sha256_json
from rnnbench.training.outcome import TrialRecord

VERSION = version_of(TrialRecord)


@pytest.fixture
def file(tmp_path):
    """The file of a document that was written."""
    write_document(tmp_path / "a.json", record(), predictions_sha256="5" * 64)
    return tmp_path / "a.json"


def test_what_was_written_comes_back_with_the_facts_beside_it(file):
    document = read_document(file, VERSION)

    assert document.pop("predictions_sha256") == "5" * 64
    assert validate(file, TrialRecord, document) == record()


def test_a_document_with_other_keys_than_its_record_is_damaged(file):
    with pytest.raises(DamagedResultError, match=rf"^unusable result: {file}: [\s\S]*predictions_"):
        validate(file, TrialRecord, read_document(file, VERSION))


def test_the_checksum_is_the_last_entry_and_covers_all_others(file):
    document = json.loads(file.read_text())

    assert list(document)[-1] == "checksum"
    assert document.pop("checksum") == sha256_json(document)
    assert document["schema_version"] == VERSION


def test_the_layout_of_a_document_does_not_matter(file):
    document = json.loads(file.read_text())
    before = read_document(file, VERSION)

    file.write_text(json.dumps(dict(sorted(document.items()))))

    assert read_document(file, VERSION) == before


numbers = st.floats(allow_nan=False) | st.just(float("nan"))


@settings(max_examples=30)
@given(time=numbers, losses=st.lists(numbers, max_size=3), name=st.text(max_size=5))
def test_every_number_and_every_name_comes_back_what_is_no_number_as_nothing(
    tmp_path_factory, time, losses, name
):
    file = tmp_path_factory.getbasetemp() / "any.json"
    written = record(ms_per_step=time, history={"loss": losses}, model=name)

    write_document(file, written)

    expected = json.loads(written.model_dump_json())
    assert read_document(file, VERSION) == expected
    assert expected["model"] == name
    assert expected["history"]["loss"] == [
        loss if abs(loss) < float("inf") else None for loss in losses
    ]


def test_a_document_that_is_not_there_is_not_damaged(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_document(tmp_path / "a.json", VERSION)


@pytest.mark.parametrize("version", [99, str(VERSION), None])
def test_a_document_of_another_version_says_so_and_what_to_do(file, version):
    document = json.loads(file.read_text())
    file.write_text(json.dumps(document | {"schema_version": version}))

    with pytest.raises(OtherVersionError) as caught:
        read_document(file, VERSION)

    assert str(caught.value) == (
        f"unusable result: {file}: it has schema version {version}, and this rnnbench reads "
        f"{VERSION}; run the benchmark again"
    )


def test_older_versions_are_upgraded_step_by_step_once_their_checksum_was_checked(tmp_path):
    file = tmp_path / "old.json"
    upgrades = {
        1: lambda old: {"schema_version": 2, "words": old["text"].split()},
        2: lambda old: old | {"schema_version": 3, "count": len(old["words"])},
    }
    write_facts(file, {"schema_version": 1, "text": "a b"})

    assert read_document(file, 3, upgrades) == {
        "schema_version": 3,
        "words": ["a", "b"],
        "count": 2,
    }
    file.write_text(file.read_text().replace("a b", "a c"))
    with pytest.raises(DamagedResultError, match="checksum"):
        read_document(file, 3, upgrades)


def test_errors_of_documents_end_a_command_with_a_message():
    assert issubclass(OtherVersionError, DamagedResultError)
    assert issubclass(DamagedResultError, UserError)
    assert DamagedResultError("no").exit_code == 2


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"fit_seconds": 1.5', '"fit_seconds": 1.25'),
        ('"fit_seconds": 1.5', '"fit_seconds": NaN'),
        ('"model": "rnn"', '"model": "gru"'),
        ('"seed": 0', '"seed": 0, "note": "x"'),
        ('"steps": 6,', ""),
        (f'"{"5" * 64}"', f'"{"6" * 64}"'),
        ('"checksum": "', '"checksum": "0'),
        ('"checksum"', '"sum"'),
    ],
    ids=[
        "a number",
        "a number that is none",
        "a word",
        "an entry more",
        "an entry less",
        "a fact beside the record",
        "the checksum",
        "no checksum",
    ],
)
def test_whatever_was_changed_is_noticed(file, before, after):
    text = file.read_text()
    assert before in text

    file.write_text(text.replace(before, after, 1))

    with pytest.raises(DamagedResultError, match=f"^unusable result: {file}: "):
        read_document(file, VERSION)


@settings(max_examples=60)
@given(data=st.data())
def test_no_change_of_a_character_is_taken_for_what_was_written(tmp_path_factory, data):
    file = tmp_path_factory.getbasetemp() / "changed.json"
    write_document(file, record())
    before, text = read_document(file, VERSION), file.read_text()
    place = data.draw(st.integers(0, len(text) - 1))
    character = data.draw(st.characters(codec="ascii"))

    file.write_text(text[:place] + character + text[place + 1 :])

    with suppress(DamagedResultError):
        assert read_document(file, VERSION) == before


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b"3", b"[1, 2]", b'"text"', b"[" * 100_000, b"\xff\xfe", b"\x00" * 9],
    ids=["nothing", "half", "null", "number", "list", "text", "nested", "no UTF-8", "zeros"],
)
def test_what_is_no_document_is_damaged(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)

    with pytest.raises(DamagedResultError, match=f"^unusable result: {tmp_path / 'a.json'}: "):
        read_document(tmp_path / "a.json", VERSION)


def test_a_folder_is_no_document(tmp_path):
    with pytest.raises(DamagedResultError, match=f"^unusable result: {tmp_path}: "):
        read_document(tmp_path, VERSION)


def test_a_file_beside_a_document_that_is_missing_or_another_one_is_named(tmp_path, file):
    beside = tmp_path / "b.npz"
    with pytest.raises(DamagedResultError, match=r"b\.npz: there is no such file"):
        check_file(beside, "5" * 64, file)

    beside.write_bytes(b"scores")
    check_file(beside, sha256_file(beside), file)
    with pytest.raises(DamagedResultError, match=r"b\.npz: not what was stored with .*a\.json"):
        check_file(beside, "5" * 64, file)
