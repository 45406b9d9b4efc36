"""TensorFlow's messages are hidden, unless something fails."""

import importlib
import os
import sys

import pytest

from rnnbench.errors import UserError
from rnnbench.models.quiet import TENSORFLOW_VARIABLES, quiet_tensorflow, without
from rnnbench.training.engines.keras_engine import KerasEngine


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


@pytest.fixture
def no_tensorflow(monkeypatch):
    for name in ("tensorflow", "keras"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.usefixtures("no_tensorflow")
def test_a_block_without_tensorflow_ends_with_a_sentence():

    with pytest.raises(UserError) as caught, quiet_tensorflow():
        importlib.import_module("tensorflow")

    wanted = "this needs tensorflow, keras: pip install tensorflow keras"
    assert str(caught.value) == wanted


@pytest.mark.usefixtures("no_tensorflow")
def test_the_engine_keras_says_what_it_needs():
    wanted = "needs tensorflow, keras: pip install tensorflow keras"
    assert KerasEngine().why_not() == wanted
