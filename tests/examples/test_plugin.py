"""The example of a package with plug-ins."""

import json
import re
import shutil
import tomllib
from pathlib import Path

import pytest
from plugin_files import look_again, run_rnnbench

from rnnbench.report.plots import PLOTS
from rnnbench.report.sections import SECTIONS
from rnnbench.runner.executors import EXECUTORS
from rnnbench.training.engines import ENGINES
from rnnbench.training.engines.native.stage import STAGES

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "examples/plugin/pyproject.toml").read_text())[
    "project"
]


@pytest.fixture(scope="module")
def plugged(tmp_path_factory):
    """A copy of the package, as if it were installed."""
    folder = tmp_path_factory.mktemp("plugged") / "plugin"
    shutil.copytree(ROOT / "examples/plugin", folder)
    info = folder / f"my_package-{PROJECT['version']}.dist-info"
    info.mkdir()
    facts = f"Metadata-Version: 2.1\nName: {PROJECT['name']}\nVersion: {PROJECT['version']}\n"
    (info / "METADATA").write_text(facts)
    lines = [
        f"[{group}]\n"
        + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for group, entries in PROJECT["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def finished(plugged):
    """The results of a run with all of them, in a process of its own."""
    command = ("run", "plugged.yaml", "--executor", "one_by_one", "--json", "--quiet")
    done = run_rnnbench(*command, site=plugged, cwd=plugged)

    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def forgotten():
    """The package is forgotten where ``install`` does not have it forgotten."""
    yield
    look_again(ENGINES, EXECUTORS, PLOTS, SECTIONS, STAGES)


@pytest.fixture
def here(forgotten, plugged, install, cli, monkeypatch, quick):  # noqa: ARG001 - they change this process
    """Run the command line in this process, with the package installed."""
    install(plugged)
    look_again(ENGINES, PLOTS, SECTIONS, STAGES)
    monkeypatch.chdir(plugged)
    return cli


def test_its_plug_ins_work_together(plugged, finished):
    results = finished
    assert results["engine"] == "native (scaled), shares (guess)"
    models = {model["name"]: model for model in results["models"]}
    assert set(models) == {"scaled", "neighbours", "guess"}
    assert all(0 < model["metrics"]["brier"]["mean"] < 1 for model in models.values())
    assert models["guess"]["metrics"]["accuracy"]["mean"] == 0.5
    tracked = (plugged / "results/plugged/tracking/lines.txt").read_text().splitlines()
    assert {line.partition(" seed")[0] for line in tracked} == set(models)


@pytest.mark.usefixtures("finished")
def test_a_report_has_its_section_with_its_plot(plugged, here):
    report = here("report", "results/plugged")

    assert report.exit_code == 0, report.stderr
    assert "## Sizes\n\n![" in (plugged / "results/plugged/report.md").read_text()


def test_its_command_names_the_largest_model(finished, here):
    largest = here("largest", "results/plugged")

    names = {model["name"] for model in finished["models"]}
    assert largest.stdout.strip() in names


def test_models_are_compared_by_the_metric_of_its_task(here):
    done = here("run", "stars.yaml", "--json", "--quiet")

    assert done.exit_code == 0, done.stderr
    results = json.loads(done.stdout)
    assert {model["main"] for model in results["models"]} == {"closeness"}
    assert results["metrics"] == ["closeness"]
    report = here("report", "results/stars")
    assert report.exit_code == 0, report.stderr


def test_each_kind_of_plug_in_has_an_example():
    contributing = (ROOT / "CONTRIBUTING.md").read_text()

    kinds = set(re.findall(r"`(rnnbench\.[a-z]+s)` \|", contributing))
    assert {*PROJECT["entry-points"], "rnnbench.models"} == kinds, (
        "transformers are a model"
    )
