"""Print accuracies on the test documents of a run that R52 trains on, and on the
others.

The network of ``reuters46`` began as that of ``r52``, which was shaped on R52's
training documents. Many of these are test documents in the Keras set. Run it as
``python simulations/overlap.py RUN`` with the folder of a finished run on the
Keras set; its documents and those of R52 must be in the cache.
"""

import re
import sys
from itertools import combinations
from pathlib import Path

import numpy as np

from rnnbench.analysis.comparisons import compare_pairs, parts_of
from rnnbench.analysis.summary import load_run
from rnnbench.data.config import Data
from rnnbench.data.load import prepare
from rnnbench.report.table import Table, to_markdown
from rnnbench.report.words import short_p
from rnnbench.stats.correctness import Correctness
from rnnbench.stats.intervals import score_interval

END = 10
"""The last words of a document, by which it is found in R52, where its title precedes
them."""


def main(folder):
    run = load_run(Path(folder))
    ours, r52 = prepare(run.benchmark.data), prepare(Data(source="r52"))
    in_r52 = set(_ends(r52.corpus, r52.dataset.train_documents))
    ends = _ends(ours.corpus, ours.dataset.test_documents)
    is_shared = np.array([end in in_r52 for end in ends])
    hits = {
        name: Correctness(parts_of(trials)).values
        for name, trials in run.trials.items()
    }
    columns = {"trained on in R52": is_shared, "others": ~is_shared}
    best = max(hits, key=lambda name: float(hits[name][:, ~is_shared].mean()))
    is_random = {model.name: model.is_random for model in run.results.models}
    rows = {name: [name] for name in hits}
    for part in columns.values():
        of_part = {
            name: Correctness(right[:, part], is_random=is_random[name])
            for name, right in hits.items()
        }
        compared = compare_pairs([*combinations(of_part, 2)], of_part)
        with_best = [entry for entry in compared if best in (entry.a, entry.b)]
        p = {entry.seen_from(best).b: entry.p_corrected for entry in with_best}
        for name, of_model in of_part.items():
            interval = f"{score_interval(of_model):.4f}"
            shown_p = short_p(p[name]) if name in p else "-"
            rows[name] += [f"{of_model.score:.4f}", interval, shown_p]
    headers = [
        f"{header}, {part.sum():,} {which}"
        for which, part in columns.items()
        for header in ("accuracy", "95 % interval", "p")
    ]
    caption = (
        f"{run.benchmark.name}: test documents whose last {END} words are those of a training "
        f"document of R52, and the others. p: that of the difference from {best}, corrected for "
        "all pairs of models."
    )
    ordered = sorted(rows.values(), key=lambda row: row[4], reverse=True)
    sys.stdout.write(to_markdown(Table(["model", *headers], ordered, caption)))


def _ends(corpus, documents):
    """Return the last words of documents in the form that R52 has: letters alone."""
    words = np.array(corpus.vocabulary)
    texts = (
        corpus.tokens[slice(*corpus.offsets[entry : entry + 2])] for entry in documents
    )
    return [
        tuple(re.findall("[a-z]+", " ".join(words[text - 1]))[-END:]) for text in texts
    ]


if __name__ == "__main__":
    main(sys.argv[1])
