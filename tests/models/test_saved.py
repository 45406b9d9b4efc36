"""Trained networks as files for Keras."""

from contextlib import nullcontext

import keras
import numpy as np
import pytest
from stacks import STACKS, network

from rnnbench.errors import RnnbenchError
from rnnbench.models.build import build, predict
from rnnbench.models.layers.base import Shape
from rnnbench.models.saved import to_bytes, weights_of
from rnnbench.storage import UnwritableError

SHAPE = Shape(timesteps=6, n_topics=3, n_ids=12)


def test_keras_loads_the_file_with_the_same_answers(tmp_path):
    model = build(network(STACKS["masked"]), SHAPE, 0)  # has layers of our own
    ids = np.random.default_rng(0).integers(0, SHAPE.n_ids, (5, SHAPE.timesteps), dtype=np.int32)
    file = tmp_path / "model.keras"
    file.write_bytes(to_bytes(model))

    again = keras.models.load_model(file, compile=False)

    np.testing.assert_array_equal(predict(again, ids), predict(model, ids))


def test_a_full_disk_of_temporary_files_is_named(tmp_path, monkeypatch):
    file = tmp_path / "model.keras"
    file.symlink_to("/dev/full")
    monkeypatch.setattr("rnnbench.models.saved.temporary_folder", lambda: nullcontext(tmp_path))

    with pytest.raises(UnwritableError) as caught:
        to_bytes(build(network(STACKS["tfidf"]), SHAPE, 0))

    assert str(caught.value) == f"{file}: cannot be written: No space left on device"


def test_a_layer_that_keras_cannot_save_is_the_reason():
    class Own(keras.layers.Layer):
        def get_config(self):
            raise LookupError("no config today")

    with pytest.raises(RnnbenchError, match=r"^Keras cannot save the network: no config today$"):
        to_bytes(keras.Sequential([keras.Input((6,)), Own()]))


def test_numbers_that_numpy_does_not_have_become_float32():
    layer = keras.layers.Dense(2, dtype="bfloat16")
    kernel, bias = weights_of(keras.Sequential([keras.Input((3,)), layer]))

    assert (kernel.dtype, bias.dtype) == (np.float32, np.float32)
