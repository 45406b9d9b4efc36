from dataclasses import replace

import numpy as np
import pytest

from rnnbench.data.corpus import corpus_of_words

CORPUS = corpus_of_words(
    [["up", "it", "up"], [], ["loss"]],
    ["up", "it", "loss"],
    labels=[1, 0, 1],
    topics=["acq", "earn"],
    is_test=[False, True, True],
    provenance={"source": "made-up"},
)


def test_tokens_are_ranks_of_words():
    assert CORPUS.tokens.tolist() == [1, 2, 1, 3]
    assert CORPUS.offsets.tolist() == [0, 3, 3, 4]
    assert [CORPUS.words(number) for number in range(3)] == [["up", "it", "up"], [], ["loss"]]
    assert (len(CORPUS), CORPUS.lengths.tolist()) == (3, [3, 0, 1])
    arrays = (CORPUS.tokens, CORPUS.offsets, CORPUS.labels, CORPUS.is_test)
    assert [array.dtype for array in arrays] == [np.int32, np.int64, np.int32, np.bool_]
    in_latin_1 = corpus_of_words([[b"\xe9t\xe9"]], [b"\xe9t\xe9"], [0], ["a"])
    assert (in_latin_1.words(0), in_latin_1.is_test) == (["été"], None)


def test_provenance_and_the_type_of_numbers_do_not_change_the_fingerprint():
    tokens, labels = CORPUS.tokens.astype(">i8"), CORPUS.labels.astype("u1")
    other = replace(CORPUS, provenance={"source": "elsewhere"}, tokens=tokens, labels=labels)

    assert other.fingerprint == CORPUS.fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"tokens": np.array([1, 2, 1, 2], np.int32)},
        {"offsets": np.array([0, 2, 3, 4])},
        {"labels": np.array([1, 1, 1], np.int32)},
        {"topics": ("earn", "acq")},
        {"vocabulary": ("up", "it", "gain")},
        {"is_test": np.array([True, False, True])},
        {"is_test": None},
    ],
    ids=lambda change: next(iter(change)),
)
def test_any_other_content_has_another_fingerprint(change):
    assert replace(CORPUS, **change).fingerprint != CORPUS.fingerprint
