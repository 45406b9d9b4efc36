"""The entry point of ``rnnbench`` and ``python -m rnnbench``.

Signal handlers are installed before the commands are imported, because a signal may
arrive during the imports. SIGTERM and SIGHUP end a command as Ctrl-C does: the first
signal raises an ``Interruption``, after which a run summarizes what is finished; a
later one ends that, too.
"""

import errno
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from importlib.machinery import ExtensionFileLoader
from pathlib import Path
from types import FrameType

from rnnbench.errors import HOLDS, SIGNALS, Interruption, brief, ending_of, signal_of
from rnnbench.text import replace_unencodable

CAN_WAIT = hasattr(signal, "SIGALRM")  # which interrupts a moment later
TOGETHER = 1.0
"""Seconds in which signals count as one: shells and schedulers repeat them."""
_heard: list[float] = []  # when signals ended the command
_raised: list[BaseException] = []
"""The interruptions so far. As classes are made, Python 3.11 and pydantic make errors
of them."""


def main() -> None:
    """Run the command line; a request to end is treated like Ctrl-C."""
    _replace_closed_streams()
    _forget_a_width_of_zero()
    replace_unencodable(sys.stdout)  # a • would end the help with an error
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup wants it
            signal.signal(number, _interrupt)
    sys.unraisablehook = _raise_again
    try:
        status = _run()
        for number in SIGNALS:  # all is done
            signal.signal(number, signal.SIG_IGN)
        if CAN_WAIT:
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
    except KeyboardInterrupt as late:
        status = 128 + signal_of(late)
    try:
        sys.stdout.flush()
    except OSError as error:
        # A reader such as `head` closes the pipe when it has read enough.
        has_reader = error.errno != errno.EPIPE
        if has_reader and not status:
            _say(f"standard output cannot be written: {error.strerror}")
        status = status or 1
        nowhere = os.open(os.devnull, os.O_WRONLY)  # for the flush at exit
        os.dup2(nowhere, sys.stdout.fileno())
    if any(thread.name.startswith("tracker ") for thread in threading.enumerate()):
        # It hangs, as would an ordinary exit.
        sys.stderr.flush()
        os._exit(status if isinstance(status, int) else bool(status))
    sys.exit(status)


def _replace_closed_streams() -> None:
    """Have closed streams (``>&-``) lead nowhere, lest new files take their places."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # It stays open for as long as this process lives.
            nowhere = Path(os.devnull).open(mode)  # noqa: SIM115
            os.set_inheritable(nowhere.fileno(), True)
            setattr(sys, name, nowhere)


def _forget_a_width_of_zero() -> None:
    """Treat ``COLUMNS=0``, which some terminals set, as if the width were not known."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) == 0:
        del os.environ["COLUMNS"]


def _run() -> str | int | None:
    try:
        from rnnbench.cli.app import app

        app()
    except SystemExit as exit_:
        return exit_.code
    except BaseException as error:
        ending = ending_of(error)
        if ending is None and _raised:
            ending = ending_of(_raised[-1])
        if ending is None:
            raise
        message, status = ending
        _say(message)
        return status
    return 0


def _say(message: str) -> None:
    with suppress(OSError):  # of a terminal that has been closed
        sys.stderr.write(f"{brief(message)}\n")


def _interrupt(number: int, frame: FrameType | None) -> None:
    """End the command; signals that come together are one.

    A later one ends it at once.
    """
    now = time.monotonic()
    if not _heard or now - _heard[0] > TOGETHER:
        _heard.append(now)
        _raise_where_it_is_heard(Interruption(signal=number), frame)


def _raise_where_it_is_heard(
    interruption: BaseException, frame: FrameType | None
) -> None:
    """Raise it now, or a moment later if something would be left half done."""
    if CAN_WAIT and (HOLDS or _is_in_extension(frame)):
        _raise_later(interruption)
    else:
        _raised.append(interruption)
        raise interruption


def _is_in_extension(frame: FrameType | None) -> bool:
    """Return whether a module in C is being imported.

    It makes an ``ImportError`` of any other error.
    """
    while frame is not None:
        if isinstance(frame.f_locals.get("self"), ExtensionFileLoader):
            return True
        frame = frame.f_back
    return False


def _raise_later(interruption: BaseException) -> None:
    def raise_it(_: int, frame: FrameType | None) -> None:
        _raise_where_it_is_heard(interruption, frame)

    signal.signal(signal.SIGALRM, raise_it)
    signal.setitimer(signal.ITIMER_REAL, 0.01)


def _raise_again(lost: "sys.UnraisableHookArgs") -> None:
    """Raise an interruption again if Python dropped it, as it does in ``__del__``."""
    if CAN_WAIT and isinstance(lost.exc_value, KeyboardInterrupt):
        _raise_later(lost.exc_value)
    else:
        sys.__unraisablehook__(lost)


if __name__ == "__main__":
    main()
