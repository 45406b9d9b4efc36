"""The sections about the data, traps, and how to run it again."""

from rnnbench.analysis.notes import notes_on_run
from rnnbench.environment import Facts, ProcessorRecord
from rnnbench.report.sections.base import Reported, ReportSection, SectionPart
from rnnbench.report.tables.scores import trained_on
from rnnbench.results.store import CONSTRAINTS
from rnnbench.text import counted, listed

NOT_SHOWN = ("versions", "installed", "schema_version", "processor")
"""Keys of an environment that are shown in another way, or not at all."""


def data(reported: Reported) -> ReportSection:
    """Return what is known about the dataset."""
    dataset = reported.results.dataset
    only_in_test = "none"
    if dataset.topics_only_in_test:
        names = ", ".join(dataset.topics_only_in_test)
        only_in_test = f"{names}: no model can have learned these"
    texts = {
        "run": trained_on(reported.results),
        f"majority {dataset.noun}": (
            f"{dataset.majority_topic}: always predicting it scores "
            f"{dataset.majority_score:.4f}"
        ),
        "duplicates": dataset.duplicates_in_words(),
        "whole texts": dataset.duplicates_in_words(whole_texts=True),
        "only in test": only_in_test,
        "dataset": dataset.fingerprint,
        "split": dataset.split_fingerprint,
        "corpus": dataset.corpus_fingerprint,
    }
    n_topics = counted(len(dataset.topics), dataset.noun)
    result = f"{dataset.source} ({dataset.origin}), {n_topics}"
    return ReportSection("data", "Data", [("facts", texts)], "", result)


def notes(reported: Reported) -> ReportSection:
    """Return the traps that apply to the run."""
    texts = {}
    for note in notes_on_run(reported.run):
        texts[note.title] = f"{note.evidence} {note.advice}"
    parts: list[SectionPart] = [("facts", texts)] if texts else []
    lead = "Common traps that apply to this run."
    return ReportSection("notes", "Notes", parts, lead, listed(list(texts), 2, "; "))


def reproduce(reported: Reported) -> ReportSection:
    """Return the command of a run; see ``reproduce_by``."""
    return reproduce_by(reported.results.command, reported.run.environment)


def reproduce_by(command: str, environment: Facts) -> ReportSection:
    """Return a command, and the data, the machine and the versions that it ran with."""
    versions = environment["versions"]
    texts = {}
    for key, value in environment.items():
        if key not in NOT_SHOWN:
            texts[key.replace("_", " ")] = value
    processor = ProcessorRecord.model_validate(environment.get("processor") or {})
    texts["processor"] = processor.in_words() or "not recorded"
    lead = (
        "Beside this file, config.yaml has every default, and the exact versions of "
        f"all packages are in {CONSTRAINTS}, for pip install -c. Another processor may "
        "round sums differently."
    )
    parts: list[SectionPart] = [("command", command), ("facts", texts | versions)]
    result = f"rnnbench {versions['rnnbench']}, {environment['cpu']}"
    return ReportSection("reproduce", "Reproduce", parts, lead, result)
