"""Which models differ on the same test documents."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from rnnbench.analysis.intervals import estimate_difference
from rnnbench.analysis.variance import Hits, sums_of_blocks
from rnnbench.results.schema import ANOVA, BLOCKS, DIGITS, MCNEMAR, Comparison, ModelSummary

MAX_IN_PAIRS = 60
"""The most models that are all compared with each other; a comparison takes about a millisecond."""
SHOWN_IN_PAIRS = 8
"""The most models of which all pairs are shown in a plot."""


def compare_pairs(
    pairs: Sequence[tuple[str, str]],
    hits: Mapping[str, Hits],
    fixed: Collection[str],
    n_tests: int | None = None,
    *,
    in_order: bool = False,
) -> list[Comparison]:
    """Return the comparisons of ``pairs`` of models, p-values corrected for their number.

    Single trials, or trials that all agree, are compared by McNemar's test, or by that of
    blocks; means over several trials by Student's test, with a variance from an analysis of
    variance.

    Args:
        pairs: the names of the models.
        hits: of each model.
        fixed: the models whose answers do not depend on the seed.
        n_tests: the number of tests to correct for. If the results decide which pairs are
            compared, such as those with the best model, it is the number of all possible pairs.
        in_order: whether the documents are in order of time.
    """
    found = []
    for a, b in pairs:
        estimate = estimate_difference(hits[a], hits[b], in_order=in_order)
        p, method = estimate.p, ANOVA
        if all((each == each[0]).all() for each in (hits[a], hits[b])):
            p, method = mcnemar_p(hits[a][0], hits[b][0]), MCNEMAR
            if in_order:
                p, method = max(p, blocks_p(hits[a][0], hits[b][0])), BLOCKS
        found.append((a, b, estimate, p, method))
    corrected = holm([p for *_, p, _ in found], n_tests or len(pairs))
    return [
        Comparison(
            a=a,
            b=b,
            difference=estimate.value,
            interval=estimate.interval,
            p=p,
            p_holm=p_holm,
            method=method,
            n_seeds=min((len(hits[each]) for each in (a, b) if each not in fixed), default=None),
        )
        for (a, b, estimate, p, method), p_holm in zip(found, corrected, strict=True)
    ]


def compare_with_best(
    hits: Mapping[str, Hits], fixed: Collection[str], *, in_order: bool = False
) -> dict[str, Comparison]:
    """Return the comparison of the best model, as ``a``, with each other model, by its name.

    The p-values are corrected for all pairs of models. With up to ``MAX_IN_PAIRS`` models, they are
    those of a run with the same models. With more, only the pairs with the best model are tested,
    and the correction is the strictest possible.
    """
    best = max(hits, key=lambda name: round(float(hits[name].mean()), DIGITS))
    others = [name for name in hits if name != best]
    pairs = [(best, name) for name in others]
    if len(hits) <= MAX_IN_PAIRS:
        pairs += combinations(others, 2)
    compared = compare_pairs(pairs, hits, fixed, comb(len(hits), 2), in_order=in_order)
    return {each.b: each for each in compared if each.a == best}


def by_better_model(
    comparisons: Sequence[Comparison], models: Sequence[ModelSummary]
) -> dict[str, list[Comparison]]:
    """Return the comparisons among ``models`` by the better model of each, which becomes ``a``.

    The most accurate models come first, and so do the most accurate of those that each is compared
    with. Of more than ``SHOWN_IN_PAIRS`` models, only the comparisons with the best are returned.
    """
    ordered = sorted(models, key=lambda model: -round(model.accuracy.mean, DIGITS))
    place = {model.name: place for place, model in enumerate(ordered)}
    among = [each for each in comparisons if each.a in place and each.b in place]
    turned = [each.seen_from(min(each.a, each.b, key=place.__getitem__)) for each in among]
    turned.sort(key=lambda each: (place[each.a], place[each.b]))
    if len(place) > SHOWN_IN_PAIRS:
        # A run of very many models has pairs with one model alone, which may share the first place.
        counts = Counter(name for each in turned for name in (each.a, each.b))
        best = max(place, key=lambda name: counts[name])
        turned = [each for each in turned if best in (each.a, each.b)]
    found: dict[str, list[Comparison]] = {}
    for each in turned:
        found.setdefault(each.a, []).append(each)
    return found


def mcnemar_p(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Return the p-value of McNemar's exact test that two classifiers are right equally often.

    ``a`` and ``b`` say whether each was right about each document. Under the null hypothesis, if
    only one is right about a document, it is equally likely to be either of them (Q. McNemar:
    Note on the sampling error of the difference between correlated proportions or percentages.
    Psychometrika 12, 1947).
    """
    from scipy.special import bdtr

    only_a, only_b = int(np.sum(a & ~b)), int(np.sum(b & ~a))
    return min(1.0, 2 * float(bdtr(min(only_a, only_b), only_a + only_b, 0.5)))


def blocks_p(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Return the p-value of the randomization test that two classifiers are right equally often.

    Under the null hypothesis, the difference in each block of documents is equally likely to have
    the other sign (R. A. Fisher: The Design of Experiments, 1935, chapter 3). If each block is one
    document, this is McNemar's exact test. ``a`` and ``b`` are those of
    ``mcnemar_p``, in order of time.
    """
    differences = sums_of_blocks(a.astype(int) - b)
    sums = np.ones(1)  # the probability of each sum from -n to n; n is the sum of the sizes so far
    for size in np.abs(differences[differences != 0]):
        same = np.zeros(2 * size)
        sums = (np.concatenate([sums, same]) + np.concatenate([same, sums])) / 2
    is_as_far = np.abs(np.arange(len(sums)) - len(sums) // 2) >= abs(differences.sum())
    return min(1.0, float(sums[is_as_far].sum()))


def holm(ps: Sequence[float], n: int) -> list[float]:
    """Return p-values corrected for ``n`` tests; p-values not given count as larger.

    S. Holm: A simple sequentially rejective multiple test procedure. Scandinavian Journal of
    Statistics 6 (1979).
    """
    order = np.argsort(ps, kind="stable")
    scaled = np.asarray(ps)[order] * np.arange(n, n - len(ps), -1)
    corrected = np.empty(len(ps))
    corrected[order] = np.minimum(1, np.maximum.accumulate(scaled))
    return corrected.tolist()
