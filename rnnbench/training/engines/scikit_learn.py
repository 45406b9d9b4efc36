"""The engine of the baselines. scikit-learn is imported when it is used."""

from typing import TYPE_CHECKING

from rnnbench.models.descriptions import BaselineModel, Model
from rnnbench.training.engines.base import Engine, OnEpoch

if TYPE_CHECKING:
    from rnnbench.data.dataset import Dataset
    from rnnbench.training.outcome import Trained
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
    ) -> "Trained":
        """Fit a baseline and score the test documents; see ``Engine.fit``."""
        from rnnbench.training.baseline import train

        if not isinstance(model, BaselineModel):
            raise TypeError(f"{self.name} trains baselines only")
        return train(model.baseline, dataset, training.validation_split, seed)
