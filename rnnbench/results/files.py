"""Stored JSON documents, whose schema version and checksum are checked when they are read.

Each kind of document has a version of its own, the default of its record's ``schema_version``.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from rnnbench.errors import UserError
from rnnbench.records import Record
from rnnbench.storage import sha256_file, sha256_json, write_text

R = TypeVar("R", bound=Record)

Document = dict[str, Any]
Upgrades = Mapping[int, Callable[[Document], Document]]
"""For each old schema version, a function that turns its documents into a later version."""


class DamagedResultError(UserError):
    """A stored result is not what was written, or another version of rnnbench wrote it."""


class OtherVersionError(DamagedResultError):
    """A stored result was written by another version of rnnbench."""


def write_document(path: Path, record: Record, **facts: Any) -> None:
    """Write a record, ``facts`` beside its own keys, and the checksum of both."""
    write_facts(path, json.loads(record.model_dump_json()) | facts)


def write_facts(path: Path, facts: Document) -> None:
    """Write ``facts``, which include ``schema_version``, and their checksum."""
    document = facts | {"checksum": sha256_json(facts)}
    write_text(path, json.dumps(document, indent=1) + "\n")


def version_of(kind: type[Record]) -> int:
    """Return the schema version of the records of a class."""
    version: int = kind.model_fields["schema_version"].default
    return version


def read_document(path: Path, version: int, upgrades: Upgrades | None = None) -> Document:
    """Return what ``write_document`` or ``write_facts`` wrote, without the checksum.

    Args:
        path: of the document.
        version: the schema version that is wanted.
        upgrades: how older versions are turned into it.

    Raises:
        FileNotFoundError: there is no such document.
        OtherVersionError: it has another version, which cannot be upgraded.
        DamagedResultError: it is not what was written.
    """
    upgrades = upgrades or {}
    try:
        document: Document = json.loads(path.read_text(encoding="utf-8"))
        found = document.get("schema_version")
        if found != version and found not in upgrades:
            raise OtherVersionError(
                f"unusable result: {path}: it has schema version {found}, and this rnnbench reads "
                f"{version}; run the benchmark again"
            )
        if "checksum" not in document:
            raise ValueError("it has no checksum")
        if document.pop("checksum") != sha256_json(document):
            raise ValueError("its content has another checksum")
        while document["schema_version"] in upgrades:
            document = upgrades[document["schema_version"]](document)
    except FileNotFoundError:
        raise
    except (ValueError, KeyError, AttributeError, TypeError, OSError, RecursionError) as error:
        raise DamagedResultError(f"unusable result: {path}: {error}") from error
    return document


def validate(path: Path, kind: type[R], document: Document) -> R:
    """Return ``document``, which was read from ``path``, as a record.

    Raises:
        DamagedResultError: it is not a record of this kind.
    """
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        raise DamagedResultError(f"unusable result: {path}: {error}") from error


def check_file(file: Path, sha256: str | None, document: Path) -> None:
    """Make sure that a file has the checksum that a document gives for it.

    Raises:
        DamagedResultError: it is missing, or has another checksum.
    """
    if not file.is_file():
        raise DamagedResultError(f"unusable result: {file}: there is no such file")
    if sha256_file(file) != sha256:
        raise DamagedResultError(f"unusable result: {file}: not what was stored with {document}")
