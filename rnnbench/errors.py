"""Errors that end a command with a message instead of a traceback.

``raise UserError(f"jobs: got {jobs} (should be 1 or more)")`` ends with status 2.
"""

import difflib
import errno
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from signal import SIGINT, SIGTERM, Signals
from typing import TYPE_CHECKING

from rnnbench.text import listed

if TYPE_CHECKING:
    from pydantic import ValidationError

# A disk is full or broken.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_SHORTAGES = (
    *_FULL,
    errno.EROFS,
    errno.EMFILE,
    errno.ENFILE,
    errno.EAGAIN,
    errno.ENOMEM,
)
_BAD_NAMES = (errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.ELOOP)
STATUS_OF = dict.fromkeys(_SHORTAGES, 1) | dict.fromkeys(_BAD_NAMES, 2)
"""The exit status for each system error that is not a bug in rnnbench, wherever it
occurs."""
_NO_ROOM = "failed to map segment"  # part of a message
_NO_THREAD = "can't start new thread"  # likewise
MAX_LINES = 20  # of a message
MAX_CHARACTERS = 2_000
MAX_NAMES = 100  # that a message says are allowed
HOLDS: list[None] = []  # one for each block whose end a request to end has to wait for
SIGNALS = [SIGINT, SIGTERM]
"""Ctrl-C, and the signals by which schedulers and closed terminals end a command."""
if hasattr(signal, "SIGHUP"):
    SIGNALS.append(signal.SIGHUP)


class RnnbenchError(Exception):
    """An error whose message the command line prints without a traceback."""

    exit_code = 1
    """The exit status of the command: 1 if a run could not be finished."""


class UserError(RnnbenchError):
    """The user's input is wrong; the message says where, and what is allowed."""

    exit_code = 2


class OutOfReachError(RnnbenchError):
    """Something outside, such as a server or a package index, could not be reached."""

    exit_code = 3


def refused(error: BaseException) -> RnnbenchError | None:
    """Return an error that says what the system refused, if it refused something."""
    if _is_lack_of_memory(error):
        how_much = ""
        if isinstance(error, MemoryError) and str(error):
            how_much = f" ({error})"
        advice = "end other programs, or raise the limit (ulimit -v)"
        return RnnbenchError(f"out of memory{how_much}: {advice}")
    if _NO_THREAD in str(error):
        return RnnbenchError(
            "no thread can be started: raise the limits (ulimit -u, ulimit -v)"
        )
    if not isinstance(error, OSError):
        return None
    if error.errno == errno.ENOENT and not error.filename:
        # Only the working folder has no name.
        return UserError("the working folder was removed; change to another one (cd)")
    if error.errno not in STATUS_OF:
        return None
    refusal = RnnbenchError(f"{error.filename or 'the system'}: {error.strerror}")
    refusal.exit_code = STATUS_OF[error.errno]
    return refusal


def _is_lack_of_memory(error: BaseException | None) -> bool:
    """Return whether memory ran out, even if a library says that it is broken."""
    if error is None:
        return False
    if isinstance(error, MemoryError) or _NO_ROOM in str(error):
        return True
    return _is_lack_of_memory(error.__cause__ or error.__context__)


class Interruption(KeyboardInterrupt):
    """Ctrl-C, or another signal that asks the command to end.

    The exit status is the number of the signal, and 128.
    """

    def __init__(self, message: str = "", signal: int = SIGINT):
        if not message and signal == SIGINT:
            message = "Interrupted."
        elif not message:
            message = f"Ended by {Signals(signal).name}."
        super().__init__(message)
        self.signal = signal


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Have a request to end the command wait until a block is done."""
    HOLDS.append(None)
    try:
        yield
    finally:
        HOLDS.pop()


def leave_signals_to_main_thread() -> None:
    """Have the thread that calls this hear none of the signals that end a command."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def signal_of(interruption: BaseException | None) -> int:
    """Return the number of the signal that ended the command."""
    if isinstance(interruption, Interruption):
        return interruption.signal
    return SIGINT


def ending_of(error: BaseException) -> tuple[str, int] | None:
    """Return the message and the exit status that end a command; ``None`` for bugs."""
    match error:
        case KeyboardInterrupt():
            return str(error) or "Interrupted.", 128 + signal_of(error)
        case OSError() if error.errno in _FULL and not error.filename:
            # Errors about files name them, so this one is about standard output.
            return f"standard output cannot be written: {error.strerror}", 1
        case RnnbenchError():
            return str(error), error.exit_code
    refusal = refused(error)
    if refusal is None:
        return None
    return str(refusal), refusal.exit_code


def shortened(text: str, length: int) -> str:
    """Return a text of at most ``length`` characters; dots stand for the rest."""
    if len(text) <= length:
        return text
    return f"{text[: length - 3]}..."


def brief(message: str) -> str:
    """Return a message without its middle, if it is too long.

    A message may list names from a file, and its end says what to do.
    """
    lines = message.splitlines(keepends=True)
    if len(lines) > MAX_LINES:
        n_last = 4
        n_first = MAX_LINES - n_last - 1
        hidden = len(lines) - n_first - n_last
        message = "".join(
            [*lines[:n_first], f"... {hidden:,} lines ...\n", *lines[-n_last:]]
        )
    if len(message) > MAX_CHARACTERS:
        room = MAX_CHARACTERS - len(f" ... {len(message):,} characters ... ")
        n_last = room // 4
        n_first = room - n_last
        hidden = len(message) - n_first - n_last
        message = (
            f"{message[:n_first]} ... {hidden:,} characters ... {message[-n_last:]}"
        )
    return message


def first_fault(error: "ValidationError") -> str:
    """Return the first fault of a value that is no record: its place, and why."""
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    if not place:
        return first["msg"]
    return f"{place}: {first['msg']}"


def did_you_mean(wrong: str, allowed: Iterable[str]) -> str:
    """Return the end of a message: the allowed names, and the nearest to ``wrong``."""
    names = list(allowed)
    hint = f"allowed: {listed(names, MAX_NAMES) or 'none'}"
    meant = nearest(wrong, names)
    if not meant:
        return hint
    return f"{hint}; did you mean '{meant}'?"


def nearest(wrong: str, allowed: Iterable[str]) -> str | None:
    """Return the allowed name that is spelled almost like ``wrong``, if any."""
    by_lower_case = {name.lower(): name for name in allowed}
    matches = difflib.get_close_matches(wrong[:100].lower(), by_lower_case, n=1)
    if not matches:
        return None
    return by_lower_case[matches[0]]
