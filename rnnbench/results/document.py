"""Stored JSON documents: each with its schema version and a checksum, checked when read."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnnbench.errors import UserError
from rnnbench.records import SCHEMA_VERSION, Record
from rnnbench.storage import sha256_file, sha256_json, write_text


class DamagedResultError(UserError):
    """A stored result is not what was written, or was written by another version."""


class OtherVersionError(DamagedResultError):
    """A stored result was written by another version."""


def write_document(path: Path, record: Record, **facts: Any) -> None:
    """Write a record, with ``facts`` beside its own keys, and the checksum of all that."""
    write_facts(path, json.loads(record.model_dump_json()) | facts)


def write_facts(path: Path, facts: dict[str, Any]) -> None:
    """Write ``facts``, ``schema_version`` among them, and their checksum."""
    document = facts | {"checksum": sha256_json(facts)}
    write_text(path, json.dumps(document, indent=1) + "\n")


def read_document(path: Path, versions: Sequence[int] = (SCHEMA_VERSION,)) -> dict[str, Any]:
    """Return what ``write_document`` or ``write_facts`` wrote, without the checksum.

    Args:
        path: of the file.
        versions: the schema versions that can be read.

    Raises:
        FileNotFoundError: there is no such document.
        OtherVersionError: another version of the package wrote it.
        DamagedResultError: it is not what was written.
    """
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = document.get("schema_version")
        if version not in versions:
            raise OtherVersionError(
                f"unusable result: {path}: it has schema version {version}, and this rnnbench "
                f"reads {' or '.join(map(str, versions))}; run the benchmark again"
            )
        if "checksum" not in document:
            raise ValueError("it has no checksum")
        if document.pop("checksum") != sha256_json(document):
            raise ValueError("its content has another checksum")
    except FileNotFoundError:
        raise
    except (ValueError, KeyError, AttributeError, TypeError, OSError, RecursionError) as error:
        raise DamagedResultError(f"unusable result: {path}: {error}") from error
    return document


def check_file(file: Path, sha256: str | None, document: Path) -> None:
    """Make sure that a file is the one whose checksum stands in a document.

    Raises:
        DamagedResultError: it is missing, or another one.
    """
    if not file.is_file():
        raise DamagedResultError(f"unusable result: {file}: there is no such file")
    if sha256_file(file) != sha256:
        raise DamagedResultError(f"unusable result: {file}: not what was stored with {document}")
