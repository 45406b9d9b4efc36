"""The lock of a results folder, between real processes."""

import errno
import os
import subprocess
import sys
from unittest.mock import Mock

import pytest

from rnnbench.errors import UserError
from rnnbench.results.store import HOLDER, lock_folder

HELD = '{"pid": 1, "host": "here", "since": "now", "command": "rnnbench run it"}'
HOLD = """
import sys, time
from pathlib import Path
from rnnbench.results.store import lock_folder
with lock_folder(Path(sys.argv[1]), "rnnbench run it"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "run"


@pytest.fixture
def other(folder):
    """Another process that holds the lock of a folder until it is killed."""
    command = [sys.executable, "-c", HOLD, folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def lock_once(folder):
    with lock_folder(folder, "rnnbench report it"):
        pass


def test_a_holder_that_has_not_said_who_it_is_is_respected_until_it_dies(other, folder):
    for content in ("", "{}", '{"pid": "../x"}'):
        (folder / HOLDER).write_text(content)
        with pytest.raises(
            UserError, match=r"another process is writing .*: it is not known"
        ):
            lock_once(folder)

    (folder / HOLDER).write_text(HELD)
    other.kill()
    other.wait()
    with lock_folder(folder, "mine"):
        assert f'"pid": {os.getpid()}' in (folder / HOLDER).read_text()


def test_two_runs_of_one_process_exclude_each_other_until_one_ends_however(folder):
    said = f"^{folder}: another process is writing there: process {os.getpid()} on .*: first\nWait"
    with lock_folder(folder, "first"), pytest.raises(UserError, match=said):
        lock_once(folder)
    with pytest.raises(KeyboardInterrupt), lock_folder(folder, "first"):
        raise KeyboardInterrupt
    lock_once(folder)
    assert not (folder / HOLDER).exists()


@pytest.fixture
def fail_to_lock(monkeypatch):
    """Has the system refuse locks with an error number."""

    def fail(number):
        refusal = Mock(side_effect=OSError(number, "no locks"))
        monkeypatch.setattr("fcntl.flock", refusal)

    return fail


def test_a_file_takes_the_place_of_locks_where_the_system_has_none(
    folder, fail_to_lock, recwarn
):
    fail_to_lock(errno.ENOSYS)

    holder = f"process {os.getpid()} on"
    with lock_folder(folder, "first"), pytest.raises(UserError, match=holder):
        lock_once(folder)

    lock_once(folder)
    assert not recwarn.list


def test_a_folder_is_not_used_where_locks_fail(folder, fail_to_lock):
    fail_to_lock(errno.ENOLCK)

    fault = f"^{folder}: cannot be written: its file system cannot lo"
    with pytest.raises(UserError, match=fault):
        lock_once(folder)


@pytest.mark.parametrize(
    ("in_the_way", "fault"),
    [
        ("run", "is a file, not a folder"),
        ("run/.lock", "cannot be written"),
        ("run/.lock.json", "cannot be written"),
    ],
)
def test_a_folder_that_cannot_be_written_to_is_refused(folder, in_the_way, fault):
    path = folder.parent / in_the_way
    place = folder
    if path == folder:
        path.touch()
    else:
        path.mkdir(parents=True)
    if path.name == ".lock.json":
        place = path

    for _ in range(2):
        with pytest.raises(UserError, match=f"^{place}: {fault}"):
            lock_once(folder)
