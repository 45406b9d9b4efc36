"""The models of the shipped configs are the best points of the choices that are published."""

from collections import Counter
from pathlib import Path

import pytest

from rnnbench.choice.records import CHOICE_VERSION, ChoiceResults
from rnnbench.choice.write import best_points
from rnnbench.config.load import load
from rnnbench.points import model_of
from rnnbench.storage import read_document

ROOT = Path(__file__).parents[1]
FOLDERS = {
    "zoo": ["zoo_baselines", "zoo_networks"],
    "r52": ["r52_baselines", "r52_networks"],
    "r8": ["r8_baselines"],
    "reuters46": ["reuters46_baselines"],
}
"""The choices behind each config. The network of R52 is that of R8 and of the 46 topics, too."""
EACH = [(config, folder) for config, folders in FOLDERS.items() for folder in folders]


def published(folder):
    file = ROOT / "results/reference/choice" / folder / "choice.json"
    return ChoiceResults.model_validate(read_document(file, CHOICE_VERSION))


def chosen(folder):
    """Return the best point of each model of a choice, with the number of its points."""
    results = published(folder)
    models = load(ROOT / "configs" / f"{folder}.yaml").models
    n = Counter(model_of(each.name) for each in results.candidates)
    return {
        name: models[best.name].model_copy(update={"chosen_from": n[name] if n[name] > 1 else None})
        for name, best in best_points(results).items()
    }


@pytest.mark.parametrize("folder", [folder for _, folder in EACH])
def test_a_choice_is_that_of_all_points_of_its_config(folder):
    results = published(folder)
    candidates = {each.name for each in results.candidates}
    models = load(ROOT / "configs" / f"{folder}.yaml").models

    tried = {model_of(each) for each in candidates}
    assert candidates == {name for name in models if model_of(name) in tried}
    assert not results.missing
    assert results.searched is None


@pytest.mark.parametrize(("config", "folder"), EACH)
def test_models_of_configs_are_the_best_points(config, folder):
    shipped = load(ROOT / "configs" / f"{config}.yaml").models
    best = {name: model for name, model in chosen(folder).items() if name in shipped}

    assert best
    assert {name: shipped[name] for name in best} == best


@pytest.mark.parametrize("config", FOLDERS)
def test_no_other_model_claims_to_be_chosen(config):
    shipped = load(ROOT / "configs" / f"{config}.yaml").models
    tried = {name for folder in FOLDERS[config] for name in chosen(folder)}
    networks = set(chosen("r52_networks"))

    assert {name for name, model in shipped.items() if model.chosen_from} <= tried | networks
