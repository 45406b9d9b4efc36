import io
import zipfile

import numpy as np
import pytest

from rnnbench.data.corpus import fingerprint
from rnnbench.data.sources import keras_npz as source
from rnnbench.data.sources.catalog import SOURCES
from rnnbench.errors import UserError
from rnnbench.storage import sha256_file

WORD_INDEX = "reuters_word_index.json"


def build(npz):
    return source.build_corpus(npz, npz.with_name(WORD_INDEX), {"source": "keras"})


@pytest.fixture
def small_npz(tmp_path):
    """Two wires of three words, as Keras would store them."""
    (tmp_path / WORD_INDEX).write_text('{"cocoa": 2, "the": 1, "\\u00fcber": 3}', encoding="utf-8")
    return write_npz(tmp_path / "reuters.npz", x=ragged([[1, 2, 1], [3]]), y=np.array([0, 45]))


def write_npz(file, **arrays):
    np.savez(file, **arrays)
    return file


def ragged(lists):
    array = np.empty(len(lists), dtype=object)
    array[:] = lists
    return array


def test_wires_labels_and_words_are_read(small_npz):
    corpus = build(small_npz)

    assert [corpus.words(wire) for wire in range(2)] == [["the", "cocoa", "the"], ["über"]]
    assert [corpus.topics[label] for label in corpus.labels] == ["cocoa", "lead"]
    assert corpus.is_test is None
    assert corpus.provenance == {"source": "keras"}


def test_the_keras_set_is_the_same_from_its_own_files_as_from_reuters_21578(
    keras_npz, keras_corpus
):
    corpus = build(keras_npz)

    assert fingerprint(corpus) == fingerprint(keras_corpus)
    assert corpus.tokens.dtype == keras_corpus.tokens.dtype
    assert corpus.labels.dtype == keras_corpus.labels.dtype


def test_topics_are_those_that_keras_names():
    from keras.datasets import reuters

    assert tuple(reuters.get_label_names()) == source.TOPICS


@pytest.mark.parametrize(
    ("module", "name", "argument"),
    [
        ("os", "system", "touch {marker}"),
        ("os", "scalar", "{marker}"),
        ("posix", "system", "touch {marker}"),
        ("builtins", "eval", "open('{marker}', 'w')"),
        ("__builtin__", "eval", "open('{marker}', 'w')"),
        ("numpy", "fromfile", "{marker}"),
        ("numpy.testing", "runstring", "open('{marker}', 'w')"),
        ("rnnbench.storage", "write_text", "{marker}"),
    ],
)
def test_a_pickle_that_calls_anything_is_refused_and_does_not_run(
    module, name, argument, small_npz, tmp_path
):
    marker = tmp_path / "marker"
    payload = f"c{module}\n{name}\n(V{argument.format(marker=marker)}\ntR.".encode()
    pickled_array(small_npz, payload)

    with pytest.raises(UserError, match=rf"a pickle that names \S*{name} is refused"):
        build(small_npz)

    assert not marker.exists()


def test_the_labels_may_not_run_code_either(small_npz):
    pickled_array(small_npz, b"cos\nsystem\n(Vtrue\ntR.", name="y.npy")

    with pytest.raises(UserError, match=r"refused"):
        build(small_npz)


def pickled_array(npz, payload, name="x.npy"):
    """Replace an array in ``npz`` by a made-up pickle."""
    with zipfile.ZipFile(npz) as archive:
        members = {member: archive.read(member) for member in archive.namelist()}
    with io.BytesIO() as buffer:
        header = {"descr": "|O", "fortran_order": False, "shape": (2,)}
        np.lib.format.write_array_header_1_0(buffer, header)
        members[name] = buffer.getvalue() + payload
    with zipfile.ZipFile(npz, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)


@pytest.mark.parametrize(
    "arrays",
    [
        pytest.param({"x": ragged([[1], [2]])}, id="no labels"),
        pytest.param({"y": np.array([0, 1])}, id="no wires"),
        pytest.param({"x": np.array([1, 2]), "y": np.array([0, 1])}, id="numbers for wires"),
        pytest.param({"x": ragged(["a", "b"]), "y": np.array([0, 1])}, id="text for wires"),
        pytest.param({"x": ragged([[1], [2]]), "y": np.array(["a", "b"])}, id="text for labels"),
        pytest.param({"x": ragged([]), "y": np.array([], int)}, id="no wire at all"),
    ],
)
def test_an_npz_that_holds_something_else_is_refused_by_name(arrays, small_npz):
    write_npz(small_npz, **arrays)

    with pytest.raises(UserError, match=r"reuters\.npz: not the Reuters set of Keras"):
        build(small_npz)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"garbage", id="garbage"),
        pytest.param(b"(lp0\nI1\na", id="cut off"),
        pytest.param(b"", id="empty"),
    ],
)
def test_a_broken_pickle_is_refused_by_name(payload, small_npz):
    pickled_array(small_npz, payload)

    with pytest.raises(UserError, match=r"reuters\.npz: not the Reuters set of Keras"):
        build(small_npz)


@pytest.mark.parametrize(
    "word_index",
    ["{", '"words"', '{"a": "one", "b": 2}', "[1, 2]"],
)
def test_a_word_index_that_is_none_is_refused(word_index, small_npz):
    small_npz.with_name(WORD_INDEX).write_text(word_index)

    with pytest.raises(UserError, match="not the Reuters set of Keras"):
        build(small_npz)


def test_a_file_that_keras_does_not_hand_out_is_refused(small_npz):
    with pytest.raises(UserError, match=r"reuters\.npz: not the file that Keras hands out"):
        SOURCES["keras"].read(small_npz)


def test_a_word_index_that_keras_does_not_hand_out_is_refused(small_npz, monkeypatch):
    monkeypatch.setattr(source, "NPZ_SHA256", sha256_file(small_npz))

    with pytest.raises(UserError, match=r"reuters_word_index\.json: not the file that Keras"):
        SOURCES["keras"].read(small_npz)


def test_a_missing_word_index_is_named(small_npz):
    small_npz.with_name(WORD_INDEX).unlink()

    with pytest.raises(UserError, match=r"a file, with reuters_word_index\.json beside it$"):
        SOURCES["keras"].read(small_npz)
