"""What ``test_answers.py`` does not show of two runs side by side, and of gates."""

import io
from xml.etree import ElementTree

import pytest
from factories import scored_run
from rich.console import Console

from rnnbench.analysis.compare import compare_runs, judge, parse_gate
from rnnbench.report.table import to_rich
from rnnbench.report.tables_of_runs import comparison_tables, junit


def two_runs():
    """Two runs with the names of the benchmark, and the widest numbers."""
    names = ["vanilla_rnn", "stacked_vanilla_rnn", "stacked_lstm", "multinomial_naive_bayes"]
    records = {name: {"ms_per_step": 26.374, "fit_seconds": 236.21} for name in names}
    platform = "Linux-6.18.44-x86_64-with-glibc2.41"
    return compare_runs(
        *(
            scored_run(
                dict.fromkeys(names, rights),
                folder=f"results/{folder}",
                records=records,
                environment={"platform": f"{platform}{folder}", "git_commit": folder[0] * 40},
            )
            for folder, rights in (("all", [3, 3, 4, 3, 3]), ("keras", [17, 17, 16, 17, 17]))
        )
    )


def test_two_runs_of_the_benchmark_fit_into_80_columns():
    console = Console(width=80, file=io.StringIO())

    for table in comparison_tables(two_runs()):
        console.print(to_rich(table, console), crop=False)

    assert max(map(len, console.file.getvalue().splitlines())) <= 80


@pytest.mark.parametrize("name", ['<a> & "b"', "é ☃", "\x1b\x00\ufffe\ud800"])
def test_junit_is_ascii_and_well_formed_whatever_a_folder_is_called(name):
    text = junit(name, [judge(parse_gate("accuracy drops 0.5"), two_runs())])

    assert text.isascii()
    root = ElementTree.fromstring(text)  # noqa: S314 - ours
    assert root.get("name") == name or not name.isprintable()
