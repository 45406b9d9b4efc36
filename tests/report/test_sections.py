"""Sections and plots, built in and from another package."""

import pytest
from factories import finished_run, scored_run
from plugin_files import look_again, write_distribution

from rnnbench.data.summary import Duplicates
from rnnbench.registry import PluginError
from rnnbench.report.plots import PLOTS, plot_run
from rnnbench.report.sections import SECTIONS, make_sections
from rnnbench.report.sections.base import Reported
from rnnbench.report.sections.scores import best_first
from rnnbench.training.outcome import History

ANSWERS = {"rnn": [(0, 0, 0, 1), (0, 0, 1, 1)], "lstm": [(0, 0, 1, 2), (0, 1, 1, 2)]}
MODULE = """
    from rnnbench.plugin import ReportSection, RunPlot, Table


    def seeds(reported):
        rows = [[f"{seed}"] for seed in reported.results.seeds]
        table = Table(["seed"], rows, "All seeds.")
        return ReportSection("seeds", "Seeds", [("table", table)])


    def broken(reported):
        return reported.no_such_thing


    def wrong(reported):
        return "text"


    class SizesPlot(RunPlot):
        kind, section, title = "sizes", "seeds", "Sizes"

        def prepare(self):
            self.size, self.alt = (6, 3), "sizes of models"

        def draw(self, axes):
            axes.bar(self.chosen, [model.params for model in self.run.results.models])
            return ()
"""


def sections_of(run):
    return {section.id: section for section in make_sections(run, None, 60, 20)}


def section_of(name, run):
    """A section alone, without its plots."""
    return SECTIONS[name](Reported(run, None, 60, []))


@pytest.fixture
def plug_ins(tmp_path, install):
    """Installs a package with some of the sections, and with the plot."""

    def put(*names):
        sections = {name: f"made_up_report:{name}" for name in names}
        plot = {"sizes": "made_up_report:SizesPlot"}
        modules = {"made_up_report": MODULE}
        write_distribution(tmp_path, sections, modules, group="rnnbench.sections")
        write_distribution(
            tmp_path, plot, {}, group="rnnbench.plots", name="made-up-plots"
        )
        install(tmp_path)
        look_again(SECTIONS, PLOTS)

    yield put
    look_again(SECTIONS, PLOTS)


def test_the_report_has_parts_of_another_package(plug_ins):
    plug_ins("seeds")
    run = finished_run(ANSWERS)

    *_, before, last = sections_of(run).values()

    assert (before.id, last.title) == ("reproduce", "Seeds")
    (figure, plot), (table, _) = last.parts
    assert (figure, table, plot.name) == ("figure", "table", "sizes")
    assert plot.svg
    assert plot_run(run, "sizes").get_title() == "Sizes"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("broken", "section 'broken' of the package made-up failed: AttributeError"),
        (
            "wrong",
            "section 'wrong' of the package made-up failed: TypeError: it returned str",
        ),
    ],
)
def test_a_section_that_fails_is_named_with_its_package(plug_ins, name, message):
    plug_ins(name)

    with pytest.raises(PluginError, match=message):
        sections_of(finished_run(ANSWERS))


def test_sections_without_content_are_left_out():
    records = {model: {"history": History()} for model in ANSWERS}
    sections = sections_of(finished_run(ANSWERS, records=records))
    alone = sections_of(finished_run({"rnn": ANSWERS["rnn"]}))

    assert not {"learning", "published", "duplicates"} & {*sections}
    assert list(alone) == [name for name in SECTIONS if name in alone]
    assert [kind for kind, _ in alone["differences"].parts] == ["table"], (
        "with the majority"
    )
    assert {"learning", "reproduce"} <= {*alone}


def words_of(section):
    """All that a section says, except cells of tables."""
    tables = [
        content for kind, content in section.parts if kind in ("table", "heatmap")
    ]
    plots = [f"{plot.alt} {plot.svg}" for plot in section.plots]
    captions = [f"{table.caption} {' '.join(table.headers)}" for table in tables]
    texts = [f"{item}" for kind, item in section.parts if kind == "facts"]
    return " ".join(
        [section.title, section.lead, section.result, *plots, *captions, *texts]
    )


def test_only_newswires_have_topics():
    sections = sections_of(finished_run(ANSWERS, dataset={"source": "files"}))
    newswires = section_of("topics", finished_run(ANSWERS, dataset={"source": "sgml"}))

    assert [
        section.id for section in sections.values() if "topic" in words_of(section)
    ] == []
    assert sections["topics"].title == "F1 by label"
    assert newswires.title == "F1 by topic"


def test_all_sections_but_the_first_have_their_result_in_one_line():
    duplicates = {"duplicates": Duplicates(same_topic=[0])}
    sections = sections_of(best_first(finished_run(ANSWERS, dataset=duplicates)))

    results = {id_: section.result for id_, section in sections.items()}
    assert [id_ for id_, result in results.items() if not result] == ["score"]
    expected = {
        "duplicates": "all verdicts are the same",
        "differences": "0 of 3 differences clear",
        "confusion": "lstm most often mistakes 'earn' for 'acq'",
        "errors": "0 documents misclassified by every model",
    }
    assert {name: results[name] for name in expected} == expected
    assert results["calibration"].endswith("error 0.125 (rnn) to 0.375 (lstm)")


def test_a_model_with_margins_has_no_calibration():
    records = {model: {"score_kind": "margins"} for model in ANSWERS}

    assert section_of("calibration", finished_run(ANSWERS)).parts
    assert not section_of("calibration", finished_run(ANSWERS, records=records)).parts


def test_differences_are_those_of_the_better_model_in_the_order_of_accuracy():
    seeds = {"svm": [9] * 3, "rnn": [2, 3, 2], "lstm": [18, 18, 19]}

    run = best_first(scored_run(seeds))

    ((_, table),) = section_of("differences", run).parts
    pairs = [row[0] for row in table.rows]
    always = run.results.dataset.majority_name
    assert pairs == [
        "lstm - svm", "lstm - rnn", f"lstm - {always}", "svm - rnn", f"svm - {always}",
        f"rnn - {always}",
    ]  # fmt: skip
    assert {row[1] for row in table.rows} <= {"clear", "not clear"}
    assert table.rows[1][1] == "clear"


def test_on_a_page_what_decides_is_beside_the_name_even_if_points_have_parameters():
    run = finished_run(
        {"rnn[units=3]": ANSWERS["rnn"], "rnn[units=4]": ANSWERS["lstm"]}
    )

    ((_, table),) = section_of("score", run).parts

    deciding = ["no clear difference from", "test accuracy (1 seed)"]
    assert table.headers[:4] == ["model", *deciding, "units"]
    assert [row[3] for row in table.rows] == ["3", "4", "-"]
