import csv
import io
import json
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from rich.console import Console

import rnnbench
from rnnbench.config import shipped
from rnnbench.config.load import Override, load
from rnnbench.metrics import usable_metrics
from rnnbench.models.descriptions import Network
from rnnbench.points import model_of
from rnnbench.report.layout import to_rich
from rnnbench.report.tables.scores import short_table
from rnnbench.report.words import mean_and_interval
from rnnbench.results.run import load_results
from rnnbench.training.settings import resolve_engine

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "results/reference"
README = (ROOT / "README.md").read_text()
FINDINGS = (ROOT / "docs/findings.md").read_text()
TABLE = (REFERENCE / "README.md").read_text()
REFERENCE_RUNS = [file.parent for file in REFERENCE.glob("*/results.json")]
CHOICES = [file.parent for file in (REFERENCE / "choice").glob("*/choice.json")]


CHANGES = {"keras": ("training.engine", "keras"), "all": ("training.seeds", "60")}
"""Of the configs that are shipped, by the commands in the table."""


def test_the_table_is_what_the_reference_run_prints():
    console = Console(width=80, file=io.StringIO())
    run = rnnbench.load_run(REFERENCE / "all")
    table = short_table(run.results)
    console.print(to_rich(table, console), highlight=False)
    lines = [
        line.rstrip() for line in console.file.getvalue().splitlines() if line.strip()
    ]

    assert "\n".join(["```text", *lines, "```"]) in README
    assert run.results.metrics == list(usable_metrics())


def test_it_fits_on_a_page():
    assert len(README.splitlines()) <= 110


def with_engines(benchmark):
    """Return a benchmark, and the training of each model with its engine in place of
    ``auto``.
    """
    models = {}
    recipes = {}
    engines = {}
    for name, model in benchmark.models.items():
        training = benchmark.training_of(name)
        models[name] = model.model_copy(update={"training": {}})
        recipes[name] = training.facts("engine")
        engines[name] = resolve_engine(model, training).engine
    return (
        benchmark.model_copy(update={"models": models, "training": None}),
        recipes,
        engines,
    )


@pytest.mark.parametrize("folder", REFERENCE_RUNS, ids=lambda folder: folder.name)
def test_reference_runs_are_of_the_config_that_is_shipped(folder):
    results = load_results(folder)  # which checks config.yaml too
    config = shipped.find(results.name)
    changes = [Override("", *CHANGES[folder.name])] if folder.name in CHANGES else []

    stored = load(folder / "config.yaml")
    assert with_engines(stored) == with_engines(load(config, changes))


@pytest.mark.parametrize(
    "folder", [*REFERENCE_RUNS, *CHOICES], ids=lambda folder: folder.name
)
def test_the_command_beside_a_reference_folder_is_the_one_that_wrote_it(folder):
    (record,) = (*folder.glob("results.json"), *folder.glob("choice.json"))
    name = folder.relative_to(REFERENCE)
    cells = re.findall(r"^\| (.*) \| (.*) \|$", TABLE, re.M)

    (command,) = [command for names, command in cells if f"`{name}`" in names]
    assert f"`{json.loads(record.read_text())['command']}`" in command.replace(
        "NAME", folder.name
    )


def test_reference_runs_stay_small():
    files = [file for file in REFERENCE.rglob("*") if file.is_file()]

    assert sum(file.stat().st_size for file in files) < 12_000_000, (
        "predictions have most of it"
    )


def chosen_network(name):
    """Return the network of a config that scored highest on the documents that
    choose.
    """
    models = load(name).models
    best = {entry: 0.0 for entry in models if isinstance(models[entry], Network)}
    for file in (REFERENCE / "choice").glob(f"{name}*/choice.json"):
        for entry in json.loads(file.read_text())["candidates"]:
            if (model := model_of(entry["name"])) in best:
                best[model] = max(
                    best[model], entry.get("score", entry.get("accuracy"))
                )
    return max(best, key=best.get)


CHOSEN = {
    name: chosen_network(name) for name in ("zoo", "r52", "reuters46", "reuters90")
}
CHOSEN["r8"] = CHOSEN["r52"]  # it has its recurrent network


def row_that_links(file):
    (row,) = [
        line
        for line in FINDINGS.split("## The notebook")[0].splitlines()
        if f"](../results/reference/{file})" in line
    ]
    return row


@pytest.mark.parametrize("name", CHOSEN)
def test_the_accuracies_of_the_wider_field_are_those_of_their_runs(name):
    run = load_results(REFERENCE / name)
    models = {model.name: model.score for model in run.models}
    without_duplicates = run.without_duplicates.scores
    row = row_that_links(f"{name}/table.md")

    def accuracy(model):
        return (
            f"{mean_and_interval(models[model])} ({without_duplicates[model].mean:.4f})"
        )

    assert f"{CHOSEN[name]} {accuracy(CHOSEN[name])}" in row
    assert f"| {accuracy('tfidf_linear_svm')} |" in row


@pytest.mark.parametrize("name", ["r52", "r8", "reuters46", "reuters90"])
def test_the_highest_published_score_that_is_not_in_doubt_is_named(name):
    references = load(name).references
    split = load_results(REFERENCE / name).dataset.split_fingerprint
    comparable = [  # several sources may have a model of the same name
        (model, published.score)
        for reference in references.values()
        for model, published in reference.models.items()
        if reference.split == split and published.caveat is None
    ]
    best, accuracy = max(comparable, key=lambda entry: entry[1])

    assert f" {best} {accuracy:.4f}, " in row_that_links(f"{name}/table.md")


@pytest.mark.parametrize(
    ("documents", "name"),
    [
        ("notebook's", "zoo"),
        ("R52", "r52"),
        ("whole Keras set", "reuters46"),
        ("Reuters-90, micro-F1", "reuters90"),
    ],
)
def test_the_table_of_findings_is_that_of_the_runs(documents, name):
    results = load_results(REFERENCE / name)
    models = {model.name: model for model in results.models}
    networks = [
        entry
        for entry, model in load(name).models.items()
        if isinstance(model, Network)
    ]
    best = max(networks, key=lambda network: models[network].score.mean)
    (pair,) = [
        pair
        for pair in results.comparisons
        if {pair.a, pair.b} == {best, "tfidf_linear_svm"}
    ]
    clear = "yes" if pair.p_corrected < 0.05 else "no"

    scores = (
        f"{models[best].score.mean:.4f} | {models['tfidf_linear_svm'].score.mean:.4f}"
    )
    assert f"| {documents} | {scores} | {clear} |" in README


def test_the_scores_at_one_half_are_those_of_the_run():
    models = {
        model.name: model for model in load_results(REFERENCE / "reuters90").models
    }
    network = models["bigru_max"]
    svm = models["tfidf_linear_svm"]

    of_network = f"{network.at_half.mean:.4f}, not {network.score.mean:.4f}"
    of_svm = f"{svm.at_half.mean:.4f}, not {svm.score.mean:.4f}"
    scores = f"the SVM on words has {of_svm}, and `bigru_max` {of_network}"
    assert scores in " ".join(FINDINGS.split())


def test_the_smallest_p_value_of_a_network_against_the_svm_is_named():
    pairs = [
        pair
        for name in CHOSEN
        for pair in load_results(REFERENCE / name).comparisons
        if {pair.a, pair.b} == {CHOSEN[name], "tfidf_linear_svm"}
    ]

    smallest = min(pairs, key=lambda pair: pair.p_corrected)
    assert len(pairs) == len(CHOSEN)
    assert [pair for pair in pairs if pair.p_corrected < 0.05] == [smallest]
    stated = f"p is {smallest.p:.3f} alone, {smallest.p_corrected:.3f} corrected"
    assert stated in " ".join(FINDINGS.split())


BLOCKS = re.findall(r"^```console\n(.*?)^```$", README, re.M | re.S)
SVM_ALONE = ["--models", "tfidf_linear_svm", "--jobs", 1]


def follow(cli, word, *of_runs):
    """Type the commands of the block that has a word; runs get more arguments."""
    (block,) = [block for block in BLOCKS if word in block]
    for line in block.replace("\\\n", "").splitlines():
        program, *arguments = shlex.split(line)
        if program == "rnnbench":
            more = of_runs if arguments[0] == "run" else []
            done = cli(*arguments, *more)
            assert done.exit_code == 0, done.output
    return done


@pytest.mark.usefixtures("quick")
def test_the_smoke_run_of_the_readme_becomes_a_page(
    cli, working_folder, tiny_sgml_folder
):
    (working_folder / "configs").symlink_to(ROOT / "configs")

    follow(cli, "smoke.yaml", *SVM_ALONE, "--data", "sgml", "--path", tiny_sgml_folder)
    assert Path("results/smoke/report.html").is_file()


def test_the_verdict_of_the_readme_is_given(cli, working_folder):
    (working_folder / "examples").symlink_to(ROOT / "examples")

    assert "large" in follow(cli, "rnnbench verdict").stdout


@pytest.mark.usefixtures("quick", "working_folder")
def test_a_table_becomes_predictions_by_the_commands_of_the_readme(cli):
    follow(cli, "rnnbench predict", *SVM_ALONE)

    files = Path("own_texts.csv"), Path("predicted.csv")
    before, after = (
        list(csv.DictReader(file.read_text().splitlines())) for file in files
    )
    assert {*before[0], "predicted"} < {*after[0]}
    assert [{key: row[key] for key in before[0]} for row in after] == before
    assert sum(row["predicted"] == row["label"] for row in after) > 0.9 * len(after)


def test_predictions_are_the_first_section_after_the_start():
    headings = re.findall("^## (.*)$", README, re.M)

    assert headings[:2] == ["Start", "My predictions"]


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())

    assert citation["version"] == rnnbench.__version__
    assert f"{{{rnnbench.__version__}}}" in (ROOT / "docs/citing.md").read_text()


def test_ci_runs_the_readmes_test_command():
    (command,) = [
        line for line in README.splitlines() if line.endswith(".venv/bin/pytest")
    ]

    assert command in (ROOT / ".ci/run").read_text().splitlines()


def test_the_list_without_tensorflow_has_all_other_requirements():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    _, *listed = (ROOT / "without-tensorflow.txt").read_text().splitlines()

    missing = set(project["dependencies"]) - set(listed)

    assert {Requirement(line).name for line in missing} == {"tensorflow", "keras"}
    assert set(listed) < set(project["dependencies"])
