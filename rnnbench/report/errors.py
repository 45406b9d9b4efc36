"""The errors of a run: their number on each kind of document, and single documents."""

from collections.abc import Sequence
from typing import Any

from rnnbench.analysis.errors import HardDocument, count_errors
from rnnbench.report.table import Table, with_points
from rnnbench.results.run import StoredRun

BY_ALL = "all models"


def errors_table(run: StoredRun) -> Table:
    """Return the number of errors of each model on each kind of test document."""
    counts = count_errors(run.trials, run.results.dataset)
    rows = [[model, *(f"{each.by_model[model]:.1f}" for each in counts)] for model in run.trials]
    rows.append([BY_ALL, *(f"{each.by_all}" for each in counts)])
    caption = (
        "The test documents that each model misclassified: means over seeds. The number of "
        f"documents is in the heading. {BY_ALL}: the documents that every model misclassified with "
        "more than half of its seeds."
    )
    headers = ["model", *(f"{each.kind} ({each.n:,})" for each in counts)]
    return with_points(Table(headers, rows, caption, is_last_apart=True))


def mistake(
    document: HardDocument, topics: Sequence[str], words: Sequence[str], n_words: int
) -> dict[str, Any]:
    """Return the position and topic of a document, its first words, and each model's answer."""
    answers = {
        model: topics[answer.topic]
        + (f" ({answer.trials} of {answer.of} seeds)" if answer.trials < answer.of else "")
        for model, answer in document.answers.items()
    }
    text = " ".join(words[:n_words]) + " …" * (len(words) > n_words)
    topic = topics[document.topic]
    return {"position": document.position, "topic": topic, "text": text, "answers": answers}
