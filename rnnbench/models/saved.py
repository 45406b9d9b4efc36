"""Trained models as ``.keras`` files. Importing this module imports TensorFlow."""

import zipfile
from collections.abc import Container
from functools import partial
from pathlib import Path

import h5py
import keras

from rnnbench.errors import UserError
from rnnbench.models import keras_layers  # noqa: F401 - Keras looks its layers up
from rnnbench.storage import (
    DamagedResultError,
    UnwritableError,
    check_unpacked,
    temporary_folder,
)


def to_bytes(model: keras.Model) -> bytes:
    """Return the content of the ``.keras`` file of ``model``, which loses its optimizer.

    Raises:
        UnwritableError: there is no room for a temporary file.
    """
    if model.compiled:
        model.compile(optimizer=None)  # include_optimizer=False is heeded in other formats only
    with temporary_folder() as folder:
        file = folder / "model.keras"
        try:
            model.save(file)
        except OSError as error:
            raise UnwritableError(file, error) from error
        return file.read_bytes()


def from_bytes(content: bytes) -> keras.Model:
    """Return the model that ``to_bytes`` saved, in Keras's safe mode: no code in it is run.

    Raises:
        UserError: it cannot be loaded.
    """
    with temporary_folder() as folder:
        file = folder / "model.keras"
        file.write_bytes(content)
        try:
            return keras.models.load_model(file, compile=False, safe_mode=True)
        except Exception as error:
            hint = "a layer of your own needs keras.saving.register_keras_serializable"
            reason = f"cannot be loaded: {_first_line(error)} ({hint})"
            raise UserError(f"{file.name}: {reason}") from error


def load_weights(model: keras.Model, file: Path) -> None:
    """Replace the weights of a fresh ``model`` with those of a ``.keras`` file.

    HDF5 can declare an array of any size in a few bytes, and Keras reads what is declared. So the
    declarations are compared with the model first.

    Raises:
        DamagedResultError: they are not those of this model, or cannot be loaded.
    """
    try:
        check_unpacked(file)
        shapes = {tuple(variable.shape) for variable in model.variables}
        with (
            zipfile.ZipFile(file) as archive,
            archive.open("model.weights.h5") as content,
            h5py.File(content, "r") as weights,
        ):
            weights.visititems(partial(_check_declared, shapes))
        model.load_weights(file)
    except Exception as error:
        raise DamagedResultError(f"{file.name}: cannot be loaded: {_first_line(error)}") from error


def _check_declared(shapes: Container[tuple[int, ...]], name: str, item: h5py.HLObject) -> None:
    """Make sure that an array in an HDF5 file has plain numbers and one of the ``shapes``."""
    if not isinstance(item, h5py.Dataset):
        return
    is_plain = item.dtype.kind in "biufV" and item.dtype.itemsize <= 8 and not item.chunks
    if item.shape not in shapes or not is_plain:
        found = f"{name} is {item.dtype} {item.shape}{' in chunks' if item.chunks else ''}"
        raise ValueError(f"{found}, but the network in config.yaml has no such weights")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]  # Keras adds the whole config
