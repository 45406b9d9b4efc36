"""Trackers in threads of their own: what they are told, and what if one fails."""

import json
import sys
import time

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
    import sys
    import time

    from rnnbench.plugin import Tracker

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


    class Prints(Tracker):
        name = "prints"

        def start(self, folder, benchmark, trials):
            sys.stderr.write = sys.stderr.write  # as libraries do that copy what is printed
            print("Welcome")
            print("and a word of warning", file=sys.stderr)


    class Hangs(Tracker):
        name = "hangs"

        def trial_started(self, trial):
            time.sleep(60)
"""
METHODS = (
    "start",
    "trial_started",
    "epoch_ended",
    "trial_finished",
    "trial_failed",
    "close",
)
ENTRIES = {
    f"fails-in-{method}": f"made_up_trackers:fails_in_{method}" for method in METHODS
}
KINDS = ("Diary", "Leaves", "Prints", "Hangs")
ENTRIES |= {kind.lower(): f"made_up_trackers:{kind}" for kind in KINDS}


@pytest.fixture(autouse=True)
def _installed(install, tmp_path):
    modules = {"made_up_trackers": TRACKERS}
    group = "rnnbench.trackers"
    install(
        write_distribution(
            tmp_path / "site", ENTRIES, modules, group=group, name="made-up"
        )
    )


@pytest.fixture
def trials(tmp_path):
    return [trial(tmp_path, seed=seed, training={"epochs": 2}) for seed in (0, 1)]


def finished(trial, *, loss=(1.0, 0.5)):
    curves = History(loss=list(loss), accuracy=[0.25, 0.5])
    return Finished(trial, 0.5, 1.5, result(history=curves, seed=trial.seed))


def track(folder, trackers, *events):
    """Tell the trackers of a run of its events."""
    with tell_trackers(benchmark(tracking=trackers), folder) as tell:
        for event in events:
            tell(event)


def wait_for(file, word):
    """Wait until there is a file with a word in it."""
    deadline = time.monotonic() + 30
    while not (file.exists() and word in file.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def diary(folder):
    """Return what the tracker wrote down."""
    return [json.loads(line) for line in (folder / "tracking/diary.jsonl").open()]


def test_trackers_are_told_in_order_whatever_is_reported_late_twice_or_never(
    tmp_path, trials
):
    first, second = trials

    track(
        tmp_path,
        "diary",
        Planned(trials, []),
        EpochEnded(first, 0, NAN, NAN),
        EpochEnded(first, 1, 1.0, 0.25),
        EpochEnded(first, 0, NAN, NAN),  # its worker has died
        EpochEnded(first, 2, 0.5, 0.5),  # before the first epoch
        finished(first, loss=[1.0, None]),
        EpochEnded(first, 2, 0.5, 0.5),
        Failed(second, "no training today"),
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


def test_trackers_are_told_nothing_where_nothing_is_trained(tmp_path, trials):
    track(tmp_path, "diary", Planned([], trials))

    assert not (tmp_path / "tracking").exists()


@pytest.fixture
def run_with_all(tmp_path, trials, monkeypatch):
    """A run with all trackers that do not hang; most of them fail."""
    monkeypatch.setattr(tracking, "NOTICE_SECONDS", 60.0)
    first, second = trials

    def track_all():
        track(
            tmp_path,
            [name for name in ENTRIES if name != "hangs"],
            Planned(trials, []),
            EpochEnded(first, 0, NAN, NAN),
            EpochEnded(second, 0, NAN, NAN),
            EpochEnded(first, 1, 1.0, 0.25),
            finished(first),
            Failed(second, "no training today"),
        )

    return track_all


def test_a_tracker_that_fails_is_named_once(run_with_all, caplog):
    run_with_all()

    for method in METHODS:
        (warning,) = [text for text in caplog.messages if f"fails-in-{method}'" in text]
        assert warning.startswith(
            f"tracker 'fails-in-{method}' of the package made-up failed: LookupError:"
            f" no {method} today (made_up_trackers.py, line "
        )
    (left,) = [text for text in caplog.messages if "'leaves'" in text]
    assert "failed: SystemExit: 3" in left
    assert len(caplog.messages) == len(METHODS) + 1


def test_other_trackers_go_on_when_one_fails(run_with_all, tmp_path):
    run_with_all()

    assert diary(tmp_path)[-1] == ["close"]


def test_what_trackers_print_goes_into_their_logs(run_with_all, tmp_path, capsys):
    streams = (sys.stdout, sys.stderr)

    run_with_all()

    assert capsys.readouterr().out == ""
    assert (sys.stdout, sys.stderr) == streams
    files = (tmp_path / "tracking").glob("*.log")
    logs = {file.stem: file.read_text() for file in files}
    assert logs.pop("prints") == "Welcome\nand a word of warning\n"
    assert logs.keys() == {"leaves", *(f"fails-in-{method}" for method in METHODS)}
    assert "LookupError: no close today" in logs["fails-in-close"]


def test_what_others_print_while_trackers_run_is_not_kept_from_them(
    tmp_path, trials, capsys
):
    with tell_trackers(benchmark(tracking="prints"), tmp_path) as tell:
        tell(Planned(trials, []))
        wait_for(tmp_path / "tracking/prints.log", "warning")
        sys.stdout.write("a result")
        sys.stderr.write("a message")

    assert capsys.readouterr() == ("a result", "a message")


def test_a_tracker_that_hangs_delays_a_run_no_longer_than_it_may(
    tmp_path, trials, caplog, monkeypatch
):
    monkeypatch.setattr(tracking, "NOTICE_SECONDS", 0.1)
    monkeypatch.setattr(tracking, "FINISH_SECONDS", 1.0)
    start = time.monotonic()
    events = [EpochEnded(trials[0], epoch, 1.0, 0.5) for epoch in range(5_000)]

    track(
        tmp_path, ["hangs", "diary"], Planned(trials, []), *events, finished(trials[0])
    )

    assert time.monotonic() - start < 20
    label = "tracker 'hangs' of the package made-up"
    waits, ended = caplog.messages
    assert waits.startswith(f"waiting for {label}, for ")
    assert ended == f"{label} did not finish within 1 s, and was left out"
    assert diary(tmp_path)[-1] == ["close"]


@pytest.mark.parametrize(
    ("error", "is_closed"),
    [(ValueError, True), (KeyboardInterrupt, False)],  # as a second Ctrl-C raises it
)
def test_only_a_second_ctrl_c_keeps_trackers_from_finishing(
    tmp_path, trials, error, is_closed
):
    def end(tell):
        tell(Planned(trials, []))
        wait_for(tmp_path / "tracking/diary.jsonl", "start")
        raise error

    with (
        pytest.raises(error),
        tell_trackers(benchmark(tracking="diary"), tmp_path) as tell,
    ):
        end(tell)

    assert (["close"] in diary(tmp_path)) is is_closed


def test_ctrl_c_while_only_trackers_are_awaited_leaves_them_out(
    tmp_path, trials, caplog, monkeypatch
):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(tracking.TrackerThread, "join", interrupted)

    track(tmp_path, ["diary"], Planned(trials, []), finished(trials[0]))

    assert caplog.messages == ["trackers that had not finished were left out"]
    # It looks for the tracker before that.
    wait_for(tmp_path / "tracking/diary.jsonl", "start")
