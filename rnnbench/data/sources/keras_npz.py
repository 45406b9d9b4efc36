"""The Reuters set as Keras distributes it: ``reuters.npz`` and ``reuters_word_index.json``."""

import hashlib
import io
import json
import os
from pathlib import Path

import numpy as np

from rnnbench.data.corpus import Corpus
from rnnbench.data.fetch import MAX_BYTES, Progress, get
from rnnbench.data.source import Source, keras_reuters
from rnnbench.errors import OutOfReachError, UserError
from rnnbench.storage import read_file

HOME = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"
"""Source of the address and the hashes: ``keras.datasets.reuters``."""
NPZ, NPZ_SHA256 = "reuters.npz", "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
WORD_INDEX, WORD_INDEX_MD5 = "reuters_word_index.json", "4d44cc38712099c9e383dc6e5f11a921"

TOPICS = (
    "cocoa", "grain", "veg-oil", "earn", "acq", "wheat", "copper", "housing", "money-supply",
    "coffee", "sugar", "trade", "reserves", "ship", "cotton", "carcass", "crude", "nat-gas",
    "cpi", "money-fx", "interest", "gnp", "meal-feed", "alum", "oilseed", "gold", "tin",
    "strategic-metal", "livestock", "retail", "ipi", "iron-steel", "rubber", "heat", "jobs",
    "lei", "bop", "zinc", "orange", "pet-chem", "dlr", "gas", "silver", "wpi", "hog", "lead",
)  # fmt: skip
"""Source: ``keras.datasets.reuters.get_label_names``."""


def read(npz: Path) -> Corpus:
    """Return the corpus in the two files of Keras.

    Raises:
        UserError: one is missing, or is not the file that Keras distributes.
    """
    word_index = npz.with_name(WORD_INDEX)
    if not (npz.is_file() and word_index.is_file()):
        raise UserError(f"{npz}: should be a file, with {WORD_INDEX} beside it")
    return _corpus(read_file(npz, MAX_BYTES), read_file(word_index, MAX_BYTES), (npz, word_index))


def fetch(progress: Progress) -> Corpus:
    """Return the corpus in Keras's own folder or, if it is not there, download it.

    Raises:
        OutOfReachError: the files cannot be downloaded.
    """
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    try:
        return read(home / "datasets" / NPZ)
    except (UserError, OSError):  # missing or damaged
        urls = (f"{HOME}/{NPZ}", f"{HOME}/{WORD_INDEX}")
        npz, word_index = (get(url, progress) for url in urls)
    try:
        return _corpus(npz, word_index, urls)
    except UserError as error:
        raise OutOfReachError(str(error)) from error


def _corpus(npz: bytes, word_index: bytes, names: tuple[object, object]) -> Corpus:
    """Check the hashes of the two files and return their corpus.

    The lists of word ranks are stored as a pickle, which is safe to load: its sha256 is known.
    """
    if hashlib.sha256(npz).hexdigest() != NPZ_SHA256:
        raise UserError(f"{names[0]}: not the file that Keras distributes (its sha256 differs)")
    if hashlib.md5(word_index, usedforsecurity=False).hexdigest() != WORD_INDEX_MD5:
        raise UserError(f"{names[1]}: not the file that Keras distributes (its md5 differs)")
    with np.load(io.BytesIO(npz), allow_pickle=True) as arrays:
        documents, labels = arrays["x"], arrays["y"]
    ranks: dict[str, int] = json.loads(word_index)
    return Corpus(
        tokens=np.concatenate([np.asarray(document, np.int32) for document in documents]),
        offsets=np.concatenate([[0], np.cumsum([len(document) for document in documents])]),
        labels=labels.astype(np.int32),
        topics=TOPICS,
        vocabulary=tuple(sorted(ranks, key=ranks.__getitem__)),
        provenance={"from": NPZ, "sha256": NPZ_SHA256},
    )


KERAS = Source(
    name="keras",
    help="The Reuters set of Keras: 11,228 newswires on 46 topics.",
    file=f"{NPZ}, with {WORD_INDEX} beside it",
    read=read,
    tokenize=keras_reuters,
    fetch=fetch,
    patterns=("*.npz",),
    is_default=True,
)
