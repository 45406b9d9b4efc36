"""The entry point of ``rnnbench`` and ``python -m rnnbench``.

Signal handlers are installed before the commands are imported, because a signal may arrive during
the imports. SIGTERM and SIGHUP then end a command as Ctrl-C does.
"""

import os
import signal
import sys
from types import FrameType

from rnnbench.errors import FULL, Interruption, signal_of

ENDING = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
"""The signals by which schedulers and closed terminals end a command."""


def main() -> None:
    """Run the command line; a request to end is treated like Ctrl-C."""
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup wants it
            signal.signal(number, _interrupt)
    try:
        try:
            from rnnbench.cli.app import app

            app()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt as error:
        sys.stderr.write(f"{str(error) or 'Interrupted.'}\n")
        sys.exit(128 + signal_of(error))
    except OSError as error:
        if error.filename or error.errno not in FULL:  # files are named where they are written
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        sys.stderr.write(f"standard output cannot be written: {error.strerror}\n")
        sys.exit(1)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise Interruption(f"Ended by {signal.Signals(number).name}.", number)


if __name__ == "__main__":
    main()
