"""Corpora, their fingerprints, and files of them, which are never read if they were
damaged.
"""

import os
from contextlib import suppress
from dataclasses import replace

import numpy as np
import platformdirs
import pytest

from rnnbench.data import cache
from rnnbench.data.cache import DamagedCacheError
from rnnbench.data.corpus import corpus_of_words
from rnnbench.errors import UserError

CORPUS = corpus_of_words(
    [["up", "it", "up"], [], ["été"]],
    ["up", "it", "été"],
    labels=[1, 0, 1],
    topics=["acq", "earn"],
    provenance={"source": "made-up"},
)
OTHER = replace(CORPUS, topics=("earn", "acq"))


def test_tokens_are_ranks_of_words():
    arrays = (CORPUS.tokens, CORPUS.offsets, CORPUS.labels)
    assert [array.tolist() for array in arrays] == [
        [1, 2, 1, 3],
        [0, 3, 3, 4],
        [1, 0, 1],
    ]
    assert [array.dtype for array in arrays] == [np.int32, np.int64, np.int32]
    assert (len(CORPUS), CORPUS.lengths.tolist(), CORPUS.is_test) == (
        3,
        [3, 0, 1],
        None,
    )
    assert corpus_of_words([[b"\xe9t\xe9"]], [b"\xe9t\xe9"], [0], ["a"]).words(0) == [
        "été"
    ]


def test_a_cached_corpus_with_too_few_excerpts_is_damaged(tmp_path):
    excerpts = {"excerpts": np.zeros(3, np.uint8), "excerpt_ends": np.array([3])}
    cache.write(tmp_path / "own.npz", replace(CORPUS, **excerpts))

    with pytest.raises(
        DamagedCacheError, match="it has not one excerpt for each document"
    ):
        cache.read(tmp_path / "own.npz")


@pytest.mark.parametrize(
    "change",
    [
        {"tokens": np.array([1, 2, 1, 2], np.int32)},
        {"offsets": np.array([0, 2, 3, 4])},
        {"labels": np.array([1, 1, 1], np.int32)},
        {"topics": ("earn", "acq")},
        {"vocabulary": ("up", "it", "gain")},
        {"is_test": np.array([True, False, True])},
    ],
    ids=list,
)
def test_the_fingerprint_is_that_of_the_content_whatever_its_origin(change):
    same = {"tokens": CORPUS.tokens.astype(">i8"), "labels": CORPUS.labels.astype("u1")}

    assert replace(CORPUS, provenance={}, **same).fingerprint == CORPUS.fingerprint
    assert replace(CORPUS, **change).fingerprint != CORPUS.fingerprint


@pytest.fixture
def file():
    """A file in which ``CORPUS`` is cached."""
    return cache.store("made_up", CORPUS).file


@pytest.mark.parametrize("is_test", [None, np.array([False, True, True])])
def test_a_stored_corpus_is_read_again(is_test):
    corpus = replace(CORPUS, is_test=is_test)

    stored = cache.store("made_up", corpus)
    again = cache.read(stored.file)

    assert again.fingerprint == corpus.fingerprint
    assert (again.provenance, again.tokens.dtype) == (
        corpus.provenance,
        corpus.tokens.dtype,
    )
    assert stored.fingerprint == corpus.fingerprint
    assert again.file == stored.file
    assert [again.words(document) for document in range(3)] == [
        ["up", "it", "up"],
        [],
        ["été"],
    ]


def test_the_newest_corpus_of_a_source_is_found(file):
    other = cache.store("made_up", OTHER).file
    cache.store("altered-made_up", replace(CORPUS, topics=("a", "b")))
    os.utime(file, (2, 2))
    os.utime(other, (1, 1))

    assert cache.find("made_up") == file
    assert cache.find("made") is None
    # Files of other layouts are not found.
    assert file.parent.name == f"v{cache.SCHEMA_VERSION}"
    assert cache.find(fingerprint=OTHER.fingerprint) == other
    assert cache.find(fingerprint="0" * 64) is cache.find(fingerprint="../*") is None


def test_one_line_says_that_a_file_is_damaged(
    file,
):
    content = file.read_bytes()

    for other in (
        b"garbage",
        b"PK\x03\x04",
        *(content[:n] for n in range(0, len(content), 101)),
    ):
        file.write_bytes(other)
        with pytest.raises(
            DamagedCacheError, match=r"^damaged cache: .*made_up-\w+\.npz: .+\Z"
        ):
            cache.read(file)
    for place in range(0, len(content), 23):
        damaged = bytearray(content)
        damaged[place] ^= (0x01, 0x20, 0xFF)[place % 3]
        file.write_bytes(damaged)
        with suppress(DamagedCacheError):  # unless it is harmless
            corpus = cache.read(file)
            assert corpus.fingerprint == CORPUS.fingerprint
            assert corpus.provenance == CORPUS.provenance


@pytest.mark.parametrize(
    "arrays",
    [
        {"labels": np.array([0, 0, 1], np.int32)},
        {"is_test": np.array([True, False, False])},
        {"labels": None},
        {"facts": np.frombuffer(b"{}", np.uint8)},
        {"facts": np.frombuffer(b"[1]", np.uint8)},
        {"tokens": np.array(["a", "b"])},
        {"tokens": np.array([1, 2, 1, 3], object)},
    ],
)
def test_a_file_with_other_content_is_damaged(file, arrays):
    with np.load(file) as stored:
        content = {**stored, **arrays}
    np.savez(
        file, **{name: array for name, array in content.items() if array is not None}
    )

    with pytest.raises(DamagedCacheError):
        cache.read(file)


def test_the_folder_is_chosen_by_the_environment(monkeypatch, cache_folder):
    assert cache.folder() == cache_folder
    (cache_folder / "corpora").touch()
    with pytest.raises(UserError, match=r"cannot be written: .*RNNBENCH_CACHE"):
        cache.store("made_up", CORPUS)
    monkeypatch.setenv("RNNBENCH_CACHE", "")
    assert cache.folder() == platformdirs.user_cache_path("rnnbench")


@pytest.fixture
def mapped_elsewhere(monkeypatch):
    """Windows, which replaces no file that another process has mapped."""

    def refuse(path, _):
        raise PermissionError(13, "Access is denied", str(path))

    def map_it():
        monkeypatch.setattr("pathlib.Path.replace", refuse)

    return map_it


def test_a_file_that_cannot_be_replaced_is_taken_if_it_is_whole(file, mapped_elsewhere):
    mapped_elsewhere()

    assert cache.store("made_up", CORPUS).file == file


def test_a_damaged_file_that_cannot_be_replaced_is_named(file, mapped_elsewhere):
    file.write_bytes(b"PK")
    mapped_elsewhere()

    with pytest.raises(UserError, match=f"{file}: cannot be written: Access is denied"):
        cache.store("made_up", CORPUS)
