"""Scores by the number of labels, of models that learned from subsets.

``measure_curves(done, parts, data)`` makes the record of them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import starmap
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from rnnbench.choice.results import LabelCurves, LabelSize, ModelCurve
from rnnbench.data.dataset import Dataset
from rnnbench.data.held_out import Part
from rnnbench.data.load import PreparedData
from rnnbench.data.split import Groups
from rnnbench.labels import documents_by_topic
from rnnbench.runner.train import PlanResult
from rnnbench.stats.correctness import Floats, blocks
from rnnbench.stats.more_labels import LabelCurve, overtaking, power_law, range_of


def measure_curves(
    done: PlanResult, parts: Sequence[Part], data: PreparedData
) -> LabelCurves:
    """Return the curves of all models that lack no trial, the best first.

    ``parts`` are those of all trials, the smallest subsets first.
    """
    sizes = _sizes(parts, data.dataset)
    curves = _curves(done, parts, data, list(sizes.values()))
    records = list(starmap(_record, curves.items()))
    records.sort(key=lambda record: -record.scores[-1])
    for record in records[1:]:
        if record.scores[0] > records[0].scores[0]:
            ahead = curves[records[0].model].minus(curves[record.model])
            record.overtaken.extend(overtaking(ahead))
    return LabelCurves(sizes=list(sizes.values()), curves=records)


def _sizes(parts: Sequence[Part], dataset: Dataset) -> dict[str, LabelSize]:
    """Return how many documents models learned from, and which labels these lack."""
    sizes: dict[str, LabelSize] = {}
    topics = np.array(dataset.topics)
    for part in parts:
        learned, _ = part.divide(dataset.y_train, dataset.groups)
        counts = documents_by_topic(dataset.y_train[learned], len(topics))
        absent = {*topics[counts == 0].tolist()}
        name = str(part.subset)
        if name in sizes:
            absent.update(sizes[name].absent)
        sizes[name] = LabelSize(name=name, labels=len(learned), absent=sorted(absent))
    return sizes


def _curves(
    done: PlanResult, parts: Sequence[Part], data: PreparedData, sizes: list[LabelSize]
) -> dict[str, LabelCurve]:
    """Return how right each model is, with a column for each held-out document."""
    # 1. Find the draws of each part, and the columns of the documents it tests on.
    dataset = data.dataset
    n_draws = len(parts) // len(sizes)
    is_tested = _are_tested(parts[:n_draws], dataset)
    # 2. Fill in how right models are, the mean over seeds.
    tables: dict[str, Floats] = {}
    seeds = Counter[str]()
    lacking = done.lacking
    shape = (len(sizes), *is_tested.shape)
    for trial in done.plan.trials:
        if trial.name in lacking:
            continue
        table = tables.setdefault(trial.name, np.zeros(shape))
        for place, part in enumerate(parts):
            if part == trial.part:
                size, draw = divmod(place, n_draws)
                table[size, draw, is_tested[draw]] += done.results[trial].values
                seeds[trial.name] += 1
    # 3. Say which documents depend on each other, and which were not tested.
    positions = np.flatnonzero(is_tested.any(axis=0))
    groups = None
    declared = _groups(parts, data)
    if declared is not None:
        _, groups = np.unique(declared[positions], return_inverse=True)
    elif dataset.in_order:
        groups = blocks(len(positions))
    labels = np.fromiter(map(attrgetter("labels"), sizes), float)
    learned, _ = replace(parts[0], subset=None).divide(dataset.y_train, dataset.groups)
    curves = {}
    for name, table in tables.items():
        means = table * len(parts) / seeds[name]
        means[:, ~is_tested] = np.nan
        curves[name] = LabelCurve(labels, means[:, :, positions], len(learned), groups)
    return curves


def _groups(parts: Sequence[Part], data: PreparedData) -> Groups:
    """Return the groups of the documents that stand in the columns, if declared."""
    declared = data.corpus.groups
    if declared is not None and parts[0].is_test:
        return declared[data.dataset.test_documents]
    return data.dataset.groups


def _are_tested(parts: Sequence[Part], dataset: Dataset) -> NDArray[np.bool_]:
    """Return which documents each part tests on, a row for each part.

    There is a column for each training document, or for each test document.
    """
    if parts[0].is_test:
        return np.ones((len(parts), len(dataset.y_test)), bool)
    are_tested = np.zeros((len(parts), len(dataset.y_train)), bool)
    for row, part in zip(are_tested, parts, strict=True):
        row[part.positions(dataset.y_train, dataset.groups)] = True
    return are_tested


def _record(name: str, curve: LabelCurve) -> ModelCurve:
    law = power_law(curve.labels, 1 - curve.scores, curve.covariance)
    last = float(curve.labels[-1])
    intervals = []
    for estimate in curve.estimates():
        intervals.append(estimate.cut)
    return ModelCurve(
        model=name,
        scores=curve.scores.tolist(),
        intervals=intervals,
        of_draws=curve.draws.tolist(),
        covariance=curve.covariance.tolist(),
        floor=law.floors[0],
        factor=law.factors[0],
        exponent=law.exponents[0],
        floors=range_of(law.floors),
        exponents=range_of(law.exponents),
        twice=law.gain(last, 2 * last),
    )
