"""Print how often intervals and tests of log-loss are right.

Run it as ``python simulations/log_loss.py``; it takes a few minutes. The test documents
and the seeds of a stored run are the population: from both, benchmarks are drawn with
replacement.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from rnnbench.analysis.summary import load_run
from rnnbench.analysis.trial_metrics import values_of
from rnnbench.metrics import METRICS
from rnnbench.report.table import Table, to_markdown
from rnnbench.stats.correctness import Correctness
from rnnbench.stats.intervals import score_interval
from rnnbench.stats.paired import difference_p

REFERENCE = Path("results/reference")
N_DOCUMENTS = 599
TIMES = 2_000
LEVEL = 0.05
PAIRS = [
    ("zoo", "bilstm_max", "all_bilstm_max"),
    ("zoo", "calibrated_linear_svm", "all_bilstm_max"),
    ("r52", "bigru_max", "all_bigru_max"),
    ("r52", "calibrated_linear_svm", "all_bigru_max"),
    ("r52", "multinomial_naive_bayes", "complement_naive_bayes"),
    ("reuters46", "bigru_max", "all_bigru_max"),
    ("reuters46", "calibrated_linear_svm", "all_bigru_max"),
]
HEADERS = [
    "documents",
    "first model",
    "second model",
    "skewness of the difference",
    "intervals that hold: first",
    "second",
    "equal models called different",
]
CAPTION = (
    f"Benchmarks of {N_DOCUMENTS} documents, and as many seeds as a model has, drawn "
    f"with replacement from those of a stored run, {TIMES:,} times. Intervals that hold: "
    "95 % intervals that contain the mean log-loss of the run. Equal models: the same "
    "losses after those of the second model were moved to the mean of the first; "
    "different: p below 0.05."
)


def main():
    rows = [row_of(*pair) for pair in PAIRS]
    sys.stdout.write(to_markdown(Table(HEADERS, rows, CAPTION, text_columns=3)))


def row_of(name, first, second):
    """Return the row of two models of a stored run."""
    run = load_run(REFERENCE / name)
    a = losses_of(run, first)
    b = losses_of(run, second)
    difference = a.parts.mean(axis=0) - b.parts.mean(axis=0)
    moved = replace(b, parts=b.parts + difference.mean())
    random = np.random.default_rng(0)
    n_held_of_a = n_held_of_b = n_different = 0
    for _ in range(TIMES):
        documents = random.integers(a.parts.shape[1], size=N_DOCUMENTS)
        drawn_a = draw(a, documents, random)
        drawn_b = draw(b, documents, random)
        n_held_of_a += a.parts.mean() in score_interval(drawn_a)
        n_held_of_b += b.parts.mean() in score_interval(drawn_b)
        p, _ = difference_p(drawn_a, draw(moved, documents, random))
        n_different += p < LEVEL
    counts = (n_held_of_a, n_held_of_b, n_different)
    shares = [f"{count / TIMES:.3f}" for count in counts]
    return [name, first, second, f"{skewness(difference):.1f}", *shares]


def losses_of(run, model):
    """Return the losses of a model of a run, as if documents were independent."""
    trials = run.trials[model]
    losses = [values_of(METRICS["log_loss"], trial, trial.scores) for trial in trials]
    is_random = len(trials) > 1
    return Correctness(np.stack(losses), is_random=is_random, is_loss=True)


def draw(losses, documents, random):
    """Return the losses of seeds that are drawn, on these documents."""
    n_seeds = len(losses.parts)
    seeds = random.integers(n_seeds, size=n_seeds)
    return replace(losses, parts=losses.parts[seeds][:, documents])


def skewness(values):
    """Return the skewness of ``values``: 0 if they are symmetric."""
    standard = (values - values.mean()) / values.std()
    return float((standard**3).mean())


if __name__ == "__main__":
    main()
