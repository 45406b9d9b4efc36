"""The Keras Reuters set from the files of Keras, and rebuilt from Reuters-21578 in
SGML.
"""

import hashlib
import re
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import yaml
from factories import Hostile
from newswires import write_files

from rnnbench.config.load import load
from rnnbench.data.audit import summarize_dataset
from rnnbench.data.config import Data
from rnnbench.data.dataset import make_dataset
from rnnbench.data.fetch import read_members
from rnnbench.data.padding import PAD
from rnnbench.data.source import keras_reuters
from rnnbench.data.sources import keras_set, reuters, sgml
from rnnbench.errors import UserError

START_OF_FIRST_TRAINING_SEQUENCE = [
    1, 27595, 28842, 8, 43, 10, 447, 5, 25, 207, 270, 5, 3095, 111, 16, 369, 186, 90,
    67, 7, 89, 5,
]  # fmt: skip


def topics(*names):
    return b"<TOPICS>" + b"".join(b"<D>%s</D>" % name for name in names) + b"</TOPICS>"


def body(text):
    return b"<BODY>%s</BODY>" % text


def file_of(names):
    return b"".join(topics(name) + body(b"word") for name in names.split())


@pytest.mark.parametrize(
    ("content", "documents"),
    [
        # Only the first topic, and no document without one; entities are not decoded.
        (
            topics(b"grain", b"wheat") + body(b"&lt;XYZ> &#3;"),
            [(b"grain", b"&lt;XYZ> &#3;")],
        ),
        (topics() + body(b"a") + topics(b"earn") + body(b"b"), [(b"earn", b"b")]),
        # Without a body, that of a later document, or the text five characters after
        # the tag.
        (
            topics(b"x") + topics() + topics(b"y") + body(b"b"),
            [(b"x", b"b"), (b"y", b"b")],
        ),
        (topics(b"earn") + b"<TITLE>Up</TITLE>", [(b"earn", b"rn")]),
    ],
)
def test_documents_of_a_file(content, documents):
    assert list(sgml.parse_documents(content)) == documents


@pytest.mark.parametrize(
    ("files", "kept", "labels"),
    [
        ([b"earn acq earn trade acq"], ("earn", "acq"), [0, 1, 0, 1]),
        ([b"rare wheat acq acq wheat"], ("wheat", "acq"), [0, 1, 1, 0]),
        ([b"earn", b"acq", b"earn"], ("earn",), [0, 0]),
    ],
    ids=[
        "rare topics are left out",
        "numbered by the first document kept",
        "over all files",
    ],
)
def test_topics_with_enough_documents_are_kept(files, kept, labels):
    corpus = sgml.build_corpus(map(file_of, files), min_documents=2)

    assert corpus.topics == kept
    assert corpus.labels.tolist() == labels
    split = sgml.build_corpus([topics(b"trade"), body(b"other")], min_documents=1)
    assert split.words(0) == ["ade"], "a body never comes from another file"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("naïve CAFÉ", ["naïve", "cafÉ"]),  # only ASCII letters become lower case
        ("U.S. up 3.5-pct", ["u", "s", "up", "3", "5", "pct"]),
        ('!a"#$%&b()*+,-./:;<=>?@[\\]^_`{|}~c', ["a", "b", "c"]),
        ("bank's 'own'", ["bank's", "'own'"]),
        (
            "a\tb\nc  D\rb\x03",
            ["a", "b", "c", "d\rb\x03"],
        ),  # other control characters stay
        ("profit—loss €5", ["profit", "loss", "5"]),  # Latin-1 has neither of the signs
    ],
)
def test_words_of_a_text(text, words):
    assert keras_reuters(text) == words


def test_the_rebuild_is_the_keras_set(keras_corpus):
    assert keras_corpus.fingerprint == sgml.SGML.fingerprint
    assert len(keras_corpus) == 11_228
    assert len(keras_corpus.vocabulary) == 30_979
    assert keras_corpus.topics == keras_set.TOPICS
    assert keras_reuters(" ".join(keras_corpus.vocabulary)) == list(
        keras_corpus.vocabulary
    )


def test_the_default_split_has_the_golden_values_of_the_keras_set(keras_corpus):
    default = make_dataset(keras_corpus, Data())
    sequence = default.x_train[0]
    lengths = np.count_nonzero(default.x_train != PAD, axis=1)

    assert sequence[sequence != PAD].tolist()[:22] == START_OF_FIRST_TRAINING_SEQUENCE
    assert default.y_train[:10].tolist() == [3, 4, 3, 4, 4, 4, 4, 3, 3, 16]
    assert default.y_test[:10].tolist() == [3, 10, 1, 4, 4, 3, 3, 3, 3, 3]
    assert lengths.mean() == pytest.approx(145.5398574927633, abs=1e-12)
    assert lengths.max() == default.timesteps == 2376


def test_the_split_of_the_notebook_has_its_golden_values(keras_corpus, repository):
    config = yaml.safe_load((repository / "configs" / "notebook.yaml").read_text())
    data = Data.model_validate(config["data"])
    notebook = make_dataset(keras_corpus, data)
    summary = summarize_dataset(keras_corpus, notebook)
    earn = summary.topics_by_frequency[0]
    duplicates = summary.duplicates
    references = load(repository / "configs" / "all.yaml").references

    assert notebook.fingerprint == references["notebook"].dataset
    assert (notebook.x_train.shape, notebook.x_test.shape) == ((1395, 49), (599, 49))
    assert (earn.topic, earn.train, earn.test) == ("earn", 997, 448)
    majority = (summary.majority_topic, round(summary.majority_score, 4))
    assert (*majority, len(summary.topics_only_in_test)) == ("earn", 0.7479, 4)
    assert (
        summary.whole_duplicates == duplicates,
        len(duplicates.same_topic),
        len(duplicates.other_topics),
        len(duplicates.both),
    ) == (True, 13, 16, 5)


def test_a_folder_gives_the_files_of_the_zip_of_uci(reuters_archive, tmp_path):
    files = read_members(reuters_archive.read_bytes(), reuters.FILE_NAMES, "x")
    inner = {"README.txt": b"", "reuters21578.tar.gz": reuters_archive.read_bytes()}

    write_files(tmp_path / "reuters21578", files)
    for path in (tmp_path, _zip(tmp_path / "uci.zip", inner)):
        assert reuters.read_files(path) == [files[name] for name in reuters.FILE_NAMES]


def test_missing_files_are_named(tiny_sgml, tiny_sgml_folder, tmp_path):
    missing = ("reut2-003.sgm", "reut2-021.sgm")
    files = {
        name: content for name, content in tiny_sgml.items() if name not in missing
    }
    for name in missing:
        (tiny_sgml_folder / name).unlink()

    for path in (tiny_sgml_folder, _zip(tmp_path / "reuters.zip", files)):
        with pytest.raises(
            UserError, match=r"it lacks reut2-003\.sgm, reut2-021\.sgm$"
        ):
            sgml.SGML.read(path)


def test_a_damaged_archive_inside_that_of_uci_is_named(tmp_path):
    path = _zip(tmp_path / "uci.zip", {"reuters21578.tar.gz": b"\x1f\x8b"})
    with pytest.raises(UserError, match=r"uci\.zip/reuters21578\.tar\.gz: truncated"):
        sgml.SGML.read(path)
    inner = _zip(tmp_path / "inner.zip", {"reuters21578.tar.gz": b""}).read_bytes()
    with pytest.raises(
        UserError, match="it lacks reut2-000"
    ):  # a third archive is not opened
        sgml.SGML.read(_zip(path, {"reuters21578.tar.gz": inner}))


def _zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_string_hash_is_that_of_python_2():
    texts = [b"", b"the", b"\xff\x00\xfe"]
    assert list(map(sgml.string_hash, texts)) == [
        0,
        16951513139072902650,
        8003493489078072330,
    ]


def test_the_table_grows_where_that_of_python_2_does():
    for n_keys, sha256 in {
        6: "151e031a636f28210569239632a38cb9263f5a433c302acc905e3ddc5bce7fbc",
        22: "c06180d7e1811ab8e7cd3fbbc4fc004d791bec6b267860bcb9d8759e9695fcb6",
        100_000: "dd99b0e09a6bec364b1849f2742b892b01c9e03b67c8da1a2fb85c0e34e53296",
    }.items():
        order = b"\n".join(
            sgml.dict_order([b"w%d" % number for number in range(n_keys)])
        )
        assert hashlib.sha256(order).hexdigest() == sha256


def test_names_are_those_of_keras():
    keras = Path(find_spec("keras").origin).parent  # to import it takes seconds
    code = (keras / "src/datasets/reuters.py").read_text()

    assert re.findall(r'^        "([\w-]+)",$', code, re.MULTILINE) == list(
        keras_set.TOPICS
    )
    for constant in (
        keras_set.NPZ_HOME,
        keras_set.NPZ_SHA256,
        keras_set.WORD_INDEX_MD5,
    ):
        assert constant in code


def test_a_pickle_that_keras_does_not_distribute_does_not_run(tmp_path):
    npz = tmp_path / keras_set.NPZ
    marker = tmp_path / "marker"
    np.savez(npz, x=np.array([Hostile(marker)], dtype=object), y=np.array([0]))
    npz.with_name(keras_set.WORD_INDEX).touch()

    with pytest.raises(
        UserError, match=r"reuters\.npz: not the file that Keras distributes"
    ):
        keras_set.read_npz(npz)

    assert not marker.exists()
