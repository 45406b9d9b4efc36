"""A terminal for a command: what goes to standard error is shown on it."""

import fcntl
import os
import re
import struct
import subprocess
import termios

CONTROL = re.compile(r"\x1b\[[\d;?]*[A-Za-z]|\r")
"""The sequences that move the cursor, erase or colour."""


def run_in_terminal(command, width, environment):
    """Return standard output of a command, and all lines that it drew on a terminal."""
    size = {"COLUMNS", "LINES"}  # pytest-xdist sets them
    environment = {
        name: value for name, value in environment.items() if name not in size
    }
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=theirs, text=True
    ) as running:
        os.close(theirs)
        shown = b""
        while part := _read(ours):
            shown += part
        table, _ = running.communicate()
    os.close(ours)
    assert running.returncode == 0, shown
    return table, [CONTROL.sub("", line) for line in shown.decode().split("\n")]


def _read(descriptor):
    try:
        return os.read(descriptor, 10_000)
    except OSError:  # Linux says so at the end of a terminal
        return b""
