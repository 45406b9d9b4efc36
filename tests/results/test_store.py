"""Trials in a results folder, each read by its fingerprint and by no other."""

import json
import pickle
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from factories import MARGINS, Hostile, result
from factories import record as trial_record
from numpy.random import default_rng
from numpy.testing import assert_array_equal

from rnnbench.errors import RnnbenchError
from rnnbench.results import store as stores
from rnnbench.results.compact import compact
from rnnbench.results.store import Store, read_weights
from rnnbench.storage import DamagedResultError, sha256_file, write_document
from rnnbench.training.outcome import History, TrialResult

MINE = "a" * 64
OTHER = "b" * 64
KEY = ("rnn", 0, MINE)
STEM = "rnn-seed0-aaaaaaaaaaaaaaaa"


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "run")


@pytest.fixture
def files(store):
    """The files of ``KEY``."""
    return stores.place_of(store.folder, KEY)


WEIGHTS = [np.arange(6, dtype=np.float32).reshape(2, 3), np.ones(3, np.float32)]
DECLARED = [(entry.shape, entry.dtype) for entry in WEIGHTS]


def with_network(**changes):
    """Return a trial whose network is to be kept."""
    return replace(result(fingerprint=MINE, **changes), weights=WEIGHTS)


@pytest.mark.parametrize("key", [("rnn", 0, OTHER), ("rnn", 1, MINE), ("gru", 0, MINE)])
def test_a_trial_is_not_given_for_another_key(store, key, files):
    store.save(with_network())
    for file in (files.record, files.predictions, files.weights):
        other = stores.place_of(store.folder, key).record.stem
        shutil.copy(file, file.with_stem(other))

    with pytest.raises(FileNotFoundError):
        store.load(key)
    with pytest.raises(FileNotFoundError):
        store.kept(key)


def test_the_files_of_a_trial_have_the_name_of_its_key(store):
    store.save(with_network())
    store.save(result(model="lstm", seed=7, fingerprint=OTHER))

    files = {str(file.relative_to(store.folder)) for file in store.folder.rglob("*.*")}
    other = "lstm-seed7-bbbbbbbbbbbbbbbb"
    assert files == {
        f"trials/{STEM}.json",
        f"predictions/{STEM}.npz",
        f"models/{STEM}.npz",
        f"trials/{other}.json",
        f"predictions/{other}.npz",
    }


def test_a_stored_trial_needs_no_checkpoint(store, files):
    files.checkpoint.parent.mkdir(parents=True)
    files.checkpoint.touch()

    store.save(with_network())

    assert not files.checkpoint.exists()


def test_checkpoints_are_removed_with_their_folder(store, files):
    files.checkpoint.parent.mkdir(parents=True)
    files.checkpoint.touch()

    store.remove_checkpoints([KEY[0]])

    assert not files.checkpoint.parent.exists()


def test_other_files_among_checkpoints_stay(store, files):
    files.checkpoint.parent.mkdir(parents=True)
    other = files.checkpoint.with_name("notes.txt")
    other.touch()

    store.remove_checkpoints([KEY[0]])

    assert other.exists()


def test_checkpoints_of_other_models_stay(store, files):
    files.checkpoint.parent.mkdir(parents=True)
    files.checkpoint.touch()

    store.remove_checkpoints(["other"])

    assert files.checkpoint.exists()


def test_a_folder_in_place_of_a_checkpoint_stays(store, files):
    files.checkpoint.mkdir(parents=True)

    store.save(with_network())
    store.remove_checkpoints([KEY[0]])

    assert files.checkpoint.is_dir()


def test_a_file_in_place_of_the_folder_of_checkpoints_is_named(store):
    store.folder.mkdir(exist_ok=True)
    (store.folder / "checkpoints").touch()

    with pytest.raises(RnnbenchError, match="checkpoints: cannot be written"):
        store.check_writable("results.json")


def test_a_trial_comes_back_as_it_was_saved(store):
    saved = with_network()
    store.save(saved)

    loaded = store.load(KEY)

    assert loaded.record == saved.record
    assert_array_equal(loaded.labels, saved.labels)
    assert_array_equal(loaded.scores, saved.scores)
    assert (loaded.labels.dtype, loaded.scores.dtype) == (np.int32, np.float32)


def test_a_network_comes_back_as_it_was_saved(store, files):
    saved = with_network()
    store.save(saved)

    assert store.load(KEY, with_model=True)
    assert store.kept(KEY) == (saved.record, files.weights)
    loaded = read_weights(files.weights, DECLARED)
    for ours, theirs in zip(loaded, WEIGHTS, strict=True):
        assert_array_equal(ours, theirs)


def test_the_same_trial_trained_afresh_replaces_the_old_one(store):
    store.save(with_network(params=1))
    store.save(result(fingerprint=MINE, params=2))

    assert store.load(KEY).record.params == 2
    with pytest.raises(FileNotFoundError, match="it was not kept"):
        store.load(KEY, with_model=True)
    assert not any((store.folder / "models").iterdir())


@pytest.mark.parametrize(("limit", "kind"), [(1, "predictions"), (64, "models")])
def test_what_is_too_large_to_be_read_again_is_not_stored(
    store, limit, kind, monkeypatch
):
    monkeypatch.setattr("rnnbench.storage.MAX_HASHED", limit)

    with pytest.raises(
        RnnbenchError, match=rf"{kind}/{STEM}.*: cannot be stored: .* {limit}\)"
    ):
        store.save(replace(with_network(), weights=[np.ones(99, np.float32)]))

    assert not store.folder.exists()


@pytest.mark.parametrize(
    ("model", "fingerprint"),
    [
        ("rnn", "a" * 63 + "/"),
        ("rnn", "a" * 64 + "\n"),
        ("rnn", "\u0661" * 64),
        ("../rnn", MINE),
    ],
)
def test_names_from_outside_never_become_paths(store, model, fingerprint):
    for read in (store.load, store.kept):
        with pytest.raises(
            DamagedResultError, match=f"^unusable result: {store.folder}: .* 64 "
        ):
            read((model, 0, fingerprint))
    with pytest.raises(DamagedResultError):
        store.save(result(model=model, fingerprint=fingerprint))
    assert not store.folder.exists()


def test_a_loss_that_is_not_a_number_is_stored_as_null(store, files):
    history = {"loss": [float("nan"), float("inf")], "accuracy": [0.5, 0.5]}
    store.save(result(history=history, fingerprint=MINE))

    document = json.loads(files.record.read_text(), parse_constant=pytest.fail)
    assert document["history"]["loss"] == [None, None]
    assert store.load(KEY).record.history.loss == [None, None]


def _truncate(file):
    file.write_bytes(file.read_bytes()[:-20])


def _make_a_folder(file):
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("kind", "damage", "reason"),
    [
        ("record", _truncate, "it is not as it was written"),
        ("record", _make_a_folder, "Is a directory"),
        ("predictions", _truncate, "changed since"),
        ("predictions", Path.unlink, "No such file"),
    ],
)
def test_a_damaged_trial_is_named(store, files, kind, damage, reason):
    store.save(with_network())
    file = getattr(files, kind)
    damage(file)

    with pytest.raises(DamagedResultError, match=f"^unusable result: {file}: {reason}"):
        store.load(KEY)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [(_truncate, "changed since"), (Path.unlink, "No such file")],
)
def test_a_damaged_network_is_named_but_its_trial_can_be_used(
    store, files, damage, reason
):
    store.save(with_network())
    damage(files.weights)

    assert store.load(KEY)
    fault = f"^unusable result: {files.weights}: {reason}"
    with pytest.raises(DamagedResultError, match=fault):
        store.kept(KEY)
    with pytest.raises(DamagedResultError, match=fault):
        store.load(KEY, with_model=True)


LABELS = np.zeros(2, np.int32)
SCORES = np.ones((2, 3), np.float32)


def hostile(file, shape=1):
    """Return an array that creates a file if its pickle is loaded."""
    return np.full(shape, Hostile(file.with_name("trace")), dtype=object)


def _array_larger_than_any_memory(file):
    np.savez(file, labels=LABELS, scores=np.zeros((2, 10**15, 0), np.float32))
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content.replace(b", 0), }", b", 9), }"))


def _bomb(file):
    np.savez(file, labels=LABELS, scores=SCORES)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("zeros", b"\0")
        archive.getinfo("zeros").file_size = 2**31


MISLEADING = {
    "a pickle": lambda file: file.write_bytes(
        pickle.dumps(Hostile(file.with_name("trace")))
    ),
    "a pickle in an array": lambda file: np.savez(
        file, labels=hostile(file), scores=SCORES
    ),
    "an array alone": lambda file: file.write_bytes(np.lib.format.magic(1, 0)),
    "a bomb": _bomb,
    "larger than any memory": _array_larger_than_any_memory,
    "one score a document": lambda file: np.savez(
        file, labels=LABELS, scores=SCORES[:, 0]
    ),
    "a label too few": lambda file: np.savez(file, labels=LABELS[1:], scores=SCORES),
    "words": lambda file: np.savez(file, labels=LABELS, scores=SCORES.astype(str)),
}


@pytest.mark.parametrize("write", MISLEADING.values(), ids=MISLEADING)
def test_predictions_made_to_mislead_run_nothing(store, files, write):
    saved = result(fingerprint=MINE)
    store.save(saved)
    write(files.predictions)
    write_document(
        files.record, saved.record, predictions_sha256=sha256_file(files.predictions)
    )

    with pytest.raises(
        DamagedResultError, match=f"^unusable result: {files.predictions}: "
    ):
        store.load(KEY)

    assert not files.predictions.with_name("trace").exists()


MISLEADING_WEIGHTS = {
    "a pickle in an array": lambda file: [hostile(file, (2, 3)), WEIGHTS[1]],
    "larger than any memory": lambda _: [
        np.zeros((2, 3, 10**15, 0), np.float32),
        WEIGHTS[1],
    ],
    "too few": lambda _: WEIGHTS[:1],
    "another order": lambda _: WEIGHTS[::-1],
    "other numbers": lambda _: [WEIGHTS[0].astype("f8"), WEIGHTS[1]],
    "no numbers": lambda _: [np.full_like(WEIGHTS[0], np.nan), WEIGHTS[1]],
}


@pytest.mark.parametrize("weights", MISLEADING_WEIGHTS.values(), ids=MISLEADING_WEIGHTS)
def test_weights_other_than_those_of_the_network_are_not_read(tmp_path, weights):
    file = tmp_path / "weights.npz"
    np.savez(file, *weights(file))

    with pytest.raises(DamagedResultError, match=f"^unusable result: {file}: "):
        read_weights(file, DECLARED)

    assert not file.with_name("trace").exists()


@pytest.fixture(params=[{}, MARGINS], ids=["log-probabilities", "margins"])
def large_trial(request):
    """A trial of 500 documents and 40 topics, whose network is kept."""
    shares = default_rng(0).dirichlet([0.1] * 40, 500)
    scores = np.log(shares + 1e-30).astype(np.float32)
    history = History(loss=[1 / 3, None], score=[2 / 3, 1.0])
    return TrialResult(
        trial_record(history=history, **request.param),
        scores.argmax(1).astype("i4"),
        scores,
        weights=[np.ones(3, np.float32)],
    )


COMPACT_KEY = ("rnn", 0, "f" * 64)


def test_a_compact_trial_is_stored_in_a_fraction_of_the_size(store, large_trial):
    store.save(large_trial)
    (file,) = store.folder.glob("predictions/*")
    size = file.stat().st_size

    store.make_compact(COMPACT_KEY)

    assert file.stat().st_size < size / 4


def test_a_compact_trial_comes_back_with_its_network(store, large_trial):
    store.save(large_trial)

    light = store.make_compact(COMPACT_KEY)

    loaded = store.load(COMPACT_KEY, with_model=True)
    assert loaded.record == light.record == compact(large_trial).record
    assert loaded.record.compact
    assert loaded.record.history == History(loss=[0.333, None], score=[0.667, 1.0])
    assert_array_equal(loaded.scores, light.scores)
    assert_array_equal(loaded.labels, large_trial.labels)


def test_a_compact_trial_is_not_written_again(store, large_trial):
    store.save(large_trial)
    store.make_compact(COMPACT_KEY)
    (file,) = store.folder.glob("predictions/*")
    written = file.stat().st_mtime_ns

    again = store.make_compact(COMPACT_KEY)

    assert again.weights is None
    assert store.load(COMPACT_KEY, with_model=True).weights is None
    assert file.stat().st_mtime_ns == written


@pytest.mark.parametrize("record", stores.FILES)
def test_all_files_of_a_run_and_of_a_choice_are_among_those_written(record):
    """Inputs of a run are protected from these."""
    assert {*stores.FILES[record]} <= {*stores.WRITTEN}
