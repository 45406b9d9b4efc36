import json

import numpy as np
import pytest
from factories import result

from rnnbench.results.store import DamagedResultError, Store

MINE, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "run")


def test_a_saved_trial_is_found_by_its_fingerprint(store):
    store.save(result(fingerprint=MINE))

    assert store.restore("rnn", 0, MINE) == result(fingerprint=MINE).record


def test_a_trial_of_another_configuration_is_not_found(store):
    store.save(result(fingerprint=MINE))

    assert store.restore("rnn", 0, OTHER) is None
    assert store.restore("rnn", 1, MINE) is None
    assert store.restore("gru", 0, MINE) is None


def test_predictions_come_back_with_the_record(store):
    store.save(result())

    loaded = store.load("rnn", 0)

    np.testing.assert_array_equal(loaded.labels, result().labels)
    np.testing.assert_array_equal(loaded.probabilities, result().probabilities)


def test_the_files_are_named_after_model_and_seed(store):
    store.save(result(model="lstm", seed=7))

    files = {str(file.relative_to(store.folder)) for file in store.folder.rglob("*.*")}
    assert files == {"trials/lstm-seed7.json", "predictions/lstm-seed7.npz"}


def test_a_replaced_trial_is_kept_and_found_again(store):
    store.save(result(fingerprint=MINE, accuracy=0.25))
    store.save(result(fingerprint=OTHER, accuracy=0.75))

    assert store.load("rnn", 0).record.accuracy == 0.75
    assert store.restore("rnn", 0, MINE).accuracy == 0.25
    assert store.load("rnn", 0).record.accuracy == 0.25, "the trial found stands in trials/"
    assert store.restore("rnn", 0, OTHER).accuracy == 0.75


def test_the_same_trial_trained_afresh_replaces_the_old_one(store):
    store.save(result(fingerprint=MINE, accuracy=0.25))
    store.save(result(fingerprint=MINE, accuracy=0.75))

    assert store.restore("rnn", 0, MINE).accuracy == 0.75
    assert not (store.folder / "superseded").exists()


def test_a_loss_that_is_not_a_number_is_stored_as_null(store):
    history = {"loss": [float("nan"), float("inf")], "accuracy": [0.5, 0.5]}
    store.save(result(history=history))

    text = (store.folder / "trials" / "rnn-seed0.json").read_text()

    assert json.loads(text, parse_constant=pytest.fail)["history"]["loss"] == [None, None]
    assert store.load("rnn", 0).record.history.loss == [None, None]


def _flip_a_digit(file):
    file.write_text(file.read_text().replace('"accuracy": 0.5', '"accuracy": 0.9', 1))


def _truncate(file):
    file.write_bytes(file.read_bytes()[:-20])


def _empty(file):
    file.write_bytes(b"")


def _future(file):
    file.write_text(file.read_text().replace('"schema_version": 1', '"schema_version": 99'))


def _list(file):
    file.write_text("[1, 2]")


def _nest(file):
    file.write_text("[" * 100_000)


def _make_a_folder(file):
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    "damage", [_flip_a_digit, _truncate, _empty, _future, _list, _nest, _make_a_folder]
)
def test_a_damaged_record_is_named_and_never_used(store, damage, caplog):
    store.save(result(fingerprint=MINE))
    file = store.folder / "trials" / "rnn-seed0.json"
    damage(file)

    assert store.restore("rnn", 0, MINE) is None
    assert str(file) in caplog.text
    with pytest.raises(DamagedResultError, match="unusable result"):
        store.load("rnn", 0)


@pytest.mark.parametrize("damage", [_truncate, _empty, lambda file: file.unlink()])
def test_damaged_predictions_are_named_and_their_record_not_used(store, damage, caplog):
    store.save(result(fingerprint=MINE))
    file = store.folder / "predictions" / "rnn-seed0.npz"
    damage(file)

    assert store.restore("rnn", 0, MINE) is None
    assert str(file) in caplog.text


@pytest.mark.parametrize("damage", [_truncate, _future])
def test_an_unusable_trial_is_replaced_but_not_lost(store, damage):
    store.save(result(fingerprint=MINE))
    damage(store.folder / "trials" / "rnn-seed0.json")

    store.save(result(fingerprint=MINE))

    assert store.restore("rnn", 0, MINE)
    assert (store.folder / "superseded" / "rnn-seed0-unreadable.json").exists()
