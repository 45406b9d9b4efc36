"""Plots on Matplotlib axes that a program goes on with."""

import io

import matplotlib as mpl
import pytest
from factories import finished_run, runs_on_datasets, scored_run
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex

from rnnbench.analysis.boards import rank_runs
from rnnbench.analysis.compare import compare_runs
from rnnbench.analysis.critical_difference import rank_over_datasets
from rnnbench.data.audit import TopicCount
from rnnbench.errors import UserError
from rnnbench.report.axes import plot_changes, plot_ranks, plot_run
from rnnbench.training.outcome import History

ANSWERS = {"rnn": [(0, 0, 0, 1), (0, 0, 1, 1)], "lstm": [(0, 0, 1, 2), (0, 1, 1, 2)]}
PLOTS = [
    ("accuracy", None),
    ("differences", None),
    ("learning_curves", None),
    ("confusion", "lstm"),
]

every_plot = pytest.mark.parametrize(("name", "models"), PLOTS, ids=[name for name, _ in PLOTS])


@pytest.fixture(autouse=True)
def no_figures():
    plt.close("all")
    yield
    plt.close("all")


def made_up(**changes):
    return finished_run(ANSWERS, **changes)


def legend_of(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def dots_of(axes):
    return [line for line in axes.get_lines() if line.get_marker() == "o" and len(line.get_xdata())]


def lines_of(axes):
    return {line.get_label(): line for line in axes.get_lines()}


@every_plot
def test_new_axes_have_a_title_labels_and_a_size_of_their_own(name, models):
    axes = plot_run(made_up(), name, models)

    assert axes.get_title()
    assert axes.get_xlabel()
    assert plt.get_fignums() == [axes.figure.number]
    assert tuple(axes.figure.get_size_inches()) != tuple(mpl.rcParams["figure.figsize"])


@every_plot
def test_given_axes_are_drawn_on_and_returned(name, models):
    _, (left, right) = plt.subplots(1, 2)

    assert plot_run(made_up(), name, models, ax=right) is right
    assert right.get_title()
    assert not left.has_data()
    assert len(plt.get_fignums()) == 1


@every_plot
def test_the_settings_of_matplotlib_stay_as_they_are(name, models):
    before = dict(mpl.rcParams)

    plot_run(made_up(), name, models)

    assert dict(mpl.rcParams) == before


def test_the_accuracies_are_those_of_the_run_and_have_a_legend():
    run = made_up()

    axes = plot_run(run, "accuracy")

    assert [dot.get_xdata()[0] for dot in dots_of(axes)] == [
        model.accuracy.mean for model in run.results.models
    ]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["lstm", "rnn"]
    assert {"95 % over seeds", "always 'earn'"} <= {*legend_of(axes)}


def test_a_curve_is_chosen_by_the_name_that_keras_gives_it():
    history = History(loss=[3, 2], accuracy=[0.1, 0.2], val_loss=[4, 3], val_accuracy=[0.3, 0.4])
    run = made_up(records={model: {"history": history} for model in ANSWERS})

    curves = {
        name: plot_run(run, "learning_curves", curve=name) for name in type(history).model_fields
    }

    for name, axes in curves.items():
        assert lines_of(axes)["rnn"].get_ydata().tolist() == getattr(history, name)
        assert legend_of(axes) == ["rnn", "lstm"]
        assert axes.get_xlabel() == "epoch"
    assert curves["val_loss"].get_title() == "loss on the validation documents"


def test_a_network_has_the_same_colour_whichever_others_are_drawn():
    run = made_up()

    both, one = (plot_run(run, "learning_curves", models) for models in (None, ["lstm"]))

    assert legend_of(one) == ["lstm"]
    assert lines_of(one)["lstm"].get_color() == lines_of(both)["lstm"].get_color()


def test_only_some_models_are_drawn():
    axes = plot_run(made_up(), "accuracy", "rnn")

    assert [label.get_text() for label in axes.get_yticklabels()] == ["rnn"]


def test_a_program_can_go_on_with_the_axes():
    axes = plot_run(made_up(), "learning_curves")

    axes.set_title("mine")
    axes.set_yscale("log")
    axes.axhline(0.75)
    axes.figure.savefig(written := io.BytesIO(), format="png")

    assert written.getvalue().startswith(b"\x89PNG")
    low, high = axes.get_ylim()
    assert 0.1 < low < 0.5, "the losses fill a logarithmic axis"
    assert 1.0 < high < 10


def test_text_has_the_colour_of_the_style_in_use():
    with plt.style.context("dark_background"):
        accuracy, confusion = (plot_run(made_up(), *plot) for plot in (PLOTS[0], PLOTS[3]))

    assert to_hex(lines_of(accuracy)["always 'earn'"].get_color()) == "#ffffff"
    assert {to_hex(text.get_color()) for text in confusion.texts} == {"#ffffff"}


def test_the_legend_of_a_small_plot_in_a_large_figure_is_just_below_it():
    figure, grid = plt.subplots(3, 1, figsize=(6, 12))

    axes = plot_run(made_up(), "accuracy", ax=grid[0])
    figure.canvas.draw()

    gap = axes.get_window_extent().y0 - axes.get_legend().get_window_extent().y1
    assert 0.4 < gap / figure.dpi < 0.8, "inches"


TOPICS = [TopicCount(topic=topic, train=9, test=1) for topic in ("$\\frac$", "\ud800", "others")]


@pytest.mark.parametrize("is_given", [False, True])
@every_plot
def test_a_topic_may_have_any_name(name, models, is_given):
    run = made_up(dataset={"topics": TOPICS, "majority_topic": "$\\frac$"})
    given = None
    if is_given:
        given = plt.subplots()[1]
        given.figure.canvas.draw()

    axes = plot_run(run, name, models, ax=given)
    axes.set_title("$x^2$")
    axes.figure.canvas.draw()

    assert axes.title.get_parse_math(), "titles of the program's own may have formulas"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("acuracy",), "no plot 'acuracy' .allowed: accuracy, .*; did you mean 'accuracy'"),
        (("accuracy", "lstn"), "models: no model 'lstn' .*did you mean 'lstm'"),
        (("accuracy", []), "models: names no model"),
        (("accuracy", None, "loss"), "curve: got 'loss' for 'accuracy' .*learning_curves"),
        (("differences", "rnn"), "models: .*'differences' needs two models, got 1 .allowed: rnn,"),
        (("confusion",), "models: .*'confusion' shows one model, got 2 .allowed: rnn, lstm"),
        (("learning_curves", None, "los"), "curve: got 'los' .*did you mean 'loss'"),
        (("learning_curves", None, "val_loss"), "curve: got 'val_loss' .*validation_split"),
        (("accuracy", None, None, [1]), "ax: got an object of type list .*matplotlib.axes.Axes"),
    ],
)
def test_what_is_wrong_is_named_and_no_figure_is_left(arguments, message):
    with pytest.raises(UserError, match=message):
        plot_run(made_up(), *arguments)

    assert plt.get_fignums() == []


def test_a_model_without_epochs_has_no_learning_curve():
    records = {"lstm": {"history": History()}}

    with pytest.raises(UserError, match=r"lstm has no learning curve; .*\(allowed: rnn\)"):
        plot_run(made_up(records=records), "learning_curves", ["rnn", "lstm"])

    assert legend_of(plot_run(made_up(records=records), "learning_curves")) == ["rnn"]
    with pytest.raises(UserError, match=r"made-up: no model was trained in epochs"):
        plot_run(made_up(records=records | {"rnn": records["lstm"]}), "learning_curves")


def test_a_run_of_one_model_needs_no_name_for_its_confusion():
    axes = plot_run(finished_run({"rnn": ANSWERS["rnn"]}), "confusion")

    assert axes.get_title() == "Confusion of rnn"
    assert axes.get_yticklabels()[0].get_text() == "earn (2)"


def test_a_change_is_filled_if_it_is_clear():
    before = scored_run({"rnn": [12], "lstm": [2]})
    after = scored_run({"rnn": [13], "lstm": [19]}, folder="results/after")

    axes = plot_changes(compare_runs(before, after))

    marks = dots_of(axes)
    assert [mark.get_markerfacecolor() == "none" for mark in marks] == [True, False]
    assert [round(mark.get_xdata()[0], 2) for mark in marks] == [0.05, 0.85]
    assert legend_of(axes) == ["clear", "not clear", "95 % over documents"]
    assert axes.get_xlabel() == "test accuracy, B minus A"
    with pytest.raises(UserError, match="ax: got an object of type str"):
        plot_changes(compare_runs(before, after), "axes")


SEEDS = {"svm": [9] * 3, "rnn": [2, 3, 2], "gru": [19, 18, 18], "lstm": [18, 18, 19]}


def marks_of(axes):
    """The row, the marker and whether it is filled, of each difference that is drawn."""
    marks = [line for line in axes.get_lines() if line.get_marker() in ("o", "x")]
    rows = [label.get_text() for label in axes.get_yticklabels()]
    return [
        (rows[mark.get_ydata()[0]], mark.get_marker(), mark.get_markerfacecolor() != "none")
        for mark in marks
        if len(mark.get_ydata())
    ]


def test_each_difference_is_below_the_better_model_and_filled_if_it_is_clear():
    axes = plot_run(scored_run(SEEDS), "differences")

    labels = axes.get_yticklabels()
    assert [(label.get_text(), label.get_fontweight()) for label in labels] == [
        ("gru minus", "bold"),
        ("lstm", "normal"),
        ("svm", "normal"),
        ("rnn", "normal"),
        ("lstm minus", "bold"),
        ("svm", "normal"),
        ("rnn", "normal"),
        ("svm minus", "bold"),
        ("rnn", "normal"),
    ]
    verdicts = [("lstm", "o", False), *[(name, "o", True) for name in ("svm", "rnn")]]
    assert marks_of(axes) == [*verdicts, *verdicts[1:], verdicts[2]]
    assert legend_of(axes) == ["clear", "not clear", "95 % over documents and seeds"]
    low, high = axes.get_ylim()
    assert low > high, "the best model is at the top"


def test_a_difference_has_another_mark_where_seeds_are_too_few():
    axes = plot_run(scored_run({"rnn": [2, 3], "lstm": [18, 19]}), "differences")

    assert [mark for _, mark, _ in marks_of(axes)] == ["x"]
    assert legend_of(axes) == [
        "clear",
        "not clear",
        "too few seeds",
        "95 % over documents and seeds",
    ]


def test_the_zero_line_is_in_a_plot_of_differences_and_each_interval_is_drawn():
    run = scored_run(SEEDS)

    axes = plot_run(run, "differences", ["rnn", "lstm"])

    (pair,) = [each for each in run.results.comparisons if {each.a, each.b} == {"rnn", "lstm"}]
    assert [0, 0] in [list(line.get_xdata()) for line in axes.get_lines()]
    (interval,) = [path.vertices[:, 0].tolist() for path in axes.collections[0].get_paths()]
    assert interval == [-pair.interval.high, -pair.interval.low]


def test_of_so_many_models_that_only_the_best_is_compared_others_have_no_differences():
    run = scored_run({f"model{number}": [2 + number % 17] for number in range(61)})

    with pytest.raises(UserError, match="models: no two of model0, model1 were compared"):
        plot_run(run, "differences", ["model0", "model1"])


def test_mean_ranks_are_drawn_on_new_axes_or_on_given_ones_in_the_style_in_use():
    runs = runs_on_datasets({name: {"rnn": [9], "lstm": [15]} for name in ("r8", "r52")})
    ranks = rank_over_datasets(rank_runs(runs, "macro_f1"))
    before = dict(mpl.rcParams)

    new = plot_ranks(ranks)
    with plt.style.context("dark_background"):
        given = plot_ranks(ranks, plt.subplots(1, 2)[1][1])

    assert (
        new.get_title() == given.get_title() == "Mean rank by macro_f1 over 2 datasets (1 is best)"
    )
    assert plt.get_fignums() == [new.figure.number, given.figure.number]
    assert {to_hex(text.get_color()) for text in given.texts} == {"#ffffff"}
    assert dict(mpl.rcParams) == before
    with pytest.raises(UserError, match="ax: got an object of type str"):
        plot_ranks(ranks, "axes")
