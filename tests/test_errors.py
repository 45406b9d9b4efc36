"""What ends a command, and the hints in its messages."""

import pytest

from rnnbench.errors import OutOfReachError, RnnbenchError, UserError, did_you_mean


@pytest.mark.parametrize(
    ("error", "exit_code"), [(RnnbenchError, 1), (UserError, 2), (OutOfReachError, 3)]
)
def test_every_kind_of_error_has_its_exit_code(error, exit_code):
    assert error("no").exit_code == exit_code


@pytest.mark.parametrize("error", [UserError, OutOfReachError])
def test_every_error_with_a_message_can_be_caught_at_once(error):
    with pytest.raises(RnnbenchError, match=r"^no$"):
        raise error("no")


def test_a_word_that_is_nearly_right_is_answered_with_the_right_one():
    assert did_you_mean("lstn", ["gru", "lstm"]) == "allowed: gru, lstm; did you mean 'lstm'?"


def test_a_word_that_is_like_none_is_answered_with_all():
    assert did_you_mean("transformer", ["gru", "lstm"]) == "allowed: gru, lstm"


def test_where_no_word_is_right_that_is_said():
    assert did_you_mean("lstm", []) == "allowed: none"


@pytest.mark.parametrize(("wrong", "right"), [("LSTM", "lstm"), ("lstm", "LSTM"), ("LsTn", "Lstm")])
def test_capitals_make_no_word_less_alike(wrong, right):
    assert did_you_mean(wrong, ["gru", right]) == f"allowed: gru, {right}; did you mean '{right}'?"


def test_the_words_keep_their_order():
    assert did_you_mean("x", ["b", "c", "a"]) == "allowed: b, c, a"


def test_the_nearest_word_is_named():
    hint = did_you_mean("stacked_lst", ["lstm", "stacked_gru", "stacked_lstm"])
    assert hint.endswith("did you mean 'stacked_lstm'?")


def test_words_may_come_one_by_one():
    assert did_you_mean("lstn", iter(["gru", "lstm"])) == did_you_mean("lstn", ["gru", "lstm"])
