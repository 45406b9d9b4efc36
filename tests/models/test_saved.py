"""Trained models as files; ``training/engines/test_every_layer.py`` has every kind of layer."""

import io
import zipfile
from contextlib import nullcontext
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from stacks import STACKS, network

from rnnbench.errors import UserError
from rnnbench.models.build import build, predict
from rnnbench.models.layers.base import Shape
from rnnbench.models.saved import from_bytes, load_weights, to_bytes
from rnnbench.storage import DamagedResultError, UnwritableError

SHAPE = Shape(timesteps=6, n_topics=3, n_ids=12)
IDS = np.random.default_rng(0).integers(0, SHAPE.n_ids, (5, SHAPE.timesteps), dtype=np.int32)


def saved(model, folder) -> Path:
    file = folder / "model.keras"
    file.write_bytes(to_bytes(model))
    return file


def test_the_optimizer_is_left_out():
    model = build(network(STACKS["embedding"]), SHAPE, 0)
    plain = len(to_bytes(model))
    model.compile("adam", "sparse_categorical_crossentropy")
    keras.utils.set_random_seed(0)  # other tests may have made TensorFlow deterministic
    model.fit(IDS, np.zeros(len(IDS)), verbose=0)

    again = from_bytes(to_bytes(model))

    assert len(to_bytes(model)) < plain + 500, "Adam has two numbers a weight"
    np.testing.assert_array_equal(predict(again, IDS), predict(model, IDS))


def test_a_full_disk_of_temporary_files_is_named(tmp_path, monkeypatch):
    file = tmp_path / "model.keras"
    file.symlink_to("/dev/full")
    monkeypatch.setattr("rnnbench.models.saved.temporary_folder", lambda: nullcontext(tmp_path))

    with pytest.raises(UnwritableError) as caught:
        to_bytes(build(network(STACKS["embedding"]), SHAPE, 0))

    assert str(caught.value) == f"{file}: cannot be written: No space left on device"


def test_no_code_in_a_file_is_run():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Lambda(lambda x: x + 1.0)])

    with pytest.raises(UserError, match=r"model\.keras: cannot be loaded: [\s\S]*[Ll]ambda"):
        from_bytes(to_bytes(model))


@pytest.mark.parametrize("size", [0, -100, None], ids=["empty", "truncated", "missing"])
def test_a_file_that_holds_no_model_is_named(size, tmp_path):
    model = build(network(STACKS["embedding"]), SHAPE, 0)
    file = saved(model, tmp_path)
    content = file.read_bytes()
    file.unlink()
    if size is not None:
        file.write_bytes(content[:size])

    with pytest.raises(DamagedResultError, match=r"^model\.keras: cannot be loaded: [^(]*$"):
        load_weights(model, file)


def test_a_layer_that_keras_does_not_know_is_refused_with_what_it_needs():
    class Own(keras.layers.Layer):
        pass

    content = to_bytes(keras.Sequential([keras.Input((6,)), Own()]))

    with pytest.raises(UserError, match=r"deserialized .* needs keras.saving.register_"):
        from_bytes(content)


def test_weights_are_those_that_were_saved(tmp_path):
    model, fresh = (build(network(STACKS["embedding"]), SHAPE, seed) for seed in (0, 1))

    load_weights(fresh, saved(model, tmp_path))

    np.testing.assert_array_equal(predict(fresh, IDS), predict(model, IDS))


@pytest.mark.parametrize(
    "declared",
    [
        {"shape": (2**29,), "dtype": "f4"},
        {"shape": (12, 2), "dtype": "S100000000"},
        {"shape": (12, 2), "dtype": h5py.string_dtype()},
        {"shape": (12, 2), "maxshape": (None, 2), "chunks": (2**27, 2), "compression": 9},
    ],
    ids=["an array", "numbers", "texts", "chunks"],
)
def test_weights_of_any_size_that_a_small_file_declares_are_not_read(tmp_path, declared):
    model = build(network([{"embedding": {"dim": 2}}, {"pooling": {"by": "mean"}}]), SHAPE, 0)
    file = saved(model, tmp_path)
    weights = io.BytesIO()
    with zipfile.ZipFile(file) as archive:
        weights.write(archive.read("model.weights.h5"))
    with h5py.File(weights, "a") as opened:
        del opened["layers/embedding/vars/0"]
        opened.create_dataset("layers/embedding/vars/0", **declared)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("model.weights.h5", weights.getvalue())

    message = r"vars/0 is .*, but the network in config\.yaml has no such weights$"
    with pytest.raises(DamagedResultError, match=message):
        load_weights(model, file)
