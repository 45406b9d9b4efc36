"""The texts of ``rnnbench predict``."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from rnnbench.errors import UserError

MAX_TEXT = 1_000_000
"""The largest text in bytes."""


def read_texts(texts: Sequence[str], files: Sequence[Path]) -> list[str]:
    """Return the given texts: from the command line, standard input (``-``) and files.

    Raises:
        UserError: there are none, one is blank or too long, or a file cannot be read.
    """
    given = [_standard_input() if text == "-" else text for text in texts]
    for file in files:
        try:
            with file.open("rb") as opened:
                given.append(_read(opened, str(file)))
        except OSError as error:
            raise UserError(f"{file}: cannot be read: {error.strerror}") from error
    if not given or not all(text.strip() for text in given):
        raise UserError("a text is missing (should be TEXT, --file FILE, or - for standard input)")
    return given


def _standard_input() -> str:
    return _read(sys.stdin.buffer, "-") if sys.stdin else ""  # it may be closed


def _read(stream: BinaryIO, name: str) -> str:
    content = stream.read(MAX_TEXT + 1)
    if len(content) > MAX_TEXT:
        raise UserError(f"{name}: too long for a newswire (allowed: {MAX_TEXT:,} bytes)")
    return content.decode(errors="replace")
