import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

from rnnbench.config.load import load
from rnnbench.data.archive import read_members
from rnnbench.data.audit import summarize_dataset
from rnnbench.data.cache import CachedCorpus
from rnnbench.data.dataset import PAD, make_dataset
from rnnbench.data.settings import Data
from rnnbench.data.sources.keras_npz import TOPICS
from rnnbench.data.sources.sgml import (
    FILE_NAMES,
    FINGERPRINT,
    build_corpus,
    is_original,
    parse_documents,
    rank_words,
    read,
)
from rnnbench.data.tokenizers import keras_reuters
from rnnbench.errors import UserError

IDS = {
    "the": 1, "of": 2, "to": 3, "in": 4, "said": 5, "four": 185, "270": 2563, "duffour": 7593,
    "woods": 8803, "hermann": 8804, "dormancy": 9381, "mdbl": 10996, "degussa": 12089,
    "hanging": 13796, "oversight": 13843, "fawc": 16260, "tcby": 16261, "localized": 20672,
    "sation": 20673, "chanthaburi": 20675, "screaming": 20713, "paradyne's": 20814,
    "northerly": 30979,
}  # fmt: skip

FIRST_TRAINING_SEQUENCE = [
    1, 27595, 28842, 8, 43, 10, 447, 5, 25, 207, 270, 5, 3095, 111, 16, 369, 186, 90, 67, 7, 89, 5,
    19, 102, 6, 19, 124, 15, 90, 67, 84, 22, 482, 26, 7, 48, 4, 49, 8, 864, 39, 209, 154, 6, 151, 6,
    83, 11, 15, 22, 155, 11, 15, 7, 48, 9, 4579, 1005, 504, 6, 258, 6, 272, 11, 15, 22, 134, 44, 11,
    15, 16, 8, 197, 1245, 90, 67, 52, 29, 209, 30, 32, 132, 6, 109, 15, 17, 12,
]  # fmt: skip


def topics(*names):
    return b"<TOPICS>" + b"".join(b"<D>%s</D>" % name for name in names) + b"</TOPICS>"


def body(text):
    return b"<BODY>%s</BODY>" % text


def file_of(*names):
    return b"".join(topics(name) + body(b"word%d" % n) for n, name in enumerate(names))


@pytest.mark.parametrize(
    ("content", "documents"),
    [
        (
            topics(b"earn") + body(b"Up.") + topics(b"acq") + body(b"Buys."),
            [(b"earn", b"Up."), (b"acq", b"Buys.")],
        ),
        (topics(b"grain", b"wheat") + body(b"Crop."), [(b"grain", b"Crop.")]),
        (topics() + body(b"a") + topics(b"earn") + body(b"b"), [(b"earn", b"b")]),
        (
            topics(b"earn") + topics() + topics(b"acq") + body(b"Buys."),
            [(b"earn", b"Buys."), (b"acq", b"Buys.")],
        ),
        (topics(b"earn") + b"<TITLE>Up</TITLE>", [(b"earn", b"rn")]),
        (topics(b"earn") + body(b"&lt;XYZ> &#3;"), [(b"earn", b"&lt;XYZ> &#3;")]),
    ],
    ids=[
        "the topic and the body that follow",
        "only the first topic",
        "no document without a topic",
        "the body of a later document",
        "no body: the text five characters after the tag",
        "entities are not decoded",
    ],
)
def test_documents_of_a_file(content, documents):
    assert list(parse_documents(content)) == documents


def test_a_body_never_comes_from_another_file():
    assert build_corpus([topics(b"trade"), body(b"other")], min_documents=1).words(0) == ["ade"]


@pytest.mark.parametrize(
    ("files", "kept", "labels"),
    [
        ([file_of(b"earn", b"acq", b"earn", b"trade", b"acq")], ("earn", "acq"), [0, 1, 0, 1]),
        ([file_of(b"rare", b"wheat", b"acq", b"acq", b"wheat")], ("wheat", "acq"), [0, 1, 1, 0]),
        ([file_of(b"earn"), file_of(b"acq"), file_of(b"earn")], ("earn",), [0, 0]),
    ],
    ids=["rare topics are left out", "numbered by the first document kept", "over all files"],
)
def test_topics_with_enough_documents_are_kept(files, kept, labels):
    corpus = build_corpus(files, min_documents=2)

    assert corpus.topics == kept
    assert corpus.labels.tolist() == labels


def test_a_topic_needs_fifteen_documents(tiny_sgml):
    assert build_corpus(tiny_sgml.values()).topics == ("earn", "acq")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The DOLLAR", ["the", "dollar"]),
        ("naïve CAFÉ", ["naïve", "cafÉ"]),  # only ASCII letters become lower case
        ("U.S. up 3.5-pct", ["u", "s", "up", "3", "5", "pct"]),
        ('!a"#$%&b()*+,-./:;<=>?@[\\]^_`{|}~c', ["a", "b", "c"]),
        ("bank's 'own'", ["bank's", "'own'"]),
        ("a\tb\nc  d", ["a", "b", "c", "d"]),
        ("a\rb\x03", ["a\rb\x03"]),  # other control characters stay
        ("profit—loss €5", ["profit", "loss", "5"]),  # Latin-1 has neither of the signs
    ],
)
def test_words_of_a_text(text, words):
    assert keras_reuters(text) == words


def test_the_words_of_the_keras_set_stay_the_same(keras_corpus):
    assert keras_reuters(" ".join(keras_corpus.vocabulary)) == list(keras_corpus.vocabulary)


def test_words_are_ranked_by_count_and_ties_as_a_python_2_dict_iterates():
    words = [b"w%d" % number for number in range(6)]

    assert rank_words([words, [b"w0"]]) == [b"w0", b"w5", b"w4", b"w3", b"w2", b"w1"]


def test_the_rebuild_is_the_keras_set(keras_corpus):
    assert keras_corpus.fingerprint == FINGERPRINT
    assert len(keras_corpus) == 11_228
    assert len(keras_corpus.vocabulary) == 30_979
    assert {word: keras_corpus.vocabulary.index(word) + 1 for word in IDS} == IDS
    assert keras_corpus.topics == TOPICS


def test_the_default_split_has_the_golden_values_of_the_keras_set(keras_corpus):
    default = make_dataset(keras_corpus, Data())
    sequence, lengths = default.x_train[0], np.count_nonzero(default.x_train != PAD, axis=1)

    assert sequence[sequence != PAD].tolist() == FIRST_TRAINING_SEQUENCE
    assert default.y_train[:10].tolist() == [3, 4, 3, 4, 4, 4, 4, 3, 3, 16]
    assert default.y_test[:10].tolist() == [3, 10, 1, 4, 4, 3, 3, 3, 3, 3]
    assert lengths.mean() == pytest.approx(145.5398574927633, abs=1e-12)
    assert lengths.max() == default.timesteps == 2376


def test_the_split_of_the_notebook_has_its_golden_values(keras_corpus, repository):
    config = yaml.safe_load((repository / "configs" / "notebook.yaml").read_text())
    data = Data.model_validate(config["data"])
    notebook = make_dataset(keras_corpus, data)
    facts = summarize_dataset(CachedCorpus(keras_corpus, FINGERPRINT, Path("unused")), notebook)
    earn = facts.topics_by_frequency[0]

    assert (data.num_words, data.maxlen, data.test_split) == (30_000, 50, 0.3)
    assert notebook.x_train.shape == (1395, 49)
    assert notebook.x_test.shape == (599, 49)
    assert (earn.topic, earn.train, earn.test) == ("earn", 997, 448)
    assert facts.majority_topic == "earn"
    assert round(facts.majority_accuracy, 4) == 0.7479
    found = facts.duplicates
    assert [len(each) for each in (found.same_topic, found.other_topics, found.both)] == [13, 16, 5]
    assert facts.whole_duplicates == found
    assert len(facts.topics_only_in_test) == 4
    references = load(repository / "configs" / "all.yaml").references
    assert notebook.fingerprint == references["notebook"].dataset


@pytest.fixture(scope="module")
def files(reuters_archive):
    return read_members(reuters_archive.read_bytes(), FILE_NAMES, "x")


def test_the_original_files_are_recognised(files):
    assert is_original(files)
    for content in (b"", b"<TOPICS>"):
        assert not is_original(files | {"reut2-021.sgm": content})


@pytest.mark.parametrize("form", ["archive", "folder", "subfolder", "zip", "zip of UCI"])
def test_every_form_gives_the_same_corpus(form, files, reuters_archive, tmp_path):
    inner = {"README.txt": b"", "reuters21578.tar.gz": reuters_archive.read_bytes()}
    path = {
        "archive": lambda: reuters_archive,
        "folder": lambda: _folder(tmp_path, files),
        "subfolder": lambda: _folder(tmp_path / "reuters21578", files).parent,
        "zip": lambda: _zip(tmp_path / "reuters.zip", files),
        "zip of UCI": lambda: _zip(tmp_path / "uci.zip", inner),
    }[form]()

    assert read(path).fingerprint == FINGERPRINT


def test_missing_files_are_named(tiny_sgml, tiny_sgml_folder, tmp_path):
    missing = ("reut2-003.sgm", "reut2-021.sgm")
    files = {name: content for name, content in tiny_sgml.items() if name not in missing}
    for name in missing:
        (tiny_sgml_folder / name).unlink()

    for path in (tiny_sgml_folder, _zip(tmp_path / "reuters.zip", files)):
        with pytest.raises(UserError, match=r"it lacks reut2-003\.sgm, reut2-021\.sgm$"):
            read(path)


def test_a_damaged_archive_inside_that_of_uci_is_named(tmp_path):
    path = _zip(tmp_path / "uci.zip", {"reuters21578.tar.gz": b"\x1f\x8b"})

    with pytest.raises(UserError, match=r"uci\.zip/reuters21578\.tar\.gz: truncated"):
        read(path)


def test_only_one_archive_inside_another_is_opened(tmp_path):
    inner = _zip(tmp_path / "inner.zip", {"reuters21578.tar.gz": b""}).read_bytes()
    path = _zip(tmp_path / "uci.zip", {"reuters21578.tar.gz": inner})

    with pytest.raises(UserError, match="it lacks reut2-000"):
        read(path)


def _folder(folder, files):
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def _zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path
