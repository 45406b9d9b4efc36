"""The Reuters set from the two files that Keras distributes; ``test_load.py`` downloads them."""

from pathlib import Path

import numpy as np
import pytest

from rnnbench.data.corpus import fingerprint
from rnnbench.data.sources import keras_npz as source
from rnnbench.errors import UserError


class Hostile:
    """Creates a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


@pytest.fixture
def small_npz(tmp_path):
    """Two documents of three words, in the format of Keras."""
    index = '{"cocoa": 2, "the": 1, "\\u00fcber": 3}'
    (tmp_path / source.WORD_INDEX).write_text(index, encoding="utf-8")
    documents = np.empty(2, dtype=object)
    documents[:] = [[1, 2, 1], [3]]
    np.savez(tmp_path / source.NPZ, x=documents, y=np.array([0, 45]))
    return tmp_path / source.NPZ


def test_documents_labels_and_words_are_read(small_npz, pinned):
    corpus = source.read(pinned(small_npz))

    assert [corpus.words(number) for number in range(2)] == [["the", "cocoa", "the"], ["über"]]
    assert [corpus.topics[label] for label in corpus.labels] == ["cocoa", "lead"]
    assert corpus.is_test is None
    assert corpus.provenance == {"from": "reuters.npz", "sha256": source.NPZ_SHA256}


def test_the_corpus_is_the_one_that_is_rebuilt_from_reuters_21578(keras_npz, keras_corpus, pinned):
    corpus = source.read(pinned(keras_npz))

    assert fingerprint(corpus) == fingerprint(keras_corpus)
    for name in ("tokens", "offsets", "labels"):
        assert getattr(corpus, name).dtype == getattr(keras_corpus, name).dtype


def test_topics_and_addresses_are_those_of_keras():
    from keras.src.datasets import reuters

    code = Path(reuters.__file__).read_text()
    assert reuters.get_label_names() == source.TOPICS
    for constant in (source.HOME, source.NPZ_SHA256, source.WORD_INDEX_MD5):
        assert constant in code


def test_a_pickle_that_keras_does_not_distribute_is_refused_and_does_not_run(small_npz, tmp_path):
    marker = tmp_path / "marker"
    np.savez(small_npz, x=np.array([Hostile(marker)], dtype=object), y=np.array([0]))

    with pytest.raises(UserError, match=r"reuters\.npz: not the file that Keras distributes"):
        source.read(small_npz)

    assert not marker.exists()


def test_a_word_index_that_keras_does_not_distribute_is_refused(small_npz, pinned):
    pinned(small_npz).with_name(source.WORD_INDEX).write_text("{}")

    with pytest.raises(UserError, match=r"reuters_word_index\.json: not the file that Keras"):
        source.read(small_npz)
