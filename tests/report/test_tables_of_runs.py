"""What ``test_answers.py`` does not show of the tables of several runs, and of badges."""

import io
from xml.etree import ElementTree

import pytest
from factories import MARGINS, scored_run
from rich.console import Console

from rnnbench.analysis.boards import rank_runs
from rnnbench.analysis.compare import compare_runs, judge, parse_gate
from rnnbench.errors import UserError
from rnnbench.report.table import to_rich
from rnnbench.report.tables_of_runs import board_tables, comparison_tables, junit
from rnnbench.report.words import make_badge


def two_runs():
    """Two runs with the names of the benchmark, and the widest numbers."""
    names = ["vanilla_rnn", "stacked_vanilla_rnn", "stacked_lstm", "multinomial_naive_bayes"]
    records = {name: {"ms_per_step": 26.374, "fit_seconds": 236.21} for name in names}
    platform = "Linux-6.18.44-x86_64-with-glibc2.41"
    return [
        scored_run(
            dict.fromkeys(names, rights),
            folder=f"results/{folder}",
            records=records,
            environment={"platform": f"{platform}{folder}", "git_commit": folder[0] * 40},
        )
        for folder, rights in (("all", [3, 3, 4, 3, 3]), ("keras", [17, 17, 16, 17, 17]))
    ]


@pytest.mark.parametrize("metric", ["accuracy", "log_loss"])
def test_comparisons_and_leaderboards_fit_into_80_columns(metric):
    console, runs = Console(width=80, file=io.StringIO()), two_runs()

    for table in (*comparison_tables(compare_runs(*runs)), *board_tables(*rank_runs(runs, metric))):
        console.print(to_rich(table, console), crop=False)

    assert max(map(len, console.file.getvalue().splitlines())) <= 80


@pytest.mark.parametrize("name", ['<a> & "b"', "é ☃", "\x1b\x00\ufffe\ud800"])
def test_junit_is_ascii_and_well_formed_whatever_a_folder_is_called(name):
    text = junit(name, [judge(parse_gate("accuracy drops 0.5"), compare_runs(*two_runs()))])

    assert text.isascii()
    root = ElementTree.fromstring(text)  # noqa: S314 - ours
    assert root.get("name") == name or not name.isprintable()


@pytest.mark.parametrize(
    ("model", "metric", "message"),
    [
        ("rnm", "accuracy", r"--model: no model 'rnm' \(allowed: rnn, svm; did you mean 'rnn'"),
        ("svm", "log_loss", "--metric log_loss: svm has no log_loss"),
        (None, "acuracy", "metric: no metric 'acuracy'"),
    ],
)
def test_what_a_badge_lacks_is_named(model, metric, message):
    results = scored_run({"rnn": [18], "svm": [9]}, records={"svm": MARGINS}).results

    with pytest.raises(UserError, match=message):
        make_badge(results, model, metric)
