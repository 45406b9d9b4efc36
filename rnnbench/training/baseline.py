"""Fitting a baseline. Importing this module imports scikit-learn."""

import time

import numpy as np

from rnnbench.data.dataset import Dataset
from rnnbench.models.baselines import Baseline
from rnnbench.models.classifiers import count_params, make_classifier, score, texts
from rnnbench.training.trained import Trained
from rnnbench.training.validation import hold_out


def train(baseline: Baseline, dataset: Dataset, validation_split: float, seed: int) -> Trained:
    """Fit a baseline on the wires that a network would be trained on, and return its answers."""
    kept, _ = hold_out(len(dataset.y_train), validation_split)
    classifier = make_classifier(baseline, seed)
    start = time.perf_counter()
    classifier.fit(texts(dataset.x_train[kept]), dataset.y_train[kept])
    seconds = time.perf_counter() - start
    scores, are = score(classifier, texts(dataset.x_test), len(dataset.topics))
    return Trained(
        scores=scores.astype(np.float32),
        scores_are=are,
        engine="scikit-learn",
        params=count_params(classifier),
        fit_seconds=seconds,
    )
