"""From a corpus to a dataset, and parts of it that are held out."""

import re
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from factories import corpus, corpus_of_several, corpus_of_texts
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from newswires import write_keras_files
from numpy.testing import assert_array_equal
from strategies import settings_of_data

from rnnbench.data.config import Data
from rnnbench.data.corpus import corpus_of_words
from rnnbench.data.dataset import make_dataset
from rnnbench.data.held_out import Part, hold_out, hold_out_part, make_parts
from rnnbench.data.padding import PAD, after_marks
from rnnbench.errors import UserError

WORDS = [f"w{rank}" for rank in range(1, 10)]
few = settings(max_examples=25)


@st.composite
def corpora(draw, *, shortest=0):
    document = st.lists(st.sampled_from(WORDS), min_size=shortest, max_size=8)
    documents = draw(st.lists(document, min_size=2, max_size=12))
    size = {"min_size": len(documents), "max_size": len(documents)}
    labels = draw(st.lists(st.integers(0, 2), **size))
    is_test = draw(st.none() | st.lists(st.booleans(), **size))
    return corpus_of_words(
        documents, WORDS, labels, ["earn", "acq", "trade"], is_test=is_test
    )


SETTINGS = settings_of_data(
    test_split=st.floats(0.05, 0.95), seed=st.integers(0, 2**32 - 1)
)


def keras_dataset(npz, data):
    """The arrays that Keras's own code makes of a file; only its download is
    replaced.
    """
    import keras

    with patch("keras.src.datasets.reuters.get_file", lambda *_, **__: str(npz)):
        (x_train, y_train), (x_test, y_test) = keras.datasets.reuters.load_data(
            **data.model_dump(include={"num_words", "maxlen", "test_split", "seed"})
        )
    sides = data.model_dump(include={"padding", "truncating"})
    sides["maxlen"] = data.pad_length or max(map(len, [*x_train, *x_test]))
    x_train, x_test = (keras.utils.pad_sequences(x, **sides) for x in (x_train, x_test))
    return x_train, y_train, x_test, y_test


@settings(max_examples=10)
@given(corpus=corpora(shortest=1), data=SETTINGS)
def test_the_dataset_is_the_one_that_keras_makes_of_any_documents(
    corpus, data, tmp_path_factory
):
    try:
        dataset = make_dataset(replace(corpus, is_test=None), data)
    except UserError:
        assume(False)
    npz, _ = write_keras_files(tmp_path_factory.mktemp("npz"), corpus)

    ours = (dataset.x_train, dataset.y_train, dataset.x_test, dataset.y_test)
    for array, expected in zip(ours, keras_dataset(npz, data), strict=True):
        assert_array_equal(array, expected)


@few
@given(corpus=corpora(), data=SETTINGS)
def test_short_documents_are_split_as_promised(corpus, data):
    kept = np.flatnonzero(corpus.lengths + 1 < (data.maxlen or 100))
    n_train = int(len(kept) * (1 - data.test_split))
    if corpus.is_test is not None:
        n_train = np.count_nonzero(~corpus.is_test[kept])
    try:
        dataset = make_dataset(corpus, data)
    except UserError:
        assert n_train in (0, len(kept))
        return

    train = dataset.train_documents
    test = dataset.test_documents
    numbers = np.concatenate([train, test])
    assert (sorted(numbers), len(train)) == (kept.tolist(), n_train)
    if corpus.is_test is not None:
        n_test = len(test)
        assert [*train, *test] == [*sorted(train), *sorted(test)]
        assert corpus.is_test[numbers].tolist() == [False] * n_train + [True] * n_test


@few
@given(corpus=corpora(), data=SETTINGS)
def test_each_document_is_in_the_row_with_its_number(corpus, data):
    try:
        dataset = make_dataset(corpus, data)
    except UserError:
        return

    numbers = np.concatenate([dataset.train_documents, dataset.test_documents])
    x = np.concatenate([dataset.x_train, dataset.x_test])
    lengths = np.minimum(corpus.lengths[numbers] + 1, dataset.timesteps)
    assert (np.count_nonzero(x != PAD, axis=1) == lengths).all()
    assert [*dataset.y_train, *dataset.y_test] == corpus.labels[numbers].tolist()
    assert x.dtype == dataset.y_train.dtype == dataset.y_test.dtype == np.int32


LONG = ["a"] * 9 + ["b " * 1000]


@pytest.mark.parametrize(
    ("texts", "labels", "data", "message"),
    [
        pytest.param(
            ["a", "b"],
            "xy",
            {"split": "modapte"},
            r"data\.split: .* no ModApte split .*r52, r8",
            id="a split that the source lacks",
        ),
        pytest.param(
            ["a b", "c d"],
            "xy",
            {"maxlen": 3},
            "0 documents .* and 0 to test",
            id="no document is short enough",
        ),
        pytest.param(
            ["a b", "c d"],
            "xy",
            {"test_split": 0.9},
            r"0 documents .* and 2 .*change data\.test_split$",
            id="none to train on",
        ),
        pytest.param(
            ["a", "b"],
            "xy",
            {"min_per_label": 2},
            r"change data\.test_split or data\.min_per_label$",
            id="no label has enough documents",
        ),
        pytest.param(
            ["a", "b", "c"],
            "xxy",
            {"split": "last"},
            "all documents to train on have the label 'x'",
            id="one label to train on",
        ),
        pytest.param(
            ["a", "b", "c"],
            "xyx",
            {"split": "stratified"},
            "the label 'y' has only one document, ",
            id="a label that cannot be on both sides",
        ),
        pytest.param(
            LONG,
            "xy" * 5,
            {},
            "10 documents of 1,001 steps are too many",
            id="too many steps",
        ),
    ],
)
def test_a_dataset_that_cannot_be_made_says_why(
    monkeypatch, texts, labels, data, message
):
    monkeypatch.setattr("rnnbench.data.dataset.MAX_STEPS", 10_000)
    corpus = corpus_of_texts(texts, labels, source="files")

    with pytest.raises(UserError, match=message):
        make_dataset(corpus, Data(**data))


DATASET = make_dataset(corpus(), Data(test_split=0.4))


@pytest.mark.parametrize(
    ("source", "data", "test", "in_order"),
    [
        pytest.param(
            "r8",
            {"split": "modapte"},
            [2, 3],
            True,
            id="the source says so",
        ),
        pytest.param(
            "r8",
            {"split": "shuffled"},
            [0, 1],
            False,
            id="shuffled",
        ),
        pytest.param(
            "files",
            {},
            [2, 3],
            False,
            id="a source without times",
        ),
        pytest.param(
            "files",
            {"split": "last", "test_split": 0.25},
            [3],
            True,
            id="the last documents",
        ),
    ],
)
def test_a_split_is_in_order_of_time_if_its_source_says_so_or_it_is_the_last(
    source, data, test, in_order
):
    is_test = [False, False, True, True]
    corpus = corpus_of_texts(["a", "b", "c", "d"], "xyxy", is_test, source)
    settings = {"source": source, "test_split": 0.5} | data

    dataset = make_dataset(corpus, Data(**settings))

    assert dataset.test_documents.tolist() == test
    assert dataset.in_order == in_order


def test_the_split_is_identified_by_its_documents_however_they_are_padded():
    texts = [f"w{number % 9} w2" for number in range(40)]
    texts.append("w3 w4 w5")
    corpus = corpus_of_texts(texts, ["earn"] * 41)
    changes = [
        {},
        {"padding": "post", "pad_length": 9},
        {"num_words": 5},
        {"seed": 1},
        {"test_split": 0.3},
        {"maxlen": 4},
    ]

    datasets = [make_dataset(corpus, Data(**change)) for change in changes]

    assert len({dataset.fingerprint for dataset in datasets}) == 6
    splits = [dataset.split_fingerprint("c") for dataset in datasets]
    assert splits[0] == splits[1] == splits[2]
    other_corpus = datasets[0].split_fingerprint("d")
    assert len({*splits, other_corpus}) == 5


@few
@given(
    n=st.integers(1, 2000),
    share=st.just(0.0) | st.floats(0, 1, exclude_max=True),
)
def test_a_share_is_held_out_or_refused_if_it_leaves_nothing_on_one_side(n, share):
    count = int(n * share)
    if share and count in (0, n):
        message = f"{share} of {n} training documents leaves {count} to validate on"
        pattern = f"^training.validation_split: {re.escape(message)}"
        with pytest.raises(UserError, match=pattern):
            hold_out(n, share)
        return

    kept, held_out = hold_out(n, share)

    assert len(held_out) == count
    assert sorted([*kept, *held_out]) == list(range(n))
    assert (np.diff(kept) > 0).all()
    assert (np.diff(held_out) > 0).all()
    np.random.seed(n)
    _, again = hold_out(n, share)
    assert_array_equal(again, held_out, "no seed changes them")


def corpus_with_unseen_word(source):
    return corpus_of_texts(
        ["seen once twice", "twice twice", "unseen unseen unseen once"],
        ["a", "b", "a"],
        is_test=[False, False, True],
        source=source,
    )


def test_words_are_ranked_on_all_documents_as_in_keras():
    corpus = corpus_with_unseen_word("sgml")

    dataset = make_dataset(corpus, Data(source="sgml"))

    assert dataset.vocabulary == corpus.vocabulary[:3] == ("seen", "once", "twice")


@pytest.mark.parametrize("source", ["files", "r52"])
def test_words_beyond_a_limit_are_unknown(source):
    corpus = corpus_with_unseen_word(source)

    dataset = make_dataset(corpus, Data(source=source, num_words=5))

    assert dataset.vocabulary == ("twice",)
    assert dataset.x_test.tolist() == [[1, 2, 2, 2, 2]]


@pytest.mark.parametrize("source", ["files", "r52"])
def test_words_are_ranked_on_the_training_documents_alone(source):
    dataset = make_dataset(corpus_with_unseen_word(source), Data(source=source))

    assert dataset.vocabulary == ("twice", "seen", "once")
    assert dataset.n_ids == 7
    assert dataset.x_train.tolist() == [[0, 1, 5, 6, 4], [0, 0, 1, 4, 4]]
    assert dataset.x_test.tolist() == [[1, 2, 2, 2, 6]]


@few
@given(
    counts=st.lists(st.integers(2, 30), min_size=2, max_size=5),
    share=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_stratified_split_tests_the_same_share_of_every_topic(counts, share, seed):
    labels = []
    for label, count in enumerate(counts):
        labels += [str(label)] * count
    corpus = corpus_of_texts(["a"] * len(labels), labels)
    data = Data(source="files", split="stratified", test_split=share, seed=seed)

    dataset = make_dataset(corpus, data)

    tested = np.bincount(dataset.y_test, minlength=len(counts))
    trained = np.bincount(dataset.y_train, minlength=len(counts))
    assert (tested + trained).tolist() == counts
    assert min(*tested, *trained) >= 1
    most = np.array(counts) - 1
    exact = np.clip(np.array(counts) * share, 1, most)
    assert (np.abs(tested - exact) <= 0.5 + 1e-9).all()
    assert len({*dataset.train_documents, *dataset.test_documents}) == len(labels)


@few
@given(
    topics=st.lists(st.integers(0, 4), min_size=2, max_size=100),
    count=st.integers(2, 10),
)
def test_every_document_is_held_out_in_one_fold_of_evenly_spread_topics(topics, count):
    y_train = np.array(topics, np.int32)

    folds = [part.positions(y_train) for part in make_parts(count, None)]

    assert sorted(np.concatenate(folds)) == list(range(len(topics)))
    sizes = [len(fold) for fold in folds]
    assert max(sizes) - min(sizes) <= 1
    for topic in set(topics):
        counts = [(y_train[fold] == topic).sum() for fold in folds]
        assert max(counts) - min(counts) <= 1


FOLD = Part(1, folds=4)


def test_a_fold_takes_the_place_of_the_test_documents():
    fold = hold_out_part(DATASET, FOLD)

    held_out = FOLD.positions(DATASET.y_train)
    assert fold.test_documents.tolist() == DATASET.train_documents[held_out].tolist()
    numbers = [*fold.train_documents, *fold.test_documents]
    assert sorted(numbers) == sorted(DATASET.train_documents)
    assert (fold.x_test == DATASET.x_train[held_out]).all()
    assert (fold.y_test == DATASET.y_train[held_out]).all()
    assert len(fold.x_train) == len(fold.y_train) == len(fold.train_documents)


def test_nothing_of_the_test_documents_is_left_beside_a_fold():
    documents = list(DATASET.documents)
    for number in DATASET.test_documents:
        documents[number] = documents[number][::-1]
    rewritten = replace(
        DATASET,
        documents=after_marks(documents),
        test_inputs=DATASET.x_test[::-1] + 1,
        y_test=1 - DATASET.y_test,
    )

    fold = hold_out_part(DATASET, FOLD)
    other = hold_out_part(rewritten, FOLD)

    assert fold.fingerprint == other.fingerprint
    texts = [text.tolist() for text in fold.documents]
    assert texts == [text.tolist() for text in other.documents]
    empty = {number for number, text in enumerate(texts) if not text}
    assert empty == {*DATASET.test_documents}


def test_the_last_documents_are_held_out():
    (part,) = make_parts(None, 0.2)

    positions = part.positions(np.zeros(10, np.int32))

    assert positions.tolist() == [8, 9]


def test_a_share_that_is_no_number_is_refused():
    with pytest.raises(UserError, match=r"last: got nan \(should be between 0 and 1\)"):
        make_parts(None, float("nan"))


def test_a_share_that_leaves_none_to_train_on_is_refused():
    message = "last 100% of 12 training documents leaves none to train"
    with pytest.raises(UserError, match=message):
        hold_out_part(DATASET, Part(share=1.0))


def test_more_folds_than_groups_are_refused():
    one_group = replace(DATASET, groups=np.zeros(12, np.int32))

    with pytest.raises(UserError, match=r"folds: got 5 \(allowed: 2 to 1, the groups"):
        hold_out_part(one_group, Part(1, 5))


TEXTS = ["one two", "three", "one two", "one two", "three", "four five"]
LABELS = ["a", "b", "a", "b", "b", "c"]


@pytest.mark.parametrize(
    ("how", "kept"),
    [("none", range(6)), ("exact", [0, 1, 5]), ("same_label", [0, 1, 3, 5])],
)
def test_copies_of_a_text_are_left_out_before_the_split(how, kept):
    dataset = make_dataset(
        corpus_of_texts(TEXTS, LABELS), Data(deduplicate=how, test_split=0.5)
    )

    used = np.concatenate([dataset.train_documents, dataset.test_documents])
    assert sorted(used) == list(kept)
    for number, text in enumerate(dataset.documents):
        assert bool(len(text)) == (number in kept), "nothing is learned from a copy"


def test_labels_with_few_texts_are_left_out():
    dataset = make_dataset(
        corpus_of_texts(TEXTS, LABELS), Data(min_per_label=3, test_split=0.5)
    )

    assert dataset.topics == ("b",)
    assert sorted([*dataset.train_documents, *dataset.test_documents]) == [1, 3, 4]
    assert set(dataset.y_train) | set(dataset.y_test) == {0}


def dataset_of_groups(sizes, seed):
    """A dataset whose groups have all three topics, and the group of each document."""
    numbers = np.arange(len(sizes), dtype=np.int32)
    groups = np.repeat(numbers, sizes)
    grouped = replace(corpus(len(groups)), groups=groups)
    data = Data(group="author", test_split=0.3, seed=seed)
    return make_dataset(grouped, data), groups


sizes_of_groups = st.lists(
    st.integers(3, 6),
    min_size=8,
    max_size=12,
)


@few
@given(sizes=sizes_of_groups, seed=st.integers(0, 9))
def test_the_texts_of_a_group_are_on_one_side_of_the_split(sizes, seed):
    dataset, groups = dataset_of_groups(sizes, seed)

    trained = groups[dataset.train_documents]
    tested = groups[dataset.test_documents]
    assert not set(trained) & set(tested)
    assert len(tested) >= 0.3 * len(groups) - 1


@few
@given(sizes=sizes_of_groups, seed=st.integers(0, 9))
def test_the_texts_of_a_group_are_held_out_together(sizes, seed):
    dataset, _ = dataset_of_groups(sizes, seed)
    n_train = len(dataset.train_documents)

    kept, held_out = hold_out(n_train, 0.3, dataset.groups)

    kept_groups = dataset.groups[kept]
    held_out_groups = dataset.groups[held_out]
    assert not set(kept_groups) & set(held_out_groups)


@few
@given(sizes=sizes_of_groups, seed=st.integers(0, 9))
def test_the_last_share_of_grouped_texts_is_refused(sizes, seed):
    dataset, _ = dataset_of_groups(sizes, seed)

    with pytest.raises(UserError, match="would split groups of texts"):
        hold_out_part(dataset, Part(share=0.2))


@few
@given(sizes=sizes_of_groups, seed=st.integers(0, 9))
def test_the_texts_of_a_group_are_in_one_fold(sizes, seed):
    dataset, groups = dataset_of_groups(sizes, seed)

    first, second = (hold_out_part(dataset, part) for part in make_parts(2, None))

    in_first = set(groups[first.test_documents])
    in_second = set(groups[second.test_documents])
    assert not in_first & in_second
    assert in_first | in_second == set(groups[dataset.train_documents])
    assert not in_first & set(groups[first.train_documents])
    assert not in_second & set(groups[second.train_documents])


def test_single_labels_are_sets_of_one_if_the_task_says_so():
    single = corpus(documents=20)

    multi = make_dataset(single, Data(task="multi_label"))

    assert multi.task == "multi_label"
    usual = make_dataset(single, Data())
    rows = usual.y_train[:, np.newaxis] == np.arange(3)
    assert_array_equal(multi.y_train, rows)


def test_sets_of_labels_are_never_single_labels():
    sets = corpus_of_several(documents=20)

    message = "single_label: but a document may have any number of lab"
    with pytest.raises(UserError, match=message):
        make_dataset(sets, Data(task="single_label"))


@pytest.mark.parametrize("key", [{"documents": "all"}, {"topics": 90}])
def test_keys_for_any_number_of_topics_are_refused_where_documents_have_one(key):
    with pytest.raises(UserError, match=f"data.{next(iter(key))}: "):
        make_dataset(corpus(documents=20), Data(**key))
