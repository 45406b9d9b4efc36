"""Counts, durations and lists in words."""

import doctest

from rnnbench import words


def test_the_examples_in_the_docstrings_are_right():
    outcome = doctest.testmod(words)

    assert outcome.attempted == 5
    assert not outcome.failed
