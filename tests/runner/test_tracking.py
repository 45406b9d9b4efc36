"""Trackers in processes of their own: what they are told, and what becomes of those that fail."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from factories import benchmark, record, result, trial
from plugin_files import write_distribution

from rnnbench.runner import tracking
from rnnbench.runner.events import EpochEnded, Failed, Finished, Planned
from rnnbench.runner.tracking import tell_trackers
from rnnbench.training.outcome import History

NAN = float("nan")
TRACKERS = """
    import json
    import os
    import time

    from rnnbench import Tracker

    METHODS = ("start", "trial_started", "epoch_ended", "trial_finished", "trial_failed", "close")


    class Diary(Tracker):
        name = "diary"

        def start(self, folder, benchmark, trials):
            self.file = (folder / "diary.jsonl").open("a")
            self.write("start", benchmark.name, len(trials))

        def trial_started(self, trial):
            self.write("started", trial.seed)

        def epoch_ended(self, trial, epoch, loss, accuracy):
            self.write("epoch", trial.seed, epoch, loss, accuracy)

        def trial_finished(self, trial, result, metrics):
            self.write("finished", trial.seed, result.record.params, metrics["accuracy"])

        def trial_failed(self, trial, reason):
            self.write("failed", trial.seed, reason)

        def close(self):
            self.write("close")

        def write(self, *facts):
            self.file.write(json.dumps(facts) + "\\n")
            self.file.flush()


    def failing(method):
        def fail(self, *_):
            raise LookupError(f"no {method} today")

        name = f"fails-in-{method}"
        return type("Fails", (Tracker,), {"name": name, method: fail})


    by_name = {cls.name: cls for cls in map(failing, METHODS)}
    globals().update({name.replace("-", "_"): cls for name, cls in by_name.items()})


    class Leaves(Tracker):
        name = "leaves"

        def trial_started(self, trial):
            raise SystemExit(3)


    class Dies(Tracker):
        name = "dies"

        def trial_started(self, trial):
            print("out of memory, says the tracker", flush=True)
            os._exit(9)


    class Prints(Tracker):
        name = "prints"

        def start(self, folder, benchmark, trials):
            print("from Python")
            os.system("echo from a shell")


    class Hangs(Tracker):
        name = "hangs"

        def trial_started(self, trial):
            time.sleep(600)
"""
METHODS = ("start", "trial_started", "epoch_ended", "trial_finished", "trial_failed", "close")
ENTRIES = {f"fails-in-{method}": f"made_up_trackers:fails_in_{method}" for method in METHODS}
ENTRIES |= {kind.lower(): f"made_up_trackers:{kind}" for kind in ("Diary", "Leaves", "Dies")}
ENTRIES |= {kind.lower(): f"made_up_trackers:{kind}" for kind in ("Prints", "Hangs")}


@pytest.fixture
def site(tmp_path):
    modules = {"made_up_trackers": TRACKERS}
    group = "rnnbench.trackers"
    return write_distribution(tmp_path / "site", ENTRIES, modules, group=group, name="made-up")


@pytest.fixture(autouse=True)
def _installed(install, site):
    install(site)


@pytest.fixture
def trials(tmp_path):
    return [trial(tmp_path, seed=seed, training={"epochs": 2}) for seed in (0, 1)]


def finished(one, **history):
    curves = History(**{"loss": [1.0, 0.5], "accuracy": [0.25, 0.5]} | history)
    return Finished(one, 0.5, 1.5, result(history=curves, seed=one.seed))


def track(folder, trackers, *events):
    """Tell the trackers of a run of its events."""
    with tell_trackers(benchmark(tracking=trackers), folder) as tell:
        for event in events:
            tell(event)


def diary(folder):
    """Return what the tracker wrote down."""
    return [json.loads(line) for line in (folder / "tracking/diary.jsonl").open()]


def test_a_tracker_is_told_of_each_trial_from_its_start_to_its_end(tmp_path, trials):
    one, other = trials

    track(
        tmp_path,
        "diary",
        Planned(trials, []),
        EpochEnded(one, 0, NAN, NAN),
        EpochEnded(other, 0, NAN, NAN),
        EpochEnded(one, 1, 1.0, 0.25),
        EpochEnded(one, 2, 0.5, 0.5),
        Failed(other, "no training today"),
        finished(one),
    )

    assert diary(tmp_path) == [
        ["start", "small", 2],
        ["started", 0],
        ["started", 1],
        ["epoch", 0, 1, 1.0, 0.25],
        ["epoch", 0, 2, 0.5, 0.5],
        ["failed", 1, "no training today"],
        ["finished", 0, record().params, 0.5],
        ["close"],
    ]


def test_a_trial_that_starts_anew_and_reports_that_come_late_or_never_are_put_in_order(
    tmp_path, trials
):
    one, other = trials

    track(
        tmp_path,
        "diary",
        Planned(trials, []),
        EpochEnded(one, 0, NAN, NAN),
        EpochEnded(one, 1, 1.0, 0.25),
        EpochEnded(one, 0, NAN, NAN),  # its worker has died
        EpochEnded(one, 2, 0.5, 0.5),  # before the first one
        finished(one, loss=[1.0, None]),
        EpochEnded(one, 2, 0.5, 0.5),
        Failed(other, "no training today"),
    )

    told = diary(tmp_path)
    epoch = told.pop(5)
    assert epoch[:3] == ["epoch", 0, 2]
    assert epoch[3] != epoch[3], "a loss that was no number"
    assert told == [
        ["start", "small", 2],
        ["started", 0],
        ["epoch", 0, 1, 1.0, 0.25],
        ["started", 0],
        ["epoch", 0, 1, 1.0, 0.25],
        ["finished", 0, record().params, 0.5],
        ["started", 1],
        ["failed", 1, "no training today"],
        ["close"],
    ]


def test_nothing_is_tracked_where_nothing_is_trained(tmp_path, trials):
    track(tmp_path, "diary", Planned([], trials))

    assert not (tmp_path / "tracking").exists()


def test_a_tracker_that_fails_is_named_once_and_keeps_no_other_from_going_on(
    tmp_path, trials, caplog, capfd, monkeypatch
):
    monkeypatch.setattr(tracking, "NOTICE_SECONDS", 60.0)
    one, other = trials
    others = set(multiprocessing.active_children())

    track(
        tmp_path,
        [name for name in ENTRIES if name != "hangs"],
        Planned(trials, []),
        EpochEnded(one, 0, NAN, NAN),
        EpochEnded(other, 0, NAN, NAN),
        EpochEnded(one, 1, 1.0, 0.25),
        finished(one),
        Failed(other, "no training today"),
    )

    for method in METHODS:
        (said,) = [each for each in caplog.messages if f"fails-in-{method}'" in each]
        assert said.startswith(
            f"tracker 'fails-in-{method}' of the package made-up failed: LookupError: no {method} "
            "today (made_up_trackers.py, line "
        )
    (left,) = [each for each in caplog.messages if "'leaves'" in each]
    assert "failed: SystemExit: 3" in left
    (died,) = [each for each in caplog.messages if "'dies'" in each]
    assert "its process died (killed, or out of memory?)\nout of memory, says" in died
    assert len(caplog.messages) == len(METHODS) + 2
    assert diary(tmp_path)[-1] == ["close"]
    assert capfd.readouterr().out == ""
    logs = {file.stem: file.read_text() for file in (tmp_path / "tracking").glob("*.log")}
    assert sorted(logs.pop("prints").splitlines()) == ["from Python", "from a shell"]
    assert logs.pop("dies") == "out of memory, says the tracker\n"
    assert logs.keys() == {"leaves", *(f"fails-in-{method}" for method in METHODS)}
    assert "LookupError: no close today" in logs["fails-in-close"]
    assert set(multiprocessing.active_children()) == others


def test_a_tracker_that_hangs_delays_a_run_no_longer_than_it_may(
    tmp_path, trials, caplog, monkeypatch
):
    monkeypatch.setattr(tracking, "NOTICE_SECONDS", 0.5)
    monkeypatch.setattr(tracking, "FINISH_SECONDS", 2.0)
    start = time.monotonic()
    events = [EpochEnded(trials[0], epoch, 1.0, 0.5) for epoch in range(5_000)]

    track(tmp_path, "hangs", Planned(trials, []), *events, finished(trials[0]))

    assert time.monotonic() - start < 20
    label = "tracker 'hangs' of the package made-up"
    waits, ended = caplog.messages
    assert waits.startswith(f"waiting for {label}, for ")
    assert ended == f"{label} did not finish within 2 s, and was ended"


KILLED = """
import time
from pathlib import Path

from factories import benchmark, trial
from rnnbench.runner.events import EpochEnded, Planned
from rnnbench.runner.tracking import tell_trackers

trials = [trial(Path())]
with tell_trackers(benchmark(tracking=["diary"]), Path()) as tell:
    tell(Planned(trials, []))
    tell(EpochEnded(trials[0], 0, 0.0, 0.0))
    tell(EpochEnded(trials[0], 1, 1.0, 0.5))
    print("told", flush=True)
    time.sleep(600)
"""


def test_a_tracker_finishes_what_it_has_when_its_run_is_killed(tmp_path, site, repository):
    path = os.pathsep.join(map(str, [site, repository, repository / "tests"]))
    command = [sys.executable, "-c", KILLED]
    environment = os.environ | {"PYTHONPATH": path}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, start_new_session=True
    ) as running:
        assert running.stdout is not None
        running.stdout.readline()
        deadline = time.monotonic() + 20
        while not (tmp_path / "tracking/diary.jsonl").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        running.kill()
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            with suppress(ProcessLookupError):  # the tracker has finished
                os.killpg(running.pid, number)

    while diary(tmp_path)[-1] != ["close"] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert diary(tmp_path)[1:] == [["started", 0], ["epoch", 0, 1, 1.0, 0.5], ["close"]]
