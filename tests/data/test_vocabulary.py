"""Texts as ids, and one document from its words to the sequence that models read."""

import numpy as np
import pytest
from factories import corpus_of_texts
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rnnbench.data.corpus import corpus_of_words
from rnnbench.data.dataset import PAD, START, UNKNOWN, Data, make_dataset
from rnnbench.data.vocabulary import encode, find_document, make_vocabulary
from rnnbench.errors import UserError

WORDS = ["net", "profit", "rose", "it", "buys", "unit", "gap", "loss", "quarter"]


def corpus_of(documents, source="sgml"):
    labels = [number % 2 for number in range(len(documents))]
    provenance = {"source": source, "from": "nowhere"}
    return corpus_of_words(documents, WORDS, labels, ["earn", "acq"], provenance=provenance)


@settings(max_examples=25)
@given(
    documents=st.lists(st.lists(st.sampled_from(WORDS), max_size=8), min_size=2, max_size=12),
    source=st.sampled_from(["keras", "sgml", "r52", "r8"]),
    data=st.builds(
        Data,
        num_words=st.none() | st.integers(4, 15),
        maxlen=st.none() | st.integers(3, 10),
        pad_length=st.none() | st.integers(1, 10),
        padding=st.sampled_from(["pre", "post"]),
        truncating=st.sampled_from(["pre", "post"]),
        test_split=st.just(0.5),
    ),
)
def test_a_document_is_encoded_as_its_row_in_the_dataset(documents, source, data):
    corpus = corpus_of(documents, source)
    try:
        dataset = make_dataset(corpus, data)
    except UserError:
        assume(False)
    numbers = np.concatenate([dataset.train_documents, dataset.test_documents])
    words = [corpus.words(number) for number in numbers]

    vocabulary = make_vocabulary(corpus, dataset, data)
    encoded = encode([" ".join(each) for each in words], vocabulary)

    rows = np.concatenate([dataset.x_train, dataset.x_test])
    assert encoded.ids.dtype == rows.dtype == np.int32
    np.testing.assert_array_equal(encoded.ids, rows)
    assert encoded.words == words
    assert vocabulary.dataset_fingerprint == dataset.fingerprint
    assert vocabulary.topics == ["earn", "acq"]


CORPUS = corpus_of([["net", "profit"], ["it", "buys", "unit"], ["rose"], ["net", "gap"]])


def vocabulary(**settings):
    data = Data(**{"test_split": 0.5, "num_words": 100, "padding": "post"} | settings)
    return make_vocabulary(CORPUS, make_dataset(CORPUS, data), data)


def test_words_that_are_not_in_the_vocabulary_are_unknown_and_listed_in_order():
    encoded = encode(["Zinc, net tin zinc", "rose", "..."], vocabulary(pad_length=5))

    assert encoded.ids.tolist() == [
        [START, UNKNOWN, 4, UNKNOWN, UNKNOWN],
        [START, 6, PAD, PAD, PAD],
        [START, PAD, PAD, PAD, PAD],
    ]
    assert encoded.words == [["zinc", "net", "tin", "zinc"], ["rose"], []]
    assert encoded.unknown == [["zinc", "tin", "zinc"], [], []]
    assert encode([], vocabulary(pad_length=3)).ids.shape == (0, 3)


def test_the_source_of_a_vocabulary_must_be_installed():
    other = vocabulary(pad_length=3).model_copy(update={"source": "tweets"})

    with pytest.raises(UserError, match=r"'tweets' of this model is not installed .*r52, r8"):
        encode(["net"], other)


TEXTS = ["profit up again", "buys unit", "a newswire that is too long to be kept", "buys profit"]
NEWSWIRES = corpus_of_texts(TEXTS, ["earn", "acq", "acq", "earn"], [False, False, False, True])
sides = st.sampled_from(["pre", "post"])


def found_in(number, **settings):
    data = Data(**settings)
    return find_document(NEWSWIRES, make_dataset(NEWSWIRES, data), data, number)


@pytest.mark.parametrize(
    ("number", "topic", "place", "ids", "sequence"),
    [
        (0, "earn", "training", [1, 4, 5, 6], [1, 4, 5, 6]),
        (2, "acq", "left out", [1, *range(9, 18)], None),
        (3, "earn", "test", [1, 7, 4], [0, 1, 7, 4]),
    ],
)
def test_a_document_has_words_a_topic_a_place_ids_and_a_sequence(
    number, topic, place, ids, sequence
):
    found = found_in(number, maxlen=5, num_words=100)

    assert (found.number, found.topic, found.place) == (number, topic, place)
    assert (found.words, found.unknown) == (TEXTS[number].split(), [])
    assert (found.ids, found.sequence) == (ids, sequence)
    assert found_in(0, num_words=6).unknown == ["again"]


@settings(max_examples=25)
@given(st.integers(0, 3), st.integers(1, 12), sides, sides)
def test_the_sequence_is_padding_and_the_ids_that_are_kept(number, pad_length, padding, truncating):
    settings = {"pad_length": pad_length, "padding": padding, "truncating": truncating}
    found = found_in(number, num_words=100, **settings)

    kept, zeros = found.ids[found.kept], [PAD] * found.n_padding
    assert found.sequence == (zeros + kept if padding == "pre" else kept + zeros)
    assert len(found.ids) == len(kept) + found.n_cut == 1 + len(found.words)
    assert found.ids[0] == START


@pytest.mark.parametrize("number", [-1, 4])
def test_a_document_that_does_not_exist_is_refused_with_those_that_do(number):
    with pytest.raises(UserError, match=rf"no document {number} \(allowed: 0 to 3\)"):
        found_in(number)
