"""Files that are written whole, and checked by version and checksum when read.

``write_document(file, record)``, then ``read_record(file, type(record))``.
"""

import errno
import hashlib
import json
import math
import os
import stat
import struct
import sys
import tempfile
import time
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from io import BufferedReader
from pathlib import Path
from typing import (
    IO,
    TYPE_CHECKING,
    Any,
    BinaryIO,
    Protocol,
    TypeVar,
    runtime_checkable,
)
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_STORED, ZipFile

from filelock import AcquireReturnProxy, FileLock
from pydantic import ValidationError

from rnnbench import leftovers
from rnnbench.errors import STATUS_OF, UserError, first_fault
from rnnbench.section import StoredRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]

TRIALS = "trials"
PREDICTIONS = "predictions"
MODELS = "models"
CHECKPOINTS = "checkpoints"
PLOTS = "plots"
TRACKING = "tracking"
SUBFOLDERS = (TRIALS, PREDICTIONS, MODELS, CHECKPOINTS, PLOTS, TRACKING)
"""The folders in the folder of a run."""
NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)
MAX_HASHED = 2**30  # bytes
MAX_DOCUMENT = 256 * 2**20
MAX_UNPACKED = 2**30
WAITS = (0.01, 0.1, 0.5, 1.0)
"""Seconds after which a file is replaced that another program may be reading."""
MAPPED = 2**20  # bytes of an array that is large enough to be mapped
LARGE = 2**24  # bytes of arrays that are compressed quickly rather than well
R = TypeVar("R", bound=StoredRecord)
Document = dict[str, Any]


class DamagedResultError(UserError):
    """A stored result is not as it was written, or of another version of rnnbench."""


class OtherVersionError(DamagedResultError):
    """A stored result was written by another version of rnnbench."""


class UnwritableError(UserError):
    """A file cannot be written.

    The exit status is 1 if, say, a full disk is to blame, else 2.
    """

    def __init__(self, path: Path, error: OSError):
        place = path
        for folder in path.parents:
            if str(folder) == error.filename:
                place = folder
        super().__init__(f"{place}: cannot be written: {error.strerror or error}")
        self.exit_code = STATUS_OF.get(error.errno or 0, UserError.exit_code)


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that becomes ``path`` if the block raises nothing.

    Missing folders are made. If ``path`` is a link, the link is replaced, not its
    target.
    """
    check_replaceable(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _tidy_once(path.parent.absolute())
        temporary, file = leftovers.open_temporary(path.parent)
        try:
            with file:
                yield file
                file.flush()
                os.fsync(file.fileno())
                if not leftovers.HAS_LOCKS:
                    file.close()  # Windows renames no file that is open
                _replace(path, temporary)  # while it is held: nobody removes it
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise UnwritableError(path, error) from error


def _replace(path: Path, temporary: Path) -> None:
    """Put a file in the place of another.

    On Windows, that is refused while another program, such as a virus scanner, reads
    the old one.
    """
    if not leftovers.HAS_LOCKS:
        for seconds in WAITS:
            with suppress(PermissionError):
                temporary.replace(path)
                return
            time.sleep(seconds)
    temporary.replace(path)


_tidy_once = cache(leftovers.remove_files)  # a folder may have many files


def check_replaceable(path: Path) -> None:
    """Raise ``UnwritableError`` if a folder, a device or a pipe is in the way.

    In ``/dev``, a link such as ``stdout`` leads to whatever the shell has opened.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, "Is a directory")
        if not stat.S_ISREG(mode) or path.absolute().parent == Path(os.devnull).parent:
            raise OSError(errno.EINVAL, "not a regular file")
    except (FileNotFoundError, NotADirectoryError):
        pass  # whether it can be made is seen when it is
    except OSError as error:
        raise UnwritableError(path, error) from error


def check_new(
    file: Path,
    option: str = "",
    ends: Collection[str] = (),
    *,
    overwrite: bool,
    old: str = "it",
) -> None:
    """Raise ``UserError`` if a new file exists, or has none of the allowed ``ends``.

    It is the value of an ``option``. ``old`` is what ``--force`` would overwrite.
    """
    name = f"{option} {file}".lstrip()
    if ends and file.suffix.lower() not in ends:
        raise UserError(f"{name}: got '{file.suffix}' (allowed: {', '.join(ends)})")
    if os.path.exists(file) and not overwrite:  # noqa: PTH110 - any name, however long
        raise UserError(f"{name}: exists already (--force overwrites {old})")


def named_folder(name: str | Path) -> Path:
    """Return the folder that ``out`` names, or raise ``UserError``."""
    if not str(name).strip():  # nothing would be the working folder
        raise UserError("out: names no folder (`.` is the working folder)")
    return Path(name)


def peek(file: Path) -> Document:
    """Return the JSON object in a file, unchecked; an empty one if there is none."""
    try:
        document = json.loads(read_file(file, MAX_DOCUMENT))
    except (OSError, ValueError, RecursionError):
        return {}
    if isinstance(document, dict):
        return document
    return {}


def sweep(folder: Path, *, older_than: float = 0.0) -> None:
    """Remove temporary files that killed processes left in the ``folder`` of a run."""
    for name in ("", *SUBFOLDERS):
        place = folder / name
        for file in place.glob(f"{leftovers.FILE_START}*{leftovers.FILE_END}"):
            with suppress(OSError):
                # A process on another machine may be writing the younger ones.
                is_old = time.time() - file.stat().st_mtime >= older_than
                if is_old and not leftovers.is_in_use(file):
                    file.unlink()


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder for the block, after removing those that killed processes left."""
    leftovers.remove_folders()
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(leftovers.held_folder())
        except OSError as error:
            place = Path(tempfile.tempdir or "the temporary folder")
            raise UnwritableError(place, error) from error
        yield folder


def acquire(lock: FileLock) -> "AcquireReturnProxy[FileLock]":
    """Take a lock, or raise ``Timeout`` if another process holds it, or ``OSError``."""
    try:
        with warnings.catch_warnings(action="ignore"):  # about a file as the lock
            return lock.acquire()
    except (OSError, NotImplementedError) as error:  # depending on the version
        if isinstance(error, OSError) and error.errno not in NO_LOCKS:
            raise
        reason = (
            "its file system cannot lock files (flock); use a folder on another one"
        )
        raise OSError(errno.ENOLCK, reason, lock.lock_file) from error


def read_file(path: Path, limit: int) -> bytes:
    """Return the content of a file; ``open_regular`` says which errors it raises."""
    with open_regular(path, limit) as file:
        size = os.fstat(file.fileno()).st_size
        # The system's own files have size 0.
        content = file.read(min(max(size, 2**20), limit) + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"longer than {limit:,} bytes", str(path))
    return content


def names_file(text: str, folder: Path = Path()) -> bool:
    """Return whether a text is the name of a file in a folder."""
    return os.path.isfile(folder / text)  # noqa: PTH113 - false for impossible names


def open_regular(path: Path, limit: int) -> BufferedReader:
    """Open a file of at most ``limit`` bytes; ``OSError`` for a pipe: it never ends."""
    status = path.stat()
    is_file = stat.S_ISREG(status.st_mode)
    if not is_file and not stat.S_ISDIR(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    if is_file and status.st_size > limit:
        raise OSError(errno.EFBIG, f"longer than {limit:,} bytes", str(path))
    return path.open("rb")  # which fails for a folder


def check_unpacked(archive: ZipFile) -> None:
    """Raise ``ValueError`` if an archive unpacks to more than ``MAX_UNPACKED``."""
    size = sum(member.file_size for member in archive.infolist())
    if size > MAX_UNPACKED:
        raise ValueError(f"it unpacks to {size:,} bytes (allowed: {MAX_UNPACKED:,})")


def write_arrays(
    opened: IO[bytes], arrays: "Mapping[str, Array]", *, compressed: bool = True
) -> None:
    """Write arrays as ``numpy.savez`` does.

    Compressed files are a fifth smaller than those of ``numpy.savez_compressed``.
    ``LARGE`` arrays are compressed as that function does, in less time.
    """
    import numpy as np

    n_bytes = sum(array.nbytes for array in arrays.values())
    if not compressed:
        compression = ZIP_STORED
    elif n_bytes > LARGE:
        compression = ZIP_DEFLATED
    else:
        compression = ZIP_BZIP2
    with ZipFile(opened, "w", compression) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(
                    member, np.asanyarray(array), allow_pickle=False
                )


def read_array(file: IO[bytes], size: int, most_rows: int) -> "Array":
    """Return the array in a NumPy file, or a member of an archive, of ``size`` bytes.

    ``ValueError``: it declares another size, more rows than ``most_rows``, or values
    other than numbers and texts. NumPy alone would make room for any size that an array
    declares.
    """
    import numpy as np  # commands without arrays do not need it

    start = file.tell()
    shape, kind = _header_of_array(file)
    header_size = file.tell() - start
    declared = header_size + math.prod(shape) * kind.itemsize
    if declared != size:
        raise ValueError(f"it declares {declared:,} bytes, but has {size:,}")
    if math.prod(shape[:1]) > most_rows:
        raise ValueError(f"{shape[0]:,} rows (allowed: {most_rows:,})")
    file.seek(start)
    array: Array = np.lib.format.read_array(file, allow_pickle=False)
    if kind.kind == "U":
        characters = array.ravel().view(np.dtype("u4").newbyteorder(kind.byteorder))
        if characters.max(initial=0) > sys.maxunicode:
            raise ValueError("its texts have characters that do not exist")
    return array


def _header_of_array(file: IO[bytes]) -> "tuple[tuple[int, ...], np.dtype[Any]]":
    """Return the shape and the type of an array, or raise ``ValueError``."""
    import numpy as np

    versions = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    version = np.lib.format.read_magic(file)
    if version not in versions:
        raise ValueError(
            f"format {version} of NumPy (allowed: {', '.join(map(str, versions))})"
        )
    shape, _, kind = versions[version](file)
    if kind.hasobject or not kind.itemsize:
        raise ValueError(f"values of type {kind} (allowed: numbers and texts)")
    return shape, kind


def mapped_arrays(path: Path) -> "dict[str, Array]":
    """Return the arrays that ``numpy.savez`` has put into a file.

    Large ones are mapped: what is read of them is in memory once for all processes.
    """
    import numpy as np

    arrays = {}
    with path.open("rb") as file, ZipFile(file) as archive:
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            if member.file_size >= MAPPED and member.compress_type == ZIP_STORED:
                # The local header of a member ends in its name and an extra field.
                file.seek(member.header_offset + 26)
                file.seek(sum(struct.unpack("<HH", file.read(4))), os.SEEK_CUR)
                shape, kind = _header_of_array(file)
                if len(shape) == 1:
                    mapped = np.memmap(file, kind, "r", file.tell(), shape)
                    arrays[name] = np.asarray(mapped)
                    continue
            with archive.open(member) as opened:
                arrays[name] = np.lib.format.read_array(opened, allow_pickle=False)
    return arrays


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8; see ``atomic_write``."""
    with atomic_write(path) as file:
        file.write(text.encode())


def canonical_json(value: object) -> bytes:
    """Return the one JSON spelling of ``value``, of which fingerprints are made."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode()


def sha256_json(value: object) -> str:
    """Return the SHA-256 of the canonical JSON of ``value``, in hexadecimal."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def sha256_text(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


@runtime_checkable
class Blocks(Protocol):
    """An array too large for the memory, of which ``blocks`` gives rows at a time."""

    dtype: "np.dtype[Any]"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""

    def blocks(self) -> "Iterator[Array]":
        """Yield the array, some rows at a time."""


def sha256_content(array: "Array") -> bytes:
    """Return the sha256 of the content of an array, 32 bytes."""
    return hashlib.sha256(array.tobytes()).digest()


def sha256_arrays(
    arrays: "Mapping[str, Array | Blocks]", values: Mapping[str, object]
) -> str:
    """Return the sha256 of named arrays (type, shape, bytes) and of values as JSON."""
    import numpy as np

    digest = hashlib.sha256(canonical_json(values))
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        match array:
            case Blocks():
                blocks = array.blocks()
            case _:
                blocks = iter([array])
        for block in blocks:
            digest.update(np.ascontiguousarray(block).ravel().view(np.uint8).data)
    return digest.hexdigest()


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of the content of ``path``, in hexadecimal."""
    with open_regular(path, MAX_HASHED) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_document(
    path: Path, record: StoredRecord | Document, **beside: object
) -> None:
    """Write what ``spell_document`` returns."""
    write_text(path, spell_document(record, beside))


def spell_document(
    record: StoredRecord | Document, beside: Mapping[str, object]
) -> str:
    """Return a record, what stands beside its keys, and a checksum of both, as JSON."""
    if isinstance(record, StoredRecord):
        document = json.loads(record.model_dump_json())
    else:
        document = dict(record)
    document |= beside
    document["checksum"] = sha256_json(document)
    return json.dumps(document, indent=1) + "\n"


def read_record(path: Path, kind: type[R], *beside: str) -> tuple[R, Document]:
    """Return the record that ``write_document`` wrote, and what is ``beside`` it.

    A schema version that ``kind`` does not read raises ``OtherVersionError``.
    """
    unusable = f"unusable result: {path}"
    version = kind.model_fields["schema_version"].default
    stored_version = version
    is_whole = False
    try:
        document: Document = json.loads(read_file(path, MAX_DOCUMENT).decode())
        stored_version = document.get("schema_version")
        checksum = document.pop("checksum", None)
        is_whole = checksum == sha256_json(document)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DamagedResultError(f"{unusable}: {error.strerror}") from error
    except (ValueError, AttributeError, TypeError, RecursionError):
        stored_version = version
    if stored_version not in (version, *kind.older_versions):
        hint = "run the benchmark again"
        if isinstance(stored_version, int) and stored_version > version:
            hint = "update rnnbench"
        versions = f"{stored_version}, but this rnnbench reads version {version}"
        raise OtherVersionError(f"{unusable}: it has schema version {versions}; {hint}")
    if not is_whole:
        hint = "running the benchmark again replaces it"
        raise DamagedResultError(f"{unusable}: it is not as it was written ({hint})")
    document["schema_version"] = version
    others = {name: document.pop(name) for name in beside if name in document}
    try:
        return kind.model_validate(document), others
    except ValidationError as error:
        raise DamagedResultError(f"{unusable}: {first_fault(error)}") from error


def check_file(file: Path, sha256: str | None, document: Path) -> None:
    """Raise ``DamagedResultError`` if a file has not the checksum in a document."""
    unusable = f"unusable result: {file}"
    try:
        is_same = sha256_file(file) == sha256
    except OSError as error:
        raise DamagedResultError(f"{unusable}: {error.strerror}") from error
    if not is_same:
        raise DamagedResultError(f"{unusable}: changed since {document} was stored")
