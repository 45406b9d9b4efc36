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
from strategies import settings_of_data

from rnnbench.data.config import Data
from rnnbench.data.corpus import corpus_of_words
from rnnbench.data.dataset import make_dataset
from rnnbench.data.held_out import Part, hold_out, hold_out_part, make_parts
from rnnbench.data.padding import PAD
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
    for found, expected in zip(ours, keras_dataset(npz, data), strict=True):
        np.testing.assert_array_equal(found, expected)


@few
@given(corpus=corpora(), data=SETTINGS)
def test_short_documents_are_split_as_promised_each_in_the_row_with_its_number(
    corpus, data
):
    kept = np.flatnonzero(corpus.lengths + 1 < (data.maxlen or 100))
    n_train = int(len(kept) * (1 - data.test_split))
    if corpus.is_test is not None:
        n_train = np.count_nonzero(~corpus.is_test[kept])
    try:
        dataset = make_dataset(corpus, data)
    except UserError:
        assert n_train in (0, len(kept))
        return

    train, test = dataset.train_documents, dataset.test_documents
    numbers = np.concatenate([train, test])
    assert (sorted(numbers), len(train)) == (kept.tolist(), n_train)
    if corpus.is_test is not None:
        assert [*train, *test] == [*sorted(train), *sorted(test)]
        assert corpus.is_test[numbers].tolist() == [False] * len(train) + [True] * len(
            test
        )
    x = np.concatenate([dataset.x_train, dataset.x_test])
    lengths = np.minimum(corpus.lengths[numbers] + 1, dataset.timesteps)
    assert (np.count_nonzero(x != PAD, axis=1) == lengths).all()
    assert [*dataset.y_train, *dataset.y_test] == corpus.labels[numbers].tolist()
    assert x.dtype == dataset.y_train.dtype == dataset.y_test.dtype == np.int32


LONG = ["a"] * 9 + ["b " * 1000]


@pytest.mark.parametrize(
    ("texts", "labels", "data", "message"),
    [
        (
            ["a", "b"],
            "xy",
            {"split": "modapte"},
            r"data\.split: .* no ModApte split .*r52, r8",
        ),
        (["a b", "c d"], "xy", {"maxlen": 3}, "0 documents .* and 0 to test"),
        (
            ["a b", "c d"],
            "xy",
            {"test_split": 0.9},
            r"0 documents .* and 2 .*change data\.test_split$",
        ),
        (
            ["a", "b"],
            "xy",
            {"min_per_label": 2},
            r"change data\.test_split or data\.min_per_label$",
        ),
        (
            ["a", "b", "c"],
            "xxy",
            {"split": "last"},
            "all documents to train on have the label 'x'",
        ),
        (
            ["a", "b", "c"],
            "xyx",
            {"split": "stratified"},
            "the label 'y' has only one document, ",
        ),
        (LONG, "xy" * 5, {}, "10 documents of 1,001 steps are too many"),
    ],
)
def test_a_dataset_that_cannot_be_made_says_why(
    monkeypatch, texts, labels, data, message
):
    monkeypatch.setattr("rnnbench.data.dataset.MAX_STEPS", 10_000)

    with pytest.raises(UserError, match=message):
        make_dataset(corpus_of_texts(texts, labels, source="files"), Data(**data))


DATASET = make_dataset(corpus(), Data(test_split=0.4))


@pytest.mark.parametrize(
    ("source", "data", "test", "in_order"),
    [
        ("r8", {"split": "modapte"}, [2, 3], True),
        ("r8", {"split": "shuffled"}, [0, 1], False),
        ("files", {}, [2, 3], False),
        ("files", {"split": "last", "test_split": 0.25}, [3], True),
    ],
)
def test_a_split_is_in_order_of_time_if_its_source_says_so_or_it_is_the_last(
    source, data, test, in_order
):
    corpus = corpus_of_texts(
        ["a", "b", "c", "d"], "xyxy", [False, False, True, True], source
    )
    settings = {"source": source, "test_split": 0.5} | data

    dataset = make_dataset(corpus, Data(**settings))

    assert dataset.test_documents.tolist() == test
    assert dataset.in_order == in_order


def test_the_split_is_identified_by_its_documents_however_they_are_cut_and_padded():
    texts = [*(f"w{number % 9} w2" for number in range(40)), "w3 w4 w5"]
    changes = [{}, {"padding": "post", "pad_length": 9}, {"num_words": 5}]
    changes += [{"seed": 1}, {"test_split": 0.3}, {"maxlen": 4}]

    made = [
        make_dataset(corpus_of_texts(texts, ["earn"] * 41), Data(**item))
        for item in changes
    ]

    assert len({dataset.fingerprint for dataset in made}) == 6
    splits = [dataset.split_fingerprint("c") for dataset in made]
    assert splits[0] == splits[1] == splits[2]
    assert len({*splits, made[0].split_fingerprint("d")}) == 5


@few
@given(n=st.integers(1, 2000), share=st.just(0.0) | st.floats(0, 1, exclude_max=True))
def test_a_share_is_held_out_or_refused_if_it_leaves_nothing_on_one_side(n, share):
    count = int(n * share)
    if share and count in (0, n):
        message = f"{share} of {n} training documents leaves {count} to validate on"
        with pytest.raises(
            UserError, match=f"^training.validation_split: {re.escape(message)}"
        ):
            hold_out(n, share)
        return

    kept, held_out = hold_out(n, share)

    assert len(held_out) == count
    assert sorted([*kept, *held_out]) == list(range(n))
    assert (np.diff(kept) > 0).all()
    assert (np.diff(held_out) > 0).all()
    np.random.seed(n)
    np.testing.assert_array_equal(
        hold_out(n, share)[1], held_out, "no seed changes them"
    )


@pytest.mark.parametrize("source", ["files", "r52"])
def test_words_are_ranked_on_the_training_documents_and_those_of_others_are_unknown(
    source,
):
    corpus = corpus_of_texts(
        ["seen once twice", "twice twice", "unseen unseen unseen once"],
        ["a", "b", "a"],
        is_test=[False, False, True],
        source=source,
    )

    dataset = make_dataset(corpus, Data(source=source))
    like_keras = make_dataset(
        replace(corpus, provenance={"source": "sgml"}), Data(source="sgml")
    )
    bounded = make_dataset(corpus, Data(source=source, num_words=5))

    assert (bounded.vocabulary, bounded.x_test.tolist()) == (
        ("twice",),
        [[1, 2, 2, 2, 2]],
    )
    assert like_keras.vocabulary == corpus.vocabulary[:3] == ("seen", "once", "twice")
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
    labels = [str(label) for label, count in enumerate(counts) for _ in range(count)]
    data = Data(source="files", split="stratified", test_split=share, seed=seed)

    dataset = make_dataset(corpus_of_texts(["a"] * len(labels), labels), data)

    sides = (dataset.y_test, dataset.y_train)
    tested, trained = (np.bincount(labels, minlength=len(counts)) for labels in sides)
    assert (tested + trained).tolist() == counts
    assert min(*tested, *trained) >= 1
    exact = np.array(counts) * share
    assert (
        np.abs(tested - np.clip(exact, 1, np.array(counts) - 1)) <= 0.5 + 1e-9
    ).all()
    assert len({*dataset.train_documents, *dataset.test_documents}) == len(labels)


@few
@given(st.lists(st.integers(0, 4), min_size=2, max_size=100), st.integers(2, 10))
def test_every_document_is_held_out_in_one_fold_and_topics_are_spread_evenly(
    topics, count
):
    y_train = np.array(topics, np.int32)
    positions = [part.positions(y_train) for part in make_parts(count, None)]

    assert sorted(np.concatenate(positions)) == list(range(len(topics)))
    assert max(map(len, positions)) - min(map(len, positions)) <= 1
    for topic in set(topics):
        counts = [(y_train[fold] == topic).sum() for fold in positions]
        assert max(counts) - min(counts) <= 1


def test_a_fold_takes_the_place_of_the_test_documents_and_nothing_of_these_is_left():
    dataset = DATASET
    documents = list(dataset.documents)
    for number in dataset.test_documents:
        documents[number] = documents[number][::-1]
    changes = {"x_test": dataset.x_test[::-1] + 1, "y_test": 1 - dataset.y_test}
    rewritten, part = replace(dataset, documents=documents, **changes), Part(1, folds=4)

    one, other = (hold_out_part(whole, part) for whole in (dataset, rewritten))

    held_out = part.positions(dataset.y_train)
    assert one.test_documents.tolist() == dataset.train_documents[held_out].tolist()
    assert sorted([*one.train_documents, *one.test_documents]) == sorted(
        dataset.train_documents
    )
    assert (one.x_test == dataset.x_train[held_out]).all()
    assert (one.y_test == dataset.y_train[held_out]).all()
    assert len(one.x_train) == len(one.y_train) == len(one.train_documents)
    assert one.fingerprint == other.fingerprint
    texts, others = (
        [text.tolist() for text in part.documents] for part in (one, other)
    )
    assert texts == others
    assert {number for number, text in enumerate(texts) if not text} == {
        *dataset.test_documents
    }


def test_the_last_documents_are_held_out_if_some_are_left_to_train_on():
    (part,) = make_parts(None, 0.2)
    assert part.positions(np.zeros(10, np.int32)).tolist() == [8, 9]
    with pytest.raises(UserError, match=r"last: got nan \(should be between 0 and 1\)"):
        make_parts(None, float("nan"))
    with pytest.raises(
        UserError, match="last 100% of 12 training documents leaves none to train"
    ):
        hold_out_part(DATASET, Part(share=1.0))
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
    found = make_dataset(
        corpus_of_texts(TEXTS, LABELS), Data(deduplicate=how, test_split=0.5)
    )

    used = np.concatenate([found.train_documents, found.test_documents])
    assert sorted(used) == list(kept)
    for number, text in enumerate(found.documents):
        assert bool(len(text)) == (number in kept), "nothing is learned from a copy"


def test_labels_with_few_texts_are_left_out():
    found = make_dataset(
        corpus_of_texts(TEXTS, LABELS), Data(min_per_label=3, test_split=0.5)
    )

    assert found.topics == ("b",)
    assert sorted([*found.train_documents, *found.test_documents]) == [1, 3, 4]
    assert set(found.y_train) | set(found.y_test) == {0}


@few
@given(st.lists(st.integers(3, 6), min_size=8, max_size=12), st.integers(0, 9))
def test_the_texts_of_a_group_are_on_one_side_of_the_split_and_in_one_fold(sizes, seed):
    groups = np.repeat(
        np.arange(len(sizes), dtype=np.int32), sizes
    )  # each has all three topics
    whole = replace(corpus(len(groups)), groups=groups)
    data = Data(group="author", test_split=0.3, seed=seed)

    found = make_dataset(whole, data)
    assert not set(groups[found.train_documents]) & set(groups[found.test_documents])
    assert len(found.test_documents) >= 0.3 * len(groups) - 1
    kept, held_out = hold_out(len(found.y_train), 0.3, found.groups)
    assert not set(found.groups[kept]) & set(found.groups[held_out])
    folds = [hold_out_part(found, part) for part in make_parts(2, None)]
    sides = [set(groups[fold.test_documents]) for fold in folds]
    assert not sides[0] & sides[1]
    assert sides[0] | sides[1] == set(groups[found.train_documents])
    for fold in folds:
        assert not set(groups[fold.train_documents]) & set(groups[fold.test_documents])
    with pytest.raises(UserError, match="would split groups of texts"):
        hold_out_part(found, Part(share=0.2))


def test_single_labels_are_sets_of_one_if_the_task_says_so_but_sets_are_no_single_labels():
    single, sets = corpus(documents=20), corpus_of_several(documents=20)

    found, usual = (
        make_dataset(single, Data(task=task)) for task in ("multi_label", None)
    )

    assert found.task == "multi_label"
    np.testing.assert_array_equal(
        found.y_train, usual.y_train[:, np.newaxis] == np.arange(3)
    )
    with pytest.raises(
        UserError, match="single_label: but a document may have any number of lab"
    ):
        make_dataset(sets, Data(task="single_label"))


@pytest.mark.parametrize("key", [{"documents": "all"}, {"topics": 90}])
def test_keys_for_any_number_of_topics_are_refused_where_documents_have_one(key):
    with pytest.raises(UserError, match=f"data.{next(iter(key))}: "):
        make_dataset(corpus(documents=20), Data(**key))
