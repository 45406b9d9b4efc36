"""TensorFlow's messages are hidden, unless something fails."""

import importlib
import os
import sys

import pytest

from rnnbench.models.quiet import TENSORFLOW_VARIABLES, quiet_tensorflow, without


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name in TENSORFLOW_VARIABLES:
        monkeypatch.setenv(name, "0")


def say(message):
    os.write(2, message.encode())


def test_messages_and_prints_are_hidden_and_tensorflow_is_asked_to_be_quiet_and_fast(
    capfd,
):
    with quiet_tensorflow():
        say("chatter")
        print("noise")  # noqa: T201
        asked = [os.environ[name] for name in TENSORFLOW_VARIABLES]
    say("ours")

    assert capfd.readouterr() == ("", "ours")
    assert asked == ["3", "-1", "1"], "no messages, no GPU, oneDNN"


def test_all_of_it_is_shown_when_something_fails(capfd):
    with pytest.raises(ImportError, match="no TensorFlow"), quiet_tensorflow():  # noqa: PT012
        say("a hint, ")
        print("half a character: \ud800")  # noqa: T201
        raise ImportError("no TensorFlow")
    say("ours")

    assert capfd.readouterr() == ("", "a hint, half a character: \\ud800\nours")


def test_packages_are_hidden_in_the_block_alone(monkeypatch):
    monkeypatch.delitem(sys.modules, "this", raising=False)
    with without(["this", "os"]):
        with pytest.raises(ImportError):
            importlib.import_module("this")
        importlib.import_module("os")  # has been imported before
    assert "this" not in sys.modules
