"""R52 and R8 from SGML, small made-up files first, and then the original ones."""

import pytest

from rnnbench.data.sources.modapte import Newswire, parse_newswires, read_parts, text_of
from rnnbench.data.sources.r52 import R8, R52


def wire(part, *topics, text="<TITLE>a title</TITLE><BODY>a body</BODY>", has_topics="YES"):
    """Return a document as the SGML files have it."""
    marked = "".join(f"<D>{topic}</D>" for topic in topics)
    return (
        f'<REUTERS TOPICS="{has_topics}" LEWISSPLIT="{part}" CGISPLIT="NO" OLDID="1" NEWID="2">\n'
        f"<DATE>1</DATE><TOPICS>{marked}</TOPICS><PLACES><D>usa</D></PLACES>\n"
        f"<TEXT>{text}</TEXT>\n</REUTERS>\n"
    )


def parts(name, *documents):
    train, test = read_parts(name, ["".join(documents).encode("latin-1")])
    return [topic for topic, _ in train], [topic for topic, _ in test]


def test_the_documents_of_the_split_have_topics_and_their_part():
    content = "".join(
        [
            wire("TRAIN", "earn"),
            wire("TEST", "acq", "earn"),
            wire("NOT-USED", "earn"),
            wire("TRAIN", "earn", has_topics="BYPASS"),
            wire("TRAIN"),
        ]
    )

    assert list(parse_newswires(content)) == [
        Newswire("TRAIN", ("earn",), "a title a body"),
        Newswire("TEST", ("acq", "earn"), "a title a body"),
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
def test_a_text_is_the_title_and_the_body_or_all_that_there_is(text, expected):
    assert text_of(f'<TEXT TYPE="UNPROC">{text}</TEXT>') == expected


def test_documents_with_one_topic_stay_if_it_is_both_trained_and_tested():
    documents = [
        wire("TRAIN", "earn"),
        wire("TRAIN", "earn", "acq"),
        wire("TRAIN", "ship"),
        wire("TEST", "earn"),
        wire("TEST", "acq"),
        wire("TEST", "acq", "ship"),
    ]

    assert parts("r52", *documents) == (["earn"], ["earn"])


def test_r8_has_those_of_the_ten_most_frequent_topics():
    topics = [f"t{number}" for number in range(12)]
    train = [wire("TRAIN", topic) for n, topic in enumerate(topics) for _ in range(12 - n)]
    test = [wire("TEST", topic) for topic in topics]

    assert parts("r52", *train, *test)[1] == topics
    assert parts("r8", *train, *test)[1] == topics[:10]


@pytest.mark.parametrize(
    ("source", "n", "n_test", "n_topics"), [(R52, 9100, 2568, 52), (R8, 7674, 2189, 8)]
)
def test_the_original_files_give_the_corpus_of_the_wheel_word_for_word(
    reuters_archive, source, n, n_test, n_topics
):
    corpus = source.read(reuters_archive)

    assert (len(corpus), corpus.is_test.sum(), len(corpus.topics)) == (n, n_test, n_topics)
    assert corpus.fingerprint == source.fingerprint
