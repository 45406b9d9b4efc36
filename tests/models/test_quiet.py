"""TensorFlow's messages are hidden, unless something fails."""

import os

import pytest

from rnnbench.models.quiet import quiet_tensorflow


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name in ("TF_CPP_MIN_LOG_LEVEL", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.setenv(name, "0")


def say(message):
    os.write(2, message.encode())


def test_messages_and_prints_are_hidden_and_tensorflow_is_asked_to_be_quiet(capfd):
    with quiet_tensorflow():
        say("chatter")
        print("noise")  # noqa: T201
        asked = os.environ["TF_CPP_MIN_LOG_LEVEL"], os.environ["CUDA_VISIBLE_DEVICES"]
    say("ours")

    assert capfd.readouterr() == ("", "ours")
    assert asked == ("3", "-1"), "it leaves GPUs alone"


def test_all_of_it_is_shown_when_something_fails(capfd):
    def fail():
        with quiet_tensorflow():
            say("a hint, ")
            print("half a character: \ud800")  # noqa: T201
            raise ImportError("no TensorFlow")

    with pytest.raises(ImportError, match="no TensorFlow"):
        fail()
    say("ours")

    assert capfd.readouterr() == ("", "a hint, half a character: \\ud800\nours")
