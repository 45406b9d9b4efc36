"""The section about misclassified documents."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np

from rnnbench.analysis.errors import (
    Answer,
    DocumentText,
    HardDocument,
    kinds_of_documents,
    mistaken_shares,
)
from rnnbench.labels import Key, in_words, topics_of
from rnnbench.report.sections.base import Reason, Reported, ReportSection, SectionPart
from rnnbench.report.table import Table, with_points
from rnnbench.results.stored_run import StoredRun

LETTERS_PER_WORD = 20
"""Letters of a word that is shown, on average; the rest of the text is cut off."""


class Mistake(TypedDict):
    """A misclassified document, as the templates show it."""

    position: int
    topic: str
    name: str
    text: str
    answers: Mapping[str, str]
    why: str
    words: Mapping[str, float]


def errors(reported: Reported) -> ReportSection:
    """Return the number of errors on each kind of document, and single documents."""
    table = errors_table(reported.run)
    parts: list[SectionPart] = [("table", table)]
    for document, reason in zip(reported.hardest, _reasons(reported), strict=True):
        parts.append(("mistake", _mistake(reported, document, reason)))
    lead = (
        "How many documents of each kind were misclassified, and the documents "
        "misclassified most often."
    )
    if reported.texts is None:
        lead += (
            " Their words are not shown, because they were not asked for or are not in "
            "the cache."
        )
    elif any(not reported.texts[entry.position].excerpt for entry in reported.hardest):
        lead += (
            " Where the original text is not in the cache, its words are shown as "
            "models read them."
        )
    result = f"{table.rows[-1][1]} documents misclassified by every model"
    return ReportSection("errors", "Errors", parts, lead, result)


def _reasons(reported: Reported) -> Sequence[Reason | None]:
    """Return what decided the answers to the hardest documents, if known."""
    if reported.texts and reported.explain and reported.hardest:
        words = [
            reported.texts[document.position].words for document in reported.hardest
        ]
        return reported.explain(reported.run, words)
    return [None] * len(reported.hardest)


def _mistake(
    reported: Reported, document: HardDocument, reason: Reason | None
) -> Mistake:
    dataset = reported.results.dataset
    topics = dataset.topic_names
    position = document.position
    name = f"test document {dataset.ids[position] if dataset.ids else position}"
    text = ""
    if reported.texts:
        source = reported.texts[position]
        text = beginning(source, reported.words)
        if source.excerpt:
            name = source.excerpt.place
    return {
        "position": position,
        "topic": in_words(document.topics, topics),
        "name": name,
        "text": text,
        "answers": {
            model: _in_words(answer, document.topics, topics)
            for model, answer in document.answers.items()
        },
        "why": reason.who if reason else "",
        "words": reason.words if reason else {},
    }


def beginning(document: DocumentText, n_words: int) -> str:
    """Return the first words of a document, as they were written if that is known."""
    words = document.words
    if document.excerpt:
        words = document.excerpt.text.split()
    text = " ".join(words[:n_words])
    longest = LETTERS_PER_WORD * n_words  # some languages have no spaces between words
    is_cut = len(words) > n_words or len(text) > longest
    return f"{text[:longest]} …" if is_cut else text


def _in_words(answer: Answer, true: Key, topics: Sequence[str]) -> str:
    """Return an answer and, if not all seeds gave it, how many did."""
    text = _compared(answer.topics, true, topics)
    if answer.n_trials < answer.n_all_trials:
        text += f" ({answer.n_trials} of {answer.n_all_trials} seeds)"
    return text


def _compared(answer: Key, true: Key, topics: Sequence[str]) -> str:
    """Return the one topic of an answer or, of any number, those missed and added."""
    if isinstance(true, int):
        return in_words(answer, topics)
    missed = set(topics_of(true)) - set(topics_of(answer))
    added = set(topics_of(answer)) - set(topics_of(true))
    parts = []
    if missed:
        parts.append(f"missed {in_words(tuple(sorted(missed)), topics)}")
    if added:
        parts.append(f"added {in_words(tuple(sorted(added)), topics)}")
    return " and ".join(parts) or "right"


def errors_table(run: StoredRun) -> Table:
    """Return the number of errors of each model on each kind of test document."""
    labels = run.labels
    kinds = kinds_of_documents(labels, run.results.dataset)
    headers = ["model"]
    for kind, chosen in kinds.items():
        headers.append(f"{kind} ({chosen.sum():,})")
    rows = []
    is_mistaken_by_all = np.ones(len(labels), bool)
    for model, trials in run.trials.items():
        shares = mistaken_shares(trials)
        is_mistaken_by_all &= shares > 0.5
        row = [model]
        for chosen in kinds.values():
            row.append(f"{shares[chosen].sum():.1f}")
        rows.append(row)
    row = ["all models"]
    for chosen in kinds.values():
        row.append(str(is_mistaken_by_all[chosen].sum()))
    rows.append(row)
    caption = (
        "The test documents that each model misclassified: means over seeds. The "
        "number of documents is in the heading. all models: the documents that every "
        "model misclassified with more than half of its seeds."
    )
    return with_points(Table(headers, rows, caption, is_last_apart=True))
