"""Fitting a baseline. Importing this module imports scikit-learn."""

import time

import numpy as np

from rnnbench.data.dataset import Dataset
from rnnbench.models.baselines import Baseline
from rnnbench.models.classifiers import count_params, make_classifier, score, texts
from rnnbench.training.outcome import Outcome, Trained
from rnnbench.training.validation import hold_out


def train(baseline: Baseline, dataset: Dataset, validation_split: float, seed: int) -> Trained:
    """Fit a baseline on the documents that a network would be trained on; see ``Engine.fit``."""
    kept, _ = hold_out(len(dataset.y_train), validation_split)
    classifier = make_classifier(baseline, seed)
    start = time.perf_counter()
    classifier.fit(texts(dataset.x_train[kept]), dataset.y_train[kept])
    seconds = time.perf_counter() - start
    scores, kind = score(classifier, texts(dataset.x_test), len(dataset.topics))
    outcome = Outcome(
        engine="scikit-learn",
        params=count_params(classifier),
        score_kind=kind,
        fit_seconds=seconds,
    )
    return Trained(outcome, scores.astype(np.float32))
