"""The table of epochs, while a run goes on and over several runs."""

import csv

import pytest
from factories import benchmark, result, trial

from rnnbench.errors import UserError
from rnnbench.tracking.to_csv import COLUMNS, CsvTracker
from rnnbench.training.outcome import History

VALIDATED = History(
    loss=[1.0, 0.5], accuracy=[0.25, 0.5], val_loss=[2.0, None], val_accuracy=[0.25, 0.75]
)


@pytest.fixture
def one(tmp_path):
    return trial(tmp_path, seed=7)


def started(folder, *trials):
    tracker = CsvTracker()
    tracker.start(folder, benchmark(), trials)
    return tracker


def rows(folder):
    """Return the numbers of each row, after making sure whose they are."""
    found = list(csv.DictReader((folder / "epochs.csv").open()))
    assert {(row["model"], row["seed"]) for row in found} <= {("rnn", "7")}
    return [[row[column] for column in COLUMNS[2:-1]] for row in found]


def test_an_epoch_is_written_the_moment_it_ends(tmp_path, one):
    tracker = started(tmp_path, one)
    assert rows(tmp_path) == []

    tracker.epoch_ended(one, 1, 1.0, 0.25)
    assert rows(tmp_path) == [["1", "1.0", "0.25", "", ""]]
    tracker.epoch_ended(one, 2, float("nan"), 0.5)
    assert rows(tmp_path)[1:] == [["2", "nan", "0.5", "", ""]]


def test_a_trial_that_starts_again_does_not_repeat_its_rows(tmp_path, one):
    started(tmp_path, one).epoch_ended(one, 1, 1.0, 0.25)
    with (tmp_path / "epochs.csv").open("a") as file:
        file.write("rnn,7,2,0.")  # as where a disk was full

    again = started(tmp_path, one)
    for epoch, loss in enumerate([1.0, 0.5], start=1):
        again.epoch_ended(one, epoch, loss, 0.25)

    assert [row[:2] for row in rows(tmp_path)] == [["1", "1.0"], ["2", "0.5"]]


def test_a_trial_of_other_settings_has_rows_of_its_own(tmp_path, one):
    tracker = started(tmp_path, one)
    tracker.epoch_ended(one, 1, 1.0, 0.25)

    tracker.epoch_ended(trial(tmp_path, seed=7, training={"epochs": 2}), 1, 2.0, 0.5)

    assert [row[:2] for row in rows(tmp_path)] == [["1", "1.0"], ["1", "2.0"]]


def test_validation_scores_are_filled_in_when_a_trial_has_finished(tmp_path, one):
    tracker = started(tmp_path, one)
    for epoch, loss in enumerate(VALIDATED.loss, start=1):
        tracker.epoch_ended(one, epoch, loss, VALIDATED.accuracy[epoch - 1])

    tracker.trial_finished(one, result(history=VALIDATED), {})

    whole = [["1", "1.0", "0.25", "2.0", "0.25"], ["2", "0.5", "0.5", "nan", "0.75"]]
    assert rows(tmp_path) == whole
    started(tmp_path)
    assert rows(tmp_path) == whole


@pytest.mark.parametrize("content", ["mine\n", "\n", "\xff", "{columns}\nrnn,7,one,,,,,f\n"])
def test_a_file_with_something_else_is_left_alone(tmp_path, one, content):
    file = tmp_path / "epochs.csv"
    before = content.replace("{columns}", ",".join(COLUMNS)).encode("latin-1")
    file.write_bytes(before)

    with pytest.raises(UserError, match=r"epochs\.csv: not a table of epochs .*; move it away$"):
        started(tmp_path, one)

    assert file.read_bytes() == before
