"""The page of suspects: each with its text, its answers and the words that decided."""

from pathlib import Path

from rnnbench.analysis.summary import load_environment
from rnnbench.report.page import PageContent
from rnnbench.report.sections.about import reproduce_by
from rnnbench.report.sections.base import ReportSection, SectionPart
from rnnbench.suspects.results import NONE, Suspect, SuspectsResults
from rnnbench.suspects.table import findings, how, suspects_table
from rnnbench.text import counted

SHOWN = 100


def suspects_page(results: SuspectsResults, folder: Path) -> PageContent:
    """Return the page of the suspects in a folder."""
    parts: list[SectionPart] = []
    for suspect in results.suspects[:SHOWN]:
        parts.append(("mistake", _shown(suspect)))
    lead = f"The first {len(parts):,} of {counted(len(results.suspects), 'suspect')}."
    documents = counted(results.n_documents, "document")
    models = counted(len(results.models), "model")
    table = suspects_table(results, SHOWN)
    return PageContent(
        title=f"{results.name}: rnnbench report",
        heading=f"{results.name}: labels that look wrong",
        about=f"rnnbench data suspects: {documents}, {models}",
        findings=findings(results),
        sections=[
            ReportSection("suspects", "Suspects", parts, f"{lead} {how(results)}"),
            ReportSection("table", "All in one table", [("wordy", table)], lead),
            reproduce_by(results.command, load_environment(folder)),
        ],
    )


def _shown(suspect: Suspect) -> dict[str, object]:
    """Return a suspect as the templates show it."""
    answers = {"suggested": suspect.shown_suggestion}
    for name, answer in suspect.answers.items():
        answers[name] = answer or NONE
    answers["suspicion"] = f"{suspect.score:.3f}"
    if suspect.near_copy:
        answers["near-copy"] = suspect.near_copy
    why = ""
    if suspect.words:
        why = f"Words that speak for {suspect.shown_suggestion}, by naive Bayes"
    return {
        "position": suspect.document,
        "topic": suspect.shown_label,
        "name": suspect.place,
        "text": suspect.text,
        "answers": answers,
        "why": why,
        "words": suspect.words,
    }
