"""Errors that end a command, and the hints in their messages."""

import pytest

from rnnbench.errors import OutOfReachError, RnnbenchError, UserError, did_you_mean


@pytest.mark.parametrize(
    ("error", "exit_code"), [(RnnbenchError, 1), (UserError, 2), (OutOfReachError, 3)]
)
def test_every_kind_of_error_has_its_exit_code_and_can_be_caught_at_once(error, exit_code):
    with pytest.raises(RnnbenchError, match=r"^no$") as caught:
        raise error("no")
    assert caught.value.exit_code == exit_code


@pytest.mark.parametrize(
    ("wrong", "allowed", "hint"),
    [
        ("lstn", ["gru", "lstm"], "allowed: gru, lstm; did you mean 'lstm'?"),
        ("rn_2", ["rnn", "rnn_2"], "allowed: rnn, rnn_2; did you mean 'rnn_2'?"),
        ("transformer", ["gru", "lstm"], "allowed: gru, lstm"),
        ("x", ["b", "c", "a"], "allowed: b, c, a"),
        ("lstm", [], "allowed: none"),
        ("LSTM", ["gru", "lstm"], "allowed: gru, lstm; did you mean 'lstm'?"),
        ("lstm", ["gru", "LSTM"], "allowed: gru, LSTM; did you mean 'LSTM'?"),
        ("LsTn", ["gru", "Lstm"], "allowed: gru, Lstm; did you mean 'Lstm'?"),
    ],
)
def test_a_wrong_word_is_answered_with_all_words_in_order_and_the_nearest(wrong, allowed, hint):
    assert did_you_mean(wrong, iter(allowed)) == hint
