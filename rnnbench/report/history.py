"""Histories as tables, and the words for their runs and changes."""

from rnnbench.analysis.boards import ACCURACY, HistoryEntry, RunHistory
from rnnbench.analysis.compare import Change
from rnnbench.metrics import Quantity, find_quantity
from rnnbench.report.numbers import MISSING, condition, quantity_text, remarks_on_tests
from rnnbench.report.table import Table
from rnnbench.results.schema import TOO_FEW_SEEDS

SHORT = 12
"""Characters shown of a commit."""


def history_table(history: RunHistory) -> Table:
    """Return a row for each run, the oldest first, with the metric of each model."""
    quantity = find_quantity(history.metric, "--metric")
    facts = ["run", "date (UTC)", "commit", "clear changes"]
    rows = [
        [
            entry.run,
            minute(entry.date),
            short_commit(entry.commit),
            _clear_changes(entry),
            *(quantity_text(quantity, entry.values.get(name)) for name in history.models),
        ]
        for entry in history.entries
    ]
    caption = _caption(history, quantity)
    return Table([*facts, *history.models], rows, caption, text_columns=len(facts))


def minute(date: str | None) -> str:
    """Return the date and time of a run, without seconds."""
    return (date or MISSING).replace("T", " ")[:16]


def short_commit(commit: str | None) -> str:
    """Return the start of a commit, with a + if files were changed since."""
    commit = commit or MISSING
    return commit[:SHORT] + "+" * (len(commit) > SHORT and commit.endswith("+"))


def direction(change: Change) -> str:
    """Return the direction of a change."""
    return "up" if change.difference > 0 else "down"


def _clear_changes(entry: HistoryEntry) -> str:
    """Return the models whose accuracy clearly changed, each with its direction."""
    clear = [
        f"{name} {direction(change)}" for name, change in entry.changes.items() if change.is_clear
    ]
    undecided = any(change.has_too_few_seeds for change in entry.changes.values())
    return ", ".join([*clear, *([TOO_FEW_SEEDS] if undecided else [])]) or MISSING


def _caption(history: RunHistory, quantity: Quantity) -> str:
    dataset = history.dataset
    sentences = [
        f"{quantity.header}: mean ± 95 % over seeds. Data: {dataset.source}, "
        f"{dataset.test_size:,} documents to test on{remarks_on_tests(dataset)}, "
        f"split {dataset.split_fingerprint[:12]}."
    ]
    if history.metric != ACCURACY:
        sentences.append(f"Only {ACCURACY} is tested for clear changes.")
    elif changes := [each for entry in history.entries for each in entry.changes.values()]:
        sentences += [
            "Clear changes: against the run above; a p-value below 0.05, corrected for the models "
            "(Holm), but not for the number of runs.",
            condition(changes),
        ]
    return " ".join(filter(None, sentences))
