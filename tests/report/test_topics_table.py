"""The labels of a run's best model, as scikit-learn's report has them."""

import numpy as np
from factories import finished_run
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import classification_report

from rnnbench.report.tables.topics import topics_table

PAIRS = st.lists(st.tuples(*[st.integers(0, 2)] * 2), min_size=2, max_size=30)
KEYS = ("precision", "recall", "f1-score", "support")


@settings(max_examples=25)
@given(pairs=PAIRS)
def test_each_label_has_the_numbers_of_scikit_learn(pairs):
    labels, answers = map(list, zip(*pairs, strict=True))
    run = finished_run({"svm": [answers]}, labels=labels)

    *rows, _ = topics_table(run).rows

    theirs = classification_report(labels, answers, output_dict=True, zero_division=0)
    names = run.results.dataset.topic_names
    assert [row[0] for row in rows] == [names[number] for number in sorted({*labels})]
    for name, *cells in rows:
        expected = [theirs[str(names.index(name))][key] for key in KEYS]
        np.testing.assert_allclose(np.array(cells, float), expected, atol=5e-5)


def test_the_last_row_has_the_means_over_labels():
    run = finished_run({"svm": [[0, 0, 1, 1]]}, labels=[0, 0, 0, 1])

    assert topics_table(run).rows[-1] == [
        "macro average",
        "0.7500",
        "0.8333",
        "0.7333",
        "4",
    ]


def test_scores_are_means_over_the_seeds_of_the_best_model():
    best = [[0, 0, 1, 1], [0, 0, 0, 1]]
    run = finished_run({"bad": [[1, 1, 1, 1]], "good": best}, labels=[0, 0, 1, 1])

    _, second, _ = topics_table(run).rows

    assert second[1:] == ["1.0000", "0.7500", "0.8333", "2"]
