"""A section of a report, as data that both templates show in one loop."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from rnnbench.analysis.errors import DocumentText, HardDocument
from rnnbench.report.plots.plot import Plot
from rnnbench.report.table import Table
from rnnbench.results.schema import Results
from rnnbench.results.stored_run import StoredRun

SectionPart = (
    tuple[Literal["table", "heatmap", "wordy"], Table]
    | tuple[Literal["figure"], Plot]
    | tuple[Literal["gallery", "figures"], Sequence[Plot]]
    | tuple[Literal["facts", "mistake"], Mapping[str, object]]
    | tuple[Literal["command"], str]
)
"""A piece of a section: the macro that shows it in each template, and what the macro
shows.

A table, a heat map (which shades the columns after the third by their numbers) or a
wordy table (whose words wrap) shows a ``Table``; a figure shows a ``Plot``, a gallery
several small ones side by side, and figures show several that unfold; facts are texts
by name; a command is a line to type; a mistake is a misclassified document.
"""
Texts = Sequence[DocumentText] | None
"""Those of the test documents, if they are available."""


class Reason(NamedTuple):
    """The words that decided the answer of a model to a document."""

    who: str
    """The model and its answer, in a sentence that ends with a colon on the page."""
    words: Mapping[str, float]


Explain = Callable[[StoredRun, list[Sequence[str]]], list[Reason | None]]
"""Returns a reason for the answer to each document, if it is known."""


@dataclass(frozen=True)
class ReportSection:
    """A section of a page: link target, heading, content, text above, and result."""

    id: str
    title: str
    parts: Sequence[SectionPart]
    lead: str = ""
    result: str = ""
    """Its finding, in one line. A page folds a section that has one; others stay
    open."""

    @property
    def plots(self) -> list[Plot]:
        """All plots in it."""
        plots: list[Plot] = []
        for part in self.parts:
            match part:
                case "figure", plot:
                    plots.append(plot)
                case "gallery" | "figures", of_models:
                    plots += of_models
        return plots


@dataclass(frozen=True)
class Reported:
    """The material of sections: a run, its best model first, and documents."""

    run: StoredRun
    texts: Texts
    words: int
    """The most words that are shown of a document."""
    hardest: Sequence[HardDocument]
    """The misclassified documents to show."""
    explain: Explain | None = None

    @property
    def results(self) -> Results:
        return self.run.results


SectionMaker = Callable[[Reported], ReportSection]
