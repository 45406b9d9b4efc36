"""One document in the terminal, at any width and in any encoding."""

import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from rnnbench.data.vocabulary import Document
from rnnbench.report.data import Gloss, Glosses, document_facts, document_text
from rnnbench.terminal.console import SafeConsole
from rnnbench.training.inputs import Input

SHORT = Document(
    number=7,
    topic="earn",
    words=["net", "profit", "rose", "zyzzyva"],
    place="training",
    ids=[1, 39, 61, 1900, 2],
    sequence=[1, 39, 61, 1900, 2, 0, 0, 0],
    n_ids=2000,
    maxlen=None,
    cut_side="pre",
    padding_side="post",
)
LONG = Document(**vars(SHORT) | {"sequence": [1900, 2]})
CONTROLS = Document(**vars(SHORT) | {"words": ["\x1b" * 30] * 4})
LEFT_OUT = Document(**vars(SHORT) | {"sequence": None, "place": "left out", "maxlen": 5})
INPUTS = {
    "rnn": Input("numbers", (8, 1), tuple(SHORT.sequence)),
    "scaled": Input("scaled_numbers", (8, 1), tuple(each / 2000 for each in SHORT.sequence)),
    "lstm[units=1]": Input("masked_ids", (8,), tuple(SHORT.sequence)),
    "lstm[units=2]": Input("masked_ids", (8,), tuple(SHORT.sequence)),
    "bag[by=1]": Input("tfidf", (2000,), weights=((39, 0.25), (61, 0.5), (2, 0.125))),
    "bag[by=2]": Input("shares", (2000,), weights=((39, 0.25),)),
    "svm": Input("text", values=("39 61 1900 2",)),
}


def shown(view, width=80, **options):
    console = SafeConsole(width=width, file=io.StringIO(), **options)
    console.print(view, crop=False)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def words(view, width=80):
    return " ".join(" ".join(shown(view, width)).split())


def test_words_stand_above_their_ids_and_padding_at_its_place():
    lines = shown(document_text(SHORT, {}))

    assert lines[0] == "document 7, topic earn, 4 words, training"
    assert "   (start)  net  profit  rose  zyzzyva  padding, 3 steps" in lines
    assert "   1        39   61      1900  2        0" in lines
    before = Document(**vars(SHORT) | {"padding_side": "pre"})
    assert "   padding, 3 steps  (start)  net  profit  rose  zyzzyva" in shown(
        document_text(before, {})
    )


def test_what_is_cut_off_is_counted_and_named():
    lines, text = shown(document_text(LONG, {})), words(document_text(LONG, {}))

    assert "   cut off, 3 steps  rose  zyzzyva" in lines
    assert "   -                 1900  2" in lines
    assert "make 5 steps. Every sequence has 2 steps: the first 3 are cut off." in text
    assert "Cut off: (start) net profit Unknown: zyzzyva 0 is padding" in text
    at_the_end = Document(**vars(LONG) | {"cut_side": "post"})
    assert "   (start)  net  cut off, 3 steps" in shown(document_text(at_the_end, {}))
    assert "Cut off: profit rose zyzzyva" in words(document_text(at_the_end, {}))


def test_a_document_that_is_left_out_says_why():
    text = words(document_text(LEFT_OUT, {}))

    assert "No model is given this document: it is not shorter than data.maxlen, 5." in text
    assert "cut off" not in text


def test_each_input_is_shown_once_with_its_models():
    lines = shown(document_text(SHORT, INPUTS), 200)
    below = dict(itertools.pairwise(lines))

    numbers = "one feature at each step, (8, 1)"
    assert below[f"   rnn: the id of each word as a number, {numbers}"] == (
        "   1, 39, 61, 1900, 2, 0 (3 times)"
    )
    assert below[f"   scaled: the id of each word, divided by 2,000, {numbers}"] == (
        "   0.000500, 0.019500, 0.030500, 0.950000, 0.001000, 0 (3 times)"
    )
    vectors = "word ids, each of which selects a vector of an embedding"
    assert f"   lstm: {vectors}; padding is skipped, (8,)" in lines
    assert below["   bag[by=1]: the TF-IDF of each id, 0 except for these, (2000,)"] == (
        "   profit 0.5000, net 0.2500, (unknown) 0.1250"
    )
    assert below["   svm: a text, without the padding and the start mark"] == "   39 61 1900 2"


def test_without_a_config_it_says_how_to_see_inputs():
    hint = "Name a config, such as all, to see what its models are given."

    assert shown(document_text(SHORT, None))[-1] == hint
    assert hint not in shown(document_text(LEFT_OUT, {}))
    assert document_facts(SHORT, None)["inputs"] == []


def test_json_has_exact_numbers():
    facts = document_facts(LONG, INPUTS)

    assert facts["cut_off"] == {"count": 3, "side": "pre"}
    assert facts["padding"] == {"count": 0, "side": "post"}
    assert [each["models"] for each in facts["inputs"]][2] == ["lstm[units=1]", "lstm[units=2]"]
    assert facts["inputs"][1]["values"] == INPUTS["scaled"].values
    assert facts["inputs"][3]["weights"][0] == {"id": 39, "word": "net", "weight": 0.25}


@pytest.mark.parametrize("width", [20, 40, 50, 80, 120])
def test_no_line_is_longer_than_the_terminal_is_wide(width):
    for document in (SHORT, LONG, LEFT_OUT, CONTROLS):
        assert max(map(len, shown(document_text(document, INPUTS), width))) <= width


@given(
    st.lists(st.tuples(st.text("ab漢", min_size=1, max_size=30), st.integers(0, 99_999))),
    st.integers(12, 60),
)
def test_a_word_and_its_id_begin_in_the_same_column_of_their_lines(pairs, width):
    console = Console(width=width, file=io.StringIO())
    console.print(Glosses([Gloss(word, f"{id_}") for word, id_ in pairs]))
    lines = console.file.getvalue().splitlines()

    found = []
    for above, below in zip(lines[::3], lines[1::3], strict=True):
        assert len(above.split()) == len(below.split())
        found += [int(each) for each in below.split()]
    assert found == [id_ for _, id_ in pairs]
