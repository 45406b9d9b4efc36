"""The encoder of texts, against the package that its files come from."""

import json
import subprocess
import sys

import numpy as np
import pytest

from rnnbench.models.sentence_encoder import encode

pytest.importorskip("tokenizers")
pytest.importorskip("safetensors")

TEXTS = ["grain exports fell 3 pct", "shr 12 cts vs loss 4 cts", "Ünïted", "oil"]
OF_THE_PACKAGE = """
import json, sys
from pathlib import Path
import wordllama

folder = Path(wordllama.__file__).parent  # or it looks for the tokenizer elsewhere
model = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
print(json.dumps(model.embed(json.loads(sys.argv[1])).tolist()))
"""
WITHOUT_A_NETWORK = """
import socket, sys

def refuse(*_, **__):
    raise OSError("no network")

socket.socket.connect = socket.getaddrinfo = refuse
from rnnbench.models.sentence_encoder import encode

print(encode(["grain"]).shape, "wordllama" in sys.modules)
"""


def printed(source, *arguments):
    """Return what a script prints in a process of its own: wordllama changes its logging."""
    command = [sys.executable, "-c", source, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_vectors_are_those_of_the_package():
    pytest.importorskip("wordllama")

    vectors = encode(TEXTS)

    assert vectors.shape == (len(TEXTS), 256)
    expected = json.loads(printed(OF_THE_PACKAGE, json.dumps(TEXTS)))
    np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_no_network_is_needed_and_the_package_is_not_imported():
    assert printed(WITHOUT_A_NETWORK).strip() == "(1, 256) False"


def test_a_text_has_the_same_vector_whatever_stands_beside_it():
    np.testing.assert_array_equal(encode(TEXTS)[1], encode([TEXTS[1]])[0])


def test_an_empty_text_has_no_direction():
    np.testing.assert_array_equal(encode([""]), np.zeros((1, 256)))


def test_similar_texts_have_similar_vectors():
    grain, wheat, bank = encode(["grain harvest", "wheat crop", "interest rates of banks"])

    def cosine(a, b):
        return a @ b / np.sqrt((a @ a) * (b @ b))

    assert cosine(grain, wheat) > cosine(grain, bank) + 0.1
