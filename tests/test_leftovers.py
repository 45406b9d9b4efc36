"""What killed processes left is removed, and nothing else is."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from rnnbench import leftovers
from rnnbench.storage import atomic_write, write_text

WRITER = """
import sys, time
from pathlib import Path
from rnnbench.storage import atomic_write
with atomic_write(Path(sys.argv[1], "answers.csv")) as file:
    file.write(b"half")
    file.flush()
    print("ready", flush=True)
    time.sleep(60)
"""
HOLDER = """
import time
from rnnbench.storage import temporary_folder
with temporary_folder() as folder:
    (folder / "worker.log").touch()
    print("ready", flush=True)
    time.sleep(60)
"""


@contextmanager
def running(program, folder):
    """Run a program until it has made what it leaves if it is killed, as it is after
    the block.
    """
    command = [sys.executable, "-c", program, str(folder)]
    environment = os.environ | {"TMPDIR": str(folder)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout.readline() == b"ready\n"
        try:
            yield
        finally:
            process.send_signal(signal.SIGKILL)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_half_written_file_of_a_killed_process_is_removed_by_the_next_one(tmp_path):
    with running(WRITER, tmp_path):
        pass
    assert len(names_in(tmp_path)) == 1

    write_text(tmp_path / "other.csv", "whole")

    assert names_in(tmp_path) == ["other.csv"]


def test_a_file_that_a_living_process_writes_stays(tmp_path):
    with running(WRITER, tmp_path):
        before = names_in(tmp_path)
        leftovers.remove_files(tmp_path)

        assert names_in(tmp_path) == before


def next_command(folder):
    """Run a command that needs no temporary folder."""
    environment = os.environ | {"TMPDIR": str(folder)}
    command = [sys.executable, "-m", "rnnbench", "config", "list"]
    subprocess.run(command, env=environment, check=True, capture_output=True)


def test_the_folder_of_a_killed_process_is_removed_by_the_next_command(tmp_path):
    with running(HOLDER, tmp_path):
        pass
    assert len(names_in(tmp_path)) == 1

    next_command(tmp_path)

    assert names_in(tmp_path) == []


def test_the_folder_of_a_living_process_stays(tmp_path):
    with running(HOLDER, tmp_path):
        before = names_in(tmp_path)
        next_command(tmp_path)

        assert names_in(tmp_path) == before


OTHER_NAMES = [
    ".rnnbench-mine.tmp",
    ".rnnbench-00000000-0123456789abcdef.tmp",
    "rnnbench-notes",
]


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_files_with_other_names_stay(tmp_path, name):
    (tmp_path / name).write_text("mine")

    leftovers.remove_files(tmp_path)

    assert (tmp_path / name).read_text() == "mine"


def test_a_link_with_a_name_of_ours_stays(tmp_path):
    link = tmp_path / f".rnnbench-{leftovers.HOST}-0123456789abcdef.tmp"
    (tmp_path / "mine.csv").write_text("mine")
    link.symlink_to("mine.csv")

    leftovers.remove_files(tmp_path)

    assert link.is_symlink()


@pytest.mark.parametrize(("age", "is_removed"), [(0, False), (7_200, True)])
def test_a_folder_without_the_file_that_is_held_goes_when_it_is_old(
    tmp_path, monkeypatch, age, is_removed
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = tmp_path / f"{leftovers.FOLDER_START}x"
    folder.mkdir()
    long_ago = time.time() - age
    os.utime(folder, (long_ago, long_ago))

    leftovers.remove_folders()

    assert folder.exists() != is_removed


def test_a_file_is_closed_before_it_is_renamed_where_there_are_no_locks(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("rnnbench.leftovers.HAS_LOCKS", False)
    rename = Path.replace
    closed = []

    def renaming(path, new):
        closed.append(file.closed)
        return rename(path, new)

    monkeypatch.setattr("pathlib.Path.replace", renaming)

    with atomic_write(tmp_path / "answers.csv") as file:
        file.write(b"whole")

    assert closed == [True], "Windows renames no file that is open"


def test_a_folder_is_removed_after_its_marker_is_closed_where_there_are_no_locks(
    monkeypatch,
):
    monkeypatch.setattr("rnnbench.leftovers.HAS_LOCKS", False)
    opened, closed = Path.open, []

    def opening(path, *mode):
        file = opened(path, *mode)
        if path.name == leftovers.HELD:
            remove = tempfile.TemporaryDirectory.cleanup

            def removing(folder):
                closed.append(file.closed)
                remove(folder)

            monkeypatch.setattr("tempfile.TemporaryDirectory.cleanup", removing)
        return file

    monkeypatch.setattr("pathlib.Path.open", opening)

    with leftovers.held_folder():
        pass

    assert closed == [True], "Windows removes no file that is open"
