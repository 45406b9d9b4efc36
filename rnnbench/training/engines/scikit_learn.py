"""The engine of the baselines. scikit-learn is imported when it is used."""

import time
from typing import TYPE_CHECKING

import numpy as np

from rnnbench.models.descriptions import BaselineModel, Model
from rnnbench.training.engines.base import Engine, OnEpoch
from rnnbench.training.outcome import Outcome, Trained
from rnnbench.training.validation import hold_out

if TYPE_CHECKING:
    from rnnbench.data.dataset import Dataset
    from rnnbench.training.recipe import Training


class ScikitLearn(Engine):
    """Fits baselines, which have no epochs and are never kept."""

    name = "scikit-learn"
    packages = ("scikit-learn", "scipy", "numpy")

    def covers(self, model: Model, training: "Training") -> bool:  # noqa: ARG002
        """Return whether the model is a baseline."""
        return isinstance(model, BaselineModel)

    def fit(
        self,
        model: Model,
        dataset: "Dataset",
        training: "Training",
        seed: int,
        on_epoch: OnEpoch,  # noqa: ARG002
        *,
        keep_model: bool,  # noqa: ARG002
    ) -> Trained:
        """Fit a baseline and score the test documents; see ``Engine.fit``."""
        from rnnbench.models.classifiers import count_params, make_classifier, score, texts

        assert isinstance(model, BaselineModel)  # noqa: S101 - the engine covers nothing else
        kept, _ = hold_out(len(dataset.y_train), training.validation_split)
        classifier = make_classifier(model.baseline, seed)
        start = time.perf_counter()
        classifier.fit(texts(dataset.x_train[kept]), dataset.y_train[kept])
        seconds = time.perf_counter() - start
        scores, kind = score(classifier, texts(dataset.x_test), len(dataset.topics))
        outcome = Outcome(
            engine=self.name, params=count_params(classifier), score_kind=kind, fit_seconds=seconds
        )
        return Trained(outcome, scores.astype(np.float32))
