"""Sections and plots, built in and from another package."""

import pytest
from factories import finished_run
from plugin_files import write_distribution

from rnnbench.registry import PluginError
from rnnbench.report.plots_of_run import PLOTS, plot_run
from rnnbench.report.sections import SECTIONS, make_sections
from rnnbench.training.outcome import History

ANSWERS = {"rnn": [(0, 0, 0, 1), (0, 0, 1, 1)], "lstm": [(0, 0, 1, 2), (0, 1, 1, 2)]}
MODULE = """
    from rnnbench import ReportSection, RunPlot, Table


    def seeds(reported):
        table = Table(["seed"], [[f"{seed}"] for seed in reported.results.seeds], "All seeds.")
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


def sections_of(run, texts=None):
    return {section.id: section for section in make_sections(run, texts, 60, 20)}


@pytest.fixture
def plug_ins(tmp_path, install):
    """Installs a package with some of the sections, and with the plot."""

    def put(*names):
        sections = {name: f"made_up_report:{name}" for name in names}
        plot, modules = {"sizes": "made_up_report:SizesPlot"}, {"made_up_report": MODULE}
        write_distribution(tmp_path, sections, modules, group="rnnbench.sections")
        write_distribution(tmp_path, plot, {}, group="rnnbench.plots", name="made-up-plots")
        install(tmp_path)
        for registry in (SECTIONS, PLOTS):
            registry.refresh()

    yield put
    for registry in (SECTIONS, PLOTS):
        registry.refresh()


def test_a_section_and_a_plot_of_another_package_are_in_the_report(plug_ins):
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
        ("wrong", "section 'wrong' of the package made-up failed: TypeError: it returned str"),
    ],
)
def test_a_section_that_fails_is_named_with_its_package(plug_ins, name, message):
    plug_ins(name)

    with pytest.raises(PluginError, match=message):
        sections_of(finished_run(ANSWERS))


def test_sections_without_content_are_left_out():
    records = {model: {"history": History()} for model in ANSWERS}
    found = sections_of(finished_run(ANSWERS, records=records))
    alone = sections_of(finished_run({"rnn": ANSWERS["rnn"]}))

    assert not {"learning", "published", "duplicates"} & {*found}
    assert list(alone) == [name for name in SECTIONS if name in alone]
    assert [kind for kind, _ in alone["differences"].parts] == ["table"], "with the majority"
    assert {"learning", "reproduce"} <= {*alone}
