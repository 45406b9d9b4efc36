"""Print what clusters that nobody declared do, and how often the line about them
appears.

Run it as ``python simulations/undeclared.py``; it takes about a minute.
"""

import sys

import numpy as np
from crossed import effects_in_clusters, judge_equal_models
from scipy.special import ndtri

from rnnbench.outside.clusters import likely_clusters
from rnnbench.report.table import Table, to_markdown
from rnnbench.stats.correctness import Correctness

TIMES = 1_000
N_DOCUMENTS, SHARES, SIZE = (300, 600, 1_200), (0.0, 0.3, 0.6, 0.9), 6
ACCURACIES = (0.85, 0.97)
SHARED = 0.8
"""The correlation of the effects of a document on two models."""


def draw(random, passages, share, accuracy):
    """Whether two equal models are right; effects have a share of passages in
    common.
    """
    in_common = effects_in_clusters(random, passages, share)
    for _ in "ab":
        effects = effects_in_clusters(random, passages, share)
        score = in_common * SHARED**0.5 + effects * (1 - SHARED) ** 0.5
        yield (score > -ndtri(accuracy))[np.newaxis]


def shares(n_documents, share, accuracy):
    """The shares of benchmarks with a line, and of intervals held and pairs found."""
    random = np.random.default_rng(0)
    passages = random.permutation(np.arange(n_documents) // SIZE)
    columns = {"passage": passages.tolist()}
    counts = np.zeros((TIMES, 5))
    for row in counts:
        a, b = draw(random, passages, share, accuracy)
        single = {
            "a": Correctness(a, is_random=False),
            "b": Correctness(b, is_random=False),
        }
        row[0] = likely_clusters(columns, single) is not None
        for place, clusters in enumerate((None, passages)):
            start = 1 + 2 * place
            row[start : start + 2] = judge_equal_models(
                a, b, accuracy, clusters=clusters, is_random=False
            )
    return counts.mean(axis=0)


def main():
    rows = []
    for n_documents in N_DOCUMENTS:
        for accuracy in ACCURACIES:
            for share in SHARES:
                cell = [f"{n_documents:,}", f"{accuracy:.0%}", f"{share:g}"]
                rows.append(
                    [*cell, *map("{:.3f}".format, shares(n_documents, share, accuracy))]
                )
                print(rows[-1], file=sys.stderr)  # noqa: T201
    headers = ["documents", "accuracy", "share", "line"]
    headers += [
        "held, undeclared",
        "found, undeclared",
        "held, declared",
        "found, declared",
    ]
    caption = (
        f"Of {TIMES:,} simulated benchmarks of two equal models each, with one training, on "
        f"clusters of {SIZE} documents, shuffled. Share: that of the variance over documents that "
        "is between clusters. Line: share of benchmarks in which a verdict names the column of "
        "clusters. Held: share of 95 % intervals that contain the true mean accuracy. Found: share "
        "of the pairs with a p-value below 0.05. By chance, a share of 0.95 or 0.05 lies within "
        f"{2 * (0.95 * 0.05 / TIMES) ** 0.5:.3f}."
    )
    sys.stdout.write(to_markdown(Table(headers, rows, caption, text_columns=0)))


if __name__ == "__main__":
    main()
