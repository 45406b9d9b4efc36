"""Rules that turn scores into any number of topics."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.tasks import ALWAYS, MULTI_LABEL, Decision
from rnnbench.training.decision import DecisionRule, best_decision, decide


@given(st.integers(0, 2**32 - 1), st.sampled_from(["empty", "best", "chosen"]))
def test_no_other_thresholds_have_a_higher_micro_f1(seed, none):
    random = np.random.default_rng(seed)
    labels = (random.random((6, 3)) < 0.4).astype(np.uint8)
    scores = np.round(labels + random.normal(size=labels.shape), 1).astype(np.float32)

    def score(threshold, best_above):
        decision = Decision(threshold=threshold, best_above=best_above)
        return MULTI_LABEL.score(labels, MULTI_LABEL.answers(scores, decision))

    found, places = best_decision(labels, scores, none), [*np.unique(scores).tolist(), 9.0]
    fallbacks = {"empty": [None], "best": [ALWAYS], "chosen": places}[none]
    best = max(score(threshold, above) for threshold in places for above in fallbacks)
    assert score(found.threshold, found.best_above) == pytest.approx(best)


def rule(**keys):
    return DecisionRule.model_validate(keys)


ONE_EACH, SOME_NONE = np.eye(3, dtype=np.uint8), np.array([[0, 1, 1], [0, 0, 0]], np.uint8)


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
