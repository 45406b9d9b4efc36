"""The files that arrive at a worker of a cluster: each is checked, and then written."""

import hashlib
import re
import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path, PurePosixPath

from rnnbench.errors import RnnbenchError
from rnnbench.storage import atomic_write

MOST_BYTES = 2**30
"""The most that is sent to each worker; it passes through the scheduler's memory."""
NAME = re.compile(r"[0-9a-f]{64}\.(npz|zip)")
"""The name of a file: the sha256 of its content, and an ending."""


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files, which are compressed by ``zlib``, into a folder; unpack those with modules.

    Raises:
        RnnbenchError: a file is not what its name says, or has members that are no modules.
        UnwritableError: a file cannot be written.
    """
    for name, packed in files.items():
        content = _checked(name, packed)
        if name.endswith(".zip"):
            _unpack(content, folder / Path(name).stem)
        else:
            _write(folder / name, content)


def _checked(name: str, packed: bytes) -> bytes:
    """Return the content of a file.

    Raises:
        RnnbenchError: it is not what its name says.
    """
    if not NAME.fullmatch(name):
        raise RnnbenchError(f"{name!r:.100} is not the name of a file that is kept")
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(packed, MOST_BYTES)
    except zlib.error:
        content = b""
    if not unpacking.eof or hashlib.sha256(content).hexdigest() != Path(name).stem:
        raise RnnbenchError(f"{name} did not arrive as it was sent")
    return content


def _unpack(content: bytes, folder: Path) -> None:
    """Write the members of a zip file, which must be Python files with modest names and sizes."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as modules:
            members = {each.filename: each.file_size for each in modules.infolist()}
            if wrong := [name for name in members if not _is_modest(name)]:
                raise RnnbenchError(f"{wrong[0]!r:.100} is not the name of a module")
            if sum(members.values()) > MOST_BYTES:
                raise RnnbenchError(f"modules have more than {MOST_BYTES:,} bytes")
            for name in members:
                _write(folder / name, modules.read(name))
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise RnnbenchError(f"modules cannot be unpacked: {error}") from error


def _is_modest(name: str) -> bool:
    path = PurePosixPath(name)
    stays = not path.is_absolute() and ".." not in path.parts and "\\" not in name
    return stays and path.suffix == ".py"


def _write(file: Path, content: bytes) -> None:
    with atomic_write(file) as opened:
        opened.write(content)
