"""Pairs of models in the order of their scores, as plots and tables show them.

``by_better_model(comparisons, models)["svm"]`` are those in which the SVM is better.
"""

from collections import Counter
from collections.abc import Sequence

from rnnbench.results.comparison import Comparison
from rnnbench.results.schema import ModelSummary, by_score

SHOWN_IN_PAIRS = 8
"""The most models of which all pairs are shown in a plot."""


def by_better_model(
    comparisons: Sequence[Comparison], models: Sequence[ModelSummary]
) -> dict[str, list[Comparison]]:
    """Return comparisons by the better model, which becomes ``a``.

    Of many models, only the comparisons with the best are returned.
    """
    names = [model.name for model in by_score(models)]
    turned = in_order_of(names, comparisons)
    if len(names) > SHOWN_IN_PAIRS:
        # A run of very many models has pairs with one model alone, which may share the
        # first place.
        counts = Counter(name for pair in turned for name in pair.names)
        best = max(names, key=lambda name: counts[name])
        turned = [pair for pair in turned if best in pair.names]
    by_better: dict[str, list[Comparison]] = {}
    for pair in turned:
        by_better.setdefault(pair.a, []).append(pair)
    return by_better


def in_order_of(
    names: Sequence[str], comparisons: Sequence[Comparison]
) -> list[Comparison]:
    """Return the comparisons among ``names``, in that order and seen from the first."""
    position = {name: number for number, name in enumerate(names)}
    turned = []
    for pair in comparisons:
        if pair.a in position and pair.b in position:
            earlier = min(pair.a, pair.b, key=position.__getitem__)
            turned.append(pair.seen_from(earlier))
    return sorted(turned, key=lambda pair: (position[pair.a], position[pair.b]))
