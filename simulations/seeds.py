"""Print what would have been reported with five of the seeds of a finished run.

Run it as ``python simulations/seeds.py RUN`` with the folder of a run that has
many seeds.
"""

import sys
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np

from rnnbench.analysis.comparisons import compare_pairs, parts_of
from rnnbench.analysis.summary import load_run
from rnnbench.report.table import Table, to_markdown
from rnnbench.stats.correctness import Correctness
from rnnbench.stats.intervals import t_interval

FEW = 5
N_SETS = 1_000


def main(folder):
    run = load_run(Path(folder))
    hits = {
        name: Correctness(parts_of(trials)).values
        for name, trials in run.trials.items()
    }
    dataset = run.results.dataset
    topics = [entry.topic for entry in dataset.topics]
    labels = next(iter(run.trials.values()))[0].labels
    hits[dataset.majority_name] = labels[np.newaxis] == topics.index(
        dataset.majority_topic
    )
    random = [name for name in run.trials if run.benchmark.models[name].is_random]
    rng = np.random.default_rng(0)
    sets = [
        rng.choice(len(run.results.seeds), FEW, replace=False) for _ in range(N_SETS)
    ]
    tables = [_spreads(random, hits, sets), _verdicts(random, hits, sets)]
    sys.stdout.write("\n".join(map(to_markdown, tables)))


def _spreads(random, hits, sets):
    rows = []
    for name in random:
        accuracies = hits[name].mean(axis=1)
        held, others_held = [], []
        for few in sets:
            of_few, rest = accuracies[few], np.delete(accuracies, few)
            held.append(accuracies.mean() in t_interval(of_few))
            others_held.append(
                np.mean([entry in t_interval(of_few, 1) for entry in rest])
            )
        row = [name, f"{accuracies.mean():.4f}", f"{accuracies.std(ddof=1):.4f}"]
        row.append(f"{accuracies.min():.4f} to {accuracies.max():.4f}")
        rows.append([*row, f"{np.mean(held):.0%}", f"{np.mean(others_held):.0%}"])
    headers = ["model", "mean", "standard deviation", "lowest to highest"]
    headers += ["mean held", "others held"]
    n = len(hits[random[0]])
    caption = (
        f"Accuracies of {n} seeds. Mean held: of {N_SETS:,} random sets of {FEW} of them, those "
        f"whose 95 % interval over seeds contains the mean of all {n}; others held: the share of "
        "the other accuracies in their interval of one more training."
    )
    return Table(headers, rows, caption, text_columns=1)


def _verdicts(random, hits, sets):
    fixed = set(hits) - set(random)
    pairs = [pair for pair in combinations(hits, 2) if not fixed.issuperset(pair)]
    whole = {
        name: Correctness(right, is_random=name in random)
        for name, right in hits.items()
    }
    found = compare_pairs(pairs, whole)
    same = np.zeros(len(pairs))
    for few in sets:
        of_few = {
            name: replace(of_model, parts=of_model.parts[few])
            if of_model.is_random
            else of_model
            for name, of_model in whole.items()
        }
        again = compare_pairs(pairs, of_few)
        same += [a.is_clear == b.is_clear for a, b in zip(found, again, strict=True)]
    rows = [
        [entry.a, entry.b, f"{entry.difference:+.4f}", entry.verdict, f"{share:.0%}"]
        for entry, share in zip(found, same / len(sets), strict=True)
    ]
    headers = ["model", "other", "difference", "verdict", f"same with {FEW}"]
    caption = f"Verdicts with all seeds, and the share of the sets of {FEW} that give the same."
    return Table(headers, rows, caption, text_columns=2)


if __name__ == "__main__":
    main(sys.argv[1])
