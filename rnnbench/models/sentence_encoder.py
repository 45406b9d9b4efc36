"""An encoder of texts that has been trained already, from files of the package ``wordllama``."""

from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import distribution
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENIZER = "wordllama/tokenizers/l2_supercat_tokenizer_config.json"
VECTORS = "wordllama/weights/l2_supercat_256.safetensors"


def encode(texts: Sequence[str]) -> NDArray[np.float64]:
    """Return the mean of the vectors of the pieces of each text, ``(n_texts, 256)``.

    These are the numbers of ``WordLlama.load().embed(texts)``; those of an empty text are zeros.
    """
    tokenizer, vectors = _load()
    means = np.zeros((len(texts), vectors.shape[1]))
    for mean, text in zip(means, texts, strict=True):
        if pieces := tokenizer.encode(text, add_special_tokens=False).ids:
            mean[:] = vectors[pieces].mean(axis=0)
    return means


@lru_cache(maxsize=1)
def _load() -> tuple["Tokenizer", NDArray[np.float32]]:
    """Return the tokenizer, and a vector for each piece, ``(32000, 256)``."""
    # wordllama itself is not imported. It would change the logging of the whole process, and its
    # own function looks for the tokenizer in another folder, and then downloads it.
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    find = distribution("wordllama").locate_file
    vectors = load_file(str(find(VECTORS)))["embedding.weight"].astype(np.float32)
    return Tokenizer.from_file(str(find(TOKENIZER))), vectors
