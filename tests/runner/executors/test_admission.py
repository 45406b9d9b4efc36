"""The way of workers from the first sight to the first trial, without a cluster."""

from types import SimpleNamespace

import pytest

from rnnbench.errors import OutOfReachError, UserError
from rnnbench.runner.events import Connected
from rnnbench.runner.executors.dask.admission import Admission, Stage
from rnnbench.runner.executors.dask.differences import Site, Wanted
from rnnbench.runner.executors.dask.messages import Answered
from rnnbench.runner.executors.dask.placement import Place

SITE = Site("host", "3.11.7", "Linux", {"numpy": "2.0"})
W0, W1 = "tcp://a:1", "tcp://b:1"


@pytest.fixture
def events():
    return []


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    made = SimpleNamespace(now=0.0, monotonic=lambda: made.now)
    monkeypatch.setattr("rnnbench.runner.executors.dask.admission.time", made)
    return made


@pytest.fixture
def admission(events, monkeypatch):
    """The admission of a run whose questions nobody hears: a test answers them."""
    monkeypatch.setattr("rnnbench.runner.executors.dask.admission.dashboard_of", lambda _: "")
    client = SimpleNamespace(scheduler=SimpleNamespace(address="tcp://s:1"))
    background = SimpleNamespace(
        client=client, tell=None, start=lambda _name, question: question.close()
    )
    wanted = Wanted("3.11.7", {"numpy": "2.0"}, code="")
    return Admission("run", background, wanted, {"documents": b""}, events.append)


def seen(slots=2, **folders):
    """Return what the scheduler knows of two workers, by the names of those there are."""
    addresses = {"w0": W0, "w1": W1}
    return {
        addresses[name]: (name, Place("host", slots, folder)) for name, folder in folders.items()
    }


def stages(admission):
    return [admission.workers[address].stage for address in (W0, W1)]


def test_files_are_sent_when_all_workers_were_heard(admission, events):
    admission.look(seen(w0="x", w1="y"))
    assert stages(admission) == [Stage.ASKED, Stage.ASKED]

    admission.take_answer(Answered(W0, "x", SITE))
    assert (stages(admission), events) == ([Stage.FIT, Stage.ASKED], [])
    admission.take_answer(Answered(W1, "y", None))
    assert stages(admission) == [Stage.SENT, Stage.NEW], "it had its time, and is asked again"
    assert events == [Connected("tcp://s:1", 1, 2, "")]

    assert admission.take_answer(Answered(W0, "x", ""))
    admission.look(seen(w0="x", w1="y"))
    assert stages(admission) == [Stage.SERVING, Stage.ASKED]


def test_a_worker_that_has_started_again_is_another_one(admission):
    admission.look(seen(w0="x"))
    admission.take_answer(Answered(W0, "x", SITE))

    gone = admission.look(seen(w0="z"))
    is_serving = admission.take_answer(Answered(W0, "x", ""))

    assert [member.name for member in gone.values()] == ["w0"]
    assert not is_serving, "the answer is that of the first one"
    assert admission.workers[W0].stage is Stage.ASKED


def test_answers_of_workers_that_are_gone_do_not_matter(admission):
    admission.look(seen(w0="x", w1="y"))

    assert admission.look(seen(w0="x")).keys() == {W1}
    assert not admission.take_answer(Answered(W1, "y", SITE))
    assert admission.workers.keys() == {W0}


def test_all_workers_that_differ_are_named_together(admission):
    other = Site("host", "3.11.7", "Linux", {"numpy": "1.9"})
    admission.look(seen(w0="x", w1="y"))
    admission.take_answer(Answered(W0, "x", other))

    with pytest.raises(UserError, match=r"numpy 1\.9 \(here: 2\.0\): w0, w1\n"):
        admission.take_answer(Answered(W1, "y", other))


def test_if_no_worker_can_keep_the_files_all_reasons_are_named(admission):
    admission.look(seen(w0="x", w1="y"))
    admission.take_answer(Answered(W0, "x", SITE))
    admission.take_answer(Answered(W1, "y", SITE))
    admission.take_answer(Answered(W0, "x", "disk full"))

    with pytest.raises(UserError, match=r"no worker takes trials\n  disk full: w0, w1$"):
        admission.take_answer(Answered(W1, "y", "disk full"))


@pytest.mark.parametrize(("answer", "seconds"), [(None, 60), (SITE, 360)])
def test_a_run_waits_for_workers_and_longer_for_those_that_files_are_sent_to(
    admission, clock, answer, seconds
):
    admission.look(seen(w0="x"))
    admission.take_answer(Answered(W0, "x", answer))
    clock.now = seconds
    admission.look(seen(w0="x"))

    clock.now = seconds + 1
    with pytest.raises(OutOfReachError, match=f"no worker has taken trials for {seconds} s"):
        admission.look(seen(w0="x"))


def test_files_that_did_not_arrive_do_not_prolong_the_wait(admission, clock):
    admission.look(seen(w0="x"))
    admission.take_answer(Answered(W0, "x", SITE))
    clock.now = 300.0
    admission.take_answer(Answered(W0, "x", None))
    assert admission.workers[W0].was_sent, "they may arrive later"

    with pytest.raises(OutOfReachError, match="no worker has taken trials for 60 s"):
        admission.look(seen(w0="x"))


def test_if_all_workers_are_paused_it_is_said_once(admission, caplog):
    admission.look(seen(w0="x", w1="y"))
    for address, folder in ((W0, "x"), (W1, "y")):
        admission.take_answer(Answered(address, folder, SITE))
        admission.take_answer(Answered(address, folder, ""))
    admission.look(seen(w0="x", w1="y"))
    assert not caplog.text

    for _ in range(2):
        admission.look(seen(w0="x", w1="y", slots=0))

    reason = "w0, w1: paused by Dask, because they are short of memory or closing; no trial starts"
    assert caplog.text.count(reason) == 1
