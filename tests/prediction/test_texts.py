import io
import sys
from pathlib import Path

import pytest

from rnnbench.errors import UserError
from rnnbench.prediction.texts import MAX_TEXT, read_texts


@pytest.mark.parametrize("typed", [[], [""], ["net profit", " "], ["-"]])
@pytest.mark.parametrize("stdin", [io.TextIOWrapper(io.BytesIO()), None], ids=["empty", "closed"])
def test_a_missing_or_blank_text_is_refused(monkeypatch, typed, stdin):
    monkeypatch.setattr(sys, "stdin", stdin)

    with pytest.raises(UserError, match=r"a text is missing \(should be TEXT, --file FILE, or - "):
        read_texts(typed, [])


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    for file, reason in ((Path("nowhere.txt"), "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(UserError, match=f"^{file}: cannot be read: {reason}"):
            read_texts([], [file])


def test_a_file_need_not_be_utf_8(tmp_path):
    file = tmp_path / "newswire.txt"
    file.write_bytes(b"Net profit \xff rose")

    assert read_texts(["first"], [file]) == ["first", "Net profit \ufffd rose"]


def test_a_text_that_is_too_long_is_not_read(tmp_path):
    file = tmp_path / "long.txt"
    file.write_text("x" * (MAX_TEXT + 1))

    with pytest.raises(UserError, match=r"long.txt: too long for a newswire \(allowed: 1,000,000 "):
        read_texts([], [file])
