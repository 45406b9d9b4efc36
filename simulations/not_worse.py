"""Print how often a model passes the gate "may be worse by a margin".

Run it as ``python simulations/not_worse.py reuters21578.tar.gz``; it takes about
fifteen minutes.
"""

import sys
from dataclasses import replace

import numpy as np
from crossed import Population, draw_models
from micro_f1 import FREQUENT, MODEL, N_DOCUMENTS, Model, Newswires, parts_of
from scipy.optimize import brentq

from rnnbench.report.table import Table, to_markdown
from rnnbench.stats.correctness import Correctness
from rnnbench.stats.not_worse import lower_bound

TIMES, CHUNK = 2_000, 50
TIMES_F1 = 1_000
SEEDS = (1, 3, 5)
CASES = (
    (100, 0.7, 0.05, 0.0),
    (100, 0.9, 0.05, 0.0),
    (100, 0.98, 0.015, 0.0),
    (500, 0.7, 0.02, 0.0),
    (500, 0.9, 0.02, 0.0),
    (500, 0.98, 0.01, 0.0),
    (3_000, 0.7, 0.005, 0.0),
    (3_000, 0.9, 0.005, 0.0),
    (3_000, 0.98, 0.005, 0.0),
    (2_568, 0.95, 0.005, 0.3),
    (2_189, 0.975, 0.005, 0.3),
)
"""Documents, accuracy, margin, and the share of bursts."""
IN_CLUSTERS = ((10, 10), (30, 10), (100, 10), (100, 3), (30, 0))
"""The number of clusters, and their size; 0 stands for sizes of 1 to 30."""
SHARE = 0.3
"""Of the variance over documents that lies between clusters."""
SPREAD = 0.03
"""Of the effects of seeds on topics."""
MARGIN_F1 = 0.01


def share_passed(bounds, margin):
    return f"{np.mean(np.array(bounds) > -margin):.3f}"


def passed(case, n_seeds, drop):
    """The share of new models, worse by ``drop``, that pass."""
    n, accuracy, margin, bursts = case
    random = np.random.default_rng(0)
    pair = []
    for less in (0, drop):
        pair.append((Population.of(accuracy - less, 0.3, bursts), n_seeds))
    in_order = bursts > 0
    bounds = []
    for _ in range(TIMES // CHUNK):
        for old, new in zip(*draw_models(random, CHUNK, pair, n), strict=True):
            models = (Correctness(new, in_order), Correctness(old, in_order))
            bounds.append(lower_bound(*models))
    return share_passed(bounds, margin)


def in_clusters(n_clusters, size, n_seeds, drop, margin):
    """The same for an accuracy of 90 % on documents in clusters."""
    random = np.random.default_rng(0)
    bounds = []
    for _ in range(TIMES):
        sizes = np.full(n_clusters, size)
        if not size:
            sizes = random.integers(1, 31, n_clusters)
        clusters = np.repeat(np.arange(n_clusters), sizes)

        def effects(clusters=clusters):
            of_clusters = random.standard_normal(clusters[-1] + 1)[clusters]
            of_documents = random.standard_normal(len(clusters))
            return of_clusters * SHARE**0.5 + of_documents * (1 - SHARE) ** 0.5

        in_common = effects()
        models = []
        for less in (drop, 0):
            model = Population.of(0.9 - less, 0.3)
            of_seeds = random.standard_normal((n_seeds, 1)) * model.seeds
            score = model.score
            if n_seeds == 1:
                of_seeds *= 0
                score *= (1 + model.documents**2) ** 0.5 / model.total
            alone = effects() * (1 - model.shared) ** 0.5
            chance = random.standard_normal((n_seeds, len(clusters)))
            sums = chance + of_seeds + score + in_common * model.shared**0.5 + alone
            models.append(Correctness(sums > 0, clusters=clusters))
        bounds.append(lower_bound(*models))
    return share_passed(bounds, margin)


def of_f1(newswires, score, bursts, n_seeds, drop):
    """The same for micro-F1 (``score`` 0) or macro-F1 (2) on Reuters-90."""
    random = np.random.default_rng(0)
    old = Model(**MODEL, seeds=SPREAD)
    wanted = newswires.truth(old, n_seeds)[score] - drop

    def excess(found):
        worse = replace(old, found=found)
        return newswires.truth(worse, n_seeds)[score] - wanted

    new = old
    if drop:
        found = brentq(excess, old.found - 1, old.found, xtol=1e-4)
        new = replace(old, found=found)
    bounds = []
    for _ in range(TIMES_F1):
        documents = newswires.draw(random, bursts)
        models = []
        drawn = newswires.answers(random, documents, [new, old], n_seeds, bursts)
        for found, is_given in drawn:
            if score:
                parts = newswires.macro_values(documents, found, is_given)
            else:
                parts = parts_of(documents, found, is_given)
            models.append(Correctness(parts, bursts > 0))
        bounds.append(lower_bound(*models))
    return share_passed(bounds, MARGIN_F1)


def rows_of_f1(archive):
    frequent = Newswires(archive)
    every = Newswires(archive)
    every.frequent = every.by_topic > 0
    kinds = {
        "micro-F1": (frequent, 0),
        f"macro-F1, {frequent.frequent.sum()} topics": (frequent, 2),
        f"macro-F1, {every.frequent.sum()} topics": (every, 2),
    }
    for name, (newswires, score) in kinds.items():
        for bursts in (0, 0.3):
            for n_seeds in SEEDS:
                value = newswires.truth(Model(**MODEL, seeds=SPREAD), n_seeds)[score]
                row = [name, f"{N_DOCUMENTS:,}", f"{value:.1%}"]
                row += [f"{100 * MARGIN_F1:g}", f"{bursts:g}", "-", f"{n_seeds}"]
                for drop in (MARGIN_F1, 0):
                    row.append(of_f1(newswires, score, bursts, n_seeds, drop))
                sys.stderr.write(f"{row}\n")
                yield row


def rows_of_clusters():
    for n_clusters, size in IN_CLUSTERS:
        n = n_clusters * (size or 15.5)
        margin = 0.02 if n > 500 else 0.05
        clusters = f"{n_clusters} of {size or '1 to 30'}"
        for n_seeds in SEEDS:
            row = ["accuracy", f"{n:,.0f}", "90.0%", f"{100 * margin:g}", "0", clusters]
            row.append(f"{n_seeds}")
            for drop in (margin, 0):
                row.append(in_clusters(n_clusters, size, n_seeds, drop, margin))
            sys.stderr.write(f"{row}\n")
            yield row


def main(archive):
    rows = []
    for case in CASES:
        n, accuracy, margin, bursts = case
        for n_seeds in SEEDS:
            cell = ["accuracy", f"{n:,}", f"{accuracy:.1%}", f"{100 * margin:g}"]
            cell += [f"{bursts:g}", "-", f"{n_seeds}"]
            shares = [passed(case, n_seeds, drop) for drop in (margin, 0)]
            rows.append([*cell, *shares])
    rows += rows_of_clusters()
    rows += rows_of_f1(archive)
    headers = ["score", "documents", "value", "margin", "bursts", "clusters", "seeds"]
    headers += ["at the margin", "equal"]
    caption = (
        f"Shares of {TIMES:,} simulated new models ({TIMES_F1:,} with F1) that pass a gate on a margin "
        "in points: at most 0.05 of models that are worse by exactly the margin should, and as many "
        "equal ones as possible. The standard deviation over seeds is 0.3 points. Bursts: the share of "
        "the variance over documents that neighbours in time have in common; these count in 16 blocks. "
        f"Clusters: their number and size; {SHARE:.0%} of the variance over documents lies between them. "
        f"F1 is that of newswires with the topics of Reuters-90; macro-F1, which no gate offers, is "
        f"linearised, over topics with {FREQUENT} test documents or more, and over all. By chance, a "
        f"share of 0.05 lies within {2 * (0.05 * 0.95 / TIMES) ** 0.5:.3f}, or "
        f"{2 * (0.05 * 0.95 / TIMES_F1) ** 0.5:.3f} with F1."
    )
    sys.stdout.write(to_markdown(Table(headers, rows, caption, text_columns=1)))


if __name__ == "__main__":
    main(sys.argv[1])
