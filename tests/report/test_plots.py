"""The plots of a run, on axes of a program and for a page, and those of several
runs.
"""

import io
import re
from dataclasses import replace
from itertools import combinations, pairwise

import matplotlib as mpl
import numpy as np
import pytest
from elements import texts_of
from factories import finished_run, runs_on_datasets, scored_run
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from PIL import Image

from rnnbench.analysis.boards import rank_over_datasets, rank_runs, trace_runs
from rnnbench.analysis.compare import compare_runs
from rnnbench.data.summary import TopicCount
from rnnbench.errors import UserError
from rnnbench.report.plots import plot_run
from rnnbench.report.plots.confusion import ConfusionPlot
from rnnbench.report.plots.cost import CostPlot, spread
from rnnbench.report.plots.differences import ChangesPlot, DifferencesPlot
from rnnbench.report.plots.history import HistoryPlot
from rnnbench.report.plots.learning_curves import LearningCurves
from rnnbench.report.plots.look import PAPER
from rnnbench.report.plots.ranks import RanksPlot, ranks_caption
from rnnbench.report.plots.score import ScorePlot
from rnnbench.stats.correctness import Interval
from rnnbench.training.outcome import History

pytestmark = pytest.mark.usefixtures("no_figures")
ANSWERS = {
    "rnn": [(0, 0, 0, 1), (0, 0, 1, 1)],
    "lstm": [(0, 0, 1, 2), (0, 1, 1, 2)],
}
PLOTS = {
    "accuracy": None,
    "differences": None,
    "cost": None,
    "learning_curves": None,
    "confusion": "lstm",
    "risk": None,
}

every_plot = pytest.mark.parametrize(("name", "models"), PLOTS.items(), ids=PLOTS)


def made_up(**changes):
    return finished_run(ANSWERS, **changes)


def legend_of(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def rows_of(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


@every_plot
def test_a_plot_is_drawn_on_new_axes(name, models):
    axes = plot_run(made_up(), name, models)

    size = tuple(axes.figure.get_size_inches())
    assert size != tuple(mpl.rcParams["figure.figsize"])
    assert plt.get_fignums() == [axes.figure.number]
    assert axes.get_title()
    assert axes.get_xlabel()


@every_plot
def test_a_plot_is_drawn_on_the_axes_of_a_program(name, models):
    figure, (left, right) = plt.subplots(1, 2)

    axes = plot_run(made_up(), name, models, ax=right)

    assert axes is right
    assert not left.has_data()
    assert plt.get_fignums() == [figure.number]
    assert axes.get_title()
    assert axes.get_xlabel()


@every_plot
def test_a_plot_leaves_the_settings_of_a_program(name, models):
    before = dict(mpl.rcParams)

    plot_run(made_up(), name, models)

    assert dict(mpl.rcParams) == before


def test_each_accuracy_of_a_run_is_drawn():
    run = made_up()

    axes = plot_run(run, "accuracy")

    drawn_scores = []
    for line in axes.get_lines():
        if line.get_marker() == "o":
            drawn_scores.extend(line.get_xdata()[:1])
    accuracies = [model.score.mean for model in run.results.models]
    assert drawn_scores == accuracies
    assert rows_of(axes) == ["rnn", "lstm"]
    assert {"95 % over seeds", "always 'earn'"} <= set(legend_of(axes))


def test_a_majority_far_below_all_models_takes_no_room_but_is_named():
    labels = [0, 1] * 200
    answers = [*labels[:396], 2, 2, 2, 2]
    run = finished_run({"rnn": [answers]}, labels=labels)
    dataset = run.results.dataset.model_copy(update={"majority_score": 0.5})
    results = run.results.model_copy(update={"dataset": dataset})
    run = replace(run, results=results)

    axes = plot_run(run, "accuracy")

    left, _ = axes.get_xlim()
    assert left > 0.9
    assert "← always 'earn': 0.500" in legend_of(axes)


def test_a_curve_is_chosen_by_the_name_that_keras_gives_it():
    history = History(
        loss=[3, 2],
        score=[0.1, 0.2],
        val_loss=[4, 3],
        val_score=[0.3, 0.4],
    )
    run = made_up(records={model: {"history": history} for model in ANSWERS})

    for field in type(history).model_fields:
        name = field.replace("score", "accuracy")
        axes = plot_run(run, "learning_curves", curve=name)
        values = {}
        for line in axes.get_lines():
            values[line.get_label()] = line.get_ydata().tolist()
        assert values["rnn"] == getattr(history, field)
        assert legend_of(axes) == ["rnn", "lstm"]
        assert axes.get_xlabel() == "epoch"
        if field == "val_loss":
            assert axes.get_title() == "loss on the validation documents"


@pytest.fixture
def with_odd_topics():
    """A run whose topics have names that a plot may trip over."""
    topics = []
    for name in ("$\\frac$", "\ud800", "others"):
        topics.append(TopicCount(topic=name, train=9, test=1))
    dataset = {
        "topics": topics,
        "majority_topic": "$\\frac$",
    }
    return made_up(dataset=dataset)


def assert_title_may_be_a_formula(axes):
    axes.set_title("$x^2$")
    axes.figure.canvas.draw()
    assert axes.title.get_parse_math(), "titles of the program's own may have formulas"


@every_plot
def test_a_topic_may_have_any_name(with_odd_topics, name, models):
    axes = plot_run(with_odd_topics, name, models)

    assert_title_may_be_a_formula(axes)


def test_a_topic_may_have_any_name_on_the_axes_of_a_program(with_odd_topics):
    figure, program_axes = plt.subplots()
    figure.canvas.draw()

    axes = plot_run(with_odd_topics, "confusion", "lstm", ax=program_axes)

    assert_title_may_be_a_formula(axes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            ["acuracy"],
            "no plot 'acuracy' of .* .allowed: accuracy, .*; did you mean 'accuracy'",
            id="a misspelled plot",
        ),
        pytest.param(
            ["accuracy", "lstn"],
            "models: no model 'lstn' .*did you mean 'lstm'",
            id="a misspelled model",
        ),
        pytest.param(
            ["accuracy", []],
            "models: names no model",
            id="no model",
        ),
        pytest.param(
            ["accuracy", None, "loss"],
            "curve: got 'loss' for 'score' .*learning_curves",
            id="a curve of a plot without curves",
        ),
        pytest.param(
            ["differences", "rnn"],
            "models: .*'differences' needs two models, got 1 .allowed: rnn,",
            id="differences of one model",
        ),
        pytest.param(
            ["cost", "rnn"],
            "models: .*'cost' needs two models, got 1 .allowed: rnn,",
            id="costs of one model",
        ),
        pytest.param(
            ["confusion"],
            "models: .*'confusion' shows one model, got 2 .allowed: rnn, lstm",
            id="a confusion of two models",
        ),
        pytest.param(
            ["learning_curves", None, "los"],
            "curve: got 'los' .*did you mean 'loss'",
            id="a misspelled curve",
        ),
        pytest.param(
            ["learning_curves", None, "val_loss"],
            "curve: got 'val_loss' .*validation_split",
            id="a curve of a validation that was not made",
        ),
        pytest.param(
            ["accuracy", None, None, [1]],
            "ax: got an object of type list .*matplotlib.axes.Axes",
            id="a list as axes",
        ),
    ],
)
def test_a_wrong_argument_is_named_before_a_figure_is_opened(arguments, message):
    with pytest.raises(UserError, match=message):
        plot_run(made_up(), *arguments)

    assert plt.get_fignums() == []


def test_a_model_without_epochs_has_no_learning_curve():
    run = made_up(records={"lstm": {"history": History()}})

    axes = plot_run(run, "learning_curves")

    assert legend_of(axes) == ["rnn"]
    message = r"lstm has no learning curve; .*\(allowed: rnn\)"
    with pytest.raises(UserError, match=message):
        plot_run(run, "learning_curves", ["rnn", "lstm"])


def test_a_run_without_epochs_has_no_learning_curves():
    records = {
        "lstm": {"history": History()},
        "rnn": {"history": History()},
    }
    run = made_up(records=records)

    with pytest.raises(UserError, match=r"made-up: no model was trained in epochs"):
        plot_run(run, "learning_curves")


SEEDS = {
    "svm": [9, 9, 9],
    "rnn": [2, 3, 2],
    "gru": [19, 18, 18],
    "lstm": [18, 18, 19],
}


def marks_of(axes):
    """The row, the marker and whether it is filled, of each difference that is
    drawn.
    """
    rows = rows_of(axes)
    marks = []
    for line in axes.get_lines():
        marker = line.get_marker()
        places = line.get_ydata()
        if marker in ("o", "x") and len(places):
            is_filled = line.get_markerfacecolor() != "none"
            marks.append((rows[places[0]], marker, is_filled))
    return marks


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("letter", ["x", "\N{CJK UNIFIED IDEOGRAPH-4E2D}"])
def test_the_longest_labels_leave_room_for_the_axes_of_a_confusion(letter):
    topics = []
    for number in range(3):
        name = letter * 100 + str(number)
        topics.append(TopicCount(topic=name, train=1, test=1))
    dataset = {
        "topics": topics,
        "majority_topic": topics[0].topic,
    }
    run = made_up(dataset=dataset)

    plot = ConfusionPlot(run, ["lstm"])

    assert plot.png().startswith(b"\x89PNG")
    assert "… (" in plot.svg


def test_a_run_of_one_model_needs_no_name_for_its_confusion():
    run = finished_run({"rnn": ANSWERS["rnn"]})

    axes = plot_run(run, "confusion")

    assert axes.get_title() == "Confusion of rnn"
    first_row, *_ = rows_of(axes)
    assert first_row == "earn (2)"


def test_names_that_differ_in_case_alone_have_plots_of_other_names():
    run = finished_run({"rnn": ANSWERS["rnn"], "RNN": ANSWERS["rnn"]})

    names = [plot.name for plot in ConfusionPlot.in_report(run)]

    assert len({name.casefold() for name in names}) == 2


def test_each_difference_is_below_the_better_model():
    axes = plot_run(scored_run(SEEDS), "differences")

    rows = "gru minus, lstm, svm, rnn, lstm minus, svm, rnn, svm minus, rnn"
    assert ", ".join(rows_of(axes)) == rows
    bold = []
    for label in axes.get_yticklabels():
        if label.get_fontweight() == "bold":
            bold.append(label.get_text())
    assert bold == ["gru minus", "lstm minus", "svm minus"]
    low, high = axes.get_ylim()
    assert low > high, "the best model is at the top"


def test_a_difference_is_filled_if_it_is_clear():
    axes = plot_run(scored_run(SEEDS), "differences")

    lstm = ("lstm", "o", False)
    svm = ("svm", "o", True)
    rnn = ("rnn", "o", True)
    assert marks_of(axes) == [lstm, svm, rnn, svm, rnn, rnn]
    assert legend_of(axes) == ["clear", "not clear", "95 % over documents and seeds"]


@pytest.mark.parametrize("n_others", [0, 6])
def test_the_front_of_costs_has_the_models_that_no_faster_one_reaches(n_others):
    seconds = {"svm": 0.1, "rnn": 3, "gru": 30, "lstm": 4}
    others = {f"slow{number}": [1] * 3 for number in range(n_others)}
    records = {
        model: {"fit_seconds": seconds.get(model, 40)} for model in SEEDS | others
    }

    axes = plot_run(scored_run(SEEDS | others, records=records), "cost")

    front, *_ = [
        line for line in axes.get_lines() if line.get_drawstyle() == "steps-post"
    ]
    assert front.get_xdata() == pytest.approx([0.1, 4]), "gru is only as good as lstm"
    names = {text.get_text() for text in axes.texts}
    assert names == ({"svm", "lstm"} if others else set(SEEDS))
    assert axes.get_xscale() == "log"
    assert legend_of(axes) == [
        "95 % over documents and seeds",
        "none is faster and better",
    ]


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=15),
    st.floats(0.001, 0.06),
)
def test_names_beside_costs_stand_apart_in_the_order_of_the_scores(places, gap):
    places.sort(reverse=True)

    moved = spread(np.array(places), gap)

    distances = -np.diff(moved)
    assert (distances >= gap - 1e-9).all()
    assert min(moved) >= 0
    assert max(moved) <= max(*places, gap * (len(places) - 1)) + 1e-9


def test_a_training_of_no_time_is_drawn_although_the_axis_has_no_zero():
    records = {"svm": {"fit_seconds": 0.0}, "rnn": {"fit_seconds": 0.0}}
    run = scored_run({"svm": [9] * 3, "rnn": [12] * 3}, records=records)

    axes = plot_run(run, "cost")

    dots = [
        line.get_xdata()[0] for line in axes.get_lines() if line.get_marker() == "o"
    ]
    assert dots == [1e-3, 1e-3]


def test_of_so_many_models_that_only_the_best_is_compared_others_have_no_differences():
    run = scored_run({f"model{number}": [2 + number % 17] for number in range(61)})

    with pytest.raises(
        UserError, match="models: no two of model0, model1 were compared"
    ):
        plot_run(run, "differences", ["model0", "model1"])


# On a page


def drawn():
    run = made_up()
    kinds = (ScorePlot, DifferencesPlot, LearningCurves, CostPlot, ConfusionPlot)
    return [plot for kind in kinds for plot in kind.in_report(run)]


@pytest.fixture(scope="module")
def plots():
    return drawn()


def test_plots_are_always_the_same(plots):
    again = drawn()

    assert [plot.svg for plot in again] == [plot.svg for plot in plots]
    assert again[0].png() == plots[0].png()


def test_a_png_has_a_background_which_an_svg_lacks(plots):
    for plot in plots:
        png = Image.open(io.BytesIO(plot.png()))
        assert png.convert("RGB").getpixel((0, 0)) == (254, 254, 254)
        assert plot.svg.startswith("<?xml")
        assert PAPER not in plot.svg


def test_each_id_of_an_svg_is_there_once(plots):
    for plot in plots:
        ids = re.findall(r'\bid="([^"]+)"', plot.svg)
        assert len(ids) == len(set(ids))


def test_parts_of_a_plot_name_their_models(plots):
    models = [
        set(re.findall(r'<g data-models="([^"]*)"', plot.svg)) for plot in plots[:4]
    ]

    assert models == [{"rnn", "lstm"}, {"lstm rnn"}, {"rnn", "lstm"}, {"rnn", "lstm"}]
    assert plots[-1].models == ["lstm"]


def test_text_stays_text(plots):
    texts = set(texts_of(plots[0]))

    assert {"rnn", "lstm", "always 'earn'", "test accuracy"} <= texts


def test_the_alternative_has_the_numbers(plots):
    accuracy, differences, _, _, _, of_lstm = plots

    assert "rnn 0.625 (" in accuracy.alt
    number = r"\d\.\d+"
    interval = rf"\(-{number} to \+{number}, too few"
    assert re.match(rf"lstm - rnn \+0\.250 {interval}", differences.alt)
    shares = "earn 0.75, acq 1.00, grain 1.00"
    assert of_lstm.alt.endswith(f"lstm classified correctly: {shares}")


def test_curves_are_as_long_as_the_longest_training():
    run = made_up()
    long = History(loss=[3.0, 2.0, 1.0, 0.5], score=[0.1, 0.2, 0.3, 0.4])
    first = run.trials["rnn"][0]
    record = first.record.model_copy(update={"history": long})
    run.trials["rnn"][0] = replace(first, record=record)

    (plot,) = LearningCurves.in_report(run)

    assert "4" in texts_of(plot), "an epoch on the axis"
    assert "1.5" not in texts_of(plot), "epochs are whole"
    assert plot.table().headers == ["model", "loss", "accuracy"]
    assert plot.table().rows == [
        ["rnn", "0.5 (0.5 to 0.5)", "0.4 (0.4 to 0.4)"],
        ["lstm", "0.5 (0.5 to 0.5)", "0.5 (0.5 to 0.5)"],
    ]


def test_validation_stands_beside_training():
    curves = History(loss=[2.0], score=[0.5], val_loss=[2.5], val_score=[0.25])

    (plot,) = LearningCurves.in_report(made_up(records={"rnn": {"history": curves}}))

    assert "loss on the validation documents" in texts_of(plot)
    assert plot.table().headers[3:] == ["validation loss", "validation accuracy"]
    assert [row[3] for row in plot.table().rows] == ["2.5 (2.5 to 2.5)", "-"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("losses", [[None, None], [0.5, None], [0.5, 0.25]])
def test_a_loss_that_is_not_a_number_is_left_out_without_a_warning(losses):
    records = {name: {"history": History(loss=losses)} for name in ANSWERS}

    (plot,) = LearningCurves.in_report(made_up(records=records))

    assert plot.svg
    assert (plot.table().rows[0][1] == "-") == (losses[1] is None)


HUGE = Interval(low=-1e308, high=1e308)


def test_numbers_that_are_far_too_large_leave_room_for_the_others():
    history = History(loss=[1e308, -1e308], score=[1e308, -1e308])
    run = made_up(records={"rnn": {"history": history}})
    model = run.results.models[0]
    pair = run.results.comparisons[0]
    model.metrics["accuracy"] = model.score.model_copy(update={"over_seeds": HUGE})
    changes = {"interval": HUGE, "difference": 1e308}
    run.results.comparisons[0] = pair.model_copy(update=changes)

    assert "1.0" in texts_of(ScorePlot(run))
    assert "1.0" in " ".join(texts_of(DifferencesPlot(run)))
    assert LearningCurves(run).svg


def test_each_published_accuracy_of_a_model_is_drawn_beside_it():
    reference = {
        "source": "notebook",
        "dataset": "d" * 64,
        "models": {"rnn": {"accuracy": 0.7}},
    }

    def diamonds(references):  # the legend has one, too
        plot = ScorePlot(made_up(references=references))
        diamond = r"<use [^>]*stroke: #1b1f24[^>]*stroke-linejoin: miter"
        return len(re.findall(diamond, plot.svg))

    assert diamonds({}) == 0
    assert diamonds({"a": reference}) == 2
    assert diamonds({"a": reference, "b": reference}) == 3


# Several runs


def test_a_change_is_filled_if_it_is_clear():
    before = scored_run({"rnn": [12], "lstm": [2]})
    after = scored_run({"rnn": [13], "lstm": [19]}, folder="results/after")
    plot = ChangesPlot(compare_runs(before, after))

    axes = plot.on(None)

    lines = axes.get_lines()
    marks = [
        line for line in lines if line.get_marker() == "o" and any(line.get_xdata())
    ]
    assert [mark.get_markerfacecolor() == "none" for mark in marks] == [True, False]
    assert [round(mark.get_xdata()[0], 2) for mark in marks] == [0.05, 0.85]
    assert legend_of(axes) == ["clear", "not clear", "95 % over documents"]
    assert axes.get_xlabel() == "test accuracy, B minus A"
    assert plot.alt == "rnn +0.050 (not clear); lstm +0.850 (clear)"


def test_what_is_no_axes_is_refused():
    run = scored_run({"rnn": [12]})

    with pytest.raises(UserError, match=r"ax: got .* str"):
        ChangesPlot(compare_runs(run, run)).on("axes")


def history_of(*rights, metric="accuracy"):
    """The history of runs of successive days."""
    runs = []
    for day, models in enumerate(rights, start=1):
        environment = {
            "date": f"2026-11-{day:02}T10:20:30Z",
            "git_commit": f"{day:02}" * 20,
        }
        runs.append(scored_run(models, folder=f"runs/{day}", environment=environment))
    (history,) = trace_runs(runs, metric)
    return history


def test_a_history_marks_clear_changes_beside_dates():
    history = history_of({"rnn": [18, 17, 18]}, {"rnn": [2, 3, 2]})

    plot = HistoryPlot(history, "rnn", "mine")

    expected = {
        "2026-11-01",
        "0101010",
        "test accuracy",
        "clearly down",
        "95 % over seeds",
    }
    texts = set(texts_of(plot))
    assert expected <= texts
    assert "clearly up" not in texts
    assert plot.alt == (
        "test accuracy of rnn in 2 runs: 0.8833 ± 0.0717 in the first, "
        "0.1167 ± 0.0717 in the last, 1 clear change"
    )
    assert plot.models == ["rnn"]


def test_a_run_without_the_model_is_a_gap():
    both = {"rnn": [18], "svm": [9]}
    without = {"svm": [9]}
    history = history_of(both, without, both)

    (axes,) = HistoryPlot(history, "rnn", "mine").figure.axes

    values = axes.lines[0].get_ydata(orig=True)
    is_gap = np.ma.getmaskarray(values)
    assert is_gap.tolist() == [False, True, False]


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
        plot.figure.draw_without_rendering()
        (axes,) = plot.figure.axes
        boxes = [label.get_window_extent() for label in axes.get_xticklabels()]

        assert len(boxes) > 3
        assert not [pair for pair in pairwise(boxes) if pair[0].overlaps(pair[1])]
        assert (plot.size[0] > 6) == (entry is longer)


NAMES = ["low", "high", "middle"]


def ranks_on(n_datasets, names=NAMES, rights=(3, 15, 9)):
    models = {name: [right] for name, right in zip(names, rights, strict=True)}
    runs = runs_on_datasets({f"set{number}": models for number in range(n_datasets)})
    return rank_over_datasets(rank_runs(runs))


def draw(ranks):
    with mpl.rc_context({"font.size": 11}):  # as in the pictures of plots.py
        figure = Figure(figsize=RanksPlot(ranks).size, layout="constrained")
        axes = figure.subplots()
        RanksPlot(ranks).draw_alone(axes)
        figure.draw_without_rendering()
    return axes


def test_a_bar_joins_what_is_not_told_apart():
    axes = draw(ranks_on(6))

    bars = [bar.get_segments()[0][:, 1].round().tolist() for bar in axes.collections]
    assert bars == [[1, 2], [2, 3]], "those of the best models first"


def test_the_best_rank_is_at_the_top():
    ranks = ranks_on(6)
    axes = draw(ranks)

    assert rows_of(axes) == [
        "critical difference 1.35",
        "high  1.00",
        "middle  2.00",
        "low  3.00",
    ]
    assert axes.get_xlabel().replace("\n", " ") == ranks_caption(ranks)
    assert axes.get_title() == "Mean rank by accuracy over 6 datasets (1 is best)"


LONG = [f"bidirectional_lstm[units={number},lr=0.003]" for number in range(10, 30)]


@pytest.mark.parametrize(
    ("n_datasets", "names"),
    [
        pytest.param(
            2,
            ["rnn", "lstm"],
            id="short names",
        ),
        pytest.param(
            3,
            ["vanilla_rnn", "tfidf_linear_svm", "lstm"],
            id="longer names",
        ),
        pytest.param(
            6,
            LONG,
            id="twenty long names",
        ),
    ],
)
def test_no_words_overlap_or_leave_the_picture(n_datasets, names):
    axes = draw(ranks_on(n_datasets, names, range(len(names))))

    labels = (
        *axes.get_xticklabels(),
        *axes.get_yticklabels(),
        axes.xaxis.label,
        axes.title,
    )
    boxes = [text.get_window_extent() for text in labels]
    assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]
    width, height = axes.figure.bbox.size
    corners = np.array([box.extents for box in boxes])
    assert (corners >= 0).all()
    assert (corners[:, 2:] <= (width, height)).all()


def test_mean_ranks_fit_a_phone():
    width, _ = RanksPlot(ranks_on(2)).size_on_page

    assert width == 5.2, "72 pixels an inch"


def test_a_picture_is_a_file_that_is_always_the_same():
    plot = RanksPlot(ranks_on(2))

    starts = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}
    for suffix, start in starts.items():
        picture = plot.picture(suffix)
        assert picture.startswith(start)
        assert plot.picture(suffix) == picture
        assert (PAPER.encode() in picture) == (suffix == ".svg"), "it is on paper"
