"""The tables of a choice with subsets: scores by labels, and the gain from more.

``label_tables(choice.results)`` returns both.
"""

from dataclasses import replace

from rnnbench.choice.results import ChoiceResults, LabelCurves, LabelScore, ModelCurve
from rnnbench.report.table import Columns, Table, table_of
from rnnbench.text import heading, listed, sentences


def label_tables(results: ChoiceResults) -> list[Table]:
    """Return the scores of each model by labels, and its law; none without subsets."""
    curves = results.curves
    if curves is None or not curves.curves:
        return []
    cells: Columns[LabelScore] = {
        "model": lambda row: row.model,
        "labels": lambda row: f"{row.labels:,}",
        "size": lambda row: row.size,
        results.dataset.kind.score_name: lambda row: f"{row.score:.4f}",
        "95 % interval": lambda row: f"{row.low:.4f} to {row.high:.4f}",
    }
    by_size = table_of(curves.scores, cells, _caption(results, curves))
    by_size = replace(by_size, keys=2)
    if len(curves.sizes) == 1:  # any law fits a single size
        return [by_size]
    columns: Columns[ModelCurve] = {
        "model": lambda curve: curve.model,
        "points with twice the labels": _twice,
        "error with n labels": _law,
        "floor": lambda curve: f"{curve.floors:.3f}",
    }
    return [by_size, table_of(curves.curves, columns, _answer(results, curves))]


def _twice(curve: ModelCurve) -> str:
    return f"{100 * curve.twice.low:+.1f} to {100 * curve.twice.high:+.1f}"


def _law(curve: ModelCurve) -> str:
    return f"{curve.floor:.3f} + {curve.factor:.3g} / n^{curve.exponent:.2f}"


def _caption(results: ChoiceResults, curves: LabelCurves) -> str:
    others = "training documents" if results.is_on_test else "others"
    lines = [
        f"{heading(results.dataset.kind.score_name)} on {results.how()}, after "
        f"learning from random subsets of the {others}: {curves.draws} draws. Larger "
        "subsets include smaller ones; words and word vectors come from the subset "
        "alone. Intervals are over draws, seeds and documents."
    ]
    sizes_without: dict[str, list[str]] = {}
    for size in curves.sizes:
        if size.absent:
            sizes_without.setdefault(listed(size.absent), []).append(size.name)
    for names, sizes in sizes_without.items():
        lines.append(f"With {listed(sizes)}, some draw has no document of {names}.")
    if len(curves.sizes) == 1:
        lines.append("Use two sizes or more to see what more labels would bring.")
    return sentences(*lines)


def _answer(results: ChoiceResults, curves: LabelCurves) -> str:
    """Return in words what more labels would bring."""
    best = curves.curves[0]
    n = curves.sizes[-1].labels
    score = results.dataset.kind.score_name
    lines = [
        f"With twice the labels ({2 * n:,} instead of {n:,}), {best.model} would gain "
        f"{_twice(best)} points of {score} (95 % interval), if its error keeps falling "
        "towards a floor by a power of n, the number of labels."
    ]
    for curve in curves.curves:
        if not curve.overtaken:
            continue
        middle, low, high = curve.overtaken
        overtakes = f"{best.model} overtakes {curve.model}"
        if middle is None or (low is None and high is None):
            lines.append(f"It cannot be said whether {overtakes}.")
            continue
        after = f"fewer than {curves.sizes[0].labels:,}"
        before = f"more than {n:,}"
        if low:
            after = f"{low:,.0f}"
        if high:
            before = f"{high:,.0f}"
        from_labels = f"from about {middle:,.0f} labels on ({after} to {before})"
        lines.append(f"{overtakes} {from_labels}.")
    return sentences(*lines)
