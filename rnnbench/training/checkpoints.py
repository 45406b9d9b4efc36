"""The state of a long training in a file, so that it can continue if it is killed.

Engines use it by ``Epochs``, and ``keep_checkpoint`` says where the file is::

    checkpoint = Checkpoint(file, identity)
    arrays = checkpoint.load()  # empty if there is no file of this training
    if checkpoint.is_due:
        checkpoint.save({"weights": weights})
"""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias
from zipfile import ZIP_STORED, BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from rnnbench.errors import RnnbenchError
from rnnbench.storage import UnwritableError, atomic_write, read_array, write_arrays

log = logging.getLogger(__name__)

SECONDS = 600.0  # between two checkpoints
IDENTITY = "identity"
MOST_ROWS = 2**40  # an array is no larger than its file
DAMAGES = (
    *(OSError, ValueError, KeyError, TypeError),
    *(EOFError, RuntimeError, BadZipFile),
)
State: TypeAlias = Mapping[str, NDArray[np.generic]]


@dataclass
class Checkpoint:
    """The file for the state of one training.

    Attributes:
        file: where it is; ``None`` if nothing is to be written.
        identity: of the training and the processor, 64 hexadecimal digits. A file with
            another one is not used.
        latest: when the training began, or the last state was written, in seconds.
    """

    file: Path | None = None
    identity: str = ""
    latest: float = field(default_factory=time.monotonic)

    @property
    def is_due(self) -> bool:
        """Whether so much time has passed that the state should be written."""
        return self.file is not None and time.monotonic() - self.latest >= SECONDS

    def save(self, state: State) -> None:
        """Write a state in place of the last one.

        If that is not possible, say on a full disk, the training need not end.
        """
        assert self.file is not None  # noqa: S101 - see ``is_due``
        identity = np.frombuffer(self.identity.encode(), np.uint8)
        arrays = {IDENTITY: identity, **state}
        try:
            with atomic_write(self.file) as opened:
                write_arrays(opened, arrays, compressed=False)
        except UnwritableError as error:
            log.warning("%s; the training goes on", error)
        self.latest = time.monotonic()

    def load(self) -> State:
        """Return the last state of this training; empty if there is none.

        ``RnnbenchError`` is raised if the file is damaged.
        """
        if self.file is None or not self.file.is_file():
            return {}
        with self.blamed(), ZipFile(self.file) as archive:
            if _read(archive, IDENTITY).tobytes() != self.identity.encode():
                return {}
            state = {}
            for member in archive.namelist():
                name = member.removesuffix(".npy")
                state[name] = _read(archive, name)
            return state

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Have errors in reading the file, or its state, say that it is damaged."""
        try:
            yield
        except DAMAGES as error:
            raise RnnbenchError(
                f"{self.file}: the checkpoint is damaged ({error}); delete it, and run"
                " the benchmark again"
            ) from error


def _read(archive: ZipFile, name: str) -> NDArray[np.generic]:
    """Return an array of an archive; not compressed, it is no larger than the file."""
    member = archive.getinfo(f"{name}.npy")
    if member.compress_type != ZIP_STORED:
        raise ValueError(f"{name} is compressed")
    with archive.open(member) as opened:
        return read_array(opened, member.file_size, MOST_ROWS)
