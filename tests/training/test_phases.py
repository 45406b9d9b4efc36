"""Phases are told to whoever listens, and to nobody else."""

from rnnbench.training.phases import begin, told_to


def test_phases_are_told_in_a_block_and_not_after_it():
    told, inner = [], []

    begin("before")
    with told_to(told.append):
        begin("compiling")
        with told_to(inner.append):
            begin("inside")
        begin("testing")
    begin("after")

    assert told == ["compiling", "testing"]
    assert inner == ["inside"]
