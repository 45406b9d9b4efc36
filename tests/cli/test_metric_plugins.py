"""Metrics of another package, through the real command."""

import json

import pytest
from plugin_files import run_rnnbench, write_distribution

CONFIG = """\
name: own
data: {source: sgml, path: sgml, test_split: 0.5}
models:
  bayes: {baseline: multinomial_naive_bayes}
  svm: {baseline: tfidf_linear_svm}
"""
METRICS = """
    import numpy as np

    from rnnbench.metrics import Metric


    def brier_score(labels, scores):
        return np.mean((np.exp(scores) - np.eye(scores.shape[1])[labels]) ** 2)


    def divide(labels, scores):
        return 1 / 0


    BRIER = Metric(
        name="brier",
        header="Brier score",
        higher_is_better=False,
        needs_log_probabilities=True,
        description="mean squared error of the probabilities",
        function=brier_score,
    )
    NAN = Metric(name="nan", header="nan", function=lambda labels, scores: float("nan"))
    WRONG = Metric(name="wrong", header="wrong", function=divide)
"""
BROKEN = "import not_installed_anywhere"
WARNINGS = [
    "metric 'broken' of the package made-up cannot be loaded from made_up_broken:BROKEN: "
    "ModuleNotFoundError: No module named 'not_installed_anywhere' (made_up_broken.py, line 1); "
    "it is left out",
    "metric 'wrong' of the package made-up failed: ZeroDivisionError: division by zero "
    "(made_up_metrics.py, line 12); it is left out",
    "metric 'nan' of the package made-up failed: ValueError: its value is nan; it is left out",
]


@pytest.fixture(scope="module")
def rnnbench(tmp_path_factory, tiny_sgml):
    """Runs the command in a folder with newswires, with or without the package installed."""
    folder = tmp_path_factory.mktemp("metrics")
    (folder / "own.yaml").write_text(CONFIG)
    (folder / "sgml").mkdir()
    for name, content in tiny_sgml.items():
        (folder / "sgml" / name).write_bytes(content)
    entries = {
        "brier": "made_up_metrics:BRIER",
        "broken": "made_up_broken:BROKEN",
        "wrong": "made_up_metrics:WRONG",
        "nan": "made_up_metrics:NAN",
    }
    modules = {"made_up_metrics": METRICS, "made_up_broken": BROKEN}
    site = write_distribution(folder / "site", entries, modules, group="rnnbench.metrics")

    def run(*arguments, installed=True):
        return run_rnnbench(*arguments, site=site if installed else folder, cwd=folder)

    done = run("run", "own.yaml", "--out", "before", "--quiet", installed=False)
    assert done.returncode == 0, done.stderr
    return run


@pytest.fixture(scope="module")
def after(rnnbench):
    """A run with the package installed."""
    return rnnbench("run", "own.yaml", "--out", "after", "--quiet", "--json")


def test_a_run_computes_a_metric_of_a_package_and_names_those_that_fail(after):
    results = json.loads(after.stdout)

    bayes, svm = results["models"]
    assert 0 < bayes["metrics"]["brier"]["mean"] < 1
    assert bayes["trials"][0]["metrics"]["brier"] == bayes["metrics"]["brier"]["mean"]
    assert "brier" not in svm["metrics"]
    assert "wrong" not in bayes["metrics"]
    assert [line for line in after.stderr.splitlines() if "metric" in line] == WARNINGS


def test_tables_and_help_have_it(rnnbench, after):
    result = rnnbench("run", "own.yaml", "--out", "after", "--quiet")

    mean = json.loads(after.stdout)["models"][0]["metrics"]["brier"]["mean"]
    assert f"{mean:.4f}" in result.stdout
    assert "Brier score: mean squared error of the probabilities." in " ".join(
        result.stdout.split()
    )
    assert rnnbench("leaderboard", "after", "--metric", "brier").returncode == 0
    assert "brier" in rnnbench("compare", "--help").stdout


@pytest.mark.usefixtures("after")
def test_a_run_without_it_is_summarized_anew_and_both_are_compared(rnnbench):
    result = rnnbench("compare", "before", "after", "--fail-if", "brier rises 0")

    assert result.returncode == 0, result.stderr
    assert "before/results.json: it lacks brier, wrong, nan; recomputed" in result.stderr
    assert "passed: brier rises 0: 1 model (not measured: svm)" in result.stderr
    assert "Lower is better: log-loss, Brier score." in " ".join(result.stdout.split())


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        ("broken rises 0", "metric 'broken' of the package made-up cannot be loaded"),
        ("wrong rises 0", "no model has wrong in both runs"),
    ],
)
@pytest.mark.usefixtures("after")
def test_a_gate_on_a_metric_that_fails_is_the_users_error(rnnbench, gate, message):
    result = rnnbench("compare", "before", "after", "--fail-if", gate)

    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
