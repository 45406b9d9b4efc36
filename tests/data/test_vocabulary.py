"""The words of a document, encoded as a text, are exactly its row in the dataset."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rnnbench.data.corpus import corpus_of_words
from rnnbench.data.dataset import PAD, START, UNKNOWN, make_dataset
from rnnbench.data.settings import Data
from rnnbench.data.vocabulary import encode, make_vocabulary
from rnnbench.errors import UserError

WORDS = ["net", "profit", "rose", "it", "buys", "unit", "gap", "loss", "quarter"]


def corpus_of(documents, source="sgml"):
    labels = [number % 2 for number in range(len(documents))]
    provenance = {"source": source, "from": "nowhere"}
    return corpus_of_words(documents, WORDS, labels, ["earn", "acq"], provenance=provenance)


def assert_texts_are_encoded_as_rows(corpus, dataset, data):
    """Encode every document of a dataset as a text and compare it with its row."""
    numbers = np.concatenate([dataset.train_documents, dataset.test_documents])
    rows = np.concatenate([dataset.x_train, dataset.x_test])
    words = [corpus.words(number) for number in numbers]

    encoded = encode([" ".join(each) for each in words], make_vocabulary(corpus, dataset, data))

    assert encoded.ids.dtype == rows.dtype == np.int32
    np.testing.assert_array_equal(encoded.ids, rows)
    assert encoded.words == words


ENDS = st.sampled_from(["pre", "post"])


@given(
    documents=st.lists(st.lists(st.sampled_from(WORDS), max_size=8), min_size=2, max_size=12),
    source=st.sampled_from(["keras", "sgml", "r52", "r8"]),
    data=st.builds(
        Data,
        num_words=st.none() | st.integers(4, 15),
        maxlen=st.none() | st.integers(3, 10),
        pad_length=st.none() | st.integers(1, 10),
        padding=ENDS,
        truncating=ENDS,
        test_split=st.just(0.5),
    ),
)
def test_a_document_is_encoded_as_its_row_in_the_dataset(documents, source, data):
    corpus = corpus_of(documents, source)
    try:
        dataset = make_dataset(corpus, data)
    except UserError:
        assume(False)
    assert_texts_are_encoded_as_rows(corpus, dataset, data)


@pytest.mark.parametrize(
    "setting",
    [
        {"num_words": 30_000, "maxlen": 50, "test_split": 0.3, "padding": "post"},
        {"maxlen": 50},
        {"num_words": 500, "pad_length": 80, "padding": "post", "truncating": "post"},
        {"num_words": 500, "pad_length": 80},
    ],
    ids=["the notebook", "all words", "cut at the end", "cut at the start"],
)
def test_a_document_of_the_keras_set_is_encoded_as_its_row(keras_corpus, setting):
    data = Data(**setting)
    assert_texts_are_encoded_as_rows(keras_corpus, make_dataset(keras_corpus, data), data)


def test_a_document_of_r52_is_encoded_as_its_row(r52_corpus):
    data = Data(num_words=30_000, maxlen=50, padding="post")
    assert_texts_are_encoded_as_rows(r52_corpus, make_dataset(r52_corpus, data), data)


CORPUS = corpus_of([["net", "profit"], ["it", "buys", "unit"], ["rose"], ["net", "gap"]])


def vocabulary(**settings):
    data = Data(**{"test_split": 0.5, "num_words": 100, "padding": "post"} | settings)
    return make_vocabulary(CORPUS, make_dataset(CORPUS, data), data)


def test_a_vocabulary_describes_the_dataset():
    data = Data(test_split=0.5, pad_length=6, padding="post", truncating="pre")
    dataset = make_dataset(CORPUS, data)

    found = make_vocabulary(CORPUS, dataset, data)

    assert found.dataset_fingerprint == dataset.fingerprint
    assert (found.source, found.topics) == ("sgml", ["earn", "acq"])
    assert (found.timesteps, found.padding, found.truncating) == (6, "post", "pre")


@pytest.mark.parametrize(("num_words", "words"), [(100, 9), (13, 9), (12, 8), (5, 1), (4, 0)])
def test_it_has_the_words_with_an_id_of_their_own(num_words, words):
    assert vocabulary(num_words=num_words).words == WORDS[:words]


def test_without_num_words_the_rarest_word_of_the_kept_documents_is_unknown_as_in_the_dataset():
    assert vocabulary(num_words=None).words == WORDS[:6], "gap is the rarest that is used"


def test_a_text_is_a_start_mark_and_the_ids_of_its_words():
    encoded = encode(["Net profit: net loss.", "rose"], vocabulary(pad_length=6))

    assert encoded.ids.tolist() == [[START, 4, 5, 4, 11, PAD], [START, 6, PAD, PAD, PAD, PAD]]
    assert encoded.words == [["net", "profit", "net", "loss"], ["rose"]]
    assert encoded.unknown == [[], []]


def test_words_that_are_not_in_the_vocabulary_are_unknown_and_listed_in_order():
    encoded = encode(["zinc net tin zinc"], vocabulary(pad_length=6))

    assert encoded.ids.tolist() == [[START, UNKNOWN, 4, UNKNOWN, UNKNOWN, PAD]]
    assert encoded.unknown == [["zinc", "tin", "zinc"]]


@pytest.mark.parametrize(
    ("truncating", "row"), [("pre", [6, 7, 8]), ("post", [START, 4, 5])], ids=["start", "end"]
)
def test_a_text_that_is_too_long_is_cut_like_a_document(truncating, row):
    cut = vocabulary(pad_length=3, truncating=truncating)

    assert encode(["net profit rose it buys"], cut).ids.tolist() == [row]


def test_a_text_without_words_is_a_start_mark():
    assert encode(["..."], vocabulary(pad_length=3)).ids.tolist() == [[START, PAD, PAD]]


def test_no_texts_give_no_rows():
    assert encode([], vocabulary(pad_length=3)).ids.shape == (0, 3)


def test_the_source_of_a_vocabulary_must_be_installed():
    other = vocabulary(pad_length=3).model_copy(update={"source": "tweets"})

    with pytest.raises(UserError, match=r"'tweets' of this model is not installed .*r52, r8"):
        encode(["net"], other)
