"""Print how much more accuracies vary if alike or neighbouring test documents count as
one.

Run it as ``python simulations/dependence.py RUN...`` with folders of finished
runs; their documents must be in the cache.
"""

import sys
from itertools import combinations
from pathlib import Path

import numpy as np
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import TfidfVectorizer

from rnnbench.analysis.comparisons import parts_of
from rnnbench.analysis.errors import texts_of_test_documents
from rnnbench.analysis.summary import load_run
from rnnbench.report.table import Table, to_markdown
from rnnbench.stats.correctness import N_BLOCKS, Correctness

ALIKE = (0.7, 0.8, 0.9)
"""The cosines of TF-IDF vectors above which two documents are alike."""
LENGTHS = (5, 20, 50)
"""The lengths of blocks, in documents."""


def main(folders):
    sys.stdout.write("\n".join(to_markdown(_table(Path(folder))) for folder in folders))


def _table(folder):
    run = load_run(folder)
    texts = texts_of_test_documents(run)
    if texts is None:
        sys.exit(
            f"{folder}: its documents are not in the cache: see `rnnbench data prepare`"
        )
    documents = texts.words
    hits = [Correctness(parts_of(trials)) for trials in run.trials.values()]
    shares = [of_model.values.mean(axis=0) for of_model in hits]
    differences = [a - b for a, b in combinations(shares, 2)]
    rows = []
    for name, groups in _groupings(documents):
        sizes = np.bincount(groups)
        row = [name, f"{sizes[sizes > 1].sum():,}", f"{np.count_nonzero(sizes > 1):,}"]
        for values in (shares, differences):
            ratios = [_ratio(item, groups) for item in values]
            row.append(f"{min(ratios):.2f} to {max(ratios):.2f}")
        rows.append(row)
    caption = (
        f"{run.benchmark.name}: how many of the {len(documents):,} test documents form groups, and "
        "the variance of accuracies, and of differences of two, if groups are drawn, divided by "
        f"that if documents are. Models: {', '.join(run.trials)}."
    )
    headers = ["groups", "documents", "number", "accuracies", "differences"]
    return Table(headers, rows, caption, text_columns=1)


def _groupings(documents):
    """Yield the name of a grouping and the number of the group of each document."""
    vectors = TfidfVectorizer(analyzer=list).fit_transform(documents)
    for alike in ALIKE:
        _, groups = connected_components(vectors @ vectors.T > alike, directed=False)
        yield f"alike: a cosine above {alike:g}", groups
    places, n = np.arange(len(documents)), len(documents)
    for length in LENGTHS:
        yield f"blocks of {length} neighbours", places // length
    yield f"{N_BLOCKS} blocks", places * N_BLOCKS // n


def _ratio(values, groups):
    rest, n_groups = values - values.mean(), groups.max() + 1
    sums = np.bincount(groups, rest)
    return float((sums**2).sum() / (rest**2).sum() * n_groups / (n_groups - 1))


if __name__ == "__main__":
    main(sys.argv[1:])
