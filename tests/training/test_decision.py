"""Rules that turn scores into any number of topics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.tasks import ALWAYS, MULTI_LABEL, Decision
from rnnbench.training.decision import (
    DecisionRule,
    best_decision,
    decide,
    thresholds_by_topic,
)


@given(st.integers(0, 2**32 - 1), st.sampled_from(["empty", "best", "chosen"]))
def test_no_other_thresholds_have_a_higher_micro_f1(seed, none):
    random = np.random.default_rng(seed)
    labels = (random.random((6, 3)) < 0.4).astype(np.uint8)
    scores = np.round(labels + random.normal(size=labels.shape), 1).astype(np.float32)

    def score(threshold, best_above):
        decision = Decision(threshold=threshold, best_above=best_above)
        return MULTI_LABEL.score(labels, MULTI_LABEL.answers(scores, decision))

    found, places = (
        best_decision(labels, scores, none),
        [*np.unique(scores).tolist(), 9.0],
    )
    fallbacks = {"empty": [None], "best": [ALWAYS], "chosen": places}[none]
    best = max(score(threshold, above) for threshold in places for above in fallbacks)
    assert score(found.threshold, found.best_above) == pytest.approx(best)


def rule(**keys):
    return DecisionRule.model_validate(keys)


ONE_EACH, SOME_NONE = (
    np.eye(3, dtype=np.uint8),
    np.array([[0, 1, 1], [0, 0, 0]], np.uint8),
)


def test_a_probability_is_a_log_probability_or_the_log_odds_of_a_margin():
    half = rule(threshold=0.5, none="empty")
    assert decide(half, "log_probabilities", None, ONE_EACH).threshold == np.log(0.5)
    assert decide(half, "margins", None, ONE_EACH).threshold == 0


def test_the_best_topic_is_always_given_where_every_training_document_has_one():
    fixed = rule(threshold=0.5)
    assert decide(fixed, "margins", None, ONE_EACH).best_above == ALWAYS

    scores = np.array([[-1.0, -0.2, -0.3], [-1.0, -0.6, -0.7]], np.float32)
    chosen = decide(fixed, "margins", (SOME_NONE, scores), SOME_NONE)
    assert chosen.threshold == 0
    assert -0.6 < chosen.best_above <= -0.2


def test_a_topic_that_was_not_learned_before_the_choice_has_the_threshold_of_all_topics():
    labels = np.array([[1, 0], [1, 1], [0, 0], [0, 0]], np.uint8)
    scores = np.array([[0.9, -5], [0.7, -5], [0.3, -5], [0.1, -5]], np.float32)

    assert thresholds_by_topic(labels, scores) == [
        pytest.approx(0.5),
        pytest.approx(0.5),
    ]


def test_thresholds_by_topic_give_a_topic_without_held_out_documents_to_none_of_them():
    labels = np.array([[1, 0], [1, 0], [0, 0], [0, 0]], np.uint8)
    scores = np.array([[0.9, 0.9], [0.7, 0.1], [0.3, 0.1], [0.1, 0.1]], np.float32)

    frequent, rare = decide(
        rule(threshold="by_topic"), "margins", (labels, scores), ONE_EACH
    ).threshold
    assert frequent == pytest.approx(0.5)
    assert 0.9 < rare < 0.91


@given(st.integers(0, 2**32 - 1))
def test_rare_topics_have_a_say_in_proportion_to_the_topics_so_far(seed):
    random = np.random.default_rng(seed)
    labels = (random.random((8, 3)) < [0.6, 0.4, 0.2]).astype(np.uint8)
    scores = np.round(labels + random.normal(size=labels.shape), 1).astype(np.float32)
    right = given = 0
    for number, topic in enumerate(
        np.argsort(-labels.sum(axis=0, dtype=int), kind="stable"), 1
    ):
        threshold = thresholds_by_topic(labels, scores)[topic]
        n_true = int(labels[:, topic].sum())

        def facts(cut, topic=topic):
            accepted = scores[:, topic] >= np.float32(cut)
            return 2 * int(labels[accepted, topic].sum()), int(accepted.sum())

        def value(cut, number=number, n_true=n_true, before=(right, given)):
            (hits, n), whole = facts(cut), n_true + before[1]
            return hits / max(n + n_true, 1) / number + (before[0] + hits) / max(
                n + whole, 1
            )

        best = max(map(value, [*scores[:, topic].tolist(), 9.0]))
        if np.ptp(scores[:, topic]):
            assert value(threshold) == pytest.approx(best)
        hits, n = facts(threshold)
        right, given = right + hits, given + n + n_true
