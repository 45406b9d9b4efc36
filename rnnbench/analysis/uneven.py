"""The models of a run whose seeds are uneven, as if some trainings collapsed."""

from rnnbench.results.schema import ModelSummary, Results
from rnnbench.stats.uneven import is_uneven


def uneven_models(results: Results) -> list[ModelSummary]:
    """Return the models whose seeds are uneven; see ``stats.is_uneven``."""
    n_documents = results.dataset.test_size
    uneven = []
    for model in results.models:
        if is_uneven(scores_of(model), n_documents):
            uneven.append(model)
    return uneven


def scores_of(model: ModelSummary) -> list[float]:
    """Return the main metric of each seed of a model."""
    return [trial.metrics[model.main] for trial in model.trials]
