"""Print how often the promised error of the answers above a threshold is kept.

Run it as ``python simulations/selective.py RUN ...``; it takes about ten minutes. Worlds
with a known error are drawn first; then the test set of each run is split at random.
"""

import sys
from pathlib import Path

import numpy as np
from scipy.signal import lfilter
from scipy.special import ndtr, ndtri

from rnnbench.analysis.summary import load_run
from rnnbench.report.table import Table, to_markdown
from rnnbench.stats.correctness import Correctness
from rnnbench.stats.selective import answer_where

TIMES = 1_000
PROMISES = (0.02, 0.05)
SIZES = (500, 2_000)
SHARE = 0.3
"""The share of the variance of sureness and errors that neighbours have in common."""
CLUSTER, SPAN = 8, 20
"""The size of clusters; the documents after which a burst has faded to 1/e."""
SPLITS = 200
N_LEVELS = 20_000
WORLDS = {
    "falling": lambda sureness, _: 0.4 * (1 - sureness) ** 3,
    "at the limit": lambda sureness, at_most: 0 * sureness + at_most + 1e-6,
    "rising": lambda sureness, at_most: at_most * (0.9 + 0.2 * (sureness < 0.5)),
    "surest worst": lambda sureness, at_most: at_most * (0.5 + 2 * (sureness > 0.8)),
    "ten ties": lambda sureness, _: 0.4 * (1 - np.ceil(10 * sureness) / 10) ** 3,
}
"""The chance of an error by sureness, from 0 to 1, and by the error that is promised."""


def true_errors(world, at_most):
    """Return thresholds, and the error of all answers at least as sure as each."""
    levels = (np.arange(N_LEVELS) + 0.5) / N_LEVELS
    of_level = WORLDS[world](levels, at_most)
    from_top = np.cumsum(of_level[::-1]) / np.arange(1, N_LEVELS + 1)
    return levels, from_top[::-1]


def effects(random, n, dependence):
    """Return effects of documents with a variance of 1."""
    chance = random.standard_normal(n)
    if dependence == "none":
        return chance
    if dependence == "clusters":
        in_common = random.standard_normal(n)[np.arange(n) // CLUSTER]
    else:
        fading = np.exp(-1 / SPAN)
        innovations = random.standard_normal(n + 9 * SPAN) * (1 - fading**2) ** 0.5
        in_common = lfilter([1], [1, -fading], innovations)[-n:]
    return chance * (1 - SHARE) ** 0.5 + in_common * SHARE**0.5


def kept(world, at_most, n, dependence="none", times=TIMES, ways=("none",)):
    """Return how often a promise is kept or not made, and the mean share answered.

    It is a row for each way in which dependent documents are treated.
    """
    random = np.random.default_rng(0)
    levels, errors = true_errors(world, at_most)
    results = np.zeros((len(ways), 2))
    for _ in range(times):
        sureness = ndtr(effects(random, n, dependence))
        risk = WORLDS[world](sureness, at_most)
        wrong = effects(random, n, dependence) < ndtri(risk)
        if world == "ten ties":
            sureness = np.ceil(10 * sureness) / 10
        for row, way in enumerate(ways):
            groups = {
                "none": {},
                "clusters": {"clusters": np.arange(n) // CLUSTER},
                "bursts": {"in_order": True},
            }[way]
            correctness = Correctness(~wrong[np.newaxis], **groups)
            promise = answer_where(sureness, correctness, at_most)
            is_kept = True
            if promise:
                place = min(np.searchsorted(levels, promise.threshold), N_LEVELS - 1)
                is_kept = errors[place] <= at_most + 1e-9
                results[row, 1] += promise.n_answered / n
            results[row, 0] += is_kept
    return results / times


def of_worlds():
    rows = []
    for dependence in ("none", "clusters", "bursts"):
        is_none = dependence == "none"
        worlds = WORLDS if is_none else ["falling", "at the limit"]
        ways = ["none", *{dependence} - {"none"}]
        for world in worlds:
            for at_most in PROMISES if is_none else PROMISES[1:]:
                for n in SIZES:
                    results = kept(world, at_most, n, dependence, ways=ways)
                    for way, (share, answered) in zip(ways, results, strict=True):
                        cells = [dependence, way, world, f"{at_most:.0%}", f"{n:,}"]
                        cells += [f"{share:.3f}", f"{answered:.2f}"]
                        rows.append(cells)
                        print(cells, file=sys.stderr)  # noqa: T201
    headers = ["dependence", "allowed for", "errors", "promise", "documents"]
    caption = (
        f"Of {TIMES:,} worlds each. Kept: the share in which the true error of the answers is as "
        "promised with 95 %, or nothing is promised. Answered: the mean share of documents that "
        "are answered; none if nothing is promised. Errors: their chance falls with sureness; is "
        "always at the limit, so that each promise is false; rises a little "
        "above it in the less sure half; is highest for the surest; or falls in ten steps of equal "
        f"sureness. Dependence: {SHARE:.0%} of the variance of sureness and errors is that of "
        f"clusters of {CLUSTER}, or of bursts that fade to 1/e in 20 documents. By chance, a share "
        "of 0.95 lies within 0.014."
    )
    return Table([*headers, "kept", "answered"], rows, caption, text_columns=3)


def halves(sureness, right, at_most, random):
    """Return the share answered and the error of the other half, of each promise."""
    found = []
    for _ in range(SPLITS):
        order = random.permutation(len(right))
        chosen, other = np.array_split(order, 2)
        promise = answer_where(
            sureness[chosen], Correctness(right[np.newaxis, chosen]), at_most
        )
        if promise:
            is_answered = sureness[other] >= promise.threshold
            error = (~right[other][is_answered]).mean() if is_answered.any() else 0.0
            found.append((is_answered.mean(), error))
    return found


def resampled(sureness, right, at_most, random):
    """Return whether promises are kept where the test set is all there is."""
    held = []
    for _ in range(SPLITS):
        drawn = random.integers(len(right), size=len(right))
        promise = answer_where(
            sureness[drawn], Correctness(right[np.newaxis, drawn]), at_most
        )
        is_answered = sureness >= (promise.threshold if promise else np.inf)
        held.append(not promise or (~right[is_answered]).mean() <= at_most)
    return np.mean(held)


def of_runs(folders):
    random = np.random.default_rng(0)
    rows = []
    for folder in folders:
        run = load_run(Path(folder))
        for at_most in PROMISES:
            drawn, split, n_splits = [], [], 0
            for trials in run.trials.values():
                first = trials[0]
                if first.record.score_kind == "answers":
                    continue
                sureness = first.scores.max(axis=1)
                right = first.answers == first.labels
                drawn.append(resampled(sureness, right, at_most, random))
                split += halves(sureness, right, at_most, random)
                n_splits += SPLITS
            cells = [run.results.name, f"{at_most:.0%}", str(len(drawn))]
            cells += [f"{np.mean(drawn):.3f}", f"{min(drawn):.3f}"]
            cells.append(f"{len(split) / n_splits:.2f}")
            if split:
                answered, errors = np.array(split).T
                cells += [f"{answered.mean():.2f}", f"{np.mean(errors <= at_most):.3f}"]
                cells.append(f"{errors.mean():.2%}")
            else:
                cells += ["-"] * 3
            rows.append(cells)
            print(cells, file=sys.stderr)  # noqa: T201
    headers = ["run", "promise", "models", "kept", "lowest", "promised"]
    headers += ["answered", "as low", "error"]
    caption = (
        f"Real answers of the first seed of each model. Kept: the share of {SPLITS} samples of "
        "the test set, as large as it is and drawn with replacement, in which the error on the "
        "whole test set is as promised with 95 %, or nothing is promised: the mean over "
        f"models, and the lowest. Then the test set is split at random, {SPLITS} times a model, "
        "the threshold is chosen on one half and used on the other. Promised: in how many splits "
        "there is a threshold. Answered: the share of the other half that is answered. As low: in "
        "how many splits the error on the other half, which is a sample itself, is not above the "
        "promise. Error: its mean."
    )
    return Table([*headers], rows, caption)


def main():
    sys.stdout.write(to_markdown(of_worlds()))
    if sys.argv[1:]:
        sys.stdout.write("\n" + to_markdown(of_runs(sys.argv[1:])))


if __name__ == "__main__":
    main()
