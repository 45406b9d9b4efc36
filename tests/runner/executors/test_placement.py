"""Which trial runs where: the longest first, one a slot, and again elsewhere after a loss."""

import pytest
from factories import SOFTMAX, trial

from rnnbench.errors import RnnbenchError
from rnnbench.runner.executors import TrialFailure
from rnnbench.runner.executors.dask.placement import Place, Placement


def _trial(folder, units=3, seed=0, epochs=1):
    layers = [{"simple_rnn": {"units": units}}, SOFTMAX]
    return trial(
        folder, seed, models={f"rnn{units}": {"layers": layers}}, training={"epochs": epochs}
    )


@pytest.fixture
def trials(tmp_path):
    return [_trial(tmp_path, seed=seed) for seed in range(4)]


def placement(trials, *places, limit=None):
    made = Placement(trials, limit)
    made.places |= {f"w{number}": place for number, place in enumerate(places)}
    return made


def start_all(made):
    """Start what can be started; return the seeds and the workers of what was."""
    started = []
    while (chosen := made.next()) is not None:
        attempt, address = chosen
        made.running[f"{attempt.trial.seed}"] = chosen
        started.append((attempt.trial.seed, address))
    return started


def test_each_slot_takes_one_trial_in_their_order_on_the_emptiest_worker(trials):
    made = placement(trials, Place("a", 2), Place("b", 1))

    assert start_all(made) == [(0, "w0"), (1, "w0"), (2, "w1")]
    made.finish("2")
    assert start_all(made) == [(3, "w1")]


def test_no_more_than_the_limit_run_side_by_side(trials):
    made = placement(trials, Place("a", 4), limit=2)

    assert len(start_all(made)) == 2


def test_a_worker_goes_on_with_its_program_among_trials_of_one_length(tmp_path):
    long, *short = (
        _trial(tmp_path, units, seed, epochs)
        for units, seed, epochs in ((5, 0, 2), (3, 1, 1), (4, 2, 1), (3, 3, 1), (4, 4, 1))
    )
    made = placement([long, *short], Place("a", 1), Place("b", 1))
    assert start_all(made) == [(0, "w0"), (1, "w1")]

    made.finish("1")

    assert start_all(made) == [(3, "w1")], "not 2, which has another program"


def test_nothing_longer_waits_for_it(tmp_path):
    first, long, short = (
        _trial(tmp_path, units, seed, epochs)
        for units, seed, epochs in ((3, 0, 9), (4, 1, 8), (3, 2, 7))
    )
    made = placement([first, long, short], Place("a", 1))
    start_all(made)
    made.finish("0")

    assert start_all(made) == [(1, "w0")]


def test_a_lost_trial_is_tried_on_another_machine(trials):
    made = placement(trials[:2], Place("a", 1), Place("b", 1), Place("a", 1))
    assert start_all(made) == [(0, "w0"), (1, "w1")]

    assert made.lose("0", "it died") is None

    assert start_all(made) == [], "w2 is the same machine"
    made.finish("1")
    assert start_all(made) == [(0, "w1")]


def test_on_the_only_machine_it_is_tried_there(trials):
    made = placement(trials[:1], Place("a", 1))
    start_all(made)

    made.lose("0", "it died")

    assert start_all(made) == [(0, "w0")]


def test_the_third_time_it_has_a_machine_to_itself_after_all_others(trials):
    made = placement(trials, Place("a", 1), Place("a", 1))
    start_all(made)
    made.lose("0", "it died")
    assert start_all(made) == [(2, "w0")], "0 waits for another worker"
    made.finish("1")
    assert start_all(made) == [(0, "w1")]
    made.lose("0", "it died")

    assert start_all(made) == [(3, "w1")]
    made.finish("3")
    assert start_all(made) == [], "2 is still at work on the machine"
    made.finish("2")
    assert start_all(made) == [(0, "w0")]
    assert not made.is_done


def test_even_alone_it_is_tried_on_a_worker_that_has_not_lost_it(trials):
    made = placement(trials[:1], Place("a", 1), Place("a", 1), Place("a", 1))

    addresses = []
    for _ in range(3):
        addresses += [address for _, address in start_all(made)]
        made.lose("0", "it died")

    assert sorted(addresses) == ["w0", "w1", "w2"]


def test_then_it_has_failed(trials):
    made = placement(trials[:1], Place("a", 1))
    for _ in range(2):
        start_all(made)
        assert made.lose("0", "it died") is None
    start_all(made)

    failure = made.lose("0", "it died\nlast words")

    assert failure.reason == "it died; that was attempt 3 of 3\nlast words"
    assert made.is_done


def test_a_worker_that_loses_all_its_trials_does_not_get_the_whole_queue(tmp_path):
    trials = [_trial(tmp_path, seed=seed) for seed in range(9)]
    made = placement(trials, Place("a", 1), Place("a", 1))
    assert start_all(made) == [(0, "w0"), (1, "w1")]

    for seed in (0, 2, 3):
        assert made.lose(f"{seed}", "its disk is full") is None
        started = start_all(made)
    assert (made.suspects, started) == ({"w0"}, [])

    done = []
    while made.running:
        (key,) = made.running
        made.finish(key)
        done += start_all(made)
    assert sorted(done) == [(seed, "w1") for seed in (0, 2, 3, 4, 5, 6, 7, 8)]


def test_if_all_workers_lose_theirs_all_are_used(trials):
    made = placement(trials, Place("a", 1), Place("b", 1))

    while (started := start_all(made)) and not made.is_done:
        assert {address for _, address in started} <= {"w0", "w1"}
        failures = [made.lose(f"{seed}", "out of memory") for seed, _ in started]

    assert made.is_done
    reasons = {failure.reason for failure in failures}
    assert reasons == {"out of memory; that was attempt 3 of 3"}


def test_a_worker_that_carries_out_a_trial_again_is_trusted(tmp_path):
    trials = [_trial(tmp_path, seed=seed) for seed in range(9)]
    made = placement(trials, Place("a", 1), Place("b", 1))
    start_all(made)
    for seed in (0, 2):
        made.lose(f"{seed}", "it died")
        start_all(made)

    made.finish("3")
    start_all(made)
    made.lose("4", "it died")

    assert made.suspects == set()


def test_a_failure_that_may_be_the_fault_of_a_machine_is_final_after_all_have_tried(trials):
    failure = TrialFailure("no such library", is_of_machine=True)
    made = placement(trials[:1], Place("a", 1), Place("b", 1), Place("b", 1))

    tried = [
        (address, made.lose("0", failure.reason, failure=failure))
        for _, address in (start_all(made)[0] for _ in range(3))
    ]

    assert tried == [("w0", None), ("w1", None), ("w2", failure)]


def test_a_failure_on_the_only_worker_is_final(trials):
    failure = TrialFailure("no such library", is_of_machine=True)
    made = placement(trials[:1], Place("a", 1))
    start_all(made)

    assert made.lose("0", failure.reason, failure=failure) is failure


def test_if_nothing_can_be_started_others_need_not_be_tried(trials):
    made = placement(trials[:1], Place("a", 1))
    for _ in range(2):
        start_all(made)
        made.lose("0", "it died", has_started=False)
    start_all(made)

    with pytest.raises(RnnbenchError, match="it died before it could start a trial"):
        made.lose("0", "it died", has_started=False)
