"""Print how far scores can still rise: documents that all models miss, wrong labels.

Run it as ``python simulations/ceiling.py``, where the sets have been prepared; it takes
a few minutes.
"""

import sys

import numpy as np

import rnnbench
from rnnbench.analysis.errors import mistaken_shares
from rnnbench.report.table import MISSING, Table, to_markdown
from rnnbench.request import SuspectsRequest
from rnnbench.suspects.find import find_suspects

RUNS = ("zoo", "r52", "r8", "reuters46", "reuters90")
HEADERS = (
    "documents",
    "tested",
    "best model",
    "missed by all models",
    "right by at least one model",
    "training and test documents",
    "contradicted by all judges together",
    "near-copies with another label",
    "wrong labels (95 % interval)",
)
CAPTION = (
    "Missed by all models: test documents that each model of the stored run "
    "misclassified with more than half of its seeds. Right by at least one model: the "
    "share of the other test documents. The last four columns are about training and test documents "
    "together, by rnnbench data suspects: naive Bayes and a linear SVM on words. With "
    "any number of topics, the share of wrong labels is not estimated."
)


def main():
    rows = [row_of(name) for name in RUNS]
    sys.stdout.write(to_markdown(Table(HEADERS, rows, CAPTION)))


def row_of(name):
    """Return the row of a set."""
    run = rnnbench.load_run(f"results/reference/{name}")
    best = max(run.results.models, key=lambda model: model.score.mean)
    is_missed = missed_by_all(run)
    request = SuspectsRequest(
        name,
        out=f"results/suspects-{name}",
        progress=False,
    )
    suspects = find_suspects(request).results
    return [
        name,
        f"{len(is_missed):,}",
        f"{best.name} {best.score.mean:.4f}",
        str(is_missed.sum()),
        f"{1 - is_missed.mean():.4f}",
        f"{suspects.n_documents:,}",
        f"{suspects.n_contradicted:,}",
        f"{suspects.n_copies:,}",
        estimate(suspects.wrong),
    ]


def missed_by_all(run):
    """Return whether each test document is missed by all models, ``(n_test,)``."""
    shares = [mistaken_shares(trials) for trials in run.trials.values()]
    return np.min(shares, axis=0) > 0.5


def estimate(wrong):
    """Return the share of wrong labels with its interval."""
    if wrong is None:
        return MISSING
    return f"{wrong.share:.1%} ({wrong.low:.1%} to {wrong.high:.1%})"


if __name__ == "__main__":
    main()
