"""A metric over stored runs."""

from factories import scored_run

from rnnbench.analysis.history import trace_runs


def run(name, day=None, *, split="5", **rights):
    """A run of a day in November; without one, of a version that stored no date."""
    environment = {"date": f"2026-11-{day:02}T10:20:30Z"} if day else {}
    return scored_run(
        {model: list(trials) for model, trials in rights.items()},
        folder=f"runs/{name}",
        environment=environment,
        dataset={"split_fingerprint": split * 64},
    )


def test_runs_are_ordered_by_date_and_those_without_one_come_first():
    runs = [run("c", 3, rnn=[9]), run("b", rnn=[9]), run("d", 1, rnn=[9]), run("a", rnn=[9])]

    (history,) = trace_runs(runs)

    assert [entry.run for entry in history.entries] == ["b", "a", "d", "c"]
    assert [entry.date for entry in history.entries][1:3] == [None, "2026-11-01T10:20:30Z"]
    assert history.entries[0].commit == "0" * 40
    assert history.entries[0].version == "0.0"


def test_runs_may_have_other_names_than_their_folders():
    runs = [run("a", 2, rnn=[9]), run("b", 1, rnn=[9])]

    (history,) = trace_runs(runs, names=["all/a", "all/b"])

    assert [entry.run for entry in history.entries] == ["all/b", "all/a"]


def test_each_set_of_documents_has_a_history_of_its_own():
    runs = [run("a", 1, rnn=[9]), run("b", 2, split="6", rnn=[9]), run("c", 3, rnn=[9])]

    found = [[entry.run for entry in history.entries] for history in trace_runs(runs)]

    assert found == [["a", "c"], ["b"]]


def test_a_change_is_that_from_the_run_before_on_the_same_documents():
    runs = [
        run("a", 1, rnn=[18, 17, 18], svm=[9]),
        run("b", 2, rnn=[2, 3, 2], gru=[9]),
        run("c", 3, gru=[9]),
        run("d", 4, svm=[9]),
    ]

    first, second, third, last = trace_runs(runs)[0].entries

    assert first.changes == last.changes == {}
    assert list(second.changes) == ["rnn"]
    assert second.changes["rnn"].is_clear
    assert second.changes["rnn"].difference < -0.7
    assert third.changes["gru"].difference == 0
    assert not third.changes["gru"].is_clear


def test_other_metrics_have_values_but_no_changes():
    runs = [run("a", 1, rnn=[18, 17, 18]), run("b", 2, rnn=[2, 3, 2])]

    (history,) = trace_runs(runs, "macro_f1")

    first, second = history.entries
    assert first.values["rnn"].mean > second.values["rnn"].mean
    assert second.changes == {}
    (costs,) = trace_runs([run("a", 1, rnn=[9])], "ms_per_step")
    assert costs.entries[0].values["rnn"].mean == 2.5
