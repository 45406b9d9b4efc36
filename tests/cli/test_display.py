import io
from dataclasses import replace

import pytest
from factories import trial
from rich.console import Console

from rnnbench.cli import display
from rnnbench.cli.display import Effort, show_download, show_trials
from rnnbench.runner.events import EpochEnded, Finished, Planned

WIDTH = 110


@pytest.fixture
def screen(monkeypatch):
    """What is drawn on a terminal."""
    console = Console(
        file=io.StringIO(), force_terminal=True, width=WIDTH, markup=False, color_system=None
    )
    monkeypatch.setattr(display, "err", console)
    return console.file


@pytest.fixture
def lines(monkeypatch):
    """What is printed where there is no terminal."""
    console = Console(file=io.StringIO(), width=WIDTH, markup=False)
    monkeypatch.setattr(display, "err", console)
    return console.file


def _run(listener, planned):
    listener(Planned([planned], [planned]))
    listener(EpochEnded(planned, 0, float("nan"), float("nan")))
    listener(EpochEnded(planned, 1, 0.75, 0.5))


def test_a_terminal_shows_every_running_trial_with_its_epoch_and_scores(screen, tmp_path):
    planned = trial(tmp_path, training={"epochs": 4})
    with show_trials(quiet=False) as listener:
        _run(listener, planned)
        listener.progress.refresh()
        drawn = screen.getvalue()
        listener(Finished(planned, 0.5, 1.5))

    assert "1 of 2 trials are stored and not trained again" in drawn
    for part in ("rnn seed 0", "1/4", "loss 0.7500  accuracy 0.5000", "ETA", "0 of 1 trials"):
        assert part in drawn
    assert "rnn seed 0: test accuracy 0.5000, 1.5 s" in screen.getvalue()


def test_a_narrow_terminal_has_no_bars_but_every_number(monkeypatch, tmp_path):
    console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)
    monkeypatch.setattr(display, "err", console)
    planned = trial(tmp_path, training={"epochs": 200})
    planned = replace(planned, name="stacked_vanilla_rnn")
    with show_trials(quiet=False) as listener:
        _run(listener, planned)
        listener.progress.refresh()
        drawn = console.file.getvalue()

    assert "stacked_vanilla_rnn seed 0   1/200 loss 0.7500  accuracy 0.5000 ETA -:--:--" in drawn


@pytest.mark.usefixtures("screen")
def test_an_epoch_told_of_after_the_end_of_its_trial_draws_no_bar(tmp_path):
    planned = trial(tmp_path)
    with show_trials(quiet=False) as listener:
        _run(listener, planned)
        listener(Finished(planned, 0.5, 1.5))
        listener(EpochEnded(planned, 1, 0.5, 0.5))

        assert listener.running == {}


@pytest.mark.usefixtures("screen")
def test_a_trial_that_starts_again_has_one_bar(tmp_path):
    planned = trial(tmp_path)
    with show_trials(quiet=False) as listener:
        _run(listener, planned)
        listener(EpochEnded(planned, 0, float("nan"), float("nan")))

        assert [task.description for task in listener.progress.tasks] == [
            "0 of 1 trials",
            "rnn seed 0",
        ]


def test_a_download_and_then_trials_share_one_terminal(screen, tmp_path):
    with show_download(quiet=False) as progress:
        progress("downloading it", 512, 1024)
        progress("downloading it", 1024, 1024)
    with show_trials(quiet=False) as listener:
        _run(listener, trial(tmp_path))

    assert "downloading it" in screen.getvalue()


def baseline(tmp_path):
    """Return a trial that knows no epochs."""
    return trial(tmp_path, models={"svm": {"baseline": "tfidf_linear_svm"}})


def test_a_baseline_has_a_bar_without_epochs(screen, tmp_path):
    planned = baseline(tmp_path)
    with show_trials(quiet=False) as listener:
        listener(Planned([planned], []))
        listener(EpochEnded(planned, 0, float("nan"), float("nan")))
        listener.progress.refresh()
        drawn = screen.getvalue()
        listener(Finished(planned, 0.5, 0.25))

    line = [line for line in drawn.splitlines() if "svm seed 0" in line][-1]
    assert "starting" in line
    assert "/" not in line
    assert "0 of 1 trials" in drawn
    assert "svm seed 0: test accuracy 0.5000, 0.2 s" in screen.getvalue()


def test_a_baseline_has_a_line_for_its_start_and_its_end(lines, tmp_path):
    planned = baseline(tmp_path)
    with show_trials(quiet=False) as listener:
        listener(Planned([planned], []))
        listener(EpochEnded(planned, 0, float("nan"), float("nan")))
        listener(Finished(planned, 0.5, 0.75))

    assert lines.getvalue().splitlines() == [
        "svm seed 0: started",
        "svm seed 0: test accuracy 0.5000, 0.8 s",
    ]


def test_without_a_terminal_there_is_a_line_for_each_start_and_end(lines, tmp_path, monkeypatch):
    planned = trial(tmp_path, training={"epochs": 4})
    monkeypatch.setattr(display, "PLAIN_INTERVAL", 0.0)
    with show_download(quiet=False) as progress, show_trials(quiet=False) as listener:
        progress("downloading it", 512, 1024)
        progress("downloading it", 1024, 1024)
        _run(listener, planned)
        listener(Finished(planned, 0.5, 1.5))

    said = lines.getvalue().splitlines()
    assert said[0] == "downloading it"
    assert "rnn seed 0: started" in said
    assert any("epoch 1 of 4, loss 0.7500, accuracy 0.5000; " in line for line in said)
    assert said[-1] == "rnn seed 0: test accuracy 0.5000, 1.5 s"


def test_quiet_shows_nothing(screen, tmp_path):
    with show_download(quiet=True) as progress, show_trials(quiet=True) as listener:
        progress("downloading it", 1, 2)
        _run(listener, trial(tmp_path))

    assert screen.getvalue() == ""


def test_the_epochs_of_a_large_model_are_more_of_the_work(tmp_path):
    large = replace(trial(tmp_path, training={"epochs": 2}), name="large", work=9)
    small = replace(large, name="small", work=1)
    effort = Effort([large, small])

    effort.count(large)

    assert (effort.epochs_done, effort.epochs_planned) == (1, 4)
    assert (effort.done, effort.planned) == (9, 20)


def test_a_baseline_is_no_part_of_the_work(tmp_path):
    network, svm = trial(tmp_path, training={"epochs": 3}), baseline(tmp_path)
    effort = Effort([network, svm])

    effort.give_up(svm)

    assert (effort.trials, effort.epochs_planned, effort.planned) == (2, 3, 3)


def test_what_is_left_of_a_trial_that_failed_is_no_longer_planned(tmp_path):
    failed, other = (trial(tmp_path, seed=seed, training={"epochs": 5}) for seed in (0, 1))
    effort = Effort([failed, other])

    effort.count(failed)
    effort.give_up(failed)
    effort.count(failed)

    assert (effort.epochs_done, effort.epochs_planned) == (1, 6)
    assert (effort.done, effort.planned) == (1, 6)
