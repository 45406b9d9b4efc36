"""The models of a run whose seeds are uneven, as if some trainings collapsed."""

from rnnbench.results.schema import ModelSummary, Results
from rnnbench.stats.uneven import is_uneven


def uneven_models(results: Results) -> list[ModelSummary]:
    """Return the models whose seeds are uneven; see ``stats.is_uneven``."""
    n_documents = results.dataset.test_size
    uneven = []
    for model in results.models:
        if is_uneven(model.scores, n_documents):
            uneven.append(model)
    return uneven
