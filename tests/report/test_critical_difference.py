"""Mean ranks over several datasets, as a table and as a diagram."""

from itertools import combinations

import matplotlib as mpl
import numpy as np
import pytest
from factories import runs_on_datasets
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from rnnbench.analysis.boards import rank_runs
from rnnbench.analysis.critical_difference import rank_over_datasets
from rnnbench.report.critical_difference import (
    caption,
    draw_ranks,
    ranks_table,
    size_of_ranks,
)
from rnnbench.report.drawing import COLOURS

NAMES = ["low", "high", "middle"]


def ranks_on(n_datasets, names=NAMES, rights=(3, 15, 9), **facts):
    of_models = {name: [right] for name, right in zip(names, rights, strict=True)}
    runs = runs_on_datasets({f"set{number}": of_models for number in range(n_datasets)}, **facts)
    return rank_over_datasets(rank_runs(runs))


def draw(ranks):
    with mpl.rc_context({"font.size": 11}):  # as in the pictures of plots.py
        figure = Figure(figsize=size_of_ranks(ranks), layout="constrained")
        axes = figure.subplots()
        draw_ranks(axes, ranks)
        figure.draw_without_rendering()
    return axes


def bars_of(axes):
    """The ends of each bar, those of the best models first."""
    bars = [line for line in axes.get_lines() if to_hex(line.get_color()) == COLOURS[0]]
    return [[round(float(end)) for end in bar.get_xdata()] for bar in bars]


def test_the_caption_has_the_tests_and_says_what_they_cannot_show():
    assert caption(ranks_on(6)) == (
        "Mean ranks of 3 models by accuracy on 6 datasets: set0 (set0), set1 (set1), set2 (set2), "
        "set3 (set3), set4 (set4), set5 (set5). Friedman's test: all datasets rank the models "
        "alike, p = 1e-04: models differ. A bar joins models whose mean ranks differ by less "
        "than the critical difference, 1.35 (Nemenyi's test at the level 0.05). Seeds are not "
        "datasets: a model has one rank on each dataset, however many seeds it has. Datasets of "
        "one collection are not independent: the ranks describe these datasets and prove nothing "
        "about others."
    )


def test_the_caption_of_few_datasets_says_that_the_tests_have_almost_no_power():
    few, enough = caption(ranks_on(4)), caption(ranks_on(5))

    assert "With fewer than 5 datasets, the tests have almost no power: a bar says little." in few
    assert "power" not in enough


def test_the_caption_says_if_friedmans_test_finds_nothing():
    text = caption(ranks_on(2))

    assert "p = 0.17: no clear difference, so a bar joins all models. The critical dif" in text


def test_the_caption_has_the_statistic_of_iman_and_davenport():
    first, second = {"a": [9], "b": [8], "c": [7]}, {"a": [9], "b": [7], "c": [8]}
    ranks = rank_over_datasets(rank_runs(runs_on_datasets({"x": first, "y": second})))

    assert "Friedman's test: F(2, 2) = 3.00 (Iman and Davenport), p = 0.25: no" in caption(ranks)


def test_the_caption_says_how_many_datasets_are_parts_of_one_corpus():
    ranks = ranks_on(5)
    corpora = ["a", "b", "a", "c", "a"]
    changed = [
        each.model_copy(update={"corpus_fingerprint": corpus})
        for each, corpus in zip(ranks.datasets, corpora, strict=True)
    ]

    text = caption(ranks.model_copy(update={"datasets": changed}))

    assert "3 of the datasets are parts of one corpus." in text
    assert "parts of" not in caption(ranks)


def test_the_caption_counts_the_datasets_of_each_corpus():
    ranks = ranks_on(5)
    changed = [
        each.model_copy(update={"corpus_fingerprint": corpus})
        for each, corpus in zip(ranks.datasets, "abaca"[:4] + "b", strict=True)
    ]

    text = caption(ranks.model_copy(update={"datasets": changed}))

    assert "2 of the datasets are parts of one corpus, and 2 of another." in text


def test_the_table_has_the_mean_rank_and_the_rank_on_each_dataset():
    ranks = ranks_on(2, ["rnn", "gru", "svm"], (9, 15, 9))

    table = ranks_table(ranks)

    assert table.headers == ["model", "mean rank", "ranks"]
    assert table.rows == [
        ["gru", "1.00", "1, 1"],
        ["rnn", "2.50", "2.5, 2.5"],
        ["svm", "2.50", "2.5, 2.5"],
    ]
    assert table.caption == caption(ranks)


def test_the_best_is_at_the_right_and_a_bar_joins_what_is_not_told_apart():
    axes = draw(ranks_on(6))

    left, right = axes.get_xlim()
    assert left > right
    texts = {text.get_text().strip() for text in axes.texts}
    assert {"1.00  high", "2.00  middle", "low  3.00", "critical difference 1.35"} <= texts
    assert {"1", "2", "3"} <= texts
    assert bars_of(axes) == [[1, 2], [2, 3]]
    assert axes.get_title() == "Mean rank by accuracy over 6 datasets (1 is best)"


def test_the_caption_is_in_the_diagram():
    ranks = ranks_on(6)

    last = draw(ranks).texts[-1]

    assert " ".join(last.get_text().split()) == caption(ranks)


LONG = [f"bidirectional_lstm[units={number},lr=0.003]" for number in range(10, 30)]


@pytest.mark.parametrize(
    ("n_datasets", "names"),
    [(2, ["rnn", "lstm"]), (3, ["vanilla_rnn", "tfidf_linear_svm", "lstm"]), (6, LONG)],
)
def test_no_words_overlap_and_none_leave_the_picture(n_datasets, names):
    axes = draw(ranks_on(n_datasets, names, range(len(names))))

    boxes = [text.get_window_extent() for text in (*axes.texts, axes.title)]
    assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]
    width, height = axes.figure.bbox.size
    corners = np.array([box.extents for box in boxes])
    assert (corners[:, :2] >= 0).all()
    assert (corners[:, 2] <= width).all()
    assert (corners[:, 3] <= height).all()


def test_a_folder_may_have_any_name():
    ranks = ranks_on(2, folder="$\\frac$\udcff")

    assert "�" not in caption(ranks), "the table shows it"
    draw(ranks)
