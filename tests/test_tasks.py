"""What a right answer is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import f1_score

from rnnbench.tasks import MULTI_LABEL, linearised

few = settings(max_examples=50)


@st.composite
def topics_and_answers(draw):
    shape = draw(st.tuples(st.integers(1, 12), st.integers(2, 5)))
    return tuple(draw(arrays(np.uint8, shape, elements=st.integers(0, 1))) for _ in range(2))


@few
@given(topics_and_answers())
def test_the_mean_of_the_values_of_documents_is_micro_f1(drawn):
    values = MULTI_LABEL.values(*drawn)

    assert values.shape == (len(drawn[0]),)
    assert values.mean() == pytest.approx(f1_score(*drawn, average="micro", zero_division=0))


@few
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12))
def test_with_one_topic_there_and_one_given_a_value_is_whether_the_answer_is_right(pairs):
    labels, answers = np.transpose(pairs)
    one_of_four = np.eye(4, dtype=np.uint8)

    values = MULTI_LABEL.values(one_of_four[labels], one_of_four[answers])

    assert values == pytest.approx((labels == answers).astype(float), abs=1e-12)


@few
@given(topics_and_answers(), st.randoms(use_true_random=False))
def test_each_document_keeps_its_value_in_any_order_and_among_other_trials(drawn, random):
    order = random.sample(range(len(drawn[0])), len(drawn[0]))
    parts, moved = (MULTI_LABEL.parts(*(of[rows] for of in drawn)) for rows in (slice(None), order))

    both = linearised(np.stack([parts, moved], axis=1))

    assert both[0] == pytest.approx(MULTI_LABEL.values(*drawn), abs=1e-12)
    assert both[1] == pytest.approx(both[0][order], abs=1e-12)
