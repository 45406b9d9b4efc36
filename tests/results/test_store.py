import io
import json
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from factories import result

from rnnbench.data.vocabulary import Vocabulary
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

    assert store.load("rnn", 0).accuracy == 0.75
    assert store.restore("rnn", 0, MINE)
    assert store.load("rnn", 0).accuracy == 0.25, "the trial found stands in trials/"
    assert store.restore("rnn", 0, OTHER)
    assert store.load("rnn", 0).accuracy == 0.75


def test_the_same_trial_trained_afresh_replaces_the_old_one(store):
    store.save(result(fingerprint=MINE, accuracy=0.25))
    store.save(result(fingerprint=MINE, accuracy=0.75))

    assert store.restore("rnn", 0, MINE)
    assert store.load("rnn", 0).accuracy == 0.75
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


def with_model(content=b"a trained model", **changes):
    """Return a trial whose model is to be kept."""
    return replace(result(**changes), model=content)


def test_a_model_is_kept_beside_its_trial_in_a_file_named_alike(store):
    store.save(with_model(model="lstm", seed=7, fingerprint=MINE))

    file = store.model_file("lstm", 7, MINE)

    assert file == store.folder / "models" / "lstm-seed7.keras"
    assert file.read_bytes() == b"a trained model"
    assert store.load("lstm", 7).record == result(model="lstm", seed=7, fingerprint=MINE).record


def test_a_trial_whose_model_was_not_kept_has_none(store):
    store.save(result(fingerprint=MINE))

    assert not (store.folder / "models").exists()
    with pytest.raises(FileNotFoundError):
        store.model_file("rnn", 0, MINE)
    with pytest.raises(FileNotFoundError):
        store.model_file("rnn", 1, MINE)


def test_a_trial_is_found_with_its_model_only_where_that_was_kept(store):
    store.save(result(fingerprint=MINE))
    assert store.restore("rnn", 0, MINE, with_model=False) is True
    assert store.restore("rnn", 0, MINE, with_model=True) is False

    store.save(with_model(fingerprint=MINE))
    assert store.restore("rnn", 0, MINE, with_model=False) is True
    assert store.restore("rnn", 0, MINE, with_model=True) is True


def test_a_model_that_was_kept_is_gone_when_its_trial_is_stored_without(store):
    store.save(with_model(fingerprint=MINE))
    store.save(result(fingerprint=MINE))

    assert not (store.folder / "models" / "rnn-seed0.keras").exists()
    assert store.restore("rnn", 0, MINE, with_model=True) is False
    with pytest.raises(FileNotFoundError):
        store.model_file("rnn", 0, MINE)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (_truncate, "not what was stored"),
        (_empty, "not what was stored"),
        (_make_a_folder, "there is no such file"),
        (Path.unlink, "there is no such file"),
    ],
)
def test_a_damaged_model_is_named_and_not_used_but_its_trial_is(store, damage, reason, caplog):
    store.save(with_model(fingerprint=MINE))
    file = store.folder / "models" / "rnn-seed0.keras"
    damage(file)

    assert store.restore("rnn", 0, MINE) is True
    assert not caplog.text
    assert store.restore("rnn", 0, MINE, with_model=True) is False
    assert f"unusable result: {file}: " in caplog.text
    with pytest.raises(DamagedResultError, match=rf"^unusable result: {file}: {reason}"):
        store.model_file("rnn", 0, MINE)


def test_the_model_of_another_trial_is_noticed(store):
    store.save(with_model(b"one", fingerprint=MINE))
    store.save(with_model(b"another", fingerprint=MINE, seed=1))
    folder = store.folder / "models"
    (folder / "rnn-seed1.keras").replace(folder / "rnn-seed0.keras")

    with pytest.raises(DamagedResultError, match=r"rnn-seed0\.keras"):
        store.model_file("rnn", 0, MINE)


def test_the_model_of_a_trial_of_another_configuration_is_not_given(store):
    store.save(with_model(fingerprint=MINE))

    with pytest.raises(
        DamagedResultError, match=r"^unusable result: .*rnn-seed0\.json: of another"
    ):
        store.model_file("rnn", 0, OTHER)


def test_a_replaced_model_is_kept_with_its_trial_and_comes_back_with_it(store):
    store.save(with_model(b"mine", fingerprint=MINE))
    store.save(with_model(b"other", fingerprint=OTHER))

    assert store.model_file("rnn", 0, OTHER).read_bytes() == b"other"
    aside = store.folder / "superseded" / f"rnn-seed0-{MINE[:16]}.keras"
    assert aside.read_bytes() == b"mine"
    assert store.restore("rnn", 0, MINE, with_model=True) is True
    assert store.model_file("rnn", 0, MINE).read_bytes() == b"mine"
    assert not aside.exists()
    assert store.restore("rnn", 0, OTHER, with_model=True) is True
    assert store.model_file("rnn", 0, OTHER).read_bytes() == b"other"


def test_a_trial_without_a_model_does_not_get_that_of_the_trial_before(store):
    store.save(with_model(fingerprint=MINE))
    store.save(result(fingerprint=OTHER))

    with pytest.raises(FileNotFoundError):
        store.model_file("rnn", 0, OTHER)
    assert not (store.folder / "models" / "rnn-seed0.keras").exists()


def test_a_superseded_model_that_is_damaged_does_not_come_back(store, caplog):
    store.save(with_model(fingerprint=MINE))
    store.save(result(fingerprint=OTHER))
    aside = store.folder / "superseded" / f"rnn-seed0-{MINE[:16]}.keras"
    _truncate(aside)

    assert store.restore("rnn", 0, MINE, with_model=True) is False
    assert str(aside) in caplog.text
    assert store.restore("rnn", 0, OTHER) is True


VOCABULARY = Vocabulary(
    dataset_fingerprint="d" * 64,
    source="sgml",
    words=["the", "of", "café"],
    topics=["earn", "acq"],
    timesteps=9,
    padding="post",
    truncating="pre",
)


def test_a_vocabulary_comes_back_as_it_was_stored(store):
    store.save_vocabulary(VOCABULARY)

    assert store.vocabulary() == VOCABULARY


def test_where_no_models_were_kept_there_is_no_vocabulary(store):
    with pytest.raises(FileNotFoundError):
        store.vocabulary()


@pytest.mark.parametrize("damage", [_truncate, _empty, _list, _nest])
def test_a_damaged_vocabulary_is_named(store, damage):
    store.save_vocabulary(VOCABULARY)
    file = store.folder / "models" / "vocabulary.json"
    damage(file)

    with pytest.raises(DamagedResultError, match=f"^unusable result: {file}: "):
        store.vocabulary()


def test_a_vocabulary_with_keys_of_another_kind_is_refused(store):
    file = store.folder / "models" / "vocabulary.json"
    write_document(file, VOCABULARY, note="by hand")

    with pytest.raises(DamagedResultError, match=rf"^unusable result: {file}: [\s\S]*note"):
        store.vocabulary()
