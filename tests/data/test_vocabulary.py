"""Texts as ids, and one document from its words to the sequence that models read."""

import numpy as np
import pytest
from factories import corpus_of_texts
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from strategies import settings_of_data, sides

from rnnbench.data.config import Data
from rnnbench.data.corpus import corpus_of_words
from rnnbench.data.dataset import make_dataset
from rnnbench.data.padding import PAD, START, UNKNOWN
from rnnbench.data.vocabulary import encode, find_document, make_vocabulary
from rnnbench.errors import UserError

WORDS = ["net", "profit", "rose", "it", "buys", "unit", "gap", "loss", "quarter"]


@settings(max_examples=25)
@given(
    documents=st.lists(
        st.lists(st.sampled_from(WORDS), max_size=8), min_size=2, max_size=12
    ),
    source=st.sampled_from(["keras", "sgml", "r52", "r8"]),
    data=settings_of_data(test_split=st.just(0.5)),
)
def test_a_document_is_encoded_as_its_row_in_the_dataset(documents, source, data):
    labels = [number % 2 for number in range(len(documents))]
    provenance = {"source": source, "from": "nowhere"}
    corpus = corpus_of_words(
        documents, WORDS, labels, ["earn", "acq"], provenance=provenance
    )
    try:
        dataset = make_dataset(corpus, data)
    except UserError:
        assume(False)
    numbers = np.concatenate([dataset.train_documents, dataset.test_documents])
    words = [corpus.words(number) for number in numbers]

    vocabulary = make_vocabulary(corpus, dataset, data)
    encoded = encode([" ".join(item) for item in words], vocabulary)

    rows = np.concatenate([dataset.x_train, dataset.x_test])
    assert encoded.ids.dtype == rows.dtype == np.int32
    assert_array_equal(encoded.ids, rows)
    assert encoded.words == list(map(len, words))
    assert (vocabulary.dataset_fingerprint, vocabulary.topics) == (
        dataset.fingerprint,
        TOPICS[:2],
    )


def test_words_that_are_not_in_the_vocabulary_are_listed_in_order():
    data = Data(source="sgml", num_words=100, pad_length=5, padding="post")
    corpus = corpus_of_texts(
        ["net profit", "rose", "it buys"], ["a", "b", "a"], source="sgml"
    )
    vocabulary = make_vocabulary(corpus, make_dataset(corpus, data), data)

    encoded = encode(["Zinc, net tin zinc", "rose", "..."], vocabulary)

    assert encoded.ids.tolist() == [
        [START, UNKNOWN, 4, UNKNOWN, UNKNOWN],
        [START, 6, PAD, PAD, PAD],
        [START, PAD, PAD, PAD, PAD],
    ]
    assert encoded.words == [4, 1, 0]
    assert encoded.unknown == [["zinc", "tin", "zinc"], [], []]
    assert encode([], vocabulary).ids.shape == (0, 5)
    other = vocabulary.model_copy(update={"source": "tweets"})

    with pytest.raises(
        UserError, match=r"'tweets' of this model is not installed .*r52, r8"
    ):
        encode(["net"], other)


TEXTS = [
    "profit up again",
    "buys unit",
    "a newswire that is too long to be kept",
    "buys profit",
]
TOPICS = ["earn", "acq", "acq", "earn"]
NEWSWIRES = corpus_of_texts(TEXTS, TOPICS, [False, False, False, True])


def document_in(number, **settings):
    data = Data(**settings)
    return find_document(NEWSWIRES, make_dataset(NEWSWIRES, data), data, number)


@settings(max_examples=25)
@given(st.integers(0, 3), st.none() | st.integers(1, 12), sides, sides)
def test_the_sequence_of_a_document_has_the_kept_ids_with_padding(
    number, pad_length, padding, truncating
):
    settings = {"pad_length": pad_length, "padding": padding, "truncating": truncating}
    document = document_in(number, maxlen=5, num_words=100, **settings)

    kept = document.ids[document.kept]
    zeros = [PAD] * document.n_padding
    if number == 2:  # it is left out
        assert document.sequence is None
    elif padding == "pre":
        assert document.sequence == zeros + kept
    else:
        assert document.sequence == kept + zeros
    assert len(document.ids) == len(kept) + document.n_cut


@pytest.mark.parametrize(
    ("number", "place", "ids"),
    [
        (0, "training", [1, 4, 5, 6]),
        (1, "training", [1, 7, 8]),
        (2, "left out", [1, *range(9, 18)]),
        (3, "test", [1, 7, 4]),
    ],
)
def test_a_document_has_its_topic_in_its_place(number, place, ids):
    document = document_in(number, maxlen=5, num_words=100)

    topic = TOPICS[number]
    assert (document.number, document.topic, document.place) == (number, topic, place)
    words = TEXTS[number].split()
    assert (document.words, document.unknown, document.ids) == (words, [], ids)


def test_the_unknown_words_of_a_document_are_named():
    assert document_in(0, num_words=6).unknown == ["again"]
    with pytest.raises(UserError, match=r"no document -1 \(allowed: 0 to 3\)"):
        document_in(-1)
