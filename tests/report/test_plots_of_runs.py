"""The plots of several runs."""

from itertools import combinations, pairwise

import matplotlib as mpl
import numpy as np
import pytest
from elements import texts_of
from factories import runs_on_datasets, scored_run
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from rnnbench.analysis.boards import rank_over_datasets, rank_runs, trace_runs
from rnnbench.analysis.compare import compare_runs
from rnnbench.errors import UserError
from rnnbench.report.plot import COLOURS, PAPER
from rnnbench.report.plots_of_runs import ChangesPlot, HistoryPlot, RanksPlot, ranks_caption
from rnnbench.results.schema import Interval

pytestmark = pytest.mark.usefixtures("no_figures")


def test_a_change_is_filled_if_it_is_clear():
    before = scored_run({"rnn": [12], "lstm": [2]})
    after = scored_run({"rnn": [13], "lstm": [19]}, folder="results/after")
    plot = ChangesPlot(compare_runs(before, after))

    axes = plot.on(None)

    lines = axes.get_lines()
    marks = [line for line in lines if line.get_marker() == "o" and any(line.get_xdata())]
    assert [mark.get_markerfacecolor() == "none" for mark in marks] == [True, False]
    assert [round(mark.get_xdata()[0], 2) for mark in marks] == [0.05, 0.85]
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["clear", "not clear", "95 % over documents"]
    assert axes.get_xlabel() == "test accuracy, B minus A"
    assert plot.alt == "rnn +0.050 (not clear); lstm +0.850 (clear)"
    with pytest.raises(UserError, match="ax: got an object of type str"):
        plot.on("axes")


def history_of(*rights, metric="accuracy", **facts):
    """The history of runs of successive days."""
    runs = [
        scored_run(
            of_run,
            folder=f"runs/{day}",
            environment={"date": f"2026-11-{day:02}T10:20:30Z", "git_commit": f"{day:02}" * 20},
            **facts,
        )
        for day, of_run in enumerate(rights, start=1)
    ]
    (history,) = trace_runs(runs, metric)
    return history


def test_a_history_has_dates_commits_and_marks_of_clear_changes():
    plot = HistoryPlot(history_of({"rnn": [18, 17, 18]}, {"rnn": [2, 3, 2]}), "rnn", "mine")

    texts = set(texts_of(plot))
    assert {"2026-11-01", "0101010", "test accuracy", "clearly down", "95 % over seeds"} <= texts
    assert "clearly up" not in texts
    assert plot.alt == (
        "test accuracy of rnn in 2 runs: 0.8833 ± 0.0717 in the first, 0.1167 ± 0.0717 in the "
        "last, 1 clear change"
    )
    assert plot.models == ["rnn"]


def test_a_run_without_the_model_is_a_gap():
    history = history_of({"rnn": [18], "svm": [9]}, {"svm": [9]}, {"rnn": [18], "svm": [9]})

    (axes,) = HistoryPlot(history, "rnn", "mine").figure.axes

    assert list(np.ma.getmaskarray(axes.lines[0].get_ydata(orig=True))) == [False, True, False]


def test_numbers_that_there_is_no_room_for_are_at_the_edge_of_a_history():
    history = history_of({"rnn": [18, 17, 18]}, {"rnn": [2, 3, 2]}, metric="log_loss")
    huge = {"mean": 1e308, "over_seeds": Interval(low=-1.7e308, high=1.7e308)}
    values = {"rnn": history.entries[1].values["rnn"].model_copy(update=huge)}
    last = history.entries[1].model_copy(update={"values": values})

    plot = HistoryPlot(history.model_copy(update={"entries": [last]}), "rnn", "mine")

    assert plot.figure.axes[0].get_ylim()[1] < 1e39


def test_very_many_runs_have_a_wider_plot_whose_labels_do_not_overlap():
    history = history_of(*[{"rnn": [18]}] * 28)
    longer = history.model_copy(update={"entries": history.entries * 4})
    for entry in (history, longer):
        plot = HistoryPlot(entry, "rnn", "mine")
        (axes,) = plot.figure.axes
        boxes = [label.get_window_extent() for label in axes.get_xticklabels()]

        assert len(boxes) > 3
        assert not [pair for pair in pairwise(boxes) if pair[0].overlaps(pair[1])]
        assert (plot.size[0] > 6) == (entry is longer)


NAMES = ["low", "high", "middle"]


def ranks_on(n_datasets, names=NAMES, rights=(3, 15, 9), **facts):
    of_models = {name: [right] for name, right in zip(names, rights, strict=True)}
    runs = runs_on_datasets({f"set{number}": of_models for number in range(n_datasets)}, **facts)
    return rank_over_datasets(rank_runs(runs))


def draw(ranks):
    with mpl.rc_context({"font.size": 11}):  # as in the pictures of plots.py
        figure = Figure(figsize=RanksPlot(ranks).size, layout="constrained")
        axes = figure.subplots()
        RanksPlot(ranks).draw_alone(axes)
        figure.draw_without_rendering()
    return axes


def test_the_best_is_at_the_right_and_a_bar_joins_what_is_not_told_apart():
    ranks = ranks_on(6)
    axes = draw(ranks)

    left, right = axes.get_xlim()
    assert left > right
    texts = [" ".join(text.get_text().split()) for text in axes.texts]
    assert {"1.00 high", "2.00 middle", "low 3.00", "critical difference 1.35"} <= {*texts}
    assert {"1", "2", "3"} <= {*texts}
    assert texts[-1] == ranks_caption(ranks)
    bars = [line for line in axes.get_lines() if to_hex(line.get_color()) == COLOURS[0]]
    ends = [[round(float(end)) for end in bar.get_xdata()] for bar in bars]
    assert ends == [[1, 2], [2, 3]], "those of the best models first"
    assert axes.get_title() == "Mean rank by accuracy over 6 datasets (1 is best)"


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
    assert (corners >= 0).all()
    assert (corners[:, 2:] <= (width, height)).all()


def test_a_picture_is_a_file_that_is_always_the_same():
    plot = RanksPlot(ranks_on(2))

    for suffix, start in {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}.items():
        picture = plot.picture(suffix)
        assert picture.startswith(start)
        assert plot.picture(suffix) == picture
        assert (PAPER.encode() in picture) == (suffix == ".svg"), "it is on paper"
