"""The table of labels of a run's best model: precision, recall, F1 and support.

``topics_table(run)`` has the columns of scikit-learn's ``classification_report``.
"""

import numpy as np
from numpy.typing import NDArray

from rnnbench.report.table import Table
from rnnbench.results.stored_run import StoredRun

HEADERS = ("precision", "recall", "F1", "support")


def topics_table(run: StoredRun) -> Table:
    """Return a row for each label in the test set, and the means over all of them."""
    from sklearn.metrics import precision_recall_fscore_support

    dataset = run.results.dataset
    best = run.results.best.name
    tested = [number for number, count in enumerate(dataset.topics) if count.test]
    of_trials = []
    for trial in run.trials[best]:
        scores = precision_recall_fscore_support(
            trial.labels, trial.answers, labels=tested, zero_division=0
        )
        of_trials.append(scores[:3])
    means = np.mean(of_trials, axis=0)
    rows = []
    for number, of_topic in zip(tested, means.T, strict=True):
        count = dataset.topics[number]
        rows.append([count.topic, *_cells(of_topic), f"{count.test:,}"])
    averages = _cells(means.mean(axis=1))
    rows.append(["macro average", *averages, f"{dataset.test_size:,}"])
    caption = (
        f"How {best} answers each {dataset.noun}; of several seeds, means. precision: "
        f"the share of right ones among the documents that were given the "
        f"{dataset.noun}; recall: the share of documents with the {dataset.noun} that "
        "were given it; support: test documents."
    )
    return Table([dataset.noun, *HEADERS], rows, caption, is_last_apart=True)


def _cells(scores: NDArray[np.float64]) -> list[str]:
    return list(map("{:.4f}".format, scores.tolist()))
