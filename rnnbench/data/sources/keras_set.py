"""The Reuters set of Keras, as Keras distributes it.

``KERAS.read(Path("reuters.npz"))`` is its corpus.
"""

import hashlib
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rnnbench.data import fetch as web
from rnnbench.data.corpus import Corpus
from rnnbench.data.fetch import Progress
from rnnbench.data.source import Source, keras_reuters
from rnnbench.errors import OutOfReachError, UserError
from rnnbench.storage import read_file

NPZ_HOME = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"
"""Source of the address and the hashes: ``keras.datasets.reuters``."""
NPZ = "reuters.npz"
NPZ_SHA256 = "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
WORD_INDEX = "reuters_word_index.json"
WORD_INDEX_MD5 = "4d44cc38712099c9e383dc6e5f11a921"

TOPICS = (
    "cocoa", "grain", "veg-oil", "earn", "acq", "wheat", "copper", "housing",
    "money-supply", "coffee", "sugar", "trade", "reserves", "ship", "cotton", "carcass",
    "crude", "nat-gas", "cpi", "money-fx", "interest", "gnp", "meal-feed", "alum",
    "oilseed", "gold", "tin", "strategic-metal", "livestock", "retail", "ipi",
    "iron-steel", "rubber", "heat", "jobs", "lei", "bop", "zinc", "orange", "pet-chem",
    "dlr", "gas", "silver", "wpi", "hog", "lead",
)  # fmt: skip
"""Source: ``keras.datasets.reuters.get_label_names``."""


def read_npz(npz: Path) -> Corpus:
    """Return the corpus in the two files of Keras, if it distributes these files."""
    word_index = npz.with_name(WORD_INDEX)
    if not npz.is_file() or not word_index.is_file():
        raise UserError(f"{npz}: should be a file, with {WORD_INDEX} beside it")
    return _corpus_of(
        {str(file): read_file(file, web.MAX_BYTES) for file in (npz, word_index)}
    )


def fetch_npz(progress: Progress) -> Corpus:
    """Return the corpus in Keras's own folder or, if it is not there, download it."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    try:
        return read_npz(home / "datasets" / NPZ)
    except (UserError, OSError):  # missing or damaged
        urls = (f"{NPZ_HOME}/{NPZ}", f"{NPZ_HOME}/{WORD_INDEX}")
        contents = {url: web.get(url, progress) for url in urls}
    try:
        return _corpus_of(contents)
    except UserError as error:
        raise OutOfReachError(str(error)) from error


def _corpus_of(contents: Mapping[str, bytes]) -> Corpus:
    """Return the corpus in the arrays and the word index, by the names of the files.

    ``UserError`` is raised if one is not the file that Keras distributes.
    """
    hashes = (("sha256", NPZ_SHA256), ("md5", WORD_INDEX_MD5))
    for name, (algorithm, expected) in zip(contents, hashes, strict=True):
        digest = hashlib.new(algorithm, contents[name], usedforsecurity=False)
        if digest.hexdigest() != expected:
            fault = "not the file that Keras distributes"
            raise UserError(f"{name}: {fault} (its {algorithm} differs)")
    npz, word_index = contents.values()
    # It holds pickled lists, which are safe, because its sha256 is known.
    with np.load(io.BytesIO(npz), allow_pickle=True) as arrays:
        documents = [np.asarray(document, np.int32) for document in arrays["x"]]
        labels = arrays["y"].astype(np.int32)
    ranks: dict[str, int] = json.loads(word_index)
    return Corpus(
        tokens=np.concatenate(documents),
        offsets=np.cumsum([0, *map(len, documents)]),
        labels=labels,
        topics=TOPICS,
        vocabulary=tuple(sorted(ranks, key=ranks.__getitem__)),
        provenance={"from": NPZ, "sha256": NPZ_SHA256},
    )


KERAS = Source(
    name="keras",
    help="The Reuters set of Keras: 11,228 newswires on 46 topics.",
    file=f"{NPZ}, with {WORD_INDEX} beside it",
    read=read_npz,
    tokenize=keras_reuters,
    fetch=fetch_npz,
    patterns=("*.npz",),
)
