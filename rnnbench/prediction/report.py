"""The report of a run, with what decided the answers of its best kept model."""

from collections.abc import Sequence
from contextlib import suppress

from rnnbench.analysis.errors import texts_of_test_documents
from rnnbench.errors import RnnbenchError
from rnnbench.prediction.predict import find_model
from rnnbench.report.page import PageContent, report_page
from rnnbench.report.sections.base import Reason
from rnnbench.results.stored_run import StoredRun


def page_of_run(run: StoredRun, words: int, n_errors: int) -> PageContent:
    """Return the report of a run with words from the cache; see ``make_sections``."""
    texts = texts_of_test_documents(run) if words else None
    return report_page(run, texts, words, n_errors, explain_answers)


def explain_answers(
    run: StoredRun, documents: list[Sequence[str]]
) -> list[Reason | None]:
    """Return what decided the answers of the best kept model to documents, if known."""
    reasons: list[Reason | None] = [None] * len(documents)
    with suppress(RnnbenchError):  # files that the rest does not need may be gone
        kept = find_model(run.folder, None, None, run.results, run.benchmark)
        for number, prediction in enumerate(kept.answers(documents, 1, explain=True)):
            deciding = prediction.decided_by
            if deciding:
                who = f"{kept.name} (seed {kept.seed}) answers {prediction.answer}"
                reason = Reason(f"{who}. {deciding.meaning}", deciding.words)
                reasons[number] = reason
    return reasons
