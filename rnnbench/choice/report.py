"""The page of a choice, which shares a section and the template with the report of a
run.
"""

from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes

from rnnbench.analysis.summary import load_environment
from rnnbench.choice.choose import Candidate, Choice, choice_table
from rnnbench.report.page import PageContent
from rnnbench.report.plots import COLOURS, THIN, Plot, about, name_rows
from rnnbench.report.sections import Part, ReportSection, reproduce_by
from rnnbench.tasks import TaskKind
from rnnbench.text import counted, heading

# at most this many candidates are drawn beside the recommended one, and can be picked
SHOWN = 20


class CandidatesPlot(Plot):
    """The scores of candidates with their intervals; the ``recommended`` one is
    marked.
    """

    def __init__(
        self, candidates: Sequence[Candidate], recommended: str, task: TaskKind
    ):
        self.name, self._score = task.main, task.score_name
        self.title = (
            f"{heading(self._score)} on held-out documents, and its 95 % interval"
        )
        shown = [
            one
            for n, one in enumerate(candidates)
            if n < SHOWN or one.name == recommended
        ]
        self._rows = {
            one.name + " (recommended)" * (one.name == recommended): one
            for one in shown
        }
        self.alt = "; ".join(
            f"{name} {one.score:.3f} ({one.interval:.3f})"
            for name, one in self._rows.items()
        )
        self.make_room(self._rows, 1.5 + 0.38 * len(self._rows))

    def draw(self, axes: Axes) -> Sequence[Artist]:
        """Draw a row for each candidate, the best at the top."""
        for row, one in enumerate(self._rows.values()):
            ends, gid = (one.interval.low, one.interval.high), about(one.name)
            axes.hlines(row, *ends, color=COLOURS[0], gid=gid, **THIN)
            axes.plot(one.score, row, "o", color=COLOURS[0], gid=gid)
        name_rows(axes, [*self._rows], self._score)
        return []


def choice_page(choice: Choice) -> PageContent:
    """Return what a choice recommends, all candidates, and the command."""
    results, names = choice.results, [one.name for one in choice.results.candidates]
    plot = CandidatesPlot(results.candidates, choice.recommended, results.dataset.kind)
    score = results.dataset.kind.score_name
    parts: list[Part] = [("figure", plot), ("table", choice_table(results))]
    return PageContent(
        title=f"{results.name}: rnnbench report",
        heading=f"{results.name}: choice",
        about=f"rnnbench choice: {counted(len(names), 'model')}, {score} on {results.how()}",
        findings=[f"Recommended: {results.recommended.reason}"]
        if results.recommended
        else [],
        sections=[
            ReportSection("score", heading(score), parts),
            reproduce_by(results.command, load_environment(choice.folder)),
        ],
        models=names if len(names) <= SHOWN else [],
    )
