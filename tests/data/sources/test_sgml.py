import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

from rnnbench.config.load import load
from rnnbench.data.audit import summarize_dataset
from rnnbench.data.corpus import fingerprint
from rnnbench.data.dataset import PAD, make_dataset
from rnnbench.data.load import CachedCorpus
from rnnbench.data.settings import Data
from rnnbench.data.sources.catalog import SOURCES
from rnnbench.data.sources.sgml import (
    FILE_NAMES,
    build_corpus,
    is_original,
    parse_wires,
    rank_words,
    tokenize,
)
from rnnbench.errors import UserError

FINGERPRINT = "b037a9a9065118fceaccd0f806a50ddeb1670a41d627106dd067d656baaa0d7d"

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


def wires(text):
    return list(parse_wires(text))


def test_a_wire_has_the_topic_and_the_body_that_follow():
    assert wires(
        b"<TOPICS><D>earn</D></TOPICS><BODY>Up.</BODY><TOPICS><D>acq</D></TOPICS><BODY>Buys.</BODY>"
    ) == [(b"earn", b"Up."), (b"acq", b"Buys.")]


def test_a_wire_with_several_topics_is_labelled_with_its_first():
    assert wires(b"<TOPICS><D>grain</D><D>wheat</D></TOPICS><BODY>Crop.</BODY>") == [
        (b"grain", b"Crop.")
    ]


def test_a_wire_without_a_topic_is_skipped():
    assert (
        wires(b"<TOPICS></TOPICS><BODY>a</BODY><TOPICS><D>earn</D></TOPICS><BODY>b</BODY>")
    ) == [(b"earn", b"b")]


def test_a_wire_without_a_body_takes_that_of_a_later_wire():
    assert wires(
        b"<TOPICS><D>earn</D></TOPICS>"
        b"<TOPICS></TOPICS>"
        b"<TOPICS><D>acq</D></TOPICS><BODY>Buys.</BODY>"
    ) == [(b"earn", b"Buys."), (b"acq", b"Buys.")]


def test_a_last_wire_without_a_body_takes_what_stands_five_characters_behind_its_topics_tag():
    assert wires(b"<TOPICS><D>earn</D></TOPICS><TITLE>Up</TITLE>") == [(b"earn", b"rn")]


def test_a_body_never_comes_from_another_file():
    corpus = build_corpus(
        [b"<TOPICS><D>trade</D></TOPICS>", b"<BODY>other</BODY>"], {}, min_wires=1
    )

    assert corpus.words(0) == ["ade"]


def test_entities_are_not_decoded():
    assert wires(b"<TOPICS><D>earn</D></TOPICS><BODY>&lt;XYZ> &#3;</BODY>") == [
        (b"earn", b"&lt;XYZ> &#3;")
    ]


def test_topics_with_too_few_wires_are_left_out_with_their_wires():
    corpus = build_corpus([_file("earn", "acq", "earn", "trade", "acq")], {}, min_wires=2)

    assert corpus.topics == ("earn", "acq")
    assert corpus.labels.tolist() == [0, 1, 0, 1]
    assert sorted(corpus.vocabulary) == ["word0", "word1", "word2", "word4"]


def test_wires_of_a_topic_are_counted_over_all_files():
    corpus = build_corpus([_file("earn"), _file("acq"), _file("earn")], {}, min_wires=2)

    assert corpus.topics == ("earn",)


def test_topics_are_numbered_by_their_first_kept_wire():
    corpus = build_corpus([_file("rare", "wheat", "acq", "acq", "wheat")], {}, min_wires=2)

    assert corpus.topics == ("wheat", "acq")


def test_a_topic_needs_fifteen_wires(tiny_sgml):
    corpus = build_corpus(tiny_sgml.values(), {})

    assert corpus.topics == ("earn", "acq")
    assert len(corpus) == 2 * len(FILE_NAMES)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(b"The DOLLAR", [b"the", b"dollar"], id="lower case"),
        pytest.param(b"\xc9t\xc9", [b"\xc9t\xc9"], id="only ASCII letters are lowered"),
        pytest.param(b"U.S. up 3.5-pct", [b"u", b"s", b"up", b"3", b"5", b"pct"], id="punctuation"),
        pytest.param(b'!a"#$%&b()*+,-./:;<=>?@[\\]^_`{|}~c', [b"a", b"b", b"c"], id="all of it"),
        pytest.param(b"bank's 'own'", [b"bank's", b"'own'"], id="the apostrophe stays"),
        pytest.param(b"a\tb\nc  d", [b"a", b"b", b"c", b"d"], id="white space"),
        pytest.param(b"a\rb\x03", [b"a\rb\x03"], id="other control characters stay"),
        pytest.param(b" \n. ", [], id="nothing"),
    ],
)
def test_words_of_a_body(body, words):
    assert tokenize(body) == words


def test_words_are_ranked_by_count_over_all_wires():
    assert rank_words([[b"b", b"a"], [b"c", b"a"], [b"a", b"b"]]) == [b"a", b"b", b"c"]


def test_words_that_come_equally_often_are_ranked_as_a_python_2_dict_iterates():
    words = [b"w%d" % number for number in range(22)]

    ranked = b" ".join(rank_words([words, [b"w21"]]))

    assert ranked == (
        b"w21 w19 w18 w17 w16 w15 w14 w13 w12 w11 w10 w7 w6 w5 w4 w3 w2 w1 w0 w9 w8 w20"
    )


@pytest.fixture(scope="module")
def default(keras_corpus):
    return make_dataset(keras_corpus, Data())


@pytest.fixture(scope="module")
def notebook_config(repository):
    return yaml.safe_load((repository / "configs" / "notebook.yaml").read_text())


@pytest.fixture(scope="module")
def notebook(keras_corpus, notebook_config):
    return make_dataset(keras_corpus, Data.model_validate(notebook_config["data"]))


@pytest.fixture(scope="module")
def facts(keras_corpus, notebook):
    cached = CachedCorpus(keras_corpus, FINGERPRINT, Path("unused"))
    return summarize_dataset(cached, notebook)


def test_the_rebuild_has_the_fingerprint_of_the_keras_set(keras_corpus):
    assert fingerprint(keras_corpus) == FINGERPRINT


def test_the_rebuild_has_the_sizes_of_the_keras_set(keras_corpus):
    assert len(keras_corpus) == 11_228
    assert len(keras_corpus.topics) == 46
    assert len(keras_corpus.vocabulary) == 30_979


def test_the_rebuild_has_the_word_ids_of_the_keras_set(keras_corpus):
    assert {word: keras_corpus.vocabulary.index(word) + 1 for word in IDS} == IDS


def test_the_rebuild_has_the_topics_of_the_keras_set(keras_corpus):
    assert keras_corpus.topics[:5] == ("cocoa", "grain", "veg-oil", "earn", "acq")
    assert keras_corpus.topics[45] == "lead"


def test_first_training_sequence_of_the_default_split(default):
    sequence = default.x_train[0]

    assert sequence[sequence != PAD].tolist() == FIRST_TRAINING_SEQUENCE


def test_first_labels_of_the_default_split(default):
    assert default.y_train[:10].tolist() == [3, 4, 3, 4, 4, 4, 4, 3, 3, 16]
    assert default.y_test[:10].tolist() == [3, 10, 1, 4, 4, 3, 3, 3, 3, 3]


def test_lengths_of_the_default_split(default):
    lengths = np.count_nonzero(default.x_train != PAD, axis=1)

    assert lengths.mean() == pytest.approx(145.5398574927633, abs=1e-12)
    assert lengths.max() == default.timesteps == 2376


def test_the_notebook_has_the_setting_of_the_golden_values(notebook_config):
    setting = {"num_words": 30_000, "maxlen": 50, "test_split": 0.3}

    assert setting.items() <= notebook_config["data"].items()


def test_sizes_of_the_notebooks_split(notebook):
    assert notebook.x_train.shape == (1395, 49)
    assert notebook.x_test.shape == (599, 49)


def test_the_notebooks_dataset_is_the_one_that_its_accuracies_are_tied_to(notebook, repository):
    references = load(repository / "configs" / "all.yaml").references
    assert notebook.fingerprint == references["notebook"].dataset


def test_majority_of_the_notebooks_split(facts):
    earn = facts.topics_by_frequency[0]
    assert (earn.topic, earn.train, earn.test) == ("earn", 997, 448)
    assert facts.majority_topic == "earn"
    assert round(facts.majority_accuracy, 4) == 0.7479


def test_overlap_of_the_notebooks_split(facts):
    assert (facts.overlap, facts.overlap_same_label) == (34, 14)


def test_topics_of_the_notebooks_split_that_no_model_can_learn(facts):
    assert len(facts.topics_only_in_test) == 4


@pytest.fixture(scope="module")
def files(reuters_archive):
    with tarfile.open(reuters_archive) as archive:
        return {name: archive.extractfile(_member(archive, name)).read() for name in FILE_NAMES}


def test_the_files_are_recognised_as_the_original(files):
    assert is_original(files)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"reut2-021.sgm": b""}, id="a file is empty"),
        pytest.param({"reut2-000.sgm": b"<TOPICS>"}, id="a file is another"),
    ],
)
def test_altered_files_are_recognised(files, change):
    assert not is_original(files | change)


@pytest.mark.parametrize("form", ["archive", "folder", "subfolder", "zip", "zip of UCI"])
def test_every_form_gives_the_same_corpus(form, files, reuters_archive, tmp_path):
    path = reuters_archive
    if form == "folder":
        path = _folder(tmp_path / "reuters", files)
    elif form == "subfolder":
        path = _folder(tmp_path / "download" / "reuters21578", files).parent
    elif form == "zip":
        path = _zip(tmp_path / "reuters.zip", files)
    elif form == "zip of UCI":
        inner = {"README.txt": b"", "reuters21578.tar.gz": reuters_archive.read_bytes()}
        path = _zip(tmp_path / "uci.zip", inner)

    corpus = SOURCES["sgml"].read(path)

    assert fingerprint(corpus) == FINGERPRINT
    assert corpus.provenance == {
        "source": "sgml",
        "from": path.name,
    }


def test_an_archive_that_lacks_a_file_is_refused_by_name(tiny_sgml, tmp_path):
    files = {name: content for name, content in tiny_sgml.items() if name != "reut2-007.sgm"}

    with pytest.raises(UserError, match=r"it lacks reut2-007\.sgm$"):
        SOURCES["sgml"].read(_zip(tmp_path / "reuters.zip", files))


def test_a_damaged_archive_inside_that_of_uci_is_named(tmp_path):
    path = _zip(tmp_path / "uci.zip", {"reuters21578.tar.gz": b"\x1f\x8b"})

    with pytest.raises(UserError, match=r"uci\.zip/reuters21578\.tar\.gz: truncated"):
        SOURCES["sgml"].read(path)


def test_the_archive_inside_that_of_uci_may_hold_no_other(tmp_path):
    with io.BytesIO() as buffer:
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            archive.addfile(tarfile.TarInfo("reuters21578.tar.gz"))
        inner = buffer.getvalue()
    path = _zip(tmp_path / "uci.zip", {"reuters21578.tar.gz": inner})

    with pytest.raises(UserError, match="it lacks reut2-000"):
        SOURCES["sgml"].read(path)


def _file(*topics):
    return b"".join(
        f"<TOPICS><D>{topic}</D></TOPICS><BODY>word{number}</BODY>".encode()
        for number, topic in enumerate(topics)
    )


def _member(archive, name):
    return next(member for member in archive if member.name.endswith(name))


def _folder(folder, files):
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def _zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path
