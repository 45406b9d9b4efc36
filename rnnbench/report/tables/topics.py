"""The table of labels of a run's best model: precision, recall, F1 and support.

``topics_table(run)`` has the columns of scikit-learn's ``classification_report``.
"""

import numpy as np
from numpy.typing import NDArray

from rnnbench.labels import documents_by_topic
from rnnbench.metrics import by_topic
from rnnbench.report.table import Table
from rnnbench.results.stored_run import StoredRun

HEADERS = ("precision", "recall", "F1", "support")


def topics_table(run: StoredRun) -> Table:
    """Return a row for each label in the test set, and the means over all of them."""
    dataset = run.results.dataset
    best = run.results.best.name
    n_topics = len(dataset.topics)
    of_trials = []
    for trial in run.trials[best]:
        n_true, n_right, f1 = by_topic(trial.labels, trial.answers, n_topics)
        n_given = documents_by_topic(trial.answers, n_topics)
        of_trials.append([n_right / n_given.clip(1), n_right / n_true.clip(1), f1])
    scores = np.mean(of_trials, axis=0)
    rows = []
    is_tested = np.zeros(n_topics, bool)
    for number, count in enumerate(dataset.topics):
        if count.test:
            is_tested[number] = True
            rows.append([count.topic, *_cells(scores[:, number]), f"{count.test:,}"])
    means = _cells(scores[:, is_tested].mean(axis=1))
    rows.append(["macro average", *means, f"{dataset.test_size:,}"])
    caption = (
        f"How {best} answers each {dataset.noun}; of several seeds, means. precision: "
        f"the share of right ones among the documents that were given the "
        f"{dataset.noun}; recall: the share of documents with the {dataset.noun} that "
        "were given it; support: test documents."
    )
    return Table([dataset.noun, *HEADERS], rows, caption, is_last_apart=True)


def _cells(scores: NDArray[np.float64]) -> list[str]:
    return list(map("{:.4f}".format, scores.tolist()))
