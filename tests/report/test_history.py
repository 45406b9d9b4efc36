"""Histories as tables."""

from factories import MARGINS, scored_run

from rnnbench.analysis.boards import trace_runs
from rnnbench.report.history import history_table


def runs(*rights, **facts):
    """Runs of successive days."""
    return [
        scored_run(
            of_run,
            folder=f"runs/{day}",
            environment={"date": f"2026-11-0{day}T10:20:30Z", "git_commit": "a" * 40 + "+"},
            **facts,
        )
        for day, of_run in enumerate(rights, start=1)
    ]


def table_of(*rights, metric="accuracy", **facts):
    (history,) = trace_runs(runs(*rights, **facts), metric)
    return history_table(history)


def test_a_row_has_date_commit_clear_changes_and_the_mean_of_each_model():
    table = table_of({"rnn": [18, 17, 18], "svm": [9]}, {"rnn": [2, 3, 2], "run": [9]})

    assert table.headers == ["run", "date (UTC)", "commit", "clear changes", "rnn", "svm", "run"]
    assert table.rows[0][:4] == ["1", "2026-11-01 10:20", "aaaaaaaaaaaa+", "-"]
    assert table.rows[0][4].startswith("0.8833 ± 0.0")
    assert table.rows[0][5:] == ["0.4500", "-"]
    assert table.rows[1][3] == "rnn down"
    assert "Clear changes: against the run above; a p-value below 0.05, corrected" in table.caption


def test_with_two_seeds_no_change_is_called_clear():
    table = table_of({"rnn": [18, 17]}, {"rnn": [2, 3]})

    assert table.rows[1][3] == "too few seeds"
    assert "use 3 or more" in table.caption


def test_other_metrics_say_that_only_accuracy_is_tested():
    table = table_of(
        {"rnn": [18], "svm": [9]},
        metric="log_loss",
        records={"svm": MARGINS},
    )

    assert table.rows[0][3:] == ["-", "0.762", "-"]
    assert "Only accuracy is tested" in table.caption


def test_what_an_older_run_did_not_store_is_left_open():
    old = scored_run({"rnn": [9]}, environment={"git_commit": None})

    (history,) = trace_runs([old])

    assert history_table(history).rows[0][:4] == ["made-up", "-", "-", "-"]
