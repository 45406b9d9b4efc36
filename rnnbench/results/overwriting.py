"""Where results may go: they overwrite earlier ones, but not what they are made from.

``check_place(config, folder, text, RESULTS)`` makes sure of that before anything is
written.
"""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from rnnbench.config.load import LoadedConfig
from rnnbench.data.config import PATHS, Data
from rnnbench.errors import UserError
from rnnbench.results.store import RESULTS, WRITTEN, check_folder, hint_for
from rnnbench.storage import peek, sha256_file, sha256_text, write_text

log = logging.getLogger(__name__)


def check_place(
    config: LoadedConfig,
    folder: Path,
    text: str,
    record: str,
    written: Sequence[str] = WRITTEN,
) -> None:
    """Make sure that results may go into a folder: it is new, empty or of their kind.

    They must not overwrite the files that they are made from. The config may be the one
    in the folder if its text stays the same, or if the finished run there stored it.
    Nor may results lie in a folder of texts: the next run would read ``.txt`` files.
    """
    check_folder(folder, record)
    _check_texts(config.benchmark.data, folder, record)
    for number, file in enumerate(config.inputs):
        for name in written:
            result = folder / name
            if not os.path.lexists(result) or not _is_at_or_below(file, result):
                continue
            checksums = {sha256_text(text)}
            if number == 0:  # the config itself
                finished = peek(folder / RESULTS)
                checksums.add(str(finished.get("config_sha256")))
            if not result.is_file() or sha256_file(result) not in checksums:
                raise UserError(
                    f"{file}: results would overwrite it ({hint_for(record)})"
                )


def _check_texts(data: Data, folder: Path, record: str) -> None:
    """Make sure that results do not lie in the folder of the texts."""
    if data.source != "files":
        return
    for key in PATHS:
        texts = getattr(data, key)
        if texts and folder.resolve().is_relative_to(texts.resolve()):
            message = f"in {texts}, results would be read as texts ({hint_for(record)})"
            raise UserError(f"{folder}: {message}")


def _is_at_or_below(file: Path, place: Path) -> bool:
    """Return whether a file is at a place or, if that is a folder, in it."""
    if not place.exists():
        return False
    for path in (file, *file.resolve().parents):
        if path.exists() and path.samefile(place):
            return True
    return False


@contextmanager
def stored_texts(texts: Mapping[str, str], place: Path | None) -> Iterator[None]:
    """Store texts by part, if any; they are removed if the block stores no config.

    ``place`` is their file or, if there are several parts, the folder of their files.
    """
    if not texts or place is None:
        yield
        return
    files = {place: next(iter(texts.values()))}
    if len(texts) > 1:
        files = {place / f"{part}.jsonl": content for part, content in texts.items()}
    is_new = not place.exists()
    is_new_folder = not place.parent.exists()
    for file in filter(Path.is_file, [place, *place.glob("*")]):
        if sha256_file(file) != sha256_text(files.get(file, "")):
            hint = "give `out` the name of another folder, or leave it out"
            raise UserError(f"{file}: holds other texts ({hint})")
    for file, content in files.items():
        write_text(file, content)
    try:
        yield
    finally:
        if is_new and not place.with_name("config.yaml").exists():
            with suppress(OSError):
                for file in files:
                    file.unlink()
                if place.is_dir():
                    place.rmdir()
                if is_new_folder:
                    place.parent.rmdir()


def mention_replaced(file: Path, config: str, fingerprint: str) -> None:
    """Say which results, of another config or of other data, this job will replace."""
    earlier = peek(file)
    if not earlier:
        return
    is_same_data = fingerprint in str(earlier.get("dataset"))
    stored = file.with_name("config.yaml")
    is_same_config = stored.is_file() and sha256_file(stored) == sha256_text(config)
    if is_same_data and is_same_config:
        return
    command = " ".join(str(earlier.get("command")).split())
    message = "%s: this will replace the results of %s (%s)"
    log.warning(message, file.parent, command, hint_for(file.name))
