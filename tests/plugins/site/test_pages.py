"""The pages of a site that are about several runs."""

from dataclasses import replace

import pytest
from factories import runs_on_datasets, scored_run

from rnnbench.analysis.boards import distinct_names
from rnnbench.plugins.site.pages import SHOWN_CHANGES, pages_of
from rnnbench.report.findings import headline


def nightly(name, day, config="nightly", *, split="5", **rights):
    """A run of a config on a day in November."""
    return scored_run(
        rights,
        folder=f"runs/{name}",
        name=config,
        environment={"date": f"2026-11-{day:02}T10:20:30Z"},
        dataset={"split_fingerprint": split * 64},
    )


def pages(*runs, metrics=("accuracy",)):
    by_name = dict(zip(distinct_names([run.folder for run in runs]), runs, strict=True))
    return pages_of(
        by_name, metrics, {name: f"runs/{name}/report.html" for name in by_name}
    )


def titles(page):
    return [section.title for section in page.sections]


def table_in(page):
    """The first table of a page."""
    return next(content for kind, content in page.sections[0].parts if kind == "wordy")


def test_a_history_has_runs_of_one_config_on_the_same_documents():
    runs = [
        nightly("a", 1, rnn=[9]),
        nightly("b", 2, rnn=[9]),
        nightly("c", 3, "other", rnn=[9], svm=[9]),
        nightly("d", 4, split="6", rnn=[9]),
    ]

    page = pages(*runs)["history.html"]

    assert titles(page) == [
        "nightly on made-up, 20 test documents of a, b, c, accuracy"
    ]
    assert [row[0] for row in table_in(page).rows] == ["a", "b"]
    assert page.models == ["rnn"], "no other model can be picked"


def test_the_last_clear_changes_are_told_the_newest_first():
    n = SHOWN_CHANGES + 3
    runs = [
        nightly(day, day, rnn=[18 if day % 2 else 2] * 3) for day in range(1, n + 1)
    ]

    findings = pages(*runs)["history.html"].findings

    assert findings[0] == (
        f"nightly, 2026-11-{n} 10:20, commit 000000000000: the accuracy of rnn clearly "
        f"went up in {n}, by 0.8000."
    )
    assert "went down in 12" in findings[1]
    assert findings[SHOWN_CHANGES:] == ["2 more are in the tables."]


def test_each_metric_has_tables_of_its_own():
    runs = [nightly("a", 1, rnn=[9]), nightly("b", 2, rnn=[9])]

    written = pages(*runs, metrics=("accuracy", "macro_f1"))

    assert titles(written["leaderboard.html"]) == [
        "made-up, 20 test documents, by accuracy",
        "made-up, 20 test documents, by macro_f1",
    ]
    assert len(titles(written["history.html"])) == 2
    history = written["history.html"]
    assert history.findings == ["No clear changes from one run to the next."]
    assert "Only accuracy is tested for clear changes." in history.about
    assert len(written["index.html"].findings) == 1, (
        "the first metric decides which is best"
    )


def test_each_run_has_a_headline():
    runs = [nightly("a", 1, rnn=[9], svm=[18]), nightly("b", 2, rnn=[9])]

    table = table_in(pages(*runs)["index.html"])

    newest, oldest = table.rows
    assert newest[:2] == ["b", headline(runs[1].results)]
    assert oldest[1].startswith("svm leads with a test accuracy of 0.900 (95 %")


@pytest.mark.parametrize(
    ("source", "name"),
    [("files", "mine.csv"), ("sgml", "sgml"), ("outside", "mine.csv")],
)
def test_data_has_the_name_of_its_files(source, name):
    run = nightly("a", 1, rnn=[9])
    dataset = run.results.dataset.model_copy(
        update={"source": source, "origin": "mine.csv"}
    )
    results = run.results.model_copy(update={"dataset": dataset})

    table = table_in(pages(replace(run, results=results))["index.html"])

    assert table.rows[0][2] == f"{name}, 20 test documents"


def test_a_leaderboard_says_once_what_its_columns_mean():
    runs = [nightly("a", 1, rnn=[9]), nightly("b", 2, split="6", rnn=[9], svm=[18])]

    page = pages(*runs)["leaderboard.html"]

    captions = [
        table.caption for section in page.sections for _, table in section.parts
    ]
    assert page.about.count("Clearly worse: ") == 1
    assert not any("Clearly worse: " in caption for caption in captions)
    assert not any("split" in caption for caption in captions)


def test_the_plots_of_a_history_have_one_legend():
    runs = [nightly("a", 1, rnn=[9], svm=[9]), nightly("b", 2, rnn=[9], svm=[9])]

    (section,) = pages(*runs)["history.html"].sections

    assert [bool(plot.figure.legends) for plot in section.plots] == [True, False]


def test_in_a_leaderboard_models_come_first():
    table = table_in(pages(nightly("a", 1, rnn=[9], svm=[18]))["leaderboard.html"])

    assert table.headers[2].startswith("test accuracy (mean")
    assert table.headers[:2] == ["model", "clearly worse than the first"]
    assert [[*row[:1], *row[2:5]] for row in table.rows[:2]] == [
        ["svm", "0.9000", "a", "1"],
        ["rnn", "0.4500", "a", "2"],
    ]
    assert (table.linked, table.links) == (3, {"a": "runs/a/report.html"})
    assert (table.text_columns, table.keys) == (1, 1)


def test_models_that_are_not_on_all_sets_of_documents_are_named():
    models = {"rnn": [9], "lstm": [15]}
    runs = runs_on_datasets({"r8": models, "r52": models | {"svm": [18]}})

    ranks = pages(*runs)["leaderboard.html"].sections[-1]

    assert ranks.title == "Mean ranks by accuracy"
    assert ranks.lead.endswith("Left out: svm.")
