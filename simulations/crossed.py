"""Simulated hits with a known true mean accuracy and spread over seeds."""

from dataclasses import dataclass

import numpy as np

CHUNK = 200
"""Benchmarks that are drawn at a time, to limit memory."""
SPAN = 20
"""Documents after which the correlation of a burst has fallen to 1/e."""


@dataclass(frozen=True)
class Population:
    """Seeds and documents from which the trials of a model are drawn.

    A seed is right about a document if the sum of ``score``, an effect of the seed, one
    of the document and chance of spread 1 is positive. All are normal, so there are
    closed forms.

    Attributes:
        seeds: the spread of the effects of seeds.
        score: the mean of the sum.
        documents: the spread of the effects of documents.
        shared: the correlation of the effects of a document on two models.
        bursts: the share of the variance of these effects that documents have in common
            with their neighbours.
    """

    seeds: float
    score: float = 1.5
    documents: float = 1.0
    shared: float = 0.8
    bursts: float = 0.0

    @classmethod
    def of(cls, accuracy, points, bursts=0.0):
        """Return one of a mean accuracy whose seeds differ by a standard deviation in
        points.
        """
        from scipy.stats import norm

        score = norm.ppf(accuracy)
        seeds = points / 100 / norm.pdf(score) * (1 + cls.documents**2) ** 0.5
        spread = (1 + seeds**2 + cls.documents**2) ** 0.5
        return cls(seeds=float(seeds), score=float(score * spread), bursts=bursts)

    @property
    def total(self):
        """The spread of the sum."""
        return (1 + self.seeds**2 + self.documents**2) ** 0.5

    @property
    def accuracy(self):
        """The mean accuracy over all seeds and documents."""
        from scipy.special import ndtr

        return float(ndtr(self.score / self.total))

    def draw(self, random, times, models, n_documents):
        """Return hits of models on the same documents; see ``draw_models``."""
        return draw_models(
            random, times, [(self, n_trials) for n_trials in models], n_documents
        )


def draw_models(random, times, models, n_documents):
    """Return hits of models on the same documents, ``(times, n_trials, n_documents)``
    each.

    Args:
        random: the source of chance.
        times: how many independent benchmarks.
        models: the population of each and its number of trials; if that is 1, the seed
            has no effect, and the mean accuracy is the same.
        n_documents: of each benchmark.
    """

    def normal(*shape):
        return random.standard_normal(shape, dtype=np.float32)

    def effects(bursts):
        own = normal(times, 1, n_documents)
        if not bursts:
            return own
        return (
            own * (1 - bursts) ** 0.5
            + smooth(normal(times, 1, n_documents)) * bursts**0.5
        )

    in_common = effects(models[0][0].bursts)
    drawn = []
    for model, n_trials in models:
        of_documents = model.documents * (
            in_common * model.shared**0.5
            + effects(model.bursts) * (1 - model.shared) ** 0.5
        )
        of_seeds = normal(times, n_trials, 1) * model.seeds
        score = model.score
        if n_trials == 1:
            of_seeds[:] = 0
            score *= (1 + model.documents**2) ** 0.5 / model.total
        chance = normal(times, n_trials, n_documents)
        drawn.append(chance + of_documents + of_seeds + np.float32(score) > 0)
    return drawn


def smooth(chance):
    """Return an autoregressive process of variance 1 along the last axis, from its
    innovations.
    """
    from scipy.signal import lfilter

    kept = np.exp(-1 / SPAN)
    chance[..., 1:] *= (1 - kept**2) ** 0.5
    return np.asarray(lfilter([1], [1, -kept], chance, axis=-1), np.float32)


def effects_in_clusters(random, clusters, share):
    """Return an effect of variance 1 for each document.

    Args:
        random: the source of chance.
        clusters: the number of the cluster of each document.
        share: the share of the variance that lies between clusters.
    """
    of_clusters = random.standard_normal(clusters.max() + 1)[clusters]
    of_documents = random.standard_normal(len(clusters))
    return of_clusters * share**0.5 + of_documents * (1 - share) ** 0.5


def judge_equal_models(a, b, accuracy, **options):
    """Return whether the interval of one model holds the true accuracy of both, and
    whether the two are found to differ.

    Args:
        a: which trials are right about which documents.
        b: the same of the other model.
        accuracy: the true one.
        options: those of ``Correctness``.
    """
    from rnnbench.analysis.comparisons import compare_pairs
    from rnnbench.stats.correctness import Correctness
    from rnnbench.stats.intervals import score_interval

    models = {"a": Correctness(a, **options), "b": Correctness(b, **options)}
    holds = accuracy in score_interval(models["a"])
    differ = compare_pairs([("a", "b")], models)[0].p < 0.05
    return holds, differ


def coverage(population, n_trials, n_documents, times, *, in_order=False):
    """Return the share of intervals of a mean accuracy that contain the true one."""
    from rnnbench.stats.correctness import Correctness
    from rnnbench.stats.intervals import score_interval

    random = np.random.default_rng(0)
    held = []
    for _ in range(times // CHUNK):
        (hits,) = population.draw(random, CHUNK, [n_trials], n_documents)
        intervals = [score_interval(Correctness(right, in_order)) for right in hits]
        held += [population.accuracy in interval for interval in intervals]
    return float(np.mean(held))


def holm(ps):
    """Return p-values corrected for their number (S. Holm, Scand. J. Statistics 6,
    1979).
    """
    order = np.argsort(ps, kind="stable")
    scaled = np.asarray(ps)[order] * np.arange(len(ps), 0, -1)
    corrected = np.empty(len(ps))
    corrected[order] = np.minimum(1, np.maximum.accumulate(scaled))
    return corrected
