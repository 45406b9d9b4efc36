"""Phases are told to whoever listens, and to nobody else."""

from rnnbench.training.phases import begin, report_phases_to


def test_phases_are_told_in_a_block_and_not_after_it():
    told, inner = [], []

    begin("before")
    with report_phases_to(told.append):
        begin("compiling")
        with report_phases_to(inner.append):
            begin("inside")
        begin("testing")
    begin("after")

    assert told == ["compiling", "testing"]
    assert inner == ["inside"]
