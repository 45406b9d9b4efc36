"""Print how often new texts are told from old ones, and how well.

Run it as ``python simulations/two_samples.py NEWS.csv GROUPS.csv``, tables with a column
``text`` and one ``label``; it takes about five minutes. Without tables, only words are
drawn.
"""

import csv
import sys

import numpy as np
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import CountVectorizer

from rnnbench.report.table import Table, to_markdown
from rnnbench.stats.two_samples import tell_apart

TIMES = 200
SIZES = (50, 200, 500)
N_WORDS = 5_000
LENGTH = 40
SHIFTS = {"same source": 0.0, "2 % of words": 0.02, "5 % of words": 0.05}
"""The share of words of new texts that are drawn from another 100 words."""
TIMES_REAL = 50


def draw(random, n, share):
    """Return which words texts have; their lengths vary."""
    chances = 1 / np.arange(1, N_WORDS + 1)
    lengths = random.lognormal(np.log(LENGTH), 0.5, n).astype(int) + 1
    words = random.choice(N_WORDS, lengths.sum(), p=chances / chances.sum())
    is_other = random.random(len(words)) < share
    words[is_other] = random.integers(1_000, 1_100, is_other.sum())
    texts = np.repeat(np.arange(n), lengths)
    counts = csr_array((np.ones(len(words), "f4"), (texts, words)), (n, N_WORDS))
    counts.data[:] = 1
    return counts.toarray()


def results_of(share, n, times=TIMES):
    """Return the results of ``n`` new texts against as many old ones."""
    random = np.random.default_rng(0)
    is_new = np.arange(2 * n) >= n
    results = []
    for _ in range(times):
        both = np.concatenate([draw(random, n, 0.0), draw(random, n, share)])
        results.append(tell_apart(csr_array(both), is_new))
    return results


def cells_of(results):
    """Return the share found, the mean AUC, and how often intervals contain it."""
    mean = np.mean([result.auc for result in results])
    found = np.mean([result.p <= 0.05 for result in results])
    held = np.mean([mean in result.interval for result in results])
    widths = [result.interval.high - result.interval.low for result in results]
    return [f"{found:.3f}", f"{mean:.3f}", f"{held:.3f}", f"{np.mean(widths):.3f}"]


def read(file):
    csv.field_size_limit(10**9)
    with open(file, encoding="utf-8", newline="") as opened:  # noqa: PTH123
        rows = [(row["text"][:2_000], row["label"]) for row in csv.DictReader(opened)]
    texts, labels = map(np.array, zip(*dict.fromkeys(rows), strict=True))
    return texts, labels


def of_files(news, groups):
    """Yield a name and a function that draws old and new texts of a size."""
    texts, labels = read(news)
    others, _ = read(groups)
    names, counts = np.unique(labels, return_counts=True)
    second = names[np.argsort(-counts)[1]]
    is_old = labels != second
    old = texts[is_old]

    def pick(random, among, n):
        return among[random.permutation(len(among))[:n]]

    yield "news, same source", lambda random, n: pick(random, texts, 2 * n)
    yield "groups, same source", lambda random, n: pick(random, others, 2 * n)
    yield (
        "groups against news",
        lambda random, n: np.concatenate(
            [pick(random, texts, n), pick(random, others, n)]
        ),
    )
    for share in (0.05, 0.2):
        yield (
            f"{share:.0%} of a new topic",
            lambda random, n, share=share: np.concatenate(
                [
                    pick(random, old, 2 * n - int(share * n)),
                    pick(random, texts[~is_old], int(share * n)),
                ]
            ),
        )

    def shorter(random, n):
        chosen = pick(random, texts, 2 * n).astype(object)
        for place in range(n, 2 * n):
            words = chosen[place].split()
            chosen[place] = " ".join(words[: -(-2 * len(words) // 3)])
        return chosen

    yield "cut to two thirds", shorter


def has_words(texts):
    """Return which words texts have, and which length, as ``predict`` counts them."""
    counts = CountVectorizer(binary=True, dtype=np.float32)
    words = counts.fit_transform(texts)
    lengths = np.log2([len(text.split()) or 1 for text in texts]).astype(int)
    has_length = (lengths[:, np.newaxis] == np.arange(12)).astype(np.float32)
    both = np.concatenate([words.toarray(), has_length], axis=1)
    return csr_array(both[:, both.sum(axis=0) > 1])


def main():
    rows = []
    for shift, share in SHIFTS.items():
        for n in SIZES:
            rows.append(["drawn", shift, f"{n:,}", *cells_of(results_of(share, n))])
            print(rows[-1], file=sys.stderr)  # noqa: T201
    if sys.argv[1:]:
        for shift, choose in of_files(*sys.argv[1:]):
            random = np.random.default_rng(0)
            for n in SIZES:
                results = []
                for _ in range(TIMES_REAL):
                    has_word = has_words(choose(random, n))
                    results.append(tell_apart(has_word, np.arange(2 * n) >= n))
                rows.append(["real", shift, f"{n:,}", *cells_of(results)])
                print(rows[-1], file=sys.stderr)  # noqa: T201
    headers = ["texts", "new ones", "of each", "found", "AUC", "held", "width"]
    caption = (
        f"Of {TIMES} comparisons of drawn texts, and {TIMES_REAL} of real ones, each. Found: share "
        "with a p-value of at most 0.05; it should be 0.05 for the same source. AUC: its mean. "
        "Held: share of 95 % intervals that contain this mean. Width: that of the intervals."
    )
    sys.stdout.write(to_markdown(Table(headers, rows, caption, text_columns=2)))


if __name__ == "__main__":
    main()
