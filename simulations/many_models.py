"""Print how often models of large families are called different, or worse than the
best.

Run it as ``python simulations/many_models.py RUN RUN``, with the folders of a run
with one topic a document and of one with several; it takes about an hour. Each family
answers the same documents. Some are simulated; others answer stretches of documents as
the models of a run do.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from crossed import Population, draw_models, holm
from scipy.special import ndtr

from rnnbench.analysis.summary import load_run
from rnnbench.report.table import Table, to_markdown
from rnnbench.stats import many_models
from rnnbench.stats.correctness import Correctness, blocks, linearised

FAMILIES = (3, 10, 40, 120)
SEEDS = (1, 3, 5)
N_DRAWS = 399
N_SCALING_DRAWS = 200
TIMES = {3: 1_000, 10: 1_000, 40: 500, 120: 200}
"""Families of each size; large ones take long."""
TIMES_APART = {3: 200, 10: 200, 40: 80, 120: 20}
"""The same with one or two models that are better than the others."""
ACCURACY, POINTS, BURSTS = 0.95, 0.25, 0.3
N_STRONG = 6
"""The models of a run, the best ones, that equal mixed models draw their answers
from."""
BETTER = 0.02
"""The distance of the best models from the others."""
N_DOCUMENTS = 2_568
STRETCH = 10
"""Neighbouring documents that a mixed model answers as one model of a run does."""
WORST_SHARE = 0.5
"""The share of answers that worse mixed models have from the worst model of the run."""


@dataclass(frozen=True)
class Outcome:
    """Verdicts on one family; shares are ``None`` where no model is worse than the
    best.
    """

    has_false_pair: bool
    has_false_pair_by_holm: bool
    loses_a_best: bool
    ranks_hold: bool
    worse_found: float | None
    worse_found_by_holm: float | None


class Simulated:
    """Models whose answers are drawn, with bursts of errors in documents in order of
    time.
    """

    def __init__(self, name, n_documents, bursts):
        self.name = name
        self.n_documents = n_documents
        self.groups = blocks(n_documents) if bursts else None
        self.bursts = bursts

    def draw(self, random, is_best, n_seeds):
        """Return the answers of models, of which some are better than the others."""
        if is_best.all():
            accuracies = np.full(len(is_best), ACCURACY)
        else:
            accuracies = np.where(is_best, ACCURACY, ACCURACY - BETTER)
        models = []
        for accuracy in accuracies:
            models.append((Population.of(accuracy, POINTS, self.bursts), n_seeds))
        drawn = draw_models(random, 1, models, self.n_documents)
        return [answers[0] for answers in drawn]


class Mixed:
    """Models that answer stretches of documents as models of a stored run do, drawn at
    random.
    """

    def __init__(self, folder):
        run = load_run(Path(folder))
        self.name = f"{run.results.name}, stretches"
        self.most_seeds = max(len(trials) for trials in run.trials.values())
        parts = []
        for trials in run.trials.values():
            of_model = np.array([trial.parts for trial in trials])
            # A single training stands for all seeds.
            parts.append(np.resize(of_model, (self.most_seeds, *of_model.shape[1:])))
        self.parts = np.stack(parts)  # (n_models, n_seeds, [2,] n_documents)
        self.n_documents = self.parts.shape[-1]
        self.groups = blocks(self.n_documents)
        scores = np.array([self._score(of_model) for of_model in self.parts])
        self.worst = int(scores.argmin())
        self.strong = np.argsort(scores)[-N_STRONG:]

    def _score(self, parts):
        if parts.ndim == 3:
            return parts[:, 0].mean() / parts[:, 1].mean()
        return parts.mean()

    def draw(self, random, is_best, n_seeds):
        """Return values whose means are the scores of models; equal ones have equal
        weights.
        """
        weights = np.zeros((len(is_best), len(self.parts)))
        weights[:, self.strong] = 1 / len(self.strong)
        if not is_best.all():
            weights[~is_best] *= 1 - WORST_SHARE
            weights[~is_best, self.worst] += WORST_SHARE
        start = random.integers(self.n_documents)
        order = (start + np.arange(self.n_documents)) % self.n_documents
        n_stretches = -(-self.n_documents // STRETCH)
        models = []
        for of_model in weights:
            chosen = random.choice(len(of_model), n_stretches, p=of_model)
            model_of_document = np.repeat(chosen, STRETCH)[: self.n_documents]
            seeds = random.permutation(self.most_seeds)[:n_seeds]
            trials = [
                self.parts[model_of_document, seed, ..., order].T for seed in seeds
            ]
            values = np.stack(trials, axis=-2)
            models.append(linearised(values) if values.ndim == 3 else values)
        return models


def judge(models, groups, is_best):
    """Return the verdicts on a family."""
    scores = many_models.describe(
        [Correctness(values, in_order=groups is not None) for values in models]
    )
    n_models = len(models)
    first, second = np.triu_indices(n_models, 1)
    p = many_models.corrected_p(scores, first, second)
    by_holm = holm(2 * ndtr(-np.abs(scores.z[first, second])))
    are_equal = is_best[first] == is_best[second]
    ranks = many_models.rank_intervals(scores)
    n_best = is_best.sum()
    first_rank = np.where(is_best, 1, n_best + 1)
    last_rank = np.where(is_best, n_best, n_models)
    ranks_hold = (ranks[:, 0] <= first_rank) & (ranks[:, 1] >= last_rank)
    is_excluded = many_models.worse_than_best_p(scores) < many_models.LEVEL
    worse_found = worse_found_by_holm = None
    if not is_best.all():
        leader = int(scores.units.mean(axis=1).argmax())
        is_with_leader = (first == leader) | (second == leader)
        n_found = (by_holm[is_with_leader & ~are_equal] < many_models.LEVEL).sum()
        worse_found = float(is_excluded[~is_best].mean())
        worse_found_by_holm = float(n_found / (~is_best).sum())
    return Outcome(
        has_false_pair=bool((p[are_equal] < many_models.LEVEL).any()),
        has_false_pair_by_holm=bool((by_holm[are_equal] < many_models.LEVEL).any()),
        loses_a_best=bool(is_excluded[is_best].any()),
        ranks_hold=bool(ranks_hold.all()),
        worse_found=worse_found,
        worse_found_by_holm=worse_found_by_holm,
    )


def share(outcomes, field):
    """Return the mean of a field over families."""
    return f"{np.mean([getattr(outcome, field) for outcome in outcomes]):.3f}"


def cell(world, n_models, n_seeds):
    """Return a row of the table."""
    random = np.random.default_rng(0)
    equal = np.ones(n_models, bool)
    level = []
    for _ in range(TIMES[n_models]):
        level.append(judge(world.draw(random, equal, n_seeds), world.groups, equal))
    row = [world.name, str(n_models), str(n_seeds)]
    fields = ["has_false_pair", "has_false_pair_by_holm", "loses_a_best", "ranks_hold"]
    row += [share(level, field) for field in fields]
    for n_best in (1, 2):
        is_best = np.arange(n_models) < n_best
        apart = []
        for _ in range(TIMES_APART[n_models]):
            apart.append(
                judge(world.draw(random, is_best, n_seeds), world.groups, is_best)
            )
        found = [share(apart, "worse_found"), share(apart, "worse_found_by_holm")]
        row += [" / ".join(found), share(apart, "loses_a_best")]
    return row


def main(folders):
    many_models.N_DRAWS = N_DRAWS
    many_models.FEWEST_DRAWS = N_DRAWS
    many_models.SCALING_DRAWS = N_SCALING_DRAWS
    worlds = [
        Simulated("2,568, bursts", N_DOCUMENTS, BURSTS),
        Simulated("600", 600, 0.0),
    ]
    worlds += [Mixed(folder) for folder in folders]
    rows = []
    for n_models in FAMILIES:
        for world in worlds:
            for n_seeds in SEEDS:
                rows.append(cell(world, n_models, n_seeds))
                print(rows[-1], file=sys.stderr, flush=True)  # noqa: T201
    headers = [
        "documents",
        "models",
        "seeds",
        "any pair clear",
        "any pair clear (Holm)",
    ]
    headers += ["a best excluded", "all ranks hold"]
    for words in ("one best", "two best"):
        headers += [f"{words}: others found worse / Holm", f"{words}: excluded"]
    sizes = ", ".join(f"{TIMES[n]:,} of {n}" for n in FAMILIES)
    caption = (
        f"Families of equal models ({sizes}), in which any clear pair is a false verdict, and "
        f"families with one or two best models, {100 * BETTER:g} points of accuracy ahead of the "
        f"others. Simulated models have an accuracy of {ACCURACY:.0%}, and a standard deviation "
        f"of {POINTS} points over several seeds. Stretches: of each {STRETCH} neighbouring "
        "documents, a model has the answers of a model of the run, drawn at random; worse models "
        "take half of them from the worst one. Any pair clear: share of families with a corrected "
        "p-value below 0.05. Excluded: share of families in which a truly best model is clearly "
        "worse than the best. All ranks hold: share of families in which every interval of ranks "
        "contains all ranks that equal models share. Others found worse: share of truly worse "
        "models that are clearly worse than the best, by the model confidence set / by Holm's "
        f"method over all pairs. With {N_DRAWS} draws."
    )
    sys.stdout.write(to_markdown(Table(headers, rows, caption, text_columns=1)))


if __name__ == "__main__":
    main(sys.argv[1:])
