"""Errors that end a command, and the hints in their messages."""

import errno

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rnnbench.errors import MAX_CHARACTERS, MAX_LINES, brief, refused


@pytest.mark.parametrize(
    ("error", "message", "exit_code"),
    [
        (MemoryError(), "out of memory: end other programs, or", 1),
        (
            MemoryError("Unable to allocate 3 TiB"),
            "out of memory (Unable to allocate 3 TiB): ",
            1,
        ),
        (
            ImportError("x.so: failed to map segment from shared object"),
            "out of memory: ",
            1,
        ),
        (
            RuntimeError("can't start new thread"),
            "no thread can be started: raise the limits",
            1,
        ),
        (OSError(errno.ENOSPC, "No space left", "a/b"), "a/b: No space left", 1),
        (
            OSError(errno.EMFILE, "Too many open files"),
            "the system: Too many open files",
            1,
        ),
        (
            OSError(errno.EACCES, "Permission denied", "a/b"),
            "a/b: Permission denied",
            2,
        ),
        (
            OSError(errno.ENOENT, "No such file"),
            "the working folder was removed; change to ",
            2,
        ),
    ],
)
def test_what_the_system_refuses_is_reported_in_a_sentence(error, message, exit_code):
    refusal = refused(error)

    assert str(refusal).startswith(message)
    assert refusal.exit_code == exit_code


def test_a_lack_of_memory_is_found_behind_the_error_of_a_library():
    broken = ImportError("the install seems to be broken")
    broken.__cause__ = MemoryError()

    assert str(refused(broken)).startswith("out of memory: ")


@pytest.mark.parametrize(
    "bug",
    [
        ValueError("x"),
        ImportError("x"),
        OSError(errno.ENOENT, "No such file", "a/b"),
    ],
)
def test_a_bug_is_nothing_that_the_system_refused(bug):
    assert refused(bug) is None


@given(
    st.lists(st.text(max_size=3).map(lambda text: text * 300), max_size=60).map(
        "\n".join
    )
)
@example("\r" * 100)
def test_a_message_is_brief(message):
    shown = brief(message)

    assert len(shown) <= MAX_CHARACTERS
    assert len(shown.splitlines()) <= MAX_LINES
    assert shown[:10] == message[:10]
    assert brief(shown) == shown


def test_a_brief_message_ends_with_what_to_do():
    lines = [f"line {number} is wrong" for number in range(10**5)]

    shown = brief("\n".join([*lines, "To leave them out, set data.on_bad=skip."]))

    assert shown.startswith("line 0 is wrong\nline 1 is wrong\n")
    assert "\n... 99,982 lines ...\n" in shown
    assert shown.endswith(
        "line 99999 is wrong\nTo leave them out, set data.on_bad=skip."
    )
