"""Checks that the summary of a run is that of its stored trials.

Only values that follow from predictions and records alone are checked. Those that
follow from the config or from plug-ins may change with the version of the code.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rnnbench.data.summary import rest_of
from rnnbench.labels import Labels
from rnnbench.metrics import METRICS
from rnnbench.results.schema import Results
from rnnbench.section import spell
from rnnbench.storage import DamagedResultError, Document

ROUNDING = 1e-6
"""The largest difference that float32 and another order of summing can make."""
OF_TRIALS = {"threads", "models", "without_duplicates"}
OF_LABELS = {"topics", "majority_topic", "majority_score", "majority_macro_f1"}
OF_CONFIG = {
    "is_baseline",
    "is_random",
    "pretrained",
    "training",
    "chosen_from",
    "stock_layers",
}
"""Of the summary of a model; the last is only in earlier files."""
OF_STATISTICS = {"p_best"}
"""Other versions, or other processors, which round draws differently, may give other
p-values."""

Leaf = str | float | None
"""Also an integer or a boolean, which are kinds of float to mypy."""


def check_summary(file: Path, stored: Results, computed: Results) -> None:
    """Raise ``DamagedResultError`` if a summary has values that trials do not give.

    Comparisons are left to ``check_comparisons``.
    """
    expected = dict(_leaves(_of_trials(computed)))
    for place, value in _leaves(_of_trials(stored)):
        _check(file, place, value, expected.get(place))


def check_dataset(file: Path, stored: Results, labels: Labels) -> None:
    """Raise ``DamagedResultError`` if stored facts about topics do not fit labels."""
    computed = rest_of(stored.dataset, labels)
    expected = dict(_leaves(computed.model_dump(include=OF_LABELS)))
    for place, value in _leaves(stored.dataset.model_dump(include=OF_LABELS)):
        _check(file, f"dataset.{place}", value, expected.get(place))


def check_comparisons(file: Path, stored: Results, computed: Results) -> None:
    """Raise ``DamagedResultError`` if a stored difference is not that of two scores.

    Its interval and its p-value are not checked: another version may have computed them
    by other statistics.
    """
    expected = _differences(computed)
    for place, difference in _differences(stored).items():
        if place in expected:
            _check(file, place, difference, expected[place])


def _differences(results: Results) -> dict[str, float]:
    """Return the differences of scores, by their descriptions."""
    differences = {}
    for pair in results.comparisons:
        differences[f"the difference of {pair.a} and {pair.b}"] = pair.difference
    if results.without_duplicates:
        for pair in results.without_duplicates.comparisons:
            place = f"the difference of {pair.a} and {pair.b} without duplicates"
            differences[place] = pair.difference
    return differences


def _of_trials(results: Results) -> Document:
    """Return a tree of the values that trials decide, with the stored keys alone."""
    from_plugins = {name for name in results.metrics if not _is_built_in(name)}
    of_model = {
        "metrics": from_plugins,
        "trials": {"__all__": {"metrics": from_plugins}},
    }
    exclude: dict[str, Any] = {
        "models": {
            "__all__": of_model | dict.fromkeys(OF_CONFIG | OF_STATISTICS, True)
        },
        "without_duplicates": {"comparisons"},
    }
    tree = results.model_dump(include=OF_TRIALS, exclude=exclude, exclude_unset=True)
    tree["models"] = {model["name"]: model for model in tree["models"]}
    return tree


def _is_built_in(metric: str) -> bool:
    return metric in METRICS and metric not in METRICS.plugins


def _leaves(tree: object, place: str = "") -> Iterator[tuple[str, Leaf]]:
    """Yield the values in a tree, and the length of each list, with their places."""
    match tree:
        case dict():
            for key, part in tree.items():
                yield from _leaves(part, f"{place}.{key}".lstrip("."))
        case list():
            yield f"the number of {place}", len(tree)
            for number, part in enumerate(tree):
                yield from _leaves(part, f"{place}.{number}")
        case str() | float() | int() | None:
            yield place, tree


def _check(file: Path, place: str, stored: Leaf, computed: Leaf) -> None:
    is_right = stored == computed
    match stored, computed:
        case float(), float():
            is_right = math.isclose(
                stored, computed, rel_tol=ROUNDING, abs_tol=ROUNDING
            )
    if not is_right:
        fault = (
            f"{place} is {spell(stored)}, but the stored trials give {spell(computed)}"
        )
        raise DamagedResultError(
            f"unusable result: {file}: {fault}; run the benchmark again"
        )
