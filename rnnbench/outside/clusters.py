"""Clusters of documents that nobody declared: those in which right answers agree."""

import logging
from collections.abc import Hashable, Mapping, Sequence
from shlex import quote
from typing import NamedTuple

import numpy as np

from rnnbench.data.groups import LikelyGroups, likely_groups
from rnnbench.labels import in_words, keys_of
from rnnbench.outside.answers import CodedAnswers
from rnnbench.stats.agreement import agreement_p, widening
from rnnbench.stats.correctness import Correctness
from rnnbench.text import counted

log = logging.getLogger(__name__)
LEVEL = 0.005
"""A smaller p-value is a sign of agreement. It occurs in up to 1.7 % of tables with
independent documents, as right and wrong are not normally distributed
(``simulations/undeclared.py``)."""
NARROWEST = 1.1
"""How many times as wide an interval must become to be worth a warning."""


class LikelyClusters(NamedTuple):
    """Groups in which right answers agree."""

    groups: LikelyGroups
    factor: float
    """How many times as wide they make an interval."""


def warn_of_clusters(
    columns: Mapping[str, Sequence[object]],
    models: Mapping[str, Correctness],
    coded: CodedAnswers,
) -> None:
    """Say which column names clusters in which right answers agree, if any does.

    ``columns`` have a value for each document.
    """
    labels = None
    if coded.task.has_topics:
        labels = [in_words(key, coded.topics) for key in keys_of(coded.labels)]
    clusters = likely_clusters(columns, models, labels)
    if clusters:
        log.warning("%s", _as_warning(clusters.groups, clusters.factor))


def likely_clusters(
    columns: Mapping[str, Sequence[object]],
    models: Mapping[str, Correctness],
    labels: Sequence[Hashable] | None = None,
) -> LikelyClusters | None:
    """Return the groups of a column in which right answers agree, if there are any.

    ``columns`` have a value for each document. If several have such clusters, the one
    that widens intervals most is returned.
    """
    likely = likely_groups(columns, labels)
    shares = [correctness.values.mean(axis=0) for correctness in models.values()]
    right = np.mean(shares, axis=0)
    widest = None
    least = NARROWEST
    for groups in likely:
        if agreement_p(right, groups.codes) * len(likely) >= LEVEL:
            continue
        factor = max(
            widening(correctness, groups.codes) for correctness in models.values()
        )
        if factor >= least:
            widest = LikelyClusters(groups, factor)
            least = factor
    return widest


def _as_warning(groups: LikelyGroups, factor: float) -> str:
    """Return the line about a column of clusters that were not declared."""
    if groups.is_stem:
        documents = f"documents whose '{groups.column}' begins alike"
        option = "a column with the beginning alone, named by --cluster,"
    else:
        documents = f"documents with the same '{groups.column}'"
        option = f"--cluster {quote(groups.column)}"
    agreement = "tend to be answered right or wrong together"
    effect = f"makes intervals up to {factor:.1f} times as wide"
    number = counted(groups.n_groups, "cluster")
    return (
        f"{documents} ({number}) {agreement}; {option} (in Python: clusters) {effect}"
    )
