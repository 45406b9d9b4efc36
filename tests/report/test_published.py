import pytest
from summaries import GRID, NOTEBOOK, PAPER, summarize, with_accuracy, with_models

from rnnbench.report.published import published_tables
from rnnbench.results.schema import Interval


@pytest.fixture
def results():
    return summarize(references=[NOTEBOOK])


def paper(**models):
    """A paper with these models on our documents: an accuracy, or all that is published."""
    named = {
        name.replace("_", " "): {"accuracy": each} if isinstance(each, float) else each
        for name, each in models.items()
    }
    return {"source": "a paper", "split": "5" * 64, "models": named}


def among_others(*references, results=None):
    """The table of our models and those of others."""
    (table,) = published_tables(results or summarize(references=references))
    return table


def test_an_earlier_accuracy_of_our_model_is_compared_with_that_model(results):
    (table,) = published_tables(results)

    assert table.rows == [["vanilla_rnn", "0.1748 to 1.2752", "notebook", "0.7563", "inside"]]
    assert table.caption.startswith(
        "Intervals are of one more training; the uncertainty of the published accuracies is not "
    )


def test_models_of_others_have_a_table_before_the_earlier_accuracies_of_our_models(results):
    both = summarize(references=[NOTEBOOK, PAPER])

    assert published_tables(both) == [among_others(PAPER), *published_tables(results)]
    assert published_tables(results.model_copy(update={"published": []})) == []


def test_our_models_stand_among_those_of_others_and_the_best_comes_first():
    table = among_others(PAPER)

    assert table.headers == [
        "model",
        "by",
        "accuracy ± std",
        "saw test texts",
        "pretrained",
        "lies",
    ]
    assert [row[:2] for row in table.rows] == [
        ["Text GCN", "a paper"],
        ["vanilla_rnn", "ours, best"],
        ["stacked_vanilla_rnn", "ours"],
        ["fastText", "a paper"],
    ]


def test_of_equal_accuracies_that_of_others_comes_first():
    assert among_others(paper(Text_GCN=0.725)).rows[0][0] == "Text GCN"


def test_only_accuracies_of_others_lie_somewhere_as_seen_from_the_interval_of_our_best():
    results = with_models(
        summarize(references=[paper(high=0.9, middle=0.7, low=0.1)]),
        {"accuracy_interval": Interval(low=0.0, high=0.2)},
        {"accuracy_interval": Interval(low=0.6, high=0.8)} | with_accuracy(0.75),
    )

    table = among_others(results=results)

    assert [(row[0], row[5]) for row in table.rows] == [
        ("high", "above"),
        ("stacked_vanilla_rnn", "-"),
        ("vanilla_rnn", "-"),
        ("middle", "inside"),
        ("low", "below"),
    ]
    assert table.caption.startswith(
        "Of the published accuracies, 1 of 3 lie above the 95 % interval of stacked_vanilla_rnn, "
        "our best model (0.6000 to 0.8000 over documents and seeds), and 1 inside it. "
    )


def test_the_conditions_of_each_accuracy_stand_beside_it_and_what_is_not_known_is_open():
    known = {"accuracy": 0.9, "std": 0.002, "transductive": True, "pretrained": "word vectors"}

    rows = among_others(
        paper(known=known, unknown=0.8, unseen=known | {"transductive": False})
    ).rows

    assert [row[2:5] for row in rows] == [
        ["0.9000 ± 0.0020", "yes", "word vectors"],
        ["0.9000 ± 0.0020", "no", "word vectors"],
        ["0.8000", "-", "-"],
        ["0.7250 ± 0.0354", "no", "nothing"],
        ["0.7250 ± 0.0354", "no", "nothing"],
    ]


def test_an_accuracy_with_a_caveat_is_marked_and_the_caption_says_it_once():
    chosen = {"accuracy": 0.9, "caveat": "chosen on the test documents"}

    table = among_others(paper(one=chosen, another=chosen, plain=0.9))

    assert [row[0] for row in table.rows[:3]] == ["one *", "another *", "plain"]
    assert table.caption.endswith(
        " * one, another: chosen on the test documents. Only accuracies on the same documents are "
        "shown."
    )


def test_points_of_grids_keep_their_columns_among_the_models_of_others():
    table = among_others(results=summarize(GRID[:2], references=[PAPER]))

    assert table.headers[:4] == ["model", "units", "lr", "by"]
    assert [row[:4] for row in table.rows[:2]] == [
        ["Text GCN", "-", "-", "a paper"],
        ["rnn", "3", "0.1", "ours, best"],
    ]
