"""Compact trials: which scores stay, whatever the labels, and which metrics."""

from dataclasses import replace

import numpy as np
import pytest
from factories import MARGINS
from factories import record as trial_record
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.random import default_rng
from numpy.testing import assert_allclose, assert_array_equal
from plugin_files import write_distribution

from rnnbench.analysis.trial_metrics import compute_metrics, metrics_of
from rnnbench.models.descriptions import Ensemble
from rnnbench.results.compact import compact, compact_scores
from rnnbench.results.store import Store, place_of
from rnnbench.storage import DamagedResultError, sha256_file, write_document
from rnnbench.tasks import MULTI_LABEL, SINGLE_LABEL, Decision
from rnnbench.training.ensemble import combined
from rnnbench.training.outcome import TrialResult

KEY = ("rnn", 0, "f" * 64)
KINDS = st.sampled_from(["log_probabilities", "margins"])
SPREAD = st.floats(width=32, allow_nan=False, allow_infinity=False)
CLOSE = st.sampled_from([-(1 + step * 2.0**-20) for step in range(6)])
LOGS = st.floats(-100, 0, width=32) | st.sampled_from(
    [-87.33655, -103.0, -1e30, -1e-30, -0.0]
)
SETS = {"task": "multi_label", "decision": Decision(threshold=-1.0)}


@st.composite
def all_scores(draw):
    """Scores of documents, with ties, tiny differences and very large values."""
    documents = draw(st.integers(1, 5))
    topics = draw(st.integers(2, 12))
    values = draw(st.sampled_from([SPREAD, CLOSE, LOGS, st.integers(-3, 3)]))
    return draw(arrays(np.float32, (documents, topics), elements=values))


def probabilities(n_documents, n_topics, seed=0):
    """Log-probabilities of documents, each with a few likely topics."""
    random = default_rng(seed)
    shares = random.dirichlet([0.3] * n_topics, n_documents)
    return np.log(shares + 1e-30).astype(np.float32)


def trial_of_one_topic(n_documents=200, seed=0, **changes):
    """A trial whose true topic is often below the best three."""
    scores = probabilities(n_documents, 20, seed)
    labels = default_rng(seed).integers(0, 20, n_documents, dtype=np.int32)
    return TrialResult(trial_record(**changes), labels, scores)


def trial_of_several_topics(n_documents=200):
    labels = default_rng(0).random((n_documents, 9)) < 0.2
    return TrialResult(
        trial_record(**SETS), labels.astype(np.uint8), probabilities(n_documents, 9)
    )


@settings(max_examples=50)
@given(scores=all_scores(), kind=KINDS, seed=st.integers(0, 99))
def test_labels_do_not_change_the_scores_that_are_kept(scores, kind, seed):
    random = default_rng(seed)
    record = trial_record(score_kind=kind)
    trials = []
    for _ in range(2):
        labels = random.integers(0, scores.shape[1], len(scores), dtype=np.int32)
        trials.append(TrialResult(record, labels, scores))

    first, second = (compact(trial).scores for trial in trials)

    assert_array_equal(first, second)


@settings(max_examples=50)
@given(scores=arrays(np.float32, (4, 9), elements=LOGS), seed=st.integers(0, 99))
def test_sets_of_labels_do_not_change_the_scores_that_are_kept(scores, seed):
    labels = default_rng(seed).integers(0, 2, (2, 4, 9), dtype=np.uint8)
    trials = [TrialResult(trial_record(**SETS), one_set, scores) for one_set in labels]

    first, second = (compact(trial).scores for trial in trials)

    assert_array_equal(first, second)


def places(scores):
    """The place of each topic in the order of a document; equals share the best."""
    return (scores[:, np.newaxis, :] > scores[:, :, np.newaxis]).sum(axis=2)


@settings(max_examples=50)
@given(all_scores())
def test_the_best_three_topics_keep_their_places(scores):
    short = compact_scores(scores, np.zeros(scores.shape, bool))

    assert np.isfinite(short).all()
    assert short.dtype == np.float32
    is_kept = places(scores) < 3
    assert_array_equal(places(short)[is_kept], places(scores)[is_kept])
    assert (places(short)[~is_kept] >= 3).all()


@settings(max_examples=50)
@given(all_scores())
def test_scores_that_are_compact_stay_as_they_are(scores):
    is_given = np.zeros(scores.shape, bool)
    short = compact_scores(scores, is_given)

    assert_array_equal(compact_scores(short, is_given), short)


@settings(max_examples=50)
@given(
    scores=arrays(np.float32, (4, 9), elements=LOGS),
    threshold=st.floats(-5, 0, width=32),
)
@example(
    scores=np.tile(np.log(np.arange(1, 10, dtype="f4") / 10), (4, 1)), threshold=-0.125
)
def test_no_answer_of_several_topics_changes_nor_one_at_half(scores, threshold):
    decision = Decision(threshold=threshold)
    record = trial_record(task="multi_label", decision=decision)
    trial = TrialResult(record, np.eye(4, 9, 5, np.uint8), scores)

    light = compact(trial)

    for rule in (decision, Decision(threshold=float(np.log(0.5)))):
        ours = MULTI_LABEL.answers(light.scores, rule)
        assert_array_equal(ours, MULTI_LABEL.answers(trial.scores, rule))


def test_the_mean_probability_of_the_other_topics_stays():
    trial = trial_of_one_topic()

    light = compact(trial)

    sums = np.exp(light.scores.astype(float)).sum(axis=1)
    assert_allclose(sums, 1, atol=0.05)
    assert sums.mean() == pytest.approx(1, abs=0.005)


def accuracy_of_both(first, second):
    """The accuracy of an ensemble of two trials."""
    members = [
        ("rnn", first.scores, first.answers),
        ("svm", second.scores, second.answers),
    ]
    scores = combined(Ensemble(of=["rnn", "svm"]), members)
    return SINGLE_LABEL.score(first.labels, SINGLE_LABEL.answers(scores))


def test_two_compact_trials_have_the_accuracy_of_the_whole_ones_together():
    first = trial_of_one_topic(5000, seed=1)
    second = replace(trial_of_one_topic(5000, seed=2), labels=first.labels)

    accuracy = accuracy_of_both(compact(first), compact(second))

    expected = accuracy_of_both(first, second)
    assert accuracy == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("kind", [{}, MARGINS])
def test_metrics_of_one_topic_stay_to_seven_digits(kind):
    trial = trial_of_one_topic(**kind)

    assert metrics_of(compact(trial)) == pytest.approx(metrics_of(trial), rel=1e-7)


def test_metrics_of_several_topics_stay_to_seven_digits():
    trial = trial_of_several_topics()

    assert metrics_of(compact(trial)) == pytest.approx(metrics_of(trial), rel=1e-7)


def test_metrics_of_a_compact_trial_can_leave_documents_out():
    trial = trial_of_several_topics()
    dropped = [0, 7, 199]

    metrics = metrics_of(compact(trial).without(dropped))

    assert metrics == pytest.approx(metrics_of(trial.without(dropped)), rel=1e-6)


def test_losses_of_documents_stay_so_their_intervals_do():
    trial = trial_of_one_topic()
    light = compact(trial)

    (whole,) = compute_metrics([trial]).values()
    (kept,) = compute_metrics([light]).values()

    assert_allclose(kept.losses["log_loss"], whole.losses["log_loss"], rtol=1e-6)


def test_a_stored_trial_keeps_the_corrections_of_metrics(tmp_path):
    store = Store(tmp_path)
    trial = trial_of_several_topics()
    store.save(trial)

    light = store.make_compact(KEY)

    assert metrics_of(store.load(KEY)) == metrics_of(light)
    assert {*light.corrections} == {
        "precision_at_1",
        "precision_at_3",
        "ranking_precision",
        "binary_log_loss",
    }


PLUGIN = """
    from rnnbench.plugin import Metric


    def best_score(labels, scores):
        return scores.max(axis=1)


    MEAN = Metric(name="mean", header="m", function=lambda *of: best_score(*of).mean(dtype=float))
    VALUES = Metric(name="values", header="v", function=best_score)
"""


def test_a_metric_of_scores_that_is_one_number_is_left_out_of_compact_trials(
    tmp_path, install
):
    entries = {"mean": "measures:MEAN", "values": "measures:VALUES"}
    site = tmp_path / "site"
    install(
        write_distribution(
            site, entries, {"measures": PLUGIN}, group="rnnbench.metrics"
        )
    )
    trial = trial_of_one_topic()

    metrics = metrics_of(compact(trial))

    expected = metrics_of(trial)
    assert metrics["values"] == pytest.approx(expected["mean"], rel=1e-7)
    assert expected.keys() - metrics.keys() == {"mean"}


def test_a_compact_file_of_an_earlier_version_is_refused(tmp_path):
    store = Store(tmp_path)
    trial = compact(trial_of_one_topic())
    store.save(trial)
    place = place_of(tmp_path, KEY)
    np.savez(place.predictions, labels=trial.labels, scores=trial.scores)
    checksum = sha256_file(place.predictions)
    write_document(place.record, trial.record, predictions_sha256=checksum)

    with pytest.raises(
        DamagedResultError, match=r"an earlier version made it compact.* again$"
    ):
        store.load(KEY)


@pytest.mark.parametrize(
    "values",
    [np.ones(1, "f4"), np.full(200, np.nan, "f4"), np.ones(200, "i4")],
    ids=str,
)
def test_corrections_that_fit_no_documents_are_refused(tmp_path, values):
    store = Store(tmp_path)
    trial = compact(trial_of_one_topic())
    store.save(trial)
    place = place_of(tmp_path, KEY)
    arrays = {
        "labels": trial.labels,
        "compact_scores": trial.scores,
        "correction_log_loss": values,
    }
    np.savez(place.predictions, **arrays)
    checksum = sha256_file(place.predictions)
    write_document(place.record, trial.record, predictions_sha256=checksum)

    with pytest.raises(DamagedResultError, match="correction_log_loss"):
        store.load(KEY)
