"""Trained models as files: every kind of layer comes back and answers as before."""

import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from stacks import STACKS, network, randomized

from rnnbench.errors import RnnbenchError
from rnnbench.models.build import build, predict
from rnnbench.models.saved import load, to_bytes
from rnnbench.models.shape import Shape

SHAPE = Shape(timesteps=6, n_topics=3, n_ids=12)
IDS = np.random.default_rng(0).integers(0, SHAPE.n_ids, (5, SHAPE.timesteps), dtype=np.int32)


def saved(model, folder) -> Path:
    file = folder / "model.keras"
    file.write_bytes(to_bytes(model))
    return file


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_a_model_that_is_loaded_is_the_same(stack, tmp_path):
    options = {} if "embedding" in stack[0] else {"inputs": "scaled_ids"}
    model = randomized(build(network(stack, **options), SHAPE, 0))

    again = load(saved(model, tmp_path))

    np.testing.assert_array_equal(predict(again, IDS), predict(model, IDS))
    for ours, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert [type(layer) for layer in again.layers] == [type(layer) for layer in model.layers]
    assert len(again.trainable_weights) == len(model.trainable_weights)


def test_the_optimizer_is_left_out(tmp_path):
    model = build(network(STACKS["embedding"]), SHAPE, 0)
    plain = len(to_bytes(model))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(IDS, np.zeros(len(IDS)), verbose=0)

    again = load(saved(model, tmp_path))

    assert len(to_bytes(model)) < plain + 500, "Adam has two numbers a weight"
    np.testing.assert_array_equal(predict(again, IDS), predict(model, IDS))


def test_no_code_in_a_file_is_run(tmp_path):
    model = keras.Sequential([keras.Input((6,)), keras.layers.Lambda(lambda x: x + 1.0)])

    with pytest.raises(RnnbenchError, match=r"model\.keras: cannot be loaded: [\s\S]*[Ll]ambda"):
        load(saved(model, tmp_path))


def _empty(file):
    file.write_bytes(b"")


def _truncate(file):
    file.write_bytes(file.read_bytes()[:-100])


def _of_something_else(file):
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", "no model")


@pytest.mark.parametrize("damage", [_empty, _truncate, _of_something_else, Path.unlink])
def test_a_file_that_holds_no_model_is_named(damage, tmp_path):
    file = saved(build(network(STACKS["embedding"]), SHAPE, 0), tmp_path)
    damage(file)

    with pytest.raises(RnnbenchError, match=r"^.*model\.keras: cannot be loaded: "):
        load(file)
