import shutil
from pathlib import Path

import pytest

from rnnbench.analysis.load import load_run, load_summary
from rnnbench.config.load import Override, load
from rnnbench.metrics import METRICS
from rnnbench.models.descriptions import Network
from rnnbench.report.numbers import mean_and_interval
from rnnbench.storage import read_document

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
REFERENCE_RUNS = [file.parent for file in (ROOT / "results/reference").glob("*/results.json")]


def test_the_tables_are_those_of_the_reference_run():
    tables = (ROOT / "results/reference/all/table.md").read_text()

    assert tables.partition("\n| model | macro-F1")[0].strip() in README


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """A copy of the reference runs, in which those of an older version are converted."""
    return shutil.copytree(ROOT / "results/reference", tmp_path_factory.mktemp("copy") / "runs")


def test_the_reference_run_is_whole(reference):
    assert load_run(reference / "all").results.metrics == list(METRICS)


@pytest.mark.parametrize("folder", REFERENCE_RUNS, ids=lambda folder: folder.name)
def test_reference_runs_are_of_the_config_that_is_shipped(reference, folder):
    results = load_summary(reference / folder.name)  # which checks config.yaml too
    config = ROOT / "configs" / f"{results.name}.yaml"
    keras = [Override("--set", "training.engine", "keras")] if folder.name == "keras" else []

    assert load(folder / "config.yaml") == load(config, keras)


def test_reference_runs_stay_small():
    files = [file for file in (ROOT / "results/reference").rglob("*") if file.is_file()]

    assert sum(file.stat().st_size for file in files) < 6_000_000


def printed_choice(name):
    """Return the accuracy of each model on the documents that networks were chosen by."""
    record = read_document(ROOT / "results/reference/choice" / name / "choice.json", 1)
    return {each["name"]: f"{each['accuracy']:.4f}" for each in record["candidates"]}


def chosen_network(name):
    """Return the network of a config that scored highest on the documents that choose."""
    models = load(ROOT / "configs" / f"{name}.yaml").models
    scored = printed_choice(name)
    return max((each for each in models if isinstance(models[each], Network)), key=scored.get)


CHOSEN = {name: chosen_network(name) for name in ("zoo", "r52", "r8")}
CHOSEN["reuters46"] = CHOSEN["r52"]  # whose networks it has


def row_that_links(file):
    (row,) = [line for line in README.splitlines() if f"](results/reference/{file})" in line]
    return row


@pytest.mark.parametrize("name", CHOSEN)
def test_the_accuracies_of_the_wider_field_are_those_of_their_runs(reference, name):
    run = load_summary(reference / name)
    models = {model.name: model.accuracy for model in run.models}
    row = row_that_links(f"{name}/table.md")

    assert f"{CHOSEN[name]} {mean_and_interval(models[CHOSEN[name]])}" in row
    assert f"{models['tfidf_linear_svm'].mean:.4f}" in row


@pytest.mark.parametrize("name", ["r52", "r8", "reuters46"])
def test_the_best_published_accuracy_without_a_caveat_is_named(reference, name):
    references = load(ROOT / "configs" / f"{name}.yaml").references
    split = load_summary(reference / name).dataset.split_fingerprint
    comparable = {
        model: published.accuracy
        for reference in references.values()
        for model, published in reference.models.items()
        if reference.split == split and published.caveat is None
    }
    best = max(comparable, key=comparable.get)

    assert f" {best} {comparable[best]:.4f}, " in row_that_links(f"{name}/table.md")


@pytest.mark.parametrize("name", ["zoo", "r52", "r8"])
def test_the_accuracies_that_networks_were_chosen_by_are_those_that_were_printed(name):
    printed = printed_choice(name)
    row = row_that_links(f"choice/{name}/choice.md")

    assert row.endswith(f"| {printed[CHOSEN[name]]} | {printed['tfidf_linear_svm']} |")


def rows_of(name):
    """The rows of the first table of numbers in a file of the reference results."""
    table = (ROOT / "results/reference" / name).read_text().split("\n\n")[0]
    return [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]


def in_percent(shares):
    low, high = (f"{100 * extreme(map(float, shares)):.0f}" for extreme in (min, max))
    return f"{low} to {high} %"


@pytest.fixture
def simulations():
    """The paragraph on what was simulated."""
    (text,) = [
        " ".join(part.split()) for part in README.split("\n\n") if "simulated benchmarks" in part
    ]
    return text


def test_the_simulated_coverage_is_that_of_the_table(simulations):
    *_, two, three, five, ten = zip(*rows_of("coverage.md"), strict=True)

    assert f"the true accuracy in {in_percent(three + five + ten)} of cases" in simulations
    assert f"with 2, in {in_percent(two)}" in simulations


def test_the_simulated_verdicts_are_those_of_the_table(simulations):
    def of(column, *seeds, is_mixed):
        rows = [row for row in rows_of("verdicts.md") if row[3] in seeds]
        return [row[column] for row in rows if (" " in row[2]) == is_mixed]

    from_three = ("3", "5", "10")
    assert f"0.05 in {in_percent(of(4, *from_three, is_mixed=False))} of cases" in simulations
    assert (
        f"up to {100 * float(max(of(4, *from_three, is_mixed=True))):.0f} % if some" in simulations
    )
    for n_seeds in ("10", "5", "3", "2"):
        share = in_percent(of(5, n_seeds, is_mixed=False))
        assert f"{share} {'of benchmarks ' * (n_seeds == '10')}with {n_seeds}" in simulations


def test_the_speed_table_is_that_of_the_reference_run():
    tables = (ROOT / "results/reference/speed/speed.md").read_text()

    assert tables.partition("\n| contender")[0].strip() in README


def test_ci_runs_the_readmes_test_command():
    (command,) = [line for line in README.splitlines() if line.endswith(".venv/bin/pytest")]

    assert command in (ROOT / ".ci/run").read_text().splitlines()
