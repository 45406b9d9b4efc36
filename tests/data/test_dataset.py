from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rnnbench.data.corpus import corpus_of_words
from rnnbench.data.dataset import PAD, START, UNKNOWN, make_dataset, split_fingerprint
from rnnbench.data.settings import Data
from rnnbench.errors import UserError

WORDS = [f"w{rank}" for rank in range(1, 10)]


def corpus_of(*documents, is_test=None):
    """A corpus of documents that are given by ranks; all have the same topic."""
    words = [[f"w{rank}" for rank in document] for document in documents]
    return corpus_of_words(words, WORDS, [0] * len(words), ["earn"], is_test=is_test)


@st.composite
def corpora(draw, *, shortest=0, has_standard_split=False):
    document = st.lists(st.sampled_from(WORDS), min_size=shortest, max_size=8)
    documents = draw(st.lists(document, min_size=2, max_size=12))
    n = len(documents)
    labels = draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    is_test = draw(st.lists(st.booleans(), min_size=n, max_size=n)) if has_standard_split else None
    return corpus_of_words(documents, WORDS, labels, ["earn", "acq", "trade"], is_test=is_test)


SETTINGS = st.builds(
    Data,
    num_words=st.none() | st.integers(4, 13),
    maxlen=st.none() | st.integers(3, 10),
    test_split=st.floats(0.05, 0.95),
    seed=st.integers(0, 2**32 - 1),
    pad_length=st.none() | st.integers(1, 10),
    padding=st.sampled_from(["pre", "post"]),
    truncating=st.sampled_from(["pre", "post"]),
)


def keras_dataset(npz, data):
    """The arrays that Keras's own code makes of a file; only its download is replaced."""
    import keras

    with patch("keras.src.datasets.reuters.get_file", lambda *_, **__: str(npz)):
        (x_train, y_train), (x_test, y_test) = keras.datasets.reuters.load_data(
            num_words=data.num_words,
            maxlen=data.maxlen,
            test_split=data.test_split,
            seed=data.seed,
        )
    timesteps = data.pad_length or max(map(len, [*x_train, *x_test]))

    def padded(documents):
        return keras.utils.pad_sequences(
            documents, maxlen=timesteps, padding=data.padding, truncating=data.truncating
        )

    return padded(x_train), y_train, padded(x_test), y_test


def assert_same_arrays(dataset, arrays):
    ours = (dataset.x_train, dataset.y_train, dataset.x_test, dataset.y_test)
    for found, expected in zip(ours, arrays, strict=True):
        np.testing.assert_array_equal(found, expected)


def dataset_or_reject(corpus, data):
    try:
        return make_dataset(corpus, data)
    except UserError:
        assume(False)


@pytest.mark.parametrize(
    "setting",
    [
        pytest.param({"maxlen": 100}, id="all words"),
        pytest.param({"num_words": 1000, "pad_length": 200}, id="few words, long documents cut"),
        pytest.param(
            {"num_words": 30_000, "pad_length": 500, "truncating": "post"}, id="no maxlen"
        ),
        pytest.param(
            {"num_words": 30_000, "maxlen": 50, "test_split": 0.3, "padding": "post"},
            id="the notebook",
        ),
        pytest.param(
            {"maxlen": 50, "seed": 7, "test_split": 0.5, "pad_length": 20, "padding": "post"},
            id="another seed",
        ),
        pytest.param(
            {"num_words": 1000, "maxlen": 50, "seed": 0, "pad_length": 60, "truncating": "post"},
            id="more padding than necessary",
        ),
    ],
)
def test_the_dataset_is_the_one_that_keras_makes_of_the_keras_set(setting, keras_npz, keras_corpus):
    data = Data(**setting)

    assert_same_arrays(make_dataset(keras_corpus, data), keras_dataset(keras_npz, data))


@settings(max_examples=50)
@given(corpus=corpora(shortest=1), data=SETTINGS)
def test_the_dataset_is_the_one_that_keras_makes_of_any_documents(
    corpus, data, write_keras_files, tmp_path_factory
):
    dataset = dataset_or_reject(corpus, data)
    npz = write_keras_files(tmp_path_factory.mktemp("npz"), corpus)

    assert_same_arrays(dataset, keras_dataset(npz, data))


@given(corpus=corpora(), data=SETTINGS)
def test_train_and_test_documents_are_disjoint_and_cover_the_kept_ones(corpus, data):
    kept = [
        number
        for number in range(len(corpus))
        if data.maxlen is None or len(corpus.words(number)) + 1 < data.maxlen
    ]
    try:
        dataset = make_dataset(corpus, data)
    except UserError:
        assert len(kept) - int(len(kept) * (1 - data.test_split)) in (0, len(kept))
        return

    assert sorted([*dataset.train_documents, *dataset.test_documents]) == kept
    assert len(dataset.train_documents) == int(len(kept) * (1 - data.test_split))


@given(corpus=corpora(), data=SETTINGS)
def test_every_row_is_the_document_with_its_number(corpus, data):
    dataset = dataset_or_reject(corpus, data)
    rows = [*zip(dataset.train_documents, dataset.x_train, dataset.y_train, strict=True)]
    rows += zip(dataset.test_documents, dataset.x_test, dataset.y_test, strict=True)

    for number, row, label in rows:
        words = corpus.words(number)
        assert label == corpus.labels[number]
        assert np.count_nonzero(row != PAD) == min(len(words) + 1, dataset.timesteps)


@given(corpus=corpora(), data=SETTINGS)
def test_arrays_have_the_promised_types_and_ids_below_num_words(corpus, data):
    dataset = dataset_or_reject(corpus, data)
    x = np.concatenate([dataset.x_train, dataset.x_test])

    assert x.dtype == dataset.y_train.dtype == dataset.y_test.dtype == np.int32
    assert x.shape[1] == dataset.timesteps
    assert data.pad_length in (None, dataset.timesteps)
    assert x.min() >= PAD
    assert x.max() < (data.num_words or len(WORDS) + 4)
    assert 3 not in x


@given(corpus=corpora(has_standard_split=True), data=SETTINGS)
def test_the_standard_split_is_kept(corpus, data):
    dataset = dataset_or_reject(corpus, data)

    assert not corpus.is_test[dataset.train_documents].any()
    assert corpus.is_test[dataset.test_documents].all()


def test_documents_of_the_standard_split_stay_in_their_order():
    corpus = corpus_of([1], [2], [3], [4], [5], is_test=[False, True, False, True, False])

    dataset = make_dataset(corpus, Data())

    assert dataset.train_documents.tolist() == [0, 2, 4]
    assert dataset.test_documents.tolist() == [1, 3]


def test_a_corpus_with_a_standard_split_can_be_shuffled_instead():
    documents = [[1 + number % 9] for number in range(100)]
    with_split = corpus_of(*documents, is_test=[True] * 100)
    without = replace(with_split, is_test=None)

    shuffled = make_dataset(with_split, Data(split="shuffled"))

    assert shuffled.fingerprint == make_dataset(without, Data()).fingerprint


def test_a_sequence_is_a_start_mark_and_the_ids_of_the_words():
    corpus = corpus_of([1, 5, 2], [9], is_test=[False, True])

    assert make_dataset(corpus, Data(num_words=100)).x_train.tolist() == [[START, 4, 8, 5]]


@pytest.mark.parametrize(
    ("setting", "row"),
    [
        ({"padding": "pre"}, [PAD, PAD, START, 4]),
        ({"padding": "post"}, [START, 4, PAD, PAD]),
        ({"pad_length": 5}, [PAD, PAD, PAD, START, 4]),
        ({"pad_length": 1, "truncating": "pre"}, [4]),
        ({"pad_length": 1, "truncating": "post"}, [START]),
    ],
)
def test_padding_and_truncating(setting, row):
    corpus = corpus_of([1], [2, 3, 4], is_test=[False, True])

    assert make_dataset(corpus, Data(**setting)).x_train.tolist() == [row]


def test_rare_words_become_unknown():
    corpus = corpus_of([1, 2, 3], [1], is_test=[False, True])

    assert make_dataset(corpus, Data(num_words=5)).x_train.tolist() == [
        [START, 4, UNKNOWN, UNKNOWN]
    ]


def test_without_num_words_the_rarest_of_the_kept_words_is_unknown_as_in_keras():
    corpus = corpus_of([1, 7], [7, 2], [9, 9, 9], is_test=[False, True, False])

    dataset = make_dataset(corpus, Data(maxlen=4))

    assert dataset.x_train.tolist() == [[START, 4, UNKNOWN]]
    assert dataset.x_test.tolist() == [[START, UNKNOWN, 5]]


def test_documents_shorter_than_maxlen_with_the_start_mark_are_kept():
    corpus = corpus_of([1], [1, 2], [1, 2, 3], [1], is_test=[False, False, False, True])

    assert make_dataset(corpus, Data(maxlen=4)).train_documents.tolist() == [0, 1]


def test_a_corpus_without_the_modapte_split_says_so():
    with pytest.raises(UserError, match=r"data\.split: .* no ModApte split .*r52, r8"):
        make_dataset(corpus_of([1], [2]), Data(split="modapte"))


@pytest.mark.parametrize(
    ("setting", "counts"),
    [
        pytest.param({"maxlen": 3}, "0 documents .* and 0 to test", id="maxlen"),
        pytest.param({"test_split": 0.9}, "0 documents .* and 2 to test", id="test split"),
    ],
)
def test_nothing_left_to_train_or_test_on_is_an_error(setting, counts):
    with pytest.raises(UserError, match=counts):
        make_dataset(corpus_of([1, 2], [3, 4]), Data(**setting))


def test_the_fingerprint_depends_on_every_setting_that_changes_the_arrays(keras_corpus):
    plain = Data(maxlen=20)
    changes = [
        {"num_words": 1000}, {"maxlen": 21}, {"test_split": 0.3}, {"seed": 1}, {"pad_length": 30},
        {"padding": "post"},
    ]  # fmt: skip

    fingerprints = {
        make_dataset(keras_corpus, plain.model_copy(update=change)).fingerprint
        for change in [{}, *changes]
    }

    assert len(fingerprints) == 1 + len(changes)


CORPUS = corpus_of(*([1 + number % 9, 2] for number in range(40)))


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ({"padding": "post", "pad_length": 9}, True),
        ({"num_words": 5}, True),
        ({"pad_length": 1, "truncating": "post"}, True),
        ({"seed": 1}, False),
        ({"test_split": 0.3}, False),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_the_split_is_identified_by_its_documents_however_they_are_cut_and_padded(change, is_same):
    ours, others = (make_dataset(CORPUS, Data(**setting)) for setting in ({}, change))

    assert ours.fingerprint != others.fingerprint
    assert (split_fingerprint("c", ours) == split_fingerprint("c", others)) == is_same


def test_the_same_positions_in_another_corpus_are_another_split():
    dataset = make_dataset(CORPUS, Data())

    assert split_fingerprint("c", dataset) != split_fingerprint("d", dataset)


def test_a_split_changes_with_any_document_in_it():
    dataset = make_dataset(CORPUS, Data(test_split=0.5))
    train, test = dataset.train_documents, dataset.test_documents

    splits = {
        split_fingerprint("c", replace(dataset, train_documents=train, test_documents=test))
        for train, test in [(train, test), (test, train), (train[1:], test), (train, test[1:])]
    }

    assert len(splits) == 4
