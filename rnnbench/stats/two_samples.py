"""Whether two samples of texts can be told apart, and how well.

>>> random = np.random.default_rng(0)
>>> has_word = random.random((400, 3)) < [0.1, 0.5, 0.5]  # 400 texts, three words
>>> is_new = np.arange(400) < 200
>>> has_word[is_new, 0] |= random.random(200) < 0.3  # the first is more frequent in new
>>> result = tell_apart(scipy.sparse.csr_array(has_word, dtype="f4"), is_new)
>>> f"{result.auc:.2f} ({result.interval:.2f}), p {result.p:.3f}"
'0.64 (0.56 to 0.71), p 0.005'
>>> result.excess.round().tolist()
[5.0, -1.0, -1.0]

A classifier learns to tell the samples apart, and is tested on texts that it has not
learned from (D. Lopez-Paz, M. Oquab: Revisiting classifier two-sample tests. ICLR
2017). Its AUC is the chance that a text of the new sample has a higher score than one
of the old. With larger samples, it rises to a limit, as the classifier learns more,
while the p-value falls without one.
``results/reference/two_samples.md`` shows level and power.
"""

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from rnnbench.stats.correctness import Floats, Interval
from rnnbench.stats.intervals import LEVEL, ROUNDING

N_FOLDS = 5
N_SWAPS = 199
"""Random exchanges of texts between the samples."""
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ToldApart:
    """How well new texts can be told from old ones."""

    auc: float
    """0.5 by chance, 1 if no error is made: the mean over folds."""
    interval: Interval
    p: float
    """The p-value of the hypothesis that both samples are from one source."""
    excess: Floats
    """How much more frequent each word is in the new sample, in standard errors."""


def tell_apart(has_word: "scipy.sparse.csr_array", is_new: Flags) -> ToldApart:
    """Return how well naive Bayes tells new texts from old ones, in five folds.

    ``has_word``, ``(n_texts, n_words)``, has 1 for each word of a text, and ``is_new``,
    ``(n_texts,)``, says which texts are new. The texts should not depend on each other.
    The p-value is exact: it counts exchanges of texts between the samples that give no
    lower AUC. The variance is that of E. R. DeLong et al. (Comparing the areas under
    two or more correlated receiver operating characteristic curves. Biometrics 44,
    1988), or that of such exchanges if it is larger.
    """
    random = np.random.default_rng(0)
    order = random.permutation(len(is_new))  # or it would decide between equal scores
    is_new = is_new[order]
    has_word = has_word[order]
    folds = np.empty(len(is_new), int)
    for side in (False, True):  # equally many of each in all folds
        members = np.flatnonzero(is_new == side)
        folds[members] = np.arange(len(members)) % N_FOLDS
    aucs = np.zeros(1 + N_SWAPS)
    variance = 0.0
    labels = np.repeat(is_new[:, np.newaxis], 1 + N_SWAPS, axis=1)
    for fold in range(N_FOLDS):
        place = np.flatnonzero(folds == fold)
        labels[place, 1:] = random.permuted(labels[place, 1:], axis=0)
    for fold in range(N_FOLDS):
        is_held_out = folds == fold
        scores = has_word[is_held_out] @ _weights(
            has_word[~is_held_out], labels[~is_held_out].astype("f4")
        )
        truth = labels[is_held_out]
        aucs += _areas(scores, truth) / N_FOLDS
        variance += _variance(scores[:, 0], truth[:, 0]) / N_FOLDS**2
    auc = float(aucs[0])
    # folds learn from the same texts, which exchanges of texts allow for
    variance = max(variance, 4 * auc * (1 - auc) * float(aucs[1:].var()))
    p = float(np.mean(aucs >= auc - ROUNDING))
    return ToldApart(
        auc, _interval(auc, variance, is_new), p, _excess(has_word, is_new)
    )


def _weights(has_word: "scipy.sparse.csr_array", labels: Floats) -> Floats:
    """Return the logarithm of how much likelier each word is in new texts, by labels.

    ``(n_words, n_labels)`` (naive Bayes with one more text of each word).
    """
    n_new = has_word.T @ labels + 1
    n_old = has_word.T @ (1 - labels) + 1
    ratios = n_new / n_new.sum(axis=0)
    ratios /= n_old
    ratios *= n_old.sum(axis=0)
    return np.asarray(np.log(ratios, out=ratios))


def _areas(scores: Floats, labels: Flags) -> Floats:
    """Return the AUC of each column of scores, from sums of ranks."""
    ranks = scores.argsort(axis=0).argsort(axis=0) + 1
    n_new = labels[:, 0].sum()
    n_old = len(labels) - n_new
    sums = (ranks * labels).sum(axis=0)
    return np.asarray((sums - n_new * (n_new + 1) / 2) / (n_new * n_old))


def _variance(scores: Floats, is_new: Flags) -> float:
    """Return DeLong's variance of an AUC."""
    new = np.sort(scores[is_new])
    old = np.sort(scores[~is_new])
    above = np.searchsorted(old, new) / len(old)
    below = 1 - np.searchsorted(new, old) / len(new)
    return float(above.var(ddof=1) / len(new) + below.var(ddof=1) / len(old))


def _interval(auc: float, variance: float, is_new: Flags) -> Interval:
    """Return the interval of an AUC: of its log-odds, or by the rule of three."""
    fewer = min(is_new.sum(), (~is_new).sum())
    if variance < ROUNDING:
        return Interval(max(0.0, auc - 3 / float(fewer)), auc)
    auc = min(auc, 1 - 0.5 / fewer)
    half = scipy.special.ndtri((1 + LEVEL) / 2) * variance**0.5 / (auc * (1 - auc))
    middle = scipy.special.logit(auc)
    low = float(scipy.special.expit(middle - half))
    return Interval(low, float(scipy.special.expit(middle + half)))


def _excess(has_word: "scipy.sparse.csr_array", is_new: Flags) -> Floats:
    n_new = int(is_new.sum())
    n_old = len(is_new) - n_new
    in_new = np.asarray(has_word[is_new].sum(axis=0), float)
    in_old = np.asarray(has_word[~is_new].sum(axis=0), float)
    share = (in_new + in_old) / len(is_new)
    variance = share * (1 - share) * (1 / n_new + 1 / n_old)
    return np.asarray((in_new / n_new - in_old / n_old) / np.sqrt(variance + ROUNDING))
