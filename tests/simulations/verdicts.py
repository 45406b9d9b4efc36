"""Print how often differences are found between simulated models that differ, or are equal.

Run it as ``python tests/simulations/verdicts.py``; it takes about half an hour. Each benchmark has
seven models, so 21 pairs. A difference is found if its p-value is below 0.05. Among equal models,
it is clear if its p-value is below 0.05 after Holm's correction for all pairs; between models that
differ, if it is below 0.05/21, the first step of that correction.
"""

import sys
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from alternatives import ALTERNATIVES, MeanSquares
from crossed import CHUNK, Population, draw_models

from rnnbench.analysis.comparisons import holm
from rnnbench.analysis.intervals import Hits, estimate_difference
from rnnbench.report.table import Table, to_markdown

OURS, N_MODELS, N_PAIRS = "ours", 7, 21
TIMES, TIMES_APART = 2_000, 400
"""Benchmarks of equal models, and of models that differ; a share of many pairs needs fewer."""
TEST_SETS = [(599, 0.75), (599, 0.85), (2_189, 0.96), (2_568, 0.95)]
SEEDS = (2, 3, 5, 10)
SPREADS = [[0.3] * 7, [1.0] * 7, [3.0] * 7, [0.3, 0.3, 0.3, 1.0, 1.0, 3.0, 3.0]]
DIFFERENCES = (1, 2, 3)
COMPARED = [(599, 0.85), (2_568, 0.95)]
"""Test sets on which the alternatives are tried, too."""


def main() -> None:
    ours, others = [], []
    for n_documents, accuracy in TEST_SETS:
        for spreads in SPREADS:
            for n_seeds in SEEDS:
                is_compared = (n_documents, accuracy) in COMPARED and n_seeds < 10
                names = [OURS, *ALTERNATIVES] if is_compared else [OURS]
                cell = [f"{n_documents:,}", f"{accuracy:.0%}", _spelled(spreads), str(n_seeds)]
                for name, facts in _cell(n_documents, accuracy, spreads, n_seeds, names).items():
                    if name == OURS:
                        ours.append([*cell, *facts])
                    others += [[*cell, name, *facts]] * is_compared
                print(ours[-1], file=sys.stderr)  # noqa: T201
    headers = ["documents", "accuracy", "points", "seeds"]
    facts = [
        "found",
        "any clear",
        "any clear from the best",
        *(f"{n} point{'s' * (n > 1)} found / clear" for n in DIFFERENCES),
    ]
    caption = (
        f"Of {TIMES:,} simulated benchmarks of {N_MODELS} equal models, and of {TIMES_APART} "
        "in which one differs from the others. Points: the standard deviation of a model's "
        "accuracy over seeds. Found: share of the pairs of equal models with a "
        "p-value below 0.05. Any clear: share of the benchmarks of equal models in which any pair "
        f"has one below 0.05 after Holm's correction for {N_PAIRS} pairs; from the best: any pair "
        "with the best one. N points found / clear: share of the pairs that differ by N points of "
        f"accuracy and have a p-value below 0.05 / below 0.05/{N_PAIRS}."
    )
    sys.stdout.write(to_markdown(Table([*headers, *facts], ours, caption, text_columns=0)))
    tried = "The same for other ways to compute a p-value: " + "; ".join(
        f"{name}: {way.__doc__.splitlines()[0].rstrip('.')}" for name, way in ALTERNATIVES.items()
    )
    headers += ["way"]
    sys.stdout.write(
        "\n" + to_markdown(Table([*headers, *facts], others, tried + ".", text_columns=0))
    )


def _spelled(spreads: Sequence[float]) -> str:
    return " ".join(f"{each:g}" for each in dict.fromkeys(spreads))


def _cell(
    n_documents: int, accuracy: float, spreads: Sequence[float], n_seeds: int, names: Sequence[str]
) -> dict[str, list[str]]:
    """Return the shares of differences that are found, by way to compute the p-value."""
    equal = [Population.of(accuracy, points) for points in spreads]
    ps, best = _p_values(equal, n_seeds, n_documents, names)
    with_best = np.array([(best == a) | (best == b) for a, b in combinations(range(N_MODELS), 2)])
    facts = {}
    for name, p in ps.items():
        is_clear = np.apply_along_axis(holm, 0, p, N_PAIRS) < 0.05
        shares = (p < 0.05, is_clear.any(axis=0), (is_clear & with_best).any(axis=0))
        facts[name] = [f"{np.mean(each):.3f}" for each in shares]
    for difference in DIFFERENCES:
        half = difference / 200
        apart = [
            Population.of(accuracy + half, spreads[0]),
            *(Population.of(accuracy - half, points) for points in spreads[1:]),
        ]
        for name, p in _p_values(apart, n_seeds, n_documents, names, with_first=True)[0].items():
            shares = (np.mean(p < level) for level in (0.05, 0.05 / N_PAIRS))
            facts[name].append(" / ".join(f"{share:.2f}" for share in shares))
    return facts


def _p_values(
    models: Sequence[Population],
    n_seeds: int,
    n_documents: int,
    names: Sequence[str],
    *,
    with_first: bool = False,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the p-values of each way, ``(n_pairs, times)``, and the best models, ``(times,)``.

    If ``with_first``, only pairs with the first model are tested, in fewer benchmarks.
    """
    random = np.random.default_rng(0)
    pairs = [pair for pair in combinations(range(len(models)), 2) if not with_first or 0 in pair]
    times = TIMES_APART if with_first else TIMES
    found: dict[str, list[np.ndarray]] = {name: [] for name in names}
    best = []
    for _ in range(times // CHUNK):
        drawn = draw_models(random, CHUNK, [(each, n_seeds) for each in models], n_documents)
        squares = [MeanSquares(hits) for hits in drawn]
        best.append(np.argmax([each.mean for each in squares], axis=0))
        for name in names:
            found[name].append(np.array(list(_of_pairs(name, pairs, drawn, squares))))
    ps = {name: np.concatenate(chunks, axis=1) for name, chunks in found.items()}
    return ps, np.concatenate(best)


def _of_pairs(
    name: str,
    pairs: Sequence[tuple[int, int]],
    drawn: Sequence[np.ndarray],
    squares: Sequence[MeanSquares],
) -> Iterator[np.ndarray]:
    for a, b in pairs:
        if name == OURS:
            both = zip(drawn[a], drawn[b], strict=True)
            yield np.array([estimate_difference(*map(Hits, hits)).p for hits in both])
        else:
            yield ALTERNATIVES[name](squares[a], squares[b], squares)


if __name__ == "__main__":
    main()
