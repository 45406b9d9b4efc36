"""The configs that come with the package, and their names."""

import os
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from rnnbench.choice.rank import rank_key
from rnnbench.choice.records import CHOICE_VERSION, ChoiceResults
from rnnbench.choice.write import best_points
from rnnbench.config import shipped
from rnnbench.config.load import load
from rnnbench.config.problems import ConfigError
from rnnbench.points import model_of
from rnnbench.storage import read_document

CHOICES = Path(__file__).parents[2] / "results/reference/choice"


def test_configs_are_found_by_their_names_only():
    assert {"all", "smoke", "own_texts", "notebook"} <= set(shipped.names())
    assert shipped.find("all") == shipped.folder() / "all.yaml"
    for other in ("none", "all.yaml", "./all.yaml", "../configs/all", ""):
        assert shipped.find(other) is None


@pytest.mark.parametrize("name", shipped.names())
def test_a_summary_is_one_sentence(name):
    found = shipped.summary(shipped.folder() / f"{name}.yaml")

    assert found[0].isupper()
    assert found[-1] in ".?"
    assert len(found) < 120


def test_a_name_is_as_good_as_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert load("all") == load(shipped.folder() / "all.yaml")


def test_a_folder_does_not_hide_a_config_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("r52").mkdir()

    assert load("r52").name == "r52"


@pytest.mark.parametrize("name", ["./none.yaml", "all.yaml", "none/all"])
def test_a_missing_file_is_not_replaced(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError, match="no such file"):
        load(name)


def test_a_file_of_the_user_comes_before_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("all").write_text("extends: smoke\nname: mine\n")

    assert load("all").name == "mine"


def test_a_config_extends_others_by_name_unless_there_is_such_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(
        "extends: notebook\nname: mine\nmodels: {m: {baseline: most_frequent}}"
    )
    assert load("mine.yaml").training == load("all").training

    Path("notebook.yaml").write_text("training: {epochs: 7}\n")
    assert load("mine.yaml").training.epochs == 7
    Path("notebook").write_text("training: {epochs: 8}\n")
    assert load("mine.yaml").training.epochs == 8


def test_a_copy_may_have_the_name_of_the_config_that_it_extends(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("notebook.yaml").write_text(shipped.find("lstm").read_text())

    assert load("notebook.yaml") == load("lstm")


FIRST, SECOND = "reuters46_networks", "reuters46_layers"
"""Two steps of a choice: the second went on from the best of the first, and has variants of it."""


def candidates_of(name):
    document = read_document(CHOICES / name / "choice.json", CHOICE_VERSION)
    results = ChoiceResults.model_validate(document)
    ranked = sorted(  # some were stored when ties were broken in another way
        results.candidates,
        key=lambda each: rank_key(each.accuracy, each.training.get("epochs", 0), each.params),
    )
    return results.model_copy(update={"candidates": ranked})


@pytest.mark.parametrize("name", sorted({each.name for each in CHOICES.glob("*_*")} - {FIRST}))
def test_models_have_the_settings_that_were_best_on_training_documents(name):
    config, results = load(name.partition("_")[0]), candidates_of(name)
    tried = load(CHOICES / name / "config.yaml")
    points = Counter(model_of(each.name) for each in results.candidates)
    chosen = best_points(results)
    if name == SECOND:
        best = results.candidates[0]
        chosen = {model_of(best.name): best}
        points[model_of(best.name)] = len([*results.candidates, *candidates_of(FIRST).candidates])

    for model, best in chosen.items():
        expected = tried.models[best.name].model_copy(update={"chosen_from": points[model]})
        assert config.models[model] == expected
        assert config.training_of(model).facts("seeds", "engine") == tried.training_of(
            best.name
        ).facts("seeds", "engine")


@pytest.fixture(scope="session")
def installed(tmp_path_factory, repository):
    """The content of a wheel of the project."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder]
    subprocess.run([*command, repository], check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_a_wheel_brings_the_configs(installed, tmp_path):
    variables = os.environ | {"PYTHONPATH": str(installed)}

    def rnnbench(*arguments):
        command = [sys.executable, "-m", "rnnbench", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=True
        )

    assert "all: fine, 6 models, 22 trials" in rnnbench("config", "check", "all").stdout
    assert "own_texts.csv" in rnnbench("config", "copy", "own_texts").stderr
    table = rnnbench("run", "own_texts.yaml", "--models", "tfidf_logistic_regression").stdout
    assert "tfidf_logistic_regression" in table
    assert (tmp_path / "results" / "own_texts" / "results.json").is_file()


def test_a_wheel_brings_nothing_beside_the_package(installed):
    folders = {each.name for each in installed.iterdir() if each.suffix != ".dist-info"}

    assert folders == {"rnnbench"}
