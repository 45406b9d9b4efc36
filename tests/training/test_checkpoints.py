"""Trainings that were killed continue from their checkpoints, bit for bit."""

from dataclasses import replace

import numpy as np
import pytest
from kills import IDENTITY, Killed, killing_after, train_with_kills
from numpy.random import default_rng
from numpy.testing import assert_array_equal
from stacks import bag_of_words, both_ways, line_by_line, network

from rnnbench.data.dataset import Dataset
from rnnbench.data.padding import START
from rnnbench.errors import RnnbenchError
from rnnbench.training import checkpoints
from rnnbench.training.checkpoints import Checkpoint
from rnnbench.training.engines import ENGINES, FitRequest, ignore
from rnnbench.training.engines.native import network as native_network
from rnnbench.training.epochs import keep_checkpoint
from rnnbench.training.settings import Training

STATE = {"numbers": np.arange(3.0)}
N = 50
NETWORKS = {
    "recurrent": network(
        [
            {"embedding": {"dim": 4, "dropout": 0.2}},
            {"spatial_dropout": {"rate": 0.5}},
            both_ways("gru", weight_drop=0.3),
            {"layer_norm": {}},
            {"dropout": {"rate": 0.5}},
            {"pooling": {"by": "max"}},
        ]
    ),
    "of numbers": network([{"lstm": {"units": 3}}]),
    "bag of words": network(
        [bag_of_words("tfidf"), {"dense": {"units": 4, "activation": "relu"}}]
    ),
}
CASES = {
    "averages": ("recurrent", {"ema": 0.9}),
    "clipped": (
        "recurrent",
        {"gradient_clip": 0.1, "learning_rate": {"schedule": "cosine", "start": 0.02}},
    ),
    "early stopping": (
        "of numbers",
        {"validation_split": 0.3, "early_stopping": {"patience": 4}},
    ),
    "bag of words": ("bag of words", {}),
    "fewer steps than in a pass": ("recurrent", {"steps_per_epoch": 4}),
    "more steps than in a pass": ("of numbers", {"steps_per_epoch": 9}),
}


@pytest.fixture(autouse=True)
def always_due(monkeypatch):
    """Has a checkpoint be written whenever one can be, also within an epoch."""
    monkeypatch.setattr(checkpoints, "SECONDS", 0.0)
    monkeypatch.setattr(native_network, "BETWEEN_PAUSES", 20)


@pytest.fixture(scope="module")
def dataset():
    random = default_rng(0)
    x = random.integers(2, 9, (N, 6), dtype=np.int32)
    x[:, 0] = START
    y = (x[:, -1] % 3).astype(np.int32)
    places = np.arange(N)
    return Dataset(x, y, x, y, ("a", "b", "c"), 9, places, places, documents=x)


def fit(engine, model, dataset, training, file=None, on_number=ignore):
    settings = Training(
        **{"epochs": 6, "batch_size": 8, "learning_rate": 0.02} | training
    )

    def on_epoch(number, *_):
        on_number(number)

    request = FitRequest(model, dataset, settings, 3, on_epoch, keep_model=True)
    with keep_checkpoint(Checkpoint(file, IDENTITY)):
        return ENGINES[engine].fit(request)


def assert_same(result, expected):
    assert_array_equal(result.scores, expected.scores)
    assert result.record.history == expected.record.history
    assert result.record.best_epoch == expected.record.best_epoch
    assert result.record.steps == expected.record.steps
    for ours, theirs in zip(result.weights, expected.weights, strict=True):
        assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("name", "training"), CASES.values(), ids=CASES)
def test_machine_code_continues_with_the_same_weights(
    tmp_path, name, training, dataset
):
    arguments = ("native", NETWORKS[name], dataset, training)
    expected = fit(*arguments)

    result, n_kills = train_with_kills(
        tmp_path / "a.npz", 2, lambda: fit(*arguments, tmp_path / "a.npz")
    )

    assert n_kills > 3
    assert_same(result, expected)


def test_keras_continues_with_the_same_weights(tmp_path, dataset):
    model = network([{"simple_rnn": {"units": 3}}, {"dropout": {"rate": 0.5}}])
    training = {"epochs": 3, "batch_size": 25, "ema": 0.9, "validation_split": 0.3}
    arguments = ("keras", model, dataset, training)
    with line_by_line():
        expected = fit(*arguments)

        result, n_kills = train_with_kills(
            tmp_path / "a.npz", 2, lambda: fit(*arguments, tmp_path / "a.npz")
        )

    assert n_kills == 1
    assert_same(result, expected)


@pytest.fixture
def checkpoint(tmp_path):
    """One that has a state."""
    checkpoint = Checkpoint(tmp_path / "a.npz", IDENTITY)
    checkpoint.save(STATE)
    return checkpoint


def test_epochs_of_before_are_told_again(tmp_path, dataset):
    told = []
    with pytest.raises(Killed), killing_after(10):
        fit("native", NETWORKS["of numbers"], dataset, {}, tmp_path / "a.npz")

    result = fit(
        "native", NETWORKS["of numbers"], dataset, {}, tmp_path / "a.npz", told.append
    )

    assert told == [*range(1, 7)]
    assert len(result.record.history.loss) == 6


def test_the_time_of_before_counts(tmp_path, dataset):
    arguments = ("native", NETWORKS["of numbers"], dataset, {}, tmp_path / "a.npz")
    with pytest.raises(Killed), killing_after(3):
        fit(*arguments)
    file = Checkpoint(tmp_path / "a.npz", IDENTITY)
    state = dict(file.load())
    state["ages"] = state["ages"] + 1000
    file.save(state)

    assert 1000 < fit(*arguments).record.fit_seconds < 1100


def test_what_was_saved_is_loaded(checkpoint):
    assert_array_equal(checkpoint.load()["numbers"], STATE["numbers"])


def test_a_training_goes_on_if_its_checkpoint_cannot_be_written(tmp_path, dataset):
    (tmp_path / "a.npz").mkdir()
    arguments = ("native", NETWORKS["of numbers"], dataset, {})

    assert_same(fit(*arguments, tmp_path / "a.npz"), fit(*arguments))


def test_an_encrypted_file_is_named(checkpoint):
    content = bytearray(checkpoint.file.read_bytes())
    for start in (b"PK\x03\x04", b"PK\x01\x02"):
        content[content.index(start) + (6 if start[2] == 3 else 8)] |= 1
    checkpoint.file.write_bytes(content)

    with pytest.raises(RnnbenchError, match=r"is damaged .*encrypted"):
        checkpoint.load()


def test_the_checkpoint_of_another_training_is_not_used(checkpoint):
    assert not replace(checkpoint, identity="1" * 64).load()


def test_without_a_file_nothing_is_loaded(tmp_path):
    assert not Checkpoint(tmp_path / "none.npz", IDENTITY).load()


def test_it_is_due_every_ten_minutes(checkpoint, monkeypatch):
    monkeypatch.setattr(checkpoints, "SECONDS", 600.0)

    assert not checkpoint.is_due
    assert replace(checkpoint, latest=checkpoint.latest - 600).is_due
    assert not Checkpoint(latest=-600).is_due


@pytest.mark.parametrize("size", [0, 10, -30, -1])
def test_a_cut_file_is_named(checkpoint, size):
    checkpoint.file.write_bytes(checkpoint.file.read_bytes()[:size])

    with pytest.raises(RnnbenchError, match=r"a\.npz: the checkpoint is damaged"):
        checkpoint.load()


def test_a_compressed_file_is_not_unpacked(checkpoint):
    np.savez_compressed(checkpoint.file, identity=np.zeros(10_000_000, np.uint8))

    with pytest.raises(RnnbenchError, match="identity is compressed"):
        checkpoint.load()


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("done", np.array([1])),
        ("done", np.array([-8])),
        ("done", np.array([80])),
        ("trained 0", np.zeros((2, 2), np.float32)),
        ("notes", np.zeros((8, 5), np.float32)),
    ],
)
def test_a_state_of_another_network_is_named(tmp_path, dataset, name, array):
    arguments = ("native", NETWORKS["of numbers"], dataset, {}, tmp_path / "a.npz")
    with pytest.raises(Killed), killing_after(1):
        fit(*arguments)
    file = Checkpoint(tmp_path / "a.npz", IDENTITY)
    file.save({**file.load(), f"engine {name}": array})

    with pytest.raises(RnnbenchError, match=r"a\.npz: the checkpoint is damaged"):
        fit(*arguments)
