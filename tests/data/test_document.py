"""One document, from its words to the sequence that models read."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.data.corpus import corpus_of_words
from rnnbench.data.dataset import PAD, START, UNKNOWN, make_dataset
from rnnbench.data.document import find_document
from rnnbench.data.settings import Data
from rnnbench.errors import UserError

DOCUMENTS = [  # words, topic, whether it is a test document
    ("profit up again", "earn", False),
    ("buys unit", "acq", False),
    ("a newswire that is too long to be kept", "acq", False),
    ("buys profit", "earn", True),
]
TOPICS = ["earn", "acq"]
RANKING = ["profit", "buys", "up", "again", "unit", *DOCUMENTS[2][0].split()]
sides = st.sampled_from(["pre", "post"])


@pytest.fixture(scope="module")
def corpus():
    return corpus_of_words(
        [text.split() for text, _, _ in DOCUMENTS],
        RANKING,
        labels=[TOPICS.index(topic) for _, topic, _ in DOCUMENTS],
        topics=TOPICS,
        is_test=[is_test for _, _, is_test in DOCUMENTS],
        provenance={"source": "made-up", "from": "nowhere"},
    )


def found_in(corpus, number, **settings):
    data = Data(**settings)
    return find_document(corpus, make_dataset(corpus, data), data, number)


@pytest.mark.parametrize(
    ("number", "topic", "place", "ids", "sequence"),
    [
        (0, "earn", "training", [1, 4, 6, 7], [1, 4, 6, 7]),
        (2, "acq", "left out", [1, *range(9, 18)], None),
        (3, "earn", "test", [1, 5, 4], [0, 1, 5, 4]),
    ],
)
def test_a_document_has_words_a_topic_a_place_ids_and_a_sequence(
    corpus, number, topic, place, ids, sequence
):
    found = found_in(corpus, number, maxlen=5, num_words=100)

    assert (found.number, found.topic, found.place) == (number, topic, place)
    assert found.words == DOCUMENTS[number][0].split()
    assert (found.ids, found.sequence) == (ids, sequence)
    assert found.unknown == []


def test_words_beyond_num_words_are_unknown(corpus):
    found = found_in(corpus, 0, num_words=6)

    assert (found.ids, found.unknown) == ([1, 4, UNKNOWN, UNKNOWN], ["up", "again"])


@given(
    number=st.integers(0, 3),
    pad_length=st.integers(1, 12),
    padding=sides,
    truncating=sides,
)
def test_the_sequence_is_padding_and_the_ids_that_are_kept(
    corpus, number, pad_length, padding, truncating
):
    settings = {"pad_length": pad_length, "padding": padding, "truncating": truncating}
    found = found_in(corpus, number, num_words=100, **settings)

    kept, zeros = found.ids[found.kept], [PAD] * found.n_padding
    assert found.sequence == (zeros + kept if padding == "pre" else kept + zeros)
    assert len(found.ids) == len(kept) + found.n_cut == 1 + len(found.words)
    assert found.ids[0] == START
    data = Data(num_words=100, **settings)
    dataset = make_dataset(corpus, data)
    everything = np.concatenate([dataset.x_train, dataset.x_test])
    assert found.sequence in everything.tolist()


@pytest.mark.parametrize("number", [-1, 4])
def test_a_document_that_does_not_exist_is_refused_with_those_that_do(corpus, number):
    with pytest.raises(UserError, match=rf"no document {number} \(allowed: 0 to 3\)"):
        found_in(corpus, number)
