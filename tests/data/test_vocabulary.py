"""The words of a wire, encoded as a text, are exactly its row of the dataset."""

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


def corpus_of(wires, source="sgml", is_test=None):
    return corpus_of_words(
        wires,
        WORDS,
        labels=[number % 2 for number in range(len(wires))],
        topics=["earn", "acq"],
        is_test=is_test,
        provenance={"source": source, "from": "nowhere"},
    )


def rows_of(dataset):
    """Return every wire of a dataset with its row."""
    wires = np.concatenate([dataset.train_wires, dataset.test_wires])
    return wires, np.concatenate([dataset.x_train, dataset.x_test])


def texts_of(corpus, wires):
    return [" ".join(corpus.words(wire)) for wire in wires]


ENDS = st.sampled_from(["pre", "post"])


@given(
    wires=st.lists(st.lists(st.sampled_from(WORDS), max_size=8), min_size=2, max_size=12),
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
def test_a_wire_is_encoded_as_its_row_of_the_dataset(wires, source, data):
    corpus = corpus_of(wires, source)
    try:
        dataset = make_dataset(corpus, data)
    except UserError:
        assume(False)
    kept, rows = rows_of(dataset)

    encoded = encode(texts_of(corpus, kept), make_vocabulary(corpus, dataset, data))

    assert encoded.ids.dtype == rows.dtype == np.int32
    np.testing.assert_array_equal(encoded.ids, rows)
    assert encoded.words == [corpus.words(wire) for wire in kept]


@pytest.mark.parametrize(
    "setting",
    [
        {"num_words": 30_000, "maxlen": 50, "test_split": 0.3, "padding": "post"},
        {"maxlen": 50},
        {"num_words": 500, "pad_length": 80, "padding": "post", "truncating": "post"},
        {"num_words": 500, "pad_length": 80},
    ],
    ids=["the notebook", "all words", "cut behind", "cut in front"],
)
def test_a_wire_of_the_keras_set_is_encoded_as_its_row_of_the_dataset(keras_corpus, setting):
    data = Data(**setting)
    dataset = make_dataset(keras_corpus, data)
    wires, rows = rows_of(dataset)
    vocabulary = make_vocabulary(keras_corpus, dataset, data)

    encoded = encode(texts_of(keras_corpus, wires), vocabulary)

    np.testing.assert_array_equal(encoded.ids, rows)


def test_a_wire_of_r52_is_encoded_as_its_row_of_the_dataset(r52_corpus):
    data = Data(num_words=30_000, maxlen=50, padding="post")
    dataset = make_dataset(r52_corpus, data)
    wires, rows = rows_of(dataset)

    vocabulary = make_vocabulary(r52_corpus, dataset, data)

    encoded = encode(texts_of(r52_corpus, wires[:500]), vocabulary)
    np.testing.assert_array_equal(encoded.ids, rows[:500])
    assert vocabulary.source == "r52"


CORPUS = corpus_of([["net", "profit"], ["it", "buys", "unit"], ["rose"], ["net", "gap"]])


def vocabulary(**settings):
    data = Data(**{"test_split": 0.5, "num_words": 100, "padding": "post"} | settings)
    return make_vocabulary(CORPUS, make_dataset(CORPUS, data), data)


def test_a_vocabulary_tells_what_the_dataset_is():
    data = Data(test_split=0.5, pad_length=6, padding="post", truncating="pre")
    dataset = make_dataset(CORPUS, data)

    found = make_vocabulary(CORPUS, dataset, data)

    assert found.dataset_fingerprint == dataset.fingerprint
    assert (found.source, found.topics) == ("sgml", ["earn", "acq"])
    assert (found.timesteps, found.padding, found.truncating) == (6, "post", "pre")


@pytest.mark.parametrize(("num_words", "words"), [(100, 9), (13, 9), (12, 8), (5, 1), (4, 0)])
def test_it_has_the_words_that_have_an_id_of_their_own(num_words, words):
    assert vocabulary(num_words=num_words).words == WORDS[:words]


def test_without_num_words_the_rarest_word_of_the_kept_wires_is_unknown_as_in_the_dataset():
    assert vocabulary(num_words=None).words == WORDS[:6], "gap is the rarest that is used"


def test_a_text_is_a_start_mark_and_its_words_ids():
    encoded = encode(["Net profit: net loss.", "rose"], vocabulary(pad_length=6))

    assert encoded.ids.tolist() == [[START, 4, 5, 4, 11, PAD], [START, 6, PAD, PAD, PAD, PAD]]
    assert encoded.words == [["net", "profit", "net", "loss"], ["rose"]]
    assert encoded.unknown == [[], []]


def test_words_that_are_not_in_the_vocabulary_are_unknown_and_told_each_time_in_order():
    encoded = encode(["zinc net tin zinc"], vocabulary(pad_length=6))

    assert encoded.ids.tolist() == [[START, UNKNOWN, 4, UNKNOWN, UNKNOWN, PAD]]
    assert encoded.unknown == [["zinc", "tin", "zinc"]]


@pytest.mark.parametrize(
    ("truncating", "row"), [("pre", [6, 7, 8]), ("post", [START, 4, 5])], ids=["front", "behind"]
)
def test_a_text_that_is_too_long_is_cut_as_wires_are(truncating, row):
    cut = vocabulary(pad_length=3, truncating=truncating)

    assert encode(["net profit rose it buys"], cut).ids.tolist() == [row]


def test_a_text_without_words_is_a_start_mark():
    assert encode(["..."], vocabulary(pad_length=3)).ids.tolist() == [[START, PAD, PAD]]


def test_no_texts_give_no_rows():
    assert encode([], vocabulary(pad_length=3)).ids.shape == (0, 3)
