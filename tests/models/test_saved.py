"""Trained models as files; ``training/engines/test_every_layer.py`` has every kind of layer."""

from contextlib import nullcontext
from pathlib import Path

import keras
import numpy as np
import pytest
from stacks import STACKS, network

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


def test_the_optimizer_is_left_out(tmp_path):
    model = build(network(STACKS["embedding"]), SHAPE, 0)
    plain = len(to_bytes(model))
    model.compile("adam", "sparse_categorical_crossentropy")
    keras.utils.set_random_seed(0)  # other tests may have made TensorFlow deterministic
    model.fit(IDS, np.zeros(len(IDS)), verbose=0)

    again = load(saved(model, tmp_path))

    assert len(to_bytes(model)) < plain + 500, "Adam has two numbers a weight"
    np.testing.assert_array_equal(predict(again, IDS), predict(model, IDS))


def test_a_full_disk_of_temporary_files_is_named(tmp_path, monkeypatch):
    file = tmp_path / "model.keras"
    file.symlink_to("/dev/full")
    monkeypatch.setattr("rnnbench.models.saved.temporary_folder", lambda: nullcontext(tmp_path))

    with pytest.raises(RnnbenchError) as caught:
        to_bytes(build(network(STACKS["embedding"]), SHAPE, 0))

    assert str(caught.value) == f"{file}: cannot be written: No space left on device"


def test_no_code_in_a_file_is_run(tmp_path):
    model = keras.Sequential([keras.Input((6,)), keras.layers.Lambda(lambda x: x + 1.0)])

    with pytest.raises(RnnbenchError, match=r"model\.keras: cannot be loaded: [\s\S]*[Ll]ambda"):
        load(saved(model, tmp_path))


@pytest.mark.parametrize("size", [0, -100, None], ids=["empty", "truncated", "missing"])
def test_a_file_that_holds_no_model_is_named(size, tmp_path):
    file = saved(build(network(STACKS["embedding"]), SHAPE, 0), tmp_path)
    content = file.read_bytes()
    file.unlink()
    if size is not None:
        file.write_bytes(content[:size])

    with pytest.raises(RnnbenchError, match=r"^model\.keras: cannot be loaded: [^(]*$"):
        load(file)


def test_a_layer_that_keras_does_not_know_is_refused_with_what_it_needs(tmp_path):
    class Own(keras.layers.Layer):
        pass

    file = saved(keras.Sequential([keras.Input((6,)), Own()]), tmp_path)

    with pytest.raises(RnnbenchError, match=r"deserialized .* needs keras.saving.register_"):
        load(file)
