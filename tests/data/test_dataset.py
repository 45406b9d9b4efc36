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


def corpus_of(*wires, is_test=None):
    """A corpus of wires that are given by ranks; all have the same topic."""
    return corpus_of_words(
        [[f"w{rank}" for rank in wire] for wire in wires],
        WORDS,
        labels=[0] * len(wires),
        topics=["earn"],
        is_test=is_test,
        provenance={},
    )


@st.composite
def corpora(draw, *, shortest_wire=0, has_standard_split=False):
    wire = st.lists(st.sampled_from(WORDS), min_size=shortest_wire, max_size=8)
    wires = draw(st.lists(wire, min_size=2, max_size=12))
    labels = st.lists(st.integers(0, 2), min_size=len(wires), max_size=len(wires))
    is_test = st.lists(st.booleans(), min_size=len(wires), max_size=len(wires))
    return corpus_of_words(
        wires,
        WORDS,
        labels=draw(labels),
        topics=["earn", "acq", "trade"],
        is_test=draw(is_test) if has_standard_split else None,
        provenance={},
    )


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
    """What Keras's own code makes of a file; only its download is replaced."""
    import keras

    with patch("keras.src.datasets.reuters.get_file", lambda *_, **__: str(npz)):
        (x_train, y_train), (x_test, y_test) = keras.datasets.reuters.load_data(
            num_words=data.num_words,
            maxlen=data.maxlen,
            test_split=data.test_split,
            seed=data.seed,
        )
    timesteps = data.pad_length or max(len(wire) for wire in [*x_train, *x_test])

    def padded(wires):
        return keras.utils.pad_sequences(
            wires, maxlen=timesteps, padding=data.padding, truncating=data.truncating
        )

    return padded(x_train), y_train, padded(x_test), y_test


def assert_same_arrays(dataset, arrays):
    x_train, y_train, x_test, y_test = arrays
    np.testing.assert_array_equal(dataset.x_train, x_train)
    np.testing.assert_array_equal(dataset.y_train, y_train)
    np.testing.assert_array_equal(dataset.x_test, x_test)
    np.testing.assert_array_equal(dataset.y_test, y_test)


@pytest.mark.parametrize(
    "setting",
    [
        pytest.param({"maxlen": 100}, id="all words"),
        pytest.param({"num_words": 1000, "pad_length": 200}, id="few words, long wires cut"),
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
            id="more padding than need be",
        ),
    ],
)
def test_the_dataset_is_the_one_that_keras_makes_of_the_keras_set(setting, keras_npz, keras_corpus):
    data = Data(**setting)

    assert_same_arrays(make_dataset(keras_corpus, data), keras_dataset(keras_npz, data))


@settings(max_examples=50)
@given(corpus=corpora(shortest_wire=1), data=SETTINGS)
def test_the_dataset_is_the_one_that_keras_makes_of_any_wires(
    corpus, data, write_keras_files, tmp_path_factory
):
    try:
        dataset = make_dataset(corpus, data)
    except UserError:
        assume(False)
    npz = write_keras_files(tmp_path_factory.mktemp("npz"), corpus)

    assert_same_arrays(dataset, keras_dataset(npz, data))


@given(corpus=corpora(), data=SETTINGS)
def test_train_and_test_wires_are_disjoint_and_cover_the_kept_wires(corpus, data):
    kept = [
        wire
        for wire in range(len(corpus))
        if data.maxlen is None or len(corpus.words(wire)) + 1 < data.maxlen
    ]
    try:
        dataset = make_dataset(corpus, data)
    except UserError:
        assert len(kept) - int(len(kept) * (1 - data.test_split)) in (0, len(kept))
        return

    assert sorted([*dataset.train_wires, *dataset.test_wires]) == kept
    assert len(dataset.train_wires) == int(len(kept) * (1 - data.test_split))


@given(corpus=corpora(), data=SETTINGS)
def test_every_row_is_the_wire_that_it_says(corpus, data):
    try:
        dataset = make_dataset(corpus, data)
    except UserError:
        assume(False)
    rows = [*zip(dataset.train_wires, dataset.x_train, dataset.y_train, strict=True)]
    rows += zip(dataset.test_wires, dataset.x_test, dataset.y_test, strict=True)

    for wire, row, label in rows:
        words = corpus.words(wire)
        assert label == corpus.labels[wire]
        assert np.count_nonzero(row != PAD) == min(len(words) + 1, dataset.timesteps)


@given(corpus=corpora(), data=SETTINGS)
def test_arrays_have_the_promised_types_and_ids_below_num_words(corpus, data):
    try:
        dataset = make_dataset(corpus, data)
    except UserError:
        assume(False)
    x = np.concatenate([dataset.x_train, dataset.x_test])

    assert x.dtype == dataset.y_train.dtype == dataset.y_test.dtype == np.int32
    assert x.shape[1] == dataset.timesteps
    assert data.pad_length in (None, dataset.timesteps)
    assert x.min() >= PAD
    assert x.max() < (data.num_words or len(WORDS) + 4)
    assert 3 not in x


@given(corpus=corpora(has_standard_split=True), data=SETTINGS)
def test_the_standard_split_is_kept(corpus, data):
    try:
        dataset = make_dataset(corpus, data)
    except UserError:
        assume(False)

    assert not corpus.is_test[dataset.train_wires].any()
    assert corpus.is_test[dataset.test_wires].all()


def test_wires_of_the_standard_split_stay_in_their_order():
    corpus = corpus_of([1], [2], [3], [4], [5], is_test=[False, True, False, True, False])

    dataset = make_dataset(corpus, Data())

    assert dataset.train_wires.tolist() == [0, 2, 4]
    assert dataset.test_wires.tolist() == [1, 3]


def test_a_corpus_with_a_standard_split_can_be_shuffled_all_the_same():
    wires = [[1 + number % 9] for number in range(100)]
    with_split = corpus_of(*wires, is_test=[True] * 100)
    without = replace(with_split, is_test=None)

    shuffled = make_dataset(with_split, Data(split="shuffled"))

    assert shuffled.fingerprint == make_dataset(without, Data()).fingerprint


def test_a_wire_is_a_start_mark_and_its_words_ids():
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


def test_maxlen_counts_the_start_mark_and_is_out_of_reach():
    corpus = corpus_of([1], [1, 2], [1, 2, 3], [1], is_test=[False, False, False, True])

    assert make_dataset(corpus, Data(maxlen=4)).train_wires.tolist() == [0, 1]


def test_a_corpus_without_the_modapte_split_says_so():
    with pytest.raises(UserError, match=r"data\.split: .* no ModApte split .*r52, r8"):
        make_dataset(corpus_of([1], [2]), Data(split="modapte"))


@pytest.mark.parametrize(
    ("setting", "counts"),
    [
        pytest.param({"maxlen": 3}, "0 wires .* and 0 to test", id="maxlen"),
        pytest.param({"test_split": 0.9}, "0 wires .* and 2 to test", id="test split"),
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
def test_the_split_is_told_by_its_wires_however_they_are_cut_and_padded(change, is_same):
    ours, others = (make_dataset(CORPUS, Data(**setting)) for setting in ({}, change))

    assert ours.fingerprint != others.fingerprint
    assert (split_fingerprint("c", ours) == split_fingerprint("c", others)) == is_same


def test_the_same_wires_of_another_corpus_are_another_split():
    dataset = make_dataset(CORPUS, Data())

    assert split_fingerprint("c", dataset) != split_fingerprint("d", dataset)


def test_a_split_is_another_where_any_wire_is_trained_on_or_tested_on_that_was_not():
    dataset = make_dataset(CORPUS, Data(test_split=0.5))
    train, test = dataset.train_wires, dataset.test_wires

    splits = {
        split_fingerprint("c", replace(dataset, train_wires=train, test_wires=test))
        for train, test in [(train, test), (test, train), (train[1:], test), (train, test[1:])]
    }

    assert len(splits) == 4
