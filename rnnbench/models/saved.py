"""Trained models as ``.keras`` files. Importing this module imports TensorFlow."""

from pathlib import Path

import keras

from rnnbench.errors import RnnbenchError
from rnnbench.models import (  # noqa: F401 - Keras looks their layers up
    bag_of_words,
    dropped_weights,
    pooling,
)
from rnnbench.storage import UnwritableError, check_unpacked, temporary_folder


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
    """Return the model in the content of a ``.keras`` file; see ``load``."""
    with temporary_folder() as folder:
        file = folder / "model.keras"
        file.write_bytes(content)
        return load(file)


def load(file: Path) -> keras.Model:
    """Return the model in ``file``, in Keras's safe mode: no code in it is run.

    Raises:
        RnnbenchError: it cannot be loaded, or unpacks to more than ``storage.MAX_UNPACKED`` bytes.
    """
    hint = ""
    try:
        check_unpacked(file)
        hint = " (a layer of your own needs keras.saving.register_keras_serializable)"
        return keras.models.load_model(file, compile=False, safe_mode=True)
    except Exception as error:
        reason = str(error).partition("\n")[0]  # Keras adds the whole config
        raise RnnbenchError(f"{file.name}: cannot be loaded: {reason}{hint}") from error
