from dataclasses import replace
from pathlib import Path

import numpy as np
import platformdirs
import pytest

from rnnbench.data import cache
from rnnbench.data.cache import DamagedCacheError
from rnnbench.data.corpus import corpus_of_words, fingerprint


@pytest.fixture
def corpus():
    return corpus_of_words(
        [["up", "it", "up"], [], ["été"]],
        ["up", "it", "été"],
        labels=[1, 0, 1],
        topics=["acq", "earn"],
        provenance={"source": "made-up"},
    )


@pytest.fixture
def file(corpus, tmp_path):
    """A file in which ``corpus`` is cached."""
    file = tmp_path / "corpora" / "made-up.npz"
    cache.write(file, corpus)
    return file


def change(file, **arrays):
    """Put other arrays into a cached file; ``None`` takes one out."""
    with np.load(file) as stored:
        content = {**stored, **arrays}
    np.savez(file, **{name: array for name, array in content.items() if array is not None})


def assert_same_content(a, b):
    assert fingerprint(a) == fingerprint(b)
    assert a.provenance == b.provenance
    assert a.tokens.dtype == b.tokens.dtype
    assert (a.is_test is None) == (b.is_test is None)


@pytest.mark.parametrize("is_test", [None, np.array([False, True, True])])
def test_what_is_written_is_read(corpus, is_test, tmp_path):
    corpus = replace(corpus, is_test=is_test)

    written = cache.write(tmp_path / "corpus.npz", corpus)
    found, read = cache.read(tmp_path / "corpus.npz")

    assert_same_content(found, corpus)
    assert written == read == fingerprint(corpus)
    assert [found.words(wire) for wire in range(3)] == [["up", "it", "up"], [], ["été"]]


def test_the_file_can_be_read_without_pickle(file):
    with np.load(file, allow_pickle=False) as stored:
        assert {array.dtype.hasobject for array in stored.values()} == {False}


def test_nothing_else_is_left_in_the_folder(file):
    assert list(file.parent.iterdir()) == [file]


def test_a_file_is_replaced(file, corpus):
    other = replace(corpus, topics=("earn", "acq"))

    cache.write(file, other)

    assert_same_content(cache.read(file)[0], other)


def test_nothing_cached_is_not_a_damaged_cache(tmp_path):
    with pytest.raises(FileNotFoundError):
        cache.read(tmp_path / "none.npz")


@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\x03\x04"])
def test_a_file_that_is_no_npz_is_damaged_which_one_line_says(file, content):
    file.write_bytes(content)

    with pytest.raises(DamagedCacheError, match=r"^damaged cache: .*made-up\.npz: .+\Z"):
        cache.read(file)


def test_a_file_cut_off_anywhere_is_damaged(file):
    content = file.read_bytes()

    for length in range(0, len(content), 7):
        file.write_bytes(content[:length])
        with pytest.raises(DamagedCacheError, match=r"made-up\.npz"):
            cache.read(file)


@pytest.mark.parametrize("bits", [0x01, 0x20, 0xFF])
def test_a_flipped_byte_anywhere_is_noticed_or_harmless(file, corpus, bits):
    content = file.read_bytes()

    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= bits
        file.write_bytes(damaged)
        try:
            found, _ = cache.read(file)
        except DamagedCacheError:
            continue
        assert_same_content(found, corpus)


@pytest.mark.parametrize(
    "arrays",
    [
        pytest.param({"tokens": np.array([1, 2, 1, 1], np.int32)}, id="other tokens"),
        pytest.param({"labels": np.array([0, 0, 1], np.int32)}, id="other labels"),
        pytest.param({"is_test": np.array([True, False, False])}, id="a split it had not"),
        pytest.param({"labels": None}, id="an array is missing"),
        pytest.param({"facts": None}, id="the facts are missing"),
        pytest.param({"facts": np.frombuffer(b"{}", np.uint8)}, id="no facts"),
        pytest.param({"facts": np.frombuffer(b"\xff", np.uint8)}, id="facts are no text"),
        pytest.param({"facts": np.frombuffer(b"[1]", np.uint8)}, id="facts are a list"),
        pytest.param({"tokens": np.array(["a", "b"])}, id="text for tokens"),
    ],
)
def test_a_file_with_another_content_is_damaged(file, arrays):
    change(file, **arrays)

    with pytest.raises(DamagedCacheError, match=r"made-up\.npz"):
        cache.read(file)


class Hostile:
    """Makes a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


def test_a_pickle_inside_is_damage_and_does_not_run(file, tmp_path):
    marker = tmp_path / "marker"
    change(file, tokens=np.array([Hostile(marker)], dtype=object))

    with pytest.raises(DamagedCacheError, match=r"made-up\.npz"):
        cache.read(file)

    assert not marker.exists()


def test_the_environment_chooses_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("RNNBENCH_CACHE", str(tmp_path))

    assert cache.folder() == tmp_path
    assert cache.file_of("r52").is_relative_to(tmp_path)


@pytest.mark.parametrize("unset", [None, ""])
def test_the_folder_is_the_platforms_by_default(monkeypatch, unset):
    monkeypatch.delenv("RNNBENCH_CACHE")
    if unset is not None:
        monkeypatch.setenv("RNNBENCH_CACHE", unset)

    assert cache.folder() == platformdirs.user_cache_path("rnnbench")


def test_files_of_another_layout_have_other_names(monkeypatch):
    now = cache.file_of("sgml")
    monkeypatch.setattr(cache, "SCHEMA_VERSION", cache.SCHEMA_VERSION + 1)

    assert cache.file_of("sgml") != now
    assert cache.file_of("sgml") != cache.file_of("r52")
