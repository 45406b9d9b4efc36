"""The Reuters set as Keras hands it out: ``reuters.npz`` and ``reuters_word_index.json``."""

import io
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from rnnbench.data.archive import read_members
from rnnbench.data.corpus import Corpus
from rnnbench.errors import UserError

NPZ_SHA256 = "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
"""Source: ``keras.datasets.reuters.load_data``."""
WORD_INDEX_MD5 = "4d44cc38712099c9e383dc6e5f11a921"
"""Source: ``keras.datasets.reuters.get_word_index``."""

TOPICS = (
    "cocoa", "grain", "veg-oil", "earn", "acq", "wheat", "copper", "housing", "money-supply",
    "coffee", "sugar", "trade", "reserves", "ship", "cotton", "carcass", "crude", "nat-gas",
    "cpi", "money-fx", "interest", "gnp", "meal-feed", "alum", "oilseed", "gold", "tin",
    "strategic-metal", "livestock", "retail", "ipi", "iron-steel", "rubber", "heat", "jobs",
    "lei", "bop", "zinc", "orange", "pet-chem", "dlr", "gas", "silver", "wpi", "hog", "lead",
)  # fmt: skip
"""Source: ``keras.datasets.reuters.get_label_names``."""


def build_corpus(npz: Path, word_index: Path, provenance: dict[str, str]) -> Corpus:
    """Return the corpus in the two files of Keras, whose hashes the caller has checked.

    ``x`` holds a list of word ranks a wire, ``y`` the labels.

    Raises:
        UserError: the files do not hold what Keras's files hold.
    """
    members = read_members(npz, lambda member: member in ("x.npy", "y.npy"))
    try:
        wires = _read_array(members["x.npy"])
        labels = _read_array(members["y.npy"]).astype(np.int32)
        ranks: dict[str, int] = json.loads(word_index.read_text(encoding="utf-8"))
        vocabulary = sorted(ranks, key=ranks.__getitem__)
        lengths = [len(wire) for wire in wires]
        return Corpus(
            tokens=np.concatenate([np.asarray(wire, np.int32) for wire in wires]),
            offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            labels=labels,
            topics=TOPICS,
            vocabulary=tuple(vocabulary),
            provenance=provenance,
        )
    except Exception as error:  # a pickle that is cut off or made up can raise anything
        raise UserError(f"{npz}: not the Reuters set of Keras: {error}") from error


class _ArraysOnly(pickle.Unpickler):
    """Rebuilds NumPy arrays, lists and numbers, and refuses to call anything else.

    Keras stores the ragged wires as a pickle; an ordinary unpickler would run whatever code a
    file names.
    """

    _ALLOWED = ("_reconstruct", "ndarray", "dtype", "scalar")

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] == "numpy" and name in self._ALLOWED:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"a pickle that names {module}.{name} is refused")


def _read_array(content: bytes) -> np.ndarray:
    file = io.BytesIO(content)
    version = npy.read_magic(file)
    header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    _, _, dtype = header(file)
    if dtype.hasobject:
        return _ArraysOnly(file, encoding="latin1").load()
    return npy.read_array(io.BytesIO(content), allow_pickle=False)
