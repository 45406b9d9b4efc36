import io
from dataclasses import replace
from math import nan

import pytest
from factories import trial
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from rnnbench.runner.events import Connected, EpochEnded, Failed, Finished, Planned
from rnnbench.terminal import display
from rnnbench.terminal.display import Effort, show_download, show_steps, show_trials


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
    """The frame that is drawn now, as lines."""
    screen.truncate(0)
    listener.progress.refresh()
    return [" ".join(line.split()) for line in screen.getvalue().splitlines()]


def test_a_terminal_shows_every_running_trial_and_the_whole_run(screen, width, tmp_path):
    planned = network(tmp_path)
    with show_trials(quiet=False) as listener:
        listener(Planned([planned], [planned]))
        listener(EpochEnded(planned, 0, nan, nan))
        listener(EpochEnded(planned, 100, 0.75, 0.5))
        assert "1 of 2 trials are stored already and" in screen.getvalue()
        frame = drawn(listener, screen)
        listener(Finished(planned, 0.5, 1.5))

    assert "0 of 1 trials" in frame[-2]
    assert "stacked_vanilla_rnn seed 0 " in frame[-1]
    assert "100/200" in frame[-1]
    assert "ETA" in frame[-1]
    assert ("loss 0.7500 accuracy 0.5000" in frame[-1]) == (width >= 80)
    assert ("━" in frame[-1]) == (width >= 120)
    assert "stacked_vanilla_rnn seed 0: test accuracy 0.5000, 1.5 s" in screen.getvalue()


@pytest.mark.parametrize("width", [120], indirect=True)
def test_a_trial_that_starts_again_has_one_bar_and_a_finished_one_none(screen, tmp_path):
    planned = network(tmp_path)
    with show_trials(quiet=False) as listener:
        start(listener, planned)
        listener(EpochEnded(planned, 0, nan, nan))
        assert "".join(drawn(listener, screen)).count("seed 0") == 1

        listener(Finished(planned, 0.5, 1.5))
        listener(EpochEnded(planned, 200, 0.5, 0.5))  # reported late
        assert "seed 0" not in "".join(drawn(listener, screen))


@pytest.mark.parametrize("width", [120], indirect=True)
def test_a_baseline_has_a_bar_without_epochs(screen, tmp_path):
    planned = baseline(tmp_path)
    with show_trials(quiet=False) as listener:
        start(listener, planned)
        frame = drawn(listener, screen)
        listener(Failed(planned, "no memory"))

    assert "starting" in frame[-1]
    assert "/" not in frame[-1]
    assert "svm seed 0: failed: no memory" in screen.getvalue()


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


def test_a_bar_has_the_worker_of_its_trial(screen, tmp_path):
    with show_trials(quiet=False) as listener:
        planned = network(tmp_path)
        listener(Planned([planned], []))
        listener(EpochEnded(planned, 0, nan, nan, "n1"))

        assert any("seed 0 on n1" in line for line in drawn(listener, screen))


def test_quiet_shows_nothing(screen, tmp_path):
    with show_download(quiet=True) as progress, show_trials(quiet=True) as listener:
        progress("downloading it", 1, 2)
        start(listener, network(tmp_path))

    assert screen.getvalue() == ""


def test_the_epochs_of_a_large_model_are_more_of_the_work(tmp_path):
    large, small = (network(tmp_path, name=f"of {work}", work=work) for work in (9, 1))
    effort = Effort()

    effort.note(Planned([large, small, baseline(tmp_path)], []))
    effort.note(EpochEnded(large, 1, 0.5, 0.5))

    assert effort.work() == (9, 2000)


@pytest.fixture(scope="module")
def two_trials(tmp_path_factory):
    return [network(tmp_path_factory.mktemp("two"), seed=seed, work=1) for seed in (0, 1)]


@given(epochs=st.lists(st.integers(0, 200)))
def test_the_epochs_that_a_failed_trial_lacks_are_not_planned(two_trials, epochs):
    effort = Effort()
    effort.note(Planned(two_trials, []))
    for epoch in epochs:  # they start again if a worker died
        effort.note(EpochEnded(two_trials[0], epoch, 0.5, 0.5))

    last = epochs[-1] if epochs else 0
    assert effort.work() == (last, 400)
    effort.note(Failed(two_trials[0], "no memory"))
    effort.note(EpochEnded(two_trials[0], 200, 0.5, 0.5))
    assert effort.work() == (last, 200 + last)


def test_a_terminal_shows_the_step_in_a_bar_and_leaves_nothing(screen):
    with show_steps("report", quiet=False) as on_step:
        on_step("mine", 2, 4)

    assert screen.getvalue().endswith("\x1b[2K")
    assert "report mine" in " ".join(screen.getvalue().split())


def test_without_a_terminal_each_step_is_a_line(lines):
    with show_steps("report", quiet=False) as on_step:
        on_step("[a] run", 1, 2)
    with show_steps("report", quiet=True) as on_step:
        on_step("another", 2, 2)

    assert lines.getvalue() == "report 1 of 2: [a] run\n"
