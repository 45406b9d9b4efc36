"""Print how far intervals and p-values can be trusted if a document may have several
topics.

Run it as ``python simulations/micro_f1.py reuters21578.tar.gz``; it takes about
ten minutes.
"""

import sys
from collections import Counter
from dataclasses import dataclass, replace
from itertools import chain, product
from pathlib import Path

import numpy as np
from crossed import SPAN, smooth
from scipy.optimize import brentq
from scipy.special import ndtr

from rnnbench.analysis.comparisons import compare_pairs
from rnnbench.data.sources import r52, sgml
from rnnbench.report.table import Table, to_markdown
from rnnbench.stats.correctness import N_BLOCKS, Correctness, sums_of
from rnnbench.stats.intervals import estimate_mean, score_interval

TIMES, N_DOCUMENTS = 2_000, 3_019
BURSTS = (0, 0.3)
MODEL = {"found": -0.95, "false": -2.0}
SPREADS = (0.03, 0.12)
"""Of the effects of seeds."""
SEEDS = (3, 5, 10)
SHARED = 0.8
"""The correlation of the effects of a document on two models."""
N_RESAMPLED, EVERY = 200, 4
"""How often weights are drawn, and of which benchmarks; they take long."""
FREQUENT = 10
"""The fewest test documents of a topic whose F1 is in macro-F1."""


@dataclass(frozen=True)
class Model:
    """A model, of which a seed finds a topic of a document if a sum of effects is
    positive.

    They are ``found``, the ease of the topic, one of the document, one of the seed, one
    of the seed on the topic, and chance. The seed gives a document a topic that it
    lacks if it finds none of its own, or if ``false``, minus the effect of the
    document, plus chance is positive. All effects are normal, those of documents and
    chance of spread 1.
    """

    found: float
    false: float
    seeds: float = 0.0

    def of_seeds(self, random, n_seeds, n_topics):
        """Return the effects of seeds, ``(n_seeds, n_topics)``; a single one has
        none.
        """
        if n_seeds == 1:
            return np.zeros((1, n_topics))
        of_topics = random.normal(0, self.seeds, (n_seeds, n_topics))
        return of_topics + random.normal(0, self.seeds, (n_seeds, 1))

    def answers(self, random, documents, effects, ease, n_seeds):
        """Return which topics each seed finds, and which documents it gives one that
        they lack.
        """
        of_topics = self.found + ease + self.of_seeds(random, n_seeds, len(ease))
        sums = random.standard_normal(
            (n_seeds, len(documents.topics)), dtype=np.float32
        )
        sums += of_topics.astype(np.float32)[:, documents.topics]
        found = sums + np.repeat(effects, documents.sizes) > 0
        chance = random.standard_normal((n_seeds, len(effects)), dtype=np.float32)
        is_given = chance + np.float32(self.false) - effects > 0
        is_given |= ~np.logical_or.reduceat(found, documents.starts, axis=1)
        return found, is_given & documents.lacks


@dataclass(frozen=True)
class Documents:
    """Documents with the numbers of their topics, one after another.

    Attributes:
        sizes: the number of topics of each.
        starts: the places of their first topics.
        topics: all their topics.
        false: a topic that each may be given.
        lacks: whether it lacks that one.
    """

    sizes: np.ndarray
    starts: np.ndarray
    topics: np.ndarray
    false: np.ndarray
    lacks: np.ndarray


class Newswires:
    """The sets of topics of the test documents of Reuters-90, from which documents are
    drawn.
    """

    def __init__(self, archive):
        files = sgml.read_files(Path(archive))
        wires = list(r52.parse_newswires(files))
        by_part = [
            [topics for part, topics, _ in wires if part == of]
            for of in (r52.TRAIN, r52.TEST)
        ]
        names = sorted(set.intersection(*(set(chain(*part)) for part in by_part)))
        number = {name: place for place, name in enumerate(names)}
        of_test = [
            tuple(sorted({number[n] for n in own if n in number})) for own in by_part[1]
        ]
        counts = Counter(filter(None, of_test))
        sets = sorted(counts)
        self.counts = np.array([counts[topics] for topics in sets])
        self.sizes = np.array([len(topics) for topics in sets])
        self.starts, self.topics = (
            np.cumsum(self.sizes) - self.sizes,
            np.concatenate(sets),
        )
        self.lacks = np.array(
            [~np.isin(np.arange(len(names)), topics) for topics in sets]
        )
        self.by_topic = self.counts @ ~self.lacks
        self.frequent = self.by_topic >= FREQUENT
        self.share = self.by_topic / self.by_topic.sum()
        self.ease = 1.2 * np.log10(self.by_topic)  # rare topics are hard

    def draw(self, random, bursts):
        """Return documents, of which neighbours have similar topics if there are
        ``bursts``.
        """
        ranks = ndtr(draw_effects(random, bursts)) * self.counts.sum()
        sets = np.searchsorted(np.cumsum(self.counts), ranks).clip(
            max=len(self.counts) - 1
        )
        sizes = self.sizes[sets]
        starts = np.cumsum(sizes) - sizes
        places = np.arange(sizes.sum()) + np.repeat(self.starts[sets] - starts, sizes)
        false = random.choice(len(self.share), N_DOCUMENTS, p=self.share)
        return Documents(
            sizes, starts, self.topics[places], false, self.lacks[sets, false]
        )

    def truth(self, model, n_seeds):
        """Return micro-F1 in very many documents, its spread over seeds, and
        macro-F1.
        """
        nodes, weights = np.polynomial.hermite_e.hermegauss(31)
        weights, random = weights / weights.sum(), np.random.default_rng(1)
        n_topics, rows = len(self.ease), []
        seeds = model.of_seeds(random, n_seeds if n_seeds == 1 else 200, n_topics)
        times = np.repeat(self.counts, self.sizes)
        for seed in np.concatenate([seeds, -seeds]):
            found = ndtr(
                (model.found + self.ease + seed)[self.topics] + nodes[:, np.newaxis]
            )
            none = np.multiply.reduceat(1 - found, self.starts, axis=1)
            not_given = (1 - none) * (1 - ndtr(model.false - nodes[:, np.newaxis]))
            own = np.bincount(self.topics, weights @ found * times)
            false = self.share * (
                (weights @ (1 - not_given) * self.counts) @ self.lacks
            )
            top, bottom = 2 * own, self.by_topic + own + false
            rows.append(
                (top.sum() / bottom.sum(), (top / bottom)[self.frequent].mean())
            )
        micro, macro = np.transpose(rows)
        return micro.mean(), micro.std(), macro.mean()

    def answers(self, random, documents, models, n_seeds, bursts):
        """Return the answers of models, whose documents are hard for all, or for one
        alone.
        """
        in_common = draw_effects(random, bursts) * np.float32(SHARED**0.5)
        for model in models:
            alone = draw_effects(random, bursts) * np.float32((1 - SHARED) ** 0.5)
            yield model.answers(
                random, documents, in_common + alone, self.ease, n_seeds
            )

    def macro_values(self, documents, found, is_given):
        """Return a number for each seed and document, whose mean is macro-F1,
        linearised.
        """
        shape, topics, false = (
            (len(found), len(self.ease)),
            documents.topics,
            documents.false,
        )
        own, given = np.zeros(shape), np.zeros(shape)
        for seed in range(len(found)):
            own[seed] = np.bincount(topics, found[seed], len(self.ease))
            given[seed] = np.bincount(false, is_given[seed], len(self.ease))
        bottom = np.maximum(
            1, np.bincount(topics, minlength=len(self.ease)) + own + given
        )
        f1 = 2 * own / bottom
        weight = len(documents.sizes) * self.frequent / self.frequent.sum() / bottom
        rest = weight[:, topics] * (2 * found - f1[:, topics] * (1 + found))
        rest = np.add.reduceat(rest, documents.starts, axis=1)
        rest -= (weight * f1)[:, false] * is_given
        return f1[:, self.frequent].mean(axis=1, keepdims=True) + rest


def parts_of(documents, found, is_given):
    """Return the numerators and denominators of micro-F1, ``(2, n_seeds,
    n_documents)``.
    """
    both = np.add.reduceat(found, documents.starts, axis=1, dtype=float)
    return np.stack([2 * both, documents.sizes + both + is_given])


def draw_effects(random, bursts):
    """Return effects of documents; ``bursts`` is the share of their variance that fades
    slowly.
    """
    own, slow = random.standard_normal((2, N_DOCUMENTS), dtype=np.float32)
    return (
        own * np.float32(1 - bursts) ** 0.5 + smooth(slow) * np.float32(bursts) ** 0.5
    )


def main(archive):
    newswires, rows = Newswires(archive), []
    settings = [(SPREADS[0], 1), *product(SPREADS, SEEDS)]
    for bursts, (spread, n_seeds) in product(BURSTS, settings):
        rows.append(_row(newswires, bursts, spread, n_seeds))
        print(rows[-1], file=sys.stderr)  # noqa: T201
    ways = ["held: micro-F1", "difference", "found: alike", "unlike"]
    headers = ["bursts", "points", "seeds"]
    headers += [header for way in ways for header in (way, "by bootstrap")]
    micro, _, macro = newswires.truth(Model(**MODEL), 1)
    caption = (
        f"Of {TIMES:,} simulated benchmarks of {N_DOCUMENTS:,} documents with the topics of "
        f"Reuters-90 and a micro-F1 of {micro:.0%}. Bursts: the share of the variance of "
        f"documents, and of the order of their topics, that fades to 1/e in {SPAN} documents; if "
        f"there are any, {N_BLOCKS} blocks take the place of documents. Points: the standard "
        "deviation of micro-F1 over seeds; a single seed counts as the model. Held: share of 95 % "
        "intervals that contain the true micro-F1, or the true difference of about 2 points. "
        "Found: share of pairs with the same true micro-F1 that have a p-value below 0.05; unlike: "
        "one finds more topics and gives more false ones. By bootstrap: the same with weights of "
        f"documents times weights of seeds (Owen and Eckles 2012), {N_RESAMPLED} times, of every "
        f"{EVERY}th. Macro-F1 ({macro:.0%}) is the mean over the {newswires.frequent.sum()} topics "
        f"with {FREQUENT} test documents or more, linearised. By chance, a share of 0.95 or 0.05 "
        f"lies within {2 * (0.95 * 0.05 / TIMES) ** 0.5:.3f}."
    )
    table = Table([*headers, "held: macro-F1"], rows, caption, text_columns=0)
    sys.stdout.write(to_markdown(table))


def _row(newswires, bursts, spread, n_seeds):
    random, model = np.random.default_rng(0), Model(**MODEL, seeds=spread)
    micro, points, macro = newswires.truth(model, n_seeds)
    models = [model, *_others(newswires, model, n_seeds)]
    gaps = [micro - newswires.truth(other, n_seeds)[0] for other in models[1:]]
    weights = random.exponential(
        size=(N_RESAMPLED, N_BLOCKS if bursts else N_DOCUMENTS)
    )
    held, held_by_bootstrap = [], []
    for number in range(TIMES):
        documents = newswires.draw(random, bursts)
        drawn = [*newswires.answers(random, documents, models, n_seeds, bursts)]
        hits = {
            name: Correctness(parts_of(documents, *own), bursts > 0)
            for name, own in zip("abcd", drawn, strict=True)
        }
        pairs = compare_pairs([("a", other) for other in "bcd"], hits)
        values = newswires.macro_values(documents, *drawn[0])
        macro_f1 = estimate_mean(Correctness(values, in_order=bursts > 0))
        share = [micro in score_interval(hits["a"]), gaps[0] in pairs[0].interval]
        share += [pair.p >= 0.05 for pair in pairs[1:]]
        held.append([*share, macro in macro_f1.interval])
        if number % EVERY == 0:
            own, *others = (
                _resample(random, weights, of_model) for of_model in hits.values()
            )
            reach = [
                1.96 * of.std(ddof=1)
                for of in (own, *(own - other for other in others))
            ]
            values = [hits["a"].score, *(pair.difference for pair in pairs)]
            held_by_bootstrap.append(
                np.abs(np.subtract(values, [micro, *gaps])) < reach
            )
    *shares, of_macro = np.mean(held, axis=0)
    cells = np.ravel([shares, np.mean(held_by_bootstrap, axis=0)], "F")
    cells[4:] = 1 - cells[4:]
    cell = [f"{bursts:g}", f"{100 * points:.1f}" if n_seeds > 1 else "-", f"{n_seeds}"]
    return [*cell, *map("{:.3f}".format, [*cells, of_macro])]


def _others(newswires, model, n_seeds):
    """Return a worse model, the same one, and an equally good one that gives more
    topics.
    """
    generous = replace(model, false=model.false + 0.5)

    def excess(found):
        micro_f1 = newswires.truth(replace(generous, found=found), n_seeds)[0]
        return micro_f1 - newswires.truth(model, n_seeds)[0]

    found = brentq(excess, model.found, model.found + 1, xtol=1e-3)
    return (
        replace(model, found=model.found - 0.15),
        model,
        replace(generous, found=found),
    )


def _resample(random, weights, hits):
    """Return means of micro-F1 over seeds of other weights, ``(N_RESAMPLED,)``."""
    top, bottom = sums_of(hits.parts, hits.groups) if hits.in_order else hits.parts
    f1 = (weights @ top.T) / (weights @ bottom.T)
    of_seeds = random.exponential(size=f1.shape)
    return (f1 * of_seeds).sum(axis=1) / of_seeds.sum(axis=1)


if __name__ == "__main__":
    main(sys.argv[1])
