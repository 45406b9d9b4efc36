from pathlib import Path

import pytest

from rnnbench.report.table import mean_and_interval
from rnnbench.results.document import read_document
from rnnbench.results.schema import Results

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_tables_are_those_of_the_reference_run():
    tables = (ROOT / "results/reference/all/table.md").read_text()

    assert tables.partition("\n| model | macro-F1")[0].strip() in README


@pytest.mark.parametrize("name", ["zoo", "r52", "r8"])
def test_the_accuracies_of_the_wider_field_are_those_of_their_runs(name):
    models = Results.model_validate(
        read_document(ROOT / "results/reference" / name / "results.json")
    ).models
    (row,) = [
        line for line in README.splitlines() if f"](results/reference/{name}/table.md)" in line
    ]
    best = max((each for each in models if not each.is_baseline), key=lambda m: m.accuracy.mean)
    (svm,) = [each for each in models if each.name == "tfidf_linear_svm"]

    assert f"{best.name} {mean_and_interval(best.accuracy)}" in row
    assert f"{svm.accuracy.mean:.4f}" in row


def test_the_simulated_coverage_is_that_of_the_table():
    lines = (ROOT / "results/reference/coverage.md").read_text().splitlines()[2:]
    cells = [line.strip("| ").split(" | ") for line in lines if line.startswith("|")]

    def spread(*seeds):
        shares = [float(share) for n_seeds, _, share, _ in cells if n_seeds in seeds]
        return f"{min(shares):.0%} to {max(shares):.0%}".replace("% to", " to").replace("%", " %")

    (text,) = [" ".join(part.split()) for part in README.split("\n\n") if "Simulated" in part]
    assert f"{spread('5', '10')} of all cases with 5 or 10 seeds" in text
    assert f"{spread('3')} with 3" in text
    assert f"{spread('2')} with 2" in text


def test_the_speed_table_is_that_of_the_reference_run():
    tables = (ROOT / "results/reference/speed/speed.md").read_text()

    assert tables.partition("\n| contender")[0].strip() in README


def test_ci_runs_the_readmes_test_command():
    (command,) = [line for line in README.splitlines() if line.endswith(".venv/bin/pytest")]

    assert command in (ROOT / ".ci/run").read_text().splitlines()
