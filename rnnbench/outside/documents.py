"""The documents of a verdict that count, and what is declared about them.

``documents_that_count(coded, ids, ...)`` leaves out those without an answer.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rnnbench.errors import UserError
from rnnbench.labels import Positions
from rnnbench.outside.answers import CodedAnswers, Missing, natural
from rnnbench.outside.coding import Array, Mask, Topics
from rnnbench.results.stored_run import StoredRun
from rnnbench.stats.correctness import FEW_CLUSTERS
from rnnbench.text import counted, listed

log = logging.getLogger("rnnbench.outside.judge")


@dataclass(frozen=True, eq=False)
class Documents:
    """The documents that count, and what is declared about these."""

    positions: Positions
    """Among all documents that were answered."""
    ids: list[str] | None
    clusters: list[int] | None
    """By number, from 0."""
    in_order: bool
    """Whether they are in order of time; otherwise, they are in order of their ids."""


def documents_that_count(
    coded: CodedAnswers,
    ids: Sequence[object] | None,
    clusters: Sequence[object] | None,
    missing: Missing,
    *,
    in_order: bool,
) -> Documents:
    """Return the documents that count.

    Raises:
        UserError: answers are missing, or declarations are not about these documents.
    """
    n = len(coded.labels)
    names = _names_of(ids, n)
    positions = np.flatnonzero(~_is_dropped(coded, names, missing))
    if not len(positions):
        raise UserError("verdict: missing: drop: no document is left")
    chosen_ids = None
    if ids is not None:
        if not in_order:
            in_order_of_ids = sorted(
                positions.tolist(), key=lambda position: natural(names[position])
            )
            positions = np.array(in_order_of_ids)
        chosen_ids = [names[position] for position in positions]
    numbers = None
    if clusters is not None:
        numbers = _clusters_of(clusters, positions, n)
    return Documents(positions, chosen_ids, numbers, in_order)


def documents_of_run(
    coded: CodedAnswers, run: StoredRun, missing: Missing
) -> Documents:
    """Return the test documents of a run, each of which must be answered or wrong."""
    documents = documents_that_count(coded, None, None, missing, in_order=True)
    if len(documents.positions) < len(coded.labels):
        raise UserError(
            "missing: drop: not with documents of a run (allowed: error, wrong)"
        )
    dataset = run.results.dataset
    return replace(documents, clusters=dataset.clusters, in_order=dataset.in_order)


def _names_of(ids: Sequence[object] | None, n: int) -> list[str]:
    """Return the name of each document: its id, or its position."""
    if ids is None:
        return list(map(str, range(n)))
    names, _ = _numbered("ids", ids, n)
    if len(names) < n:
        raise UserError(f"verdict: ids: {n - len(names):,} of {n:,} are repeated")
    return names


def _is_dropped(coded: CodedAnswers, names: Sequence[str], missing: Missing) -> Mask:
    """Return which documents are left out, because an answer or a label is missing."""
    is_lacking = coded.coding.is_missing(coded.labels)
    if is_lacking.any():
        fault = f"no label of {_which(is_lacking, names)}"
        _report_missing(fault, missing, is_allowed=missing == "drop")
    for (model, _), answers in coded.answers.items():
        has_no_answer = coded.coding.is_missing(answers)
        if has_no_answer.any():
            fault = f"{model}: no answer to {_which(has_no_answer, names)}"
            _report_missing(fault, missing, is_allowed=missing != "error")
            is_lacking = is_lacking | has_no_answer
    if missing != "drop":
        return np.zeros(len(names), bool)
    return is_lacking


def _which(is_lacking: Mask, names: Sequence[str]) -> str:
    """Return how many documents lack something, and which ones, in words."""
    lacking = [names[position] for position in np.flatnonzero(is_lacking).tolist()]
    of_all = counted(len(names), "document")
    return f"{is_lacking.sum():,} of {of_all}: {listed(lacking)}"


def _report_missing(fault: str, missing: Missing, *, is_allowed: bool) -> None:
    """Log that something is missing, or raise ``UserError`` if that is not allowed."""
    if not is_allowed:
        ways = "drop leaves them out for all models; wrong counts answers as wrong"
        raise UserError(f"verdict: {fault} (missing: {ways})")
    log.warning("verdict: %s (missing: %s)", fault, missing)


def _clusters_of(clusters: Sequence[object], positions: Positions, n: int) -> list[int]:
    """Return the number of each document's cluster, in the order of the documents."""
    _, numbers = _numbered("clusters", clusters, n)
    codes: list[int] = Topics().places(numbers[positions]).tolist()
    n_clusters = max(codes) + 1
    if n_clusters == 1:
        raise UserError(
            "verdict: clusters: all documents are in one (allowed: 2 or more)"
        )
    if n_clusters < FEW_CLUSTERS:
        number = counted(n_clusters, "cluster")
        log.warning("%s: intervals and p-values are rough", number)
    return codes


def columns_of(
    positions: Positions, columns: Mapping[str, Sequence[object]], n: int
) -> dict[str, Sequence[object]]:
    """Return the values of documents in each column, which has those of all ``n``."""
    chosen: dict[str, Sequence[object]] = {}
    for name, column in columns.items():
        values = list(column)
        if len(values) != n:
            fault = f"{counted(len(values), 'value')}, but {counted(n, 'document')}"
            raise UserError(f"verdict: columns: {name}: {fault}")
        chosen[name] = [values[position] for position in positions]
    return chosen


def _numbered(key: str, values: Sequence[object], n: int) -> tuple[list[str], Array]:
    """Return the different names among values, and the number of each value's name."""
    topics = Topics()
    numbers = topics.places(list(values))
    if len(numbers) != n or (numbers < 0).any():
        fault = f"{len(numbers):,}, of which {(numbers < 0).sum():,} are empty"
        hint = f"should be one for each of {n:,} documents"
        raise UserError(f"verdict: {key}: {fault} ({hint})")
    return topics.names, numbers
