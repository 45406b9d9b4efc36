"""How far a run has come, and how long it still takes."""

from dataclasses import replace
from math import nan

import pytest
from factories import trial
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.runner.events import EpochEnded, Failed, Finished, PhaseBegan, Planned
from rnnbench.terminal.progress import RunProgress
from rnnbench.training.epochs import TRAINING


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two trials of one model, of 200 epochs."""
    made = trial(tmp_path_factory.mktemp("two"), training={"epochs": 200})
    return [replace(made, seed=seed) for seed in (0, 1)]


@pytest.fixture
def baselines(tmp_path):
    made = trial(tmp_path, models={"svm": {"baseline": "tfidf_linear_svm"}})
    return [replace(made, name=name) for name in "abc"]


def after(*events):
    """The state after events, each with its time."""
    run = RunProgress()
    for now, event in events:
        run.note(event, now)
    return run


def epoch(one, number):
    return EpochEnded(one, number, 0.5, 0.5)


def test_the_epochs_of_a_large_model_are_more_of_the_work(two, baselines):
    large, small = (replace(two[0], name=f"of {work}", work=work) for work in (9, 1))
    run = RunProgress()

    run.note(Planned([large, small, *baselines], []), 0)
    run.note(epoch(large, 1), 0)

    assert run.work() == (9, 2000)


@given(epochs=st.lists(st.integers(0, 200)))
def test_the_epochs_that_a_failed_trial_lacks_are_not_planned(two, epochs):
    run = RunProgress()
    run.note(Planned(two, []), 0)
    for number in epochs:  # they start again if a worker died
        run.note(epoch(two[0], number), 0)

    last = epochs[-1] if epochs else 0
    assert run.work() == (last, 400)
    run.note(Failed(two[0], "no memory"), 0)
    run.note(epoch(two[0], 200), 0)
    assert run.work() == (last, 200 + last)


def test_a_trial_goes_from_phase_to_phase_and_from_epoch_to_epoch(two):
    one = two[0]
    steps = [
        (0, Planned([one], [])),
        (1, PhaseBegan(one, "starting worker")),
        (3, EpochEnded(one, 0, nan, nan)),
        (3, PhaseBegan(one, "compiling")),
        (9, epoch(one, 1)),
        (10, epoch(one, 2)),
        (11, PhaseBegan(one, "testing")),
    ]

    seen = [after(*steps[:n]).running for n in range(2, 8)]

    assert [(run[one].phase, run[one].since, run[one].epoch) for run in seen] == [
        ("starting worker", 1, 0),
        ("starting", 3, 0),
        ("compiling", 3, 0),
        (TRAINING, 9, 1),
        (TRAINING, 9, 2),
        ("testing", 11, 2),
    ]
    assert after(*steps, (12, Finished(one, 0.5, 1.0))).running == {}


def test_a_trial_that_starts_again_begins_with_no_epoch_and_keeps_its_place(two):
    one, other = two
    run = after(
        (0, Planned(two, [])),
        (0, PhaseBegan(one, "starting worker")),
        (0, PhaseBegan(other, "starting worker")),
        (5, epoch(one, 100)),
        (6, PhaseBegan(one, "waiting to be tried again")),
        (7, EpochEnded(one, 0, nan, nan)),
    )

    assert list(run.running) == two
    assert run.running[one].epoch == 0
    assert run.share() == 0


def test_a_trial_that_waits_has_no_worker_until_another_takes_it(two):
    one, worker = two[0], lambda run: run.running[two[0]].worker
    steps = [
        (0, Planned(two, [])),
        (1, EpochEnded(one, 0, nan, nan, "w0")),
        (2, PhaseBegan(one, "waiting to be tried again")),
        (3, PhaseBegan(one, "compiling", "w1")),
    ]

    assert [worker(after(*steps[:n])) for n in (2, 3, 4)] == ["w0", "", "w1"]


def test_a_late_epoch_of_a_trial_that_has_ended_opens_no_row(two):
    run = after(
        (0, Planned(two, [])), (0, PhaseBegan(two[0], TRAINING)), (1, Finished(two[0], 0.5, 1))
    )
    run.note(epoch(two[0], 200), 2)

    assert (run.running, run.ended) == ({}, 1)


def test_the_time_left_is_known_when_an_epoch_was_timed_without_compilation(two):
    one = two[0]
    compiling = [(0, Planned([one], [])), (2, PhaseBegan(one, "compiling")), (30, epoch(one, 1))]

    assert after(*compiling).seconds_left(31) is None
    assert after(*compiling, (31, epoch(one, 2))).seconds_left(31) == pytest.approx(198)
    compiled = after((0, Planned([one], [])), (2, PhaseBegan(one, TRAINING)), (3, epoch(one, 1)))
    assert compiled.seconds_left(3) == pytest.approx(199)
    assert compiled.seconds_left(13) == pytest.approx(189), "it counts down between epochs"
    assert compiled.seconds_left(1_000) is None


def test_trials_side_by_side_share_the_time_and_programs_to_come_are_compiled(two):
    other = replace(two[0], training=two[0].training.model_copy(update={"batch_size": 5}))
    run = after(
        (0, Planned([*two, other], [])),
        (0, PhaseBegan(two[0], "compiling")),
        (0, PhaseBegan(two[1], "compiling")),
        (10, epoch(two[0], 1)),
        (10, epoch(two[1], 1)),
        (109, epoch(two[0], 100)),
        (109, epoch(two[1], 100)),
    )

    training, compilation = 100 + 100 + 200, 10
    assert run.seconds_left(109) == pytest.approx((training + compilation) / 2)


def test_the_last_trial_is_not_divided_among_workers(two):
    small = replace(two[1], work=1)
    large = replace(two[0], work=100)
    run = after(
        (0, Planned([large, small], [])),
        (0, PhaseBegan(large, TRAINING)),
        (0, PhaseBegan(small, TRAINING)),
        (1, epoch(small, 199)),
        (1, epoch(large, 1)),
    )

    assert run.seconds_left(1) == pytest.approx(199)


def test_baselines_alone_are_counted_as_trials(baselines):
    run = after((0, Planned(baselines, [])), (0, PhaseBegan(baselines[0], "fitting")))
    assert run.seconds_left(5) is None

    run.note(Finished(baselines[0], 0.5, 10.0), 10)

    assert run.share() == pytest.approx(1 / 3)
    assert (run.seconds_left(10), run.seconds_left(15)) == (20, 15)
