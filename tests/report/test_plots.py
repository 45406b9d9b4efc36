import io
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from factories import MARGINS, finished_run, runs_on_datasets, scored_run
from PIL import Image

from rnnbench.analysis.boards import rank_runs, trace_runs
from rnnbench.analysis.critical_difference import rank_over_datasets
from rnnbench.data.audit import TopicCount
from rnnbench.report.plots import (
    PAPER,
    accuracy_plot,
    confusion_plot,
    differences_plot,
    history_plot,
    learning_plot,
    ranks_picture,
    ranks_plot,
)
from rnnbench.results.schema import Interval
from rnnbench.training.outcome import History

SVG = "{http://www.w3.org/2000/svg}"
ANSWERS = {"rnn": [(0, 0, 0, 1), (0, 0, 1, 1)], "lstm": [(0, 0, 1, 2), (0, 1, 1, 2)]}


def draw():
    run = finished_run(ANSWERS)
    plots = [accuracy_plot(run), learning_plot(run), confusion_plot(run, "rnn")]
    return [*plots, differences_plot(run)]


@pytest.fixture(scope="module")
def plots():
    return draw()


def test_every_plot_is_a_valid_svg_without_a_background_and_a_valid_png_with_one(plots):
    for plot in plots:
        png = Image.open(io.BytesIO(plot.png))

        assert ET.fromstring(plot.svg).tag == f"{SVG}svg"  # noqa: S314 - drawn here
        assert PAPER not in plot.svg
        assert png.convert("RGB").getpixel((0, 0)) == (254, 254, 254)


def test_text_stays_text(plots):
    texts = {element.text for element in ET.fromstring(plots[0].svg).iter(f"{SVG}text")}  # noqa: S314

    assert {"rnn", "lstm", "always 'earn'", "test accuracy"} <= texts


def test_the_alternative_text_gives_the_numbers(plots):
    assert "rnn 0.625 (" in plots[0].alt
    assert re.match(r"lstm - rnn \+0\.250 \(-\d\.\d+ to \+\d\.\d+, too few seeds\)$", plots[3].alt)


def test_a_run_of_one_model_has_no_plot_of_differences():
    assert differences_plot(finished_run({"rnn": ANSWERS["rnn"]})) is None


def test_the_same_run_gives_the_same_plots(plots):
    again = draw()

    assert again == plots
    assert again[0].png == plots[0].png


def texts_of(plot):
    return [element.text for element in ET.fromstring(plot.svg).iter(f"{SVG}text")]  # noqa: S314


def test_a_curve_is_as_long_as_the_longest_training():
    run = finished_run(ANSWERS)
    long = History(loss=[3.0, 2.0, 1.0, 0.5], accuracy=[0.1, 0.2, 0.3, 0.4])
    first = run.trials["rnn"][0]
    run.trials["rnn"][0] = replace(first, record=first.record.model_copy(update={"history": long}))

    texts = texts_of(learning_plot(run))

    assert "4" in texts, "an epoch on the axis"
    assert "1.5" not in texts, "epochs are whole"
    assert "0" in texts, "a loss"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("losses", [[None, None], [0.5, None], [0.5, 0.25]])
def test_a_loss_that_is_not_a_number_is_left_out_without_a_warning(losses):
    records = {name: {"history": History(loss=losses)} for name in ANSWERS}

    assert learning_plot(finished_run(ANSWERS, records=records))


TOPICS = [TopicCount(topic=topic, train=9, test=1) for topic in ("$\\frac$", "\ud800", "others")]


def test_a_topic_may_have_any_name():
    run = finished_run(ANSWERS, dataset={"topics": TOPICS, "majority_topic": "$\\frac$"})

    assert "always '$\\frac$'" in texts_of(accuracy_plot(run))
    assert {"$\\frac$ (2)", "� (1)", "others (1)", "others (0)"} <= {
        *texts_of(confusion_plot(run, "rnn"))
    }


HUGE = Interval(low=-1e308, high=1e308)


def test_numbers_that_are_far_too_large_leave_room_for_the_others():
    records = {"rnn": {"history": History(loss=[1e308, -1e308], accuracy=[1e308, -1e308])}}
    run = finished_run(ANSWERS, records=records)
    model = run.results.models[0]
    model.metrics["accuracy"] = model.accuracy.model_copy(update={"over_seeds": HUGE})

    pair = run.results.comparisons[0]
    changes = {"interval": HUGE, "difference": 1e308}
    run.results.comparisons[0] = pair.model_copy(update=changes)

    assert "1.0" in texts_of(accuracy_plot(run))
    assert "1.0" in " ".join(texts_of(differences_plot(run)))
    assert learning_plot(run)


def test_each_published_accuracy_of_a_model_is_drawn_beside_it():
    reference = {"source": "notebook", "dataset": "d" * 64, "models": {"rnn": {"accuracy": 0.7}}}

    def diamonds(references):  # the legend has one, too
        plot = accuracy_plot(finished_run(ANSWERS, references=references))
        return len(re.findall(r"<use [^>]*stroke: #1b1f24[^>]*stroke-linejoin: miter", plot.svg))

    assert diamonds({}) == 0
    assert diamonds({"a": reference}) == 2
    assert diamonds({"a": reference, "b": reference}) == 3


@pytest.mark.parametrize(
    ("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")]
)
def test_a_diagram_of_ranks_is_a_file_that_is_always_the_same(suffix, start):
    runs = runs_on_datasets({name: {"rnn": [9], "lstm": [15]} for name in ("r8", "r52")})
    ranks = rank_over_datasets(rank_runs(runs))

    picture = ranks_picture(ranks, suffix)

    assert picture.startswith(start)
    assert ranks_picture(ranks, suffix) == picture
    assert (PAPER.encode() in picture) == (suffix == ".svg"), "it is on paper"


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
    plot = history_plot(history_of({"rnn": [18, 17, 18]}, {"rnn": [2, 3, 2]}), "rnn", "mine")

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

    (axes,) = history_plot(history, "rnn", "mine").figure.axes

    assert list(np.ma.getmaskarray(axes.lines[0].get_ydata(orig=True))) == [False, True, False]


def test_a_model_without_the_metric_has_no_plot():
    history = history_of({"rnn": [18], "svm": [9]}, metric="log_loss", records={"svm": MARGINS})

    assert history_plot(history, "svm", "mine") is None
    assert history_plot(history, "rnn", "mine").alt.endswith("0 clear changes")


def test_numbers_that_there_is_no_room_for_are_at_the_edge_of_a_history():
    history = history_of({"rnn": [18, 17, 18]}, {"rnn": [2, 3, 2]}, metric="log_loss")
    huge = {"mean": 1e308, "over_seeds": Interval(low=-1.7e308, high=1.7e308)}
    values = {"rnn": history.entries[1].values["rnn"].model_copy(update=huge)}
    last = history.entries[1].model_copy(update={"values": values})

    plot = history_plot(history.model_copy(update={"entries": [last]}), "rnn", "mine")

    assert plot.figure.axes[0].get_ylim()[1] < 1e39


def test_very_many_runs_have_a_wider_plot_whose_labels_do_not_overlap():
    history = history_of(*[{"rnn": [18]}] * 28)
    longer = history.model_copy(update={"entries": history.entries * 4})
    for each in (history, longer):
        plot = history_plot(each, "rnn", "mine")
        (axes,) = plot.figure.axes
        boxes = [label.get_window_extent() for label in axes.get_xticklabels()]

        assert len(boxes) > 3
        assert not [pair for pair in pairwise(boxes) if pair[0].overlaps(pair[1])]
        assert plot.is_wide == (each is longer)


def test_a_diagram_of_ranks_for_a_page_has_its_caption_elsewhere():
    rights = {"one": {"rnn": [9], "lstm": [15]}, "two": {"rnn": [9], "lstm": [15]}}
    ranks = rank_over_datasets(rank_runs(runs_on_datasets(rights)))

    plot = ranks_plot(ranks, "ranks")

    texts = " ".join(filter(None, texts_of(plot)))
    assert "critical difference" in texts
    assert "Seeds are not datasets" not in texts
    assert plot.alt == "lstm 1.00; rnn 2.00"
    assert plot.svg.count('class="area"') == 2
    assert "lstm: mean rank 1.00\non each dataset: 1, 1" in plot.svg
