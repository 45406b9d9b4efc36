"""Trained networks: their weights, and ``.keras`` files. Importing this module imports TensorFlow.

Keras finds the layers that it does not have itself once this module is imported.
"""

from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from rnnbench.errors import RnnbenchError
from rnnbench.models import keras_layers  # noqa: F401 - Keras looks its layers up
from rnnbench.storage import UnwritableError, temporary_folder


def weights_of(model: keras.Model) -> list[NDArray[Any]]:
    """Return ``model.get_weights()``; numbers that NumPy does not have become float32."""
    return [
        array.astype(np.float32) if array.dtype.kind == "V" else array
        for array in model.get_weights()
    ]


def to_bytes(model: keras.Model) -> bytes:
    """Return the content of the ``.keras`` file of an uncompiled model.

    Raises:
        UnwritableError: there is no room for a temporary file.
        RnnbenchError: Keras cannot save a layer of the model.
    """
    with temporary_folder() as folder:
        file = folder / "model.keras"
        try:
            model.save(file)
        except OSError as error:
            raise UnwritableError(file, error) from error
        except Exception as error:  # the layers of others may fail in any way
            reason = str(error).partition("\n")[0]  # Keras adds the whole config
            raise RnnbenchError(f"Keras cannot save the network: {reason}") from error
        return file.read_bytes()
