"""The page of a choice: what it recommends, all candidates, and the command.

It shares the template and a section with the report of a run.
"""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.artist import Artist
from matplotlib.axes import Axes

from rnnbench.analysis.summary import load_environment
from rnnbench.choice.label_tables import label_tables
from rnnbench.choice.labels_plot import LabelsPlot
from rnnbench.choice.results import Candidate, ChoiceResults
from rnnbench.choice.table import choice_table
from rnnbench.report.page import PageContent
from rnnbench.report.plots.look import BLUE, DOT, THIN, Style
from rnnbench.report.plots.plot import (
    Plot,
    about,
    draw_interval,
    draw_line,
    name_rows,
)
from rnnbench.report.sections.about import reproduce_by
from rnnbench.report.sections.base import ReportSection, SectionPart
from rnnbench.tasks import TaskKind
from rnnbench.text import counted, heading

SHOWN = 20  # candidates, beside the recommended one, that are drawn and can be picked


class CandidatesPlot(Plot):
    """The scores of candidates with their intervals, the recommended one marked."""

    def __init__(
        self, candidates: Sequence[Candidate], recommended: str, task: TaskKind
    ):
        self.name = task.main
        self._score = task.score_name
        self.title = (
            f"{heading(self._score)} on held-out documents, and its 95 % interval"
        )
        self._rows: dict[str, Candidate] = {}
        for position, candidate in enumerate(candidates):
            if candidate.name == recommended:
                self._rows[f"{candidate.name} (recommended)"] = candidate
            elif position < SHOWN:
                self._rows[candidate.name] = candidate
        self.alt = "; ".join(
            f"{name} {candidate.score:.3f} ({candidate.interval:.3f})"
            for name, candidate in self._rows.items()
        )
        self.make_room(self._rows, 1.5 + 0.38 * len(self._rows))

    def draw(self, axes: Axes) -> Sequence[Artist]:
        """Draw a row for each candidate, the best at the top."""
        for row, candidate in enumerate(self._rows.values()):
            style: Style = {"color": BLUE, "gid": about(candidate.name)}
            draw_interval(axes, row, candidate.interval, THIN | style)
            draw_line(axes, candidate.score, row, DOT | style)
        name_rows(axes, [*self._rows], self._score)
        return []


def choice_page(results: ChoiceResults, folder: Path) -> PageContent:
    """Return the page of the choice in a folder."""
    task = results.dataset.kind
    score = task.score_name
    names = [candidate.name for candidate in results.candidates]
    findings = []
    sections = []
    if results.recommended:
        findings.append(f"Recommended: {results.recommended.reason}")
        plot = CandidatesPlot(results.candidates, results.recommended.model, task)
        parts: list[SectionPart] = [("figure", plot), ("table", choice_table(results))]
        sections.append(ReportSection("score", heading(score), parts))
    by_labels = label_tables(results)
    if results.curves and by_labels:
        by_size: list[SectionPart] = []
        if len(results.curves.sizes) > 1:
            answer = by_labels[-1].caption
            findings.append(answer)
            by_size.append(("figure", LabelsPlot(results.curves, score, answer)))
        for table in by_labels:
            by_size.append(("table", table))
        sections.append(ReportSection("labels", "More labels", by_size))
    models = counted(len(names), "model")
    return PageContent(
        title=f"{results.name}: rnnbench report",
        heading=f"{results.name}: choice",
        about=f"rnnbench choice: {models}, {score} on {results.how()}",
        findings=findings,
        sections=[
            *sections,
            reproduce_by(results.command, load_environment(folder)),
        ],
        models=names if len(names) <= SHOWN else [],
    )
