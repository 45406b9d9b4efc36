"""What the sentences after a run say of its best model, beside that it leads."""

import pytest
from factories import finished_run

from rnnbench.report.findings import findings

LABELS = [0] * 12 + [1] * 6 + [2] * 2


def said(answers, labels=LABELS, dataset=None):
    results = finished_run(answers, labels=labels, dataset=dataset).results
    return " ".join(findings(results))


@pytest.fixture
def names():
    """The three labels, the most frequent in the test set first."""
    run = finished_run({"svm": [LABELS]}, labels=LABELS)
    return run.results.dataset.topic_names


def test_a_label_that_the_best_never_answers_is_named_with_its_documents(names):
    text = said({"svm": [LABELS[:18] + [0] * 2]})

    assert f"svm never answers '{names[2]}' (2 of 20 documents)." in text


def test_labels_that_are_never_answered_begin_with_the_most_frequent(names):
    text = said({"svm": [[0] * 20]})

    listed = f"'{names[1]}' (6 of 20 documents), '{names[2]}' (2 of 20 documents)."
    assert f"svm never answers {listed}" in text


def test_a_label_that_only_another_model_never_answers_is_not_named():
    text = said({"svm": [LABELS], "bayes": [[0] * 20]})

    assert "never answers" not in text


def test_the_model_that_leads_in_macro_f1_is_named_if_it_is_another():
    accurate = [0] * 12 + [1] * 6 + [0] * 2
    fair = [0] * 9 + [1] * 9 + [2] * 2

    text = said({"accurate": [accurate], "fair": [fair]})

    assert "accurate leads with a test accuracy of 0.900" in text
    assert "accurate does not lead in macro-F1 (0.641): fair does (0.886)." in text


def test_nothing_is_said_of_macro_f1_if_the_best_leads_in_it():
    assert "macro-F1" not in said({"svm": [LABELS], "bayes": [[0] * 20]})


LEARNED = {"test_size": 20, "duplicates": {"same_topic": list(range(8))}}


def test_the_model_that_leads_without_learned_documents_is_named():
    by_heart = LABELS[:8] + [1] * 4 + LABELS[12:]
    honest = [2] * 5 + LABELS[5:]

    text = said({"by_heart": [by_heart], "honest": [honest]}, dataset=LEARNED)

    assert (
        "8 of 20 test documents are also in the training set; without them, honest "
        "leads with 1.000." in text
    )


def test_a_model_that_leads_with_learned_documents_may_still_lead_without_them():
    text = said({"svm": [LABELS]}, dataset=LEARNED)

    assert "without them, svm still leads with 1.000." in text
