"""A compact run keeps everything in the scores that metrics are computed from."""

import numpy as np
import pytest
from factories import MARGINS, record
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rnnbench.metrics import usable_metrics
from rnnbench.results.store import Store, compact, compact_scores
from rnnbench.training.outcome import History, TrialResult

SPREAD = st.floats(width=32, allow_nan=False, allow_infinity=False)
CLOSE = st.sampled_from([-(1 + step * 2.0**-20) for step in range(6)])
LOGS = st.floats(-100, 0, width=32) | st.sampled_from([-87.33655, -103.0, -1e30, -1e-30, -0.0])


@st.composite
def answered(draw):
    """Labels and scores of documents, with ties, tiny differences and very large values."""
    documents, topics = draw(st.integers(1, 5)), draw(st.integers(2, 12))
    values = draw(st.sampled_from([SPREAD, CLOSE, LOGS, st.integers(-3, 3)]))
    scores = draw(arrays(np.float32, (documents, topics), elements=values))
    return draw(arrays(np.int32, documents, elements=st.integers(0, topics - 1))), scores


def places(scores):
    """The place of each topic in the order of a document; equals share the best."""
    return (scores[:, np.newaxis, :] > scores[:, :, np.newaxis]).sum(axis=2)


@given(answered())
def test_answers_best_three_ranks_and_metrics_stay_to_the_last_digit(case):
    labels, scores = case
    short = compact_scores(labels, scores)

    assert np.isfinite(short).all()
    assert short.dtype == np.float32
    before, after = places(scores), places(short)
    kept = (before < 3) | (before <= before[range(len(labels)), labels, np.newaxis])
    np.testing.assert_array_equal(after[kept], before[kept])
    last = after.max(axis=1, where=kept, initial=0, keepdims=True)
    assert (after > last)[~kept].all()
    for metric in usable_metrics().values():
        assert metric.function(labels, short) == metric.function(labels, scores)
    np.testing.assert_array_equal(compact_scores(labels, short), short)


def test_scores_that_decide_nothing_are_levelled_and_the_others_lose_digits():
    labels = np.array([0, 4, 1])
    scores = -np.array(
        [[0.1, 2.3, 4.56789, 7.0, 8.0], [0.1, 2.3, 3.4, 7.7, 4.56789], [1.0, 1.0001, 1.0002, 3, 9]],
        np.float32,
    )

    short = -compact_scores(labels, scores)

    np.testing.assert_array_equal(short[0], np.float32([0.1, 2.296875, 4.5625, 9, 9]))
    np.testing.assert_array_equal(short[1, 3:], np.float32([9, 4.56789]))
    np.testing.assert_array_equal(short[2], np.float32([1, 1.0001, 1.0002, 9, 9]))


@pytest.mark.parametrize("kind", [{}, MARGINS])
@pytest.mark.parametrize("is_stored", [True, False], ids=["found stored", "trained"])
def test_a_compact_trial_is_stored_in_a_fraction_of_the_size(tmp_path, kind, is_stored):
    random = np.random.default_rng(0)
    scores = np.log(random.dirichlet([0.1] * 40, 500) + 1e-30).astype(np.float32)
    history = History(loss=[1 / 3, None], accuracy=[2 / 3, 1.0])
    weights = [np.ones(3, np.float32)]
    facts, labels = record(history=history, **kind), scores.argmax(1).astype("i4")
    trial, key = TrialResult(facts, labels, scores, weights), ("rnn", 0, "f" * 64)
    Store(tmp_path).save(trial)
    (file,) = tmp_path.glob("predictions/*")
    size, store = file.stat().st_size, Store(tmp_path, is_compact=True)

    light = store.find(*key) if is_stored else store.save(trial)

    assert file.stat().st_size < size / 5
    loaded = store.load(*key, with_model=True)
    assert loaded.record == light.record == compact(trial).record
    assert loaded.record.compact
    assert loaded.record.history == History(loss=[0.3333, None], accuracy=[0.6667, 1.0])
    np.testing.assert_array_equal(loaded.scores, light.scores)
    np.testing.assert_array_equal(loaded.labels, trial.labels)
    written = file.stat().st_mtime_ns
    assert store.find(*key, with_model=True).weights is None
    assert file.stat().st_mtime_ns == written
