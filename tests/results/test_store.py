import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from factories import result

from rnnbench.results.document import DamagedResultError, OtherVersionError, write_document
from rnnbench.results.store import Store
from rnnbench.storage import sha256_file

MINE, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "run")


def test_a_saved_trial_is_found_by_its_fingerprint(store):
    store.save(result(fingerprint=MINE))

    assert store.restore("rnn", 0, MINE) is True
    assert store.load("rnn", 0).record == result(fingerprint=MINE).record


def test_a_trial_of_another_configuration_is_not_found(store):
    store.save(result(fingerprint=MINE))

    assert store.restore("rnn", 0, OTHER) is False
    assert store.restore("rnn", 1, MINE) is False
    assert store.restore("gru", 0, MINE) is False


def test_predictions_come_back_with_the_record(store):
    store.save(result())

    loaded = store.load("rnn", 0)

    np.testing.assert_array_equal(loaded.labels, result().labels)
    np.testing.assert_array_equal(loaded.scores, result().scores)
    np.testing.assert_array_equal(loaded.answers, [0, 0, 0, 1])
    assert (loaded.labels.dtype, loaded.scores.dtype) == (np.int32, np.float32)


def test_the_files_are_named_after_model_and_seed(store):
    store.save(result(model="lstm", seed=7))

    files = {str(file.relative_to(store.folder)) for file in store.folder.rglob("*.*")}
    assert files == {"trials/lstm-seed7.json", "predictions/lstm-seed7.npz"}


def test_a_replaced_trial_is_kept_and_found_again(store):
    store.save(result(fingerprint=MINE, accuracy=0.25))
    store.save(result(fingerprint=OTHER, accuracy=0.75))

    assert store.load("rnn", 0).record.accuracy == 0.75
    assert store.restore("rnn", 0, MINE)
    assert store.load("rnn", 0).record.accuracy == 0.25, "the trial found stands in trials/"
    assert store.restore("rnn", 0, OTHER)
    assert store.load("rnn", 0).record.accuracy == 0.75


def test_the_same_trial_trained_afresh_replaces_the_old_one(store):
    store.save(result(fingerprint=MINE, accuracy=0.25))
    store.save(result(fingerprint=MINE, accuracy=0.75))

    assert store.restore("rnn", 0, MINE)
    assert store.load("rnn", 0).record.accuracy == 0.75
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


def _of_another_version(file):
    file.write_text(file.read_text().replace('"schema_version": 2', '"schema_version": 1'))


def _list(file):
    file.write_text("[1, 2]")


def _nest(file):
    file.write_text("[" * 100_000)


def _make_a_folder(file):
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("damage", [_flip_a_digit, _truncate, _empty, _list, _nest, _make_a_folder])
def test_a_damaged_record_is_named_and_never_used(store, damage, caplog):
    store.save(result(fingerprint=MINE))
    file = store.folder / "trials" / "rnn-seed0.json"
    damage(file)

    assert store.restore("rnn", 0, MINE) is False
    assert str(file) in caplog.text
    with pytest.raises(DamagedResultError, match="unusable result"):
        store.load("rnn", 0)


def test_a_trial_of_another_version_is_trained_again_without_alarm(store, caplog):
    store.save(result(fingerprint=MINE))
    _of_another_version(store.folder / "trials" / "rnn-seed0.json")

    assert store.restore("rnn", 0, MINE) is False
    assert not caplog.text
    with pytest.raises(OtherVersionError, match="run the benchmark again"):
        store.load("rnn", 0)


def test_a_trial_that_was_never_stored_cannot_be_loaded(store):
    with pytest.raises(FileNotFoundError):
        store.load("rnn", 0)


@pytest.mark.parametrize("damage", [_truncate, _empty, lambda file: file.unlink()])
def test_damaged_predictions_are_named_and_their_record_not_used(store, damage, caplog):
    store.save(result(fingerprint=MINE))
    file = store.folder / "predictions" / "rnn-seed0.npz"
    damage(file)

    assert store.restore("rnn", 0, MINE) is False
    assert str(file) in caplog.text


class _Hostile:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


def _member(array):
    """Return an array as a member of an npz file."""
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _archive(file, labels, scores, **options):
    with zipfile.ZipFile(file, "w", **options) as archive:
        archive.writestr("labels.npy", labels)
        archive.writestr("scores.npy", scores)


LABELS, SCORES = np.zeros(2, np.int32), np.ones((2, 3), np.float32)


def _pickle(file):
    file.write_bytes(pickle.dumps(_Hostile(file.with_name("trace"))))


def _pickle_in_an_array(file):
    hostile = np.array([_Hostile(file.with_name("trace"))], dtype=object)
    np.savez(file, labels=hostile, scores=SCORES)


def _array_alone(file):
    file.write_bytes(_member(SCORES))


def _no_scores(file):
    np.savez(file, labels=LABELS)


def _no_arrays(file):
    _archive(file, b"labels", b"scores")


def _half_an_array(file):
    _archive(file, _member(LABELS)[:-4], _member(SCORES))


def _array_larger_than_any_memory(file):
    member = _member(np.zeros((2, 10**15, 0), np.float32))
    _archive(file, _member(LABELS), member.replace(b", 0), }", b", 9), }"))


def _encrypted(file):
    _archive(file, _member(LABELS), _member(SCORES))
    # Bit 0 of the flags says so, in the header of a member and in the directory.
    content = bytearray(file.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags] |= 1
    file.write_bytes(content)


def _compressed_in_no_known_way(file):
    _archive(file, _member(LABELS), _member(SCORES))
    content = bytearray(file.read_bytes())
    for signature, method in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        content[content.index(signature) + method] = 77
    file.write_bytes(content)


def _one_score_a_wire(file):
    np.savez(file, labels=LABELS, scores=SCORES[:, 0])


def _a_label_too_few(file):
    np.savez(file, labels=LABELS[1:], scores=SCORES)


def _words(file):
    np.savez(file, labels=LABELS, scores=SCORES.astype(str))


@pytest.mark.parametrize(
    "write",
    [
        _pickle,
        _pickle_in_an_array,
        _empty,
        _array_alone,
        _no_scores,
        _no_arrays,
        _half_an_array,
        _array_larger_than_any_memory,
        _encrypted,
        _compressed_in_no_known_way,
        _one_score_a_wire,
        _a_label_too_few,
        _words,
    ],
)
def test_predictions_that_were_made_to_mislead_are_named_and_run_nothing(store, write):
    store.save(result())
    record, predictions = (
        store.folder / "trials" / "rnn-seed0.json",
        store.folder / "predictions" / "rnn-seed0.npz",
    )
    write(predictions)
    write_document(record, result().record, predictions_sha256=sha256_file(predictions))

    with pytest.raises(DamagedResultError, match=f"^unusable result: {predictions}: "):
        store.load("rnn", 0)

    assert not predictions.with_name("trace").exists()


@pytest.mark.parametrize("damage", [_truncate, _of_another_version])
def test_an_unusable_trial_is_replaced_but_not_lost(store, damage):
    store.save(result(fingerprint=MINE))
    damage(store.folder / "trials" / "rnn-seed0.json")

    store.save(result(fingerprint=MINE))

    assert store.restore("rnn", 0, MINE)
    assert (store.folder / "superseded" / "rnn-seed0-unreadable.json").exists()
