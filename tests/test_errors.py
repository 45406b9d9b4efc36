"""Errors that end a command, and the hints in their messages."""

import errno

import pytest

from rnnbench.errors import refused


@pytest.mark.parametrize(
    ("error", "message", "exit_code"),
    [
        (MemoryError(), "out of memory: end other programs, or", 1),
        (MemoryError("Unable to allocate 3 TiB"), "out of memory (Unable to allocate 3 TiB): ", 1),
        (ImportError("x.so: failed to map segment from shared object"), "out of memory: ", 1),
        (RuntimeError("can't start new thread"), "no thread can be started: raise the limits", 1),
        (OSError(errno.ENOSPC, "No space left", "a/b"), "a/b: No space left", 1),
        (OSError(errno.EMFILE, "Too many open files"), "the system: Too many open files", 1),
        (OSError(errno.EACCES, "Permission denied", "a/b"), "a/b: Permission denied", 2),
        (OSError(errno.ENOENT, "No such file"), "the working folder was removed; change to ", 2),
    ],
)
def test_what_the_system_refuses_is_reported_in_a_sentence(error, message, exit_code):
    found = refused(error)

    assert str(found).startswith(message)
    assert found.exit_code == exit_code
    broken = ImportError("the install seems to be broken")
    broken.__cause__ = MemoryError()
    assert str(refused(broken)).startswith("out of memory: "), "behind the error of a library"
    for bug in (ValueError("x"), ImportError("x"), OSError(errno.ENOENT, "No such file", "a/b")):
        assert refused(bug) is None
