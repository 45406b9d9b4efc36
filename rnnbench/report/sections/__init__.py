"""The sections of a report, ours and those of other packages: ``SECTIONS``."""

from collections.abc import Sequence
from dataclasses import replace
from types import FunctionType

from rnnbench.analysis.errors import hardest_documents
from rnnbench.metrics import ONE, SEVERAL
from rnnbench.registry import Registry
from rnnbench.report.plots import PLOTS
from rnnbench.report.plots.run_plot import RunPlot
from rnnbench.report.sections.about import data, notes, reproduce
from rnnbench.report.sections.base import (
    Explain,
    Reported,
    ReportSection,
    SectionMaker,
    SectionPart,
    Texts,
)
from rnnbench.report.sections.errors import errors
from rnnbench.report.sections.metrics import calibration, learning, metrics
from rnnbench.report.sections.scores import (
    differences,
    duplicates,
    power,
    published,
    score,
)
from rnnbench.report.sections.topics import confusion, mistakes, topics
from rnnbench.report.sections.unsure import unsure
from rnnbench.results.stored_run import StoredRun
from rnnbench.tasks import TaskKind

SECTIONS: Registry[SectionMaker] = Registry(
    "section",
    FunctionType,
    [
        score,
        published,
        differences,
        metrics,
        calibration,
        unsure,
        duplicates,
        power,
        learning,
        topics,
        confusion,
        mistakes,
        errors,
        data,
        notes,
        reproduce,
    ],
    key="__name__",
)
"""The functions that return sections, by name, in the order of the report."""
OF_TOPICS = (topics, errors)
"""The sections that need answers that are topics."""
ONLY_FOR: dict[SectionMaker, Sequence[str]] = {
    calibration: ONE,
    unsure: ONE,
    confusion: ONE,
    mistakes: SEVERAL,
}
"""The names of the kinds of task that have a section, if not all do."""


def make_sections(
    run: StoredRun,
    texts: Texts,
    words: int,
    n_errors: int,
    explain: Explain | None = None,
) -> list[ReportSection]:
    """Return the sections of a report that have something to show, their plots first.

    ``n_errors`` misclassified documents are shown, with at most ``words`` words of each
    if the ``texts`` of the test documents are available, and with what decided the
    answers if ``explain`` knows it. ``PluginError``: a plot or a section of another
    package failed, or a plot names no section.
    """
    hardest = hardest_documents(run.trials, n_errors)
    reported = Reported(run, texts, words, hardest, explain)
    task = run.results.dataset.kind
    sections: dict[str, ReportSection] = {}
    for make in SECTIONS.usable():
        if _has_section(task, make):
            section = _made(make, reported)
            sections[section.id] = section
    plots: dict[str, list[SectionPart]] = {name: [] for name in sections}
    for kind in PLOTS.usable():
        if task.is_among(kind.tasks):
            with PLOTS.blamed(kind.kind):
                if kind.section not in plots:
                    allowed = ", ".join(plots)
                    raise ValueError(
                        f"no section '{kind.section}' (allowed: {allowed})"
                    )
                plots[kind.section] += _parts_of(kind, run)
    shown = []
    for name, section in sections.items():
        parts = [*plots[name], *section.parts]
        if parts:
            shown.append(replace(section, parts=parts))
    return shown


def _has_section(task: TaskKind, make: SectionMaker) -> bool:
    if make in OF_TOPICS and not task.has_topics:
        return False
    return task.is_among(ONLY_FOR.get(make, ()))


def _made(make: SectionMaker, reported: Reported) -> ReportSection:
    with SECTIONS.blamed(make.__name__):
        section = make(reported)
        if not isinstance(section, ReportSection):
            raise TypeError(f"it returned {type(section).__name__}, not ReportSection")
    return section


def _parts_of(kind: type[RunPlot], run: StoredRun) -> list[SectionPart]:
    """Return the plots of a kind, those of single models together, and their tables."""
    plots = [plot for plot in kind.in_report(run) if plot.svg]  # drawn here
    parts: list[SectionPart] = [("figure", plot) for plot in plots if not plot.models]
    of_models = [plot for plot in plots if plot.models]
    if of_models:
        parts.append(("figures", of_models))
    for plot in plots:
        table = plot.table()
        if table:
            parts.append(("table", table))
    return parts
