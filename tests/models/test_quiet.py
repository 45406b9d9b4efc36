"""What TensorFlow says is kept from the user, unless something fails."""

import os

import pytest

from rnnbench.models.quiet import quiet_tensorflow


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name in ("TF_CPP_MIN_LOG_LEVEL", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.setenv(name, "0")


def say(what):
    os.write(2, what.encode())


def test_nothing_that_is_said_reaches_the_user(capfd):
    with quiet_tensorflow():
        say("chatter")
    say("ours")

    assert capfd.readouterr() == ("", "ours")


def test_what_a_users_module_prints_does_not_reach_standard_output(capfd):
    with quiet_tensorflow():
        print("noise")  # noqa: T201

    assert capfd.readouterr() == ("", "")


def test_it_is_shown_when_something_fails(capfd):
    def fail():
        with quiet_tensorflow():
            say("a hint")
            raise ImportError("no TensorFlow")

    with pytest.raises(ImportError, match="no TensorFlow"):
        fail()
    say(", ours")

    assert capfd.readouterr() == ("", "a hint, ours")


def test_what_was_printed_is_shown_then_too_whatever_it_is(capfd):
    def fail():
        with quiet_tensorflow():
            print("half a character: \ud800")  # noqa: T201
            raise ValueError("the true cause")

    with pytest.raises(ValueError, match="the true cause"):
        fail()

    assert capfd.readouterr() == ("", "half a character: \\ud800\n")


def test_tensorflow_is_asked_to_be_quiet_and_to_leave_gpus_alone():
    with quiet_tensorflow():
        asked = os.environ["TF_CPP_MIN_LOG_LEVEL"], os.environ["CUDA_VISIBLE_DEVICES"]

    assert asked == ("3", "-1")
