"""The live display at each width, as a function of the state of a run."""

import re
from dataclasses import replace
from math import nan
from pathlib import Path

import pytest
from factories import trial
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from rnnbench.runner.events import EpochEnded, Finished, PhaseBegan, Planned
from rnnbench.terminal.progress import RunProgress
from rnnbench.terminal.rows import ASCII, UNICODE, clock, frame, without_middle
from rnnbench.training.phases import TRAINING

NUMBER = re.compile(r"\d[\d.]*(?:e-?\d+)?")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return trial(tmp_path_factory.mktemp("made"), training={"epochs": 200})


@pytest.fixture(scope="module")
def baseline(tmp_path_factory):
    folder = tmp_path_factory.mktemp("baseline")
    return trial(folder, models={"svm": {"baseline": "tfidf_linear_svm"}})


@pytest.fixture(scope="module")
def run(made, baseline):
    """Three of five trials run: one trains, and two have not come to it."""
    run = RunProgress()
    training, loading = replace(made, name="stacked_vanilla_rnn"), replace(made, name="lstm")
    waiting, over = replace(made, name="gru"), replace(made, name="gru", seed=1)
    run.note(Planned([training, loading, baseline, waiting, over], []), 0)
    run.note(PhaseBegan(over, TRAINING), 0)
    run.note(EpochEnded(over, 200, 0.5, 0.5), 40)
    run.note(Finished(over, 0.5, 40.0), 40)
    run.note(PhaseBegan(training, "compiling", "node1"), 40)
    run.note(EpochEnded(training, 1, 1.25, 0.25), 60)
    run.note(EpochEnded(training, 101, 0.75, 0.5), 80)
    run.note(PhaseBegan(loading, "loading TensorFlow"), 75)
    run.note(PhaseBegan(baseline, "fitting"), 80)
    return run


def lines(run, width, height=30, symbols=UNICODE):
    return [line.plain for line in frame(run, 83, width, height, symbols)]


SNAPSHOTS = {
    int(snapshot.split()[0]): snapshot.splitlines()[1:]
    for snapshot in Path(__file__).with_name("rows.txt").read_text("utf-8").split("\n\n")
}
"""Lines by width."""


@pytest.mark.parametrize("width", SNAPSHOTS)
def test_rows_are_fitted_to_the_width(run, width):
    assert lines(run, width) == SNAPSHOTS[width]


def test_where_unicode_cannot_be_shown_bars_are_ascii(run):
    shown = lines(run, 40, symbols=ASCII)

    assert shown[1] == "stacke..a_rnn seed 0 ###--- 101/200 0:23"
    assert all(line.isascii() for width in SNAPSHOTS for line in lines(run, width, symbols=ASCII))


def test_trials_that_the_terminal_has_no_line_for_are_counted(run):
    assert lines(run, 40, height=5)[2:] == [lines(run, 40)[2], "and 1 more trial"]


def test_nothing_is_shown_before_trials_are_planned():
    assert lines(RunProgress(), 80) == []


def test_nothing_is_said_about_the_time_left_without_a_basis(made):
    run = RunProgress()
    run.note(Planned([made], []), 80)

    assert lines(run, 40) == ["0/1 trials ──────────────────────── 0:03"]


names = st.text("abcxyz_", min_size=1, max_size=30) | st.sampled_from(
    [
        "lstm(units=100,learning_rate=0.003)",
        "gru(rate=1e-05,units=[64])",
        "网络" * 9,
        "evil\x1b[31m",
    ]
)
moments = st.tuples(
    names,
    st.integers(0, 2**32 - 1),
    st.sampled_from(["starting worker", "loading TensorFlow", "compiling", TRAINING, "testing"]),
    st.integers(0, 200),
    st.floats(0, 1e6),
    st.sampled_from(["", "node1", "tcp://10.0.0.1:34567"]),
)


@given(
    moments=st.lists(moments, max_size=4),
    width=st.integers(40, 200),
    loss=st.floats(0, 1e9) | st.just(nan),
    symbols=st.sampled_from([UNICODE, ASCII]),
)
def test_no_line_is_too_wide_no_number_is_broken_and_each_row_has_a_bar(
    made, moments, width, loss, symbols
):
    run = RunProgress()
    trials = [replace(made, name=name, seed=seed) for name, seed, *_ in moments]
    run.note(Planned(trials, []), 0)
    for one, (_, _, phase, epoch, now, worker) in zip(trials, moments, strict=True):
        run.note(EpochEnded(one, 0, nan, nan, worker), 0)
        run.note(PhaseBegan(one, TRAINING), 0)
        if epoch:
            run.note(EpochEnded(one, epoch, loss, 0.5), now)
        if phase != TRAINING:
            run.note(PhaseBegan(one, phase), now)

    narrow = [line.plain for line in frame(run, 2e6, width, 30, symbols)]

    assert max(map(cell_len, narrow)) <= width
    whole = "\n".join(line.plain for line in frame(run, 2e6, 500, 30, symbols))
    assert set(NUMBER.findall("\n".join(narrow))) <= set(NUMBER.findall(whole))
    assert all(symbols.done * 2 in line or symbols.rest * 2 in line for line in narrow)


@pytest.mark.parametrize("width", range(1, 40))
def test_a_very_narrow_terminal_has_no_line_that_is_too_wide(run, width):
    assert max(map(cell_len, lines(run, width))) <= width


@given(name=names, width=st.integers(0, 40))
def test_a_name_loses_its_middle_but_no_part_of_a_number(name, width):
    short = without_middle(name, width, "…")

    assert cell_len(short) <= width
    assert set(NUMBER.findall(short)) <= set(NUMBER.findall(name))
    if short != name and short:
        start, end = short.split("…")
        assert name.startswith(start)
        assert name.endswith(end)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.9, "0:00"), (59.9, "0:59"), (3_600, "1:00:00"), (360_000, "100:00:00")],
)
def test_times_are_those_of_a_stopwatch(seconds, shown):
    assert clock(seconds) == shown
