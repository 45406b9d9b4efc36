"""Which models have better ranks than others over several datasets.

The method is that of J. Demšar: Statistical comparisons of classifiers over multiple data sets.
Journal of Machine Learning Research 7 (2006). Its unit is the dataset: a model has one rank on
each, however many seeds it was trained with.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import factorial, inf, isclose

import numpy as np
from numpy.typing import NDArray

from rnnbench.analysis.boards import Board, RankedModel, score_of
from rnnbench.errors import UserError
from rnnbench.records import Record

log = logging.getLogger(__name__)

ALPHA = 0.05


class RankedDataset(Record):
    """A set of documents, and the ranks of the models on it."""

    name: str
    """Its source and, in brackets, the runs that the ranked models come from."""
    corpus_fingerprint: str
    ranks: dict[str, float]
    """By model; 1 is the best, and equals share the mean of their ranks."""


class FriedmanTest(Record):
    """Whether models have different ranks at all."""

    chi_squared: float
    """Friedman's statistic."""
    f: float | None
    """That of Iman and Davenport; ``None`` if all datasets agree, where it is infinite."""
    df: tuple[int, int]
    """The degrees of freedom of ``f``."""
    p: float

    @property
    def is_clear(self) -> bool:
        """Whether the ranks differ."""
        return self.p < ALPHA


class MeanRanks(Record):
    """The mean ranks of models over datasets, and which of them are told apart."""

    metric: str
    datasets: list[RankedDataset]
    models: dict[str, float]
    """The mean rank of each model, the best first."""
    test: FriedmanTest
    critical_difference: float
    """Nemenyi's: mean ranks that differ by as much are told apart."""
    groups: list[list[str]]
    """The largest sets of models that are not told apart, each of at least two."""
    left_out: dict[str, list[str]]
    """For each model that is not ranked, the datasets on which it has no result."""


def rank_over_datasets(boards: Sequence[Board]) -> MeanRanks:
    """Return the mean ranks of the models that all boards have; each board is a dataset.

    Models are matched by name. Warnings name the models that are left out and, if several runs on
    the same documents have a model, the run that counts: the first.

    Raises:
        UserError: there are fewer than two datasets, or fewer than two models that all have.
    """
    needs = "a critical-difference diagram needs 2"
    sets = [_name(board, board.runs) for board in boards]
    if len(boards) < 2:
        got = "".join(f", {name}" for name in sets)
        hint = "runs on the same documents count as one"
        raise UserError(f"{needs} datasets or more, got {len(boards)}{got} ({hint})")
    entries = [_entries(board) for board in boards]
    names = dict.fromkeys(entry.model.name for board in boards for entry in board.entries)
    lacking = {
        name: [s for s, of in zip(sets, entries, strict=True) if name not in of] for name in names
    }
    left_out = {name: datasets for name, datasets in lacking.items() if datasets}
    common = [name for name in names if name not in left_out]
    if len(common) < 2:
        lists = "; ".join(
            f"{name}: {', '.join(of_set) or 'none'}"
            for name, of_set in zip(sets, entries, strict=True)
        )
        raise UserError(
            f"{needs} models or more that all datasets have, got {len(common)}; models are matched "
            f"by name ({lists})"
        )
    metric = boards[0].metric
    for name, datasets in left_out.items():
        log.warning("%s: left out, no %s on %s", name, metric, ", ".join(datasets))
    ranked = [_ranked(*pair, common) for pair in zip(boards, entries, strict=True)]
    return _mean_ranks(metric, ranked, left_out)


def _name(board: Board, runs: Sequence[str]) -> str:
    return f"{board.dataset.source} ({', '.join(runs)})"


def _entries(board: Board) -> dict[str, RankedModel]:
    """Return the entry of each model that has the metric; of several, that of the first run."""
    found: dict[str, RankedModel] = {}
    for entry in sorted(board.entries, key=lambda entry: board.runs.index(entry.run)):
        if entry.rank is not None:
            found.setdefault(entry.model.name, entry)
    return found


def _ranked(
    board: Board, entries: Mapping[str, RankedModel], names: Sequence[str]
) -> RankedDataset:
    """Return the ranks of models; a warning says which run counts for those in several."""
    from scipy.stats import rankdata

    counts = Counter(entry.model.name for entry in board.entries)
    several: dict[str, list[str]] = {}
    for name in names:
        if counts[name] > 1:
            several.setdefault(entries[name].run, []).append(name)
    if several:
        log.warning(
            "%s: these runs count as one dataset; of models in several of them, one is used: %s",
            _name(board, board.runs),
            "; ".join(f"{', '.join(of)} from {run}" for run, of in several.items()),
        )
    used = {entries[name].run for name in names}
    scores = np.array([score_of(entries[name].model, board.metric) for name in names], np.float64)
    return RankedDataset(
        name=_name(board, [run for run in board.runs if run in used]),
        corpus_fingerprint=board.dataset.corpus_fingerprint,
        ranks=dict(zip(names, rankdata(-scores).tolist(), strict=True)),
    )


def _mean_ranks(
    metric: str, datasets: list[RankedDataset], left_out: dict[str, list[str]]
) -> MeanRanks:
    ranks = np.array([list(dataset.ranks.values()) for dataset in datasets])
    means = zip(datasets[0].ranks, ranks.mean(axis=0).tolist(), strict=True)
    models = dict(sorted(means, key=lambda pair: pair[1]))
    test, difference = friedman_test(ranks), critical_difference(*ranks.shape)
    return MeanRanks(
        metric=metric,
        datasets=datasets,
        models=models,
        test=test,
        critical_difference=difference,
        # Without a difference at all, as Demšar has it, pairs are not tested.
        groups=groups_within(models, difference) if test.is_clear else [list(models)],
        left_out=left_out,
    )


def friedman_test(ranks: NDArray[np.float64]) -> FriedmanTest:
    """Return the test that all models have the same mean rank; ``ranks`` is (datasets, models).

    The F statistic is that of R. L. Iman and J. M. Davenport: Approximations of the critical region
    of the Friedman statistic. Communications in Statistics A 9 (1980). As in Demšar's paper, and
    unlike in SciPy, ties are not corrected for, so many of them make the test cautious. The p-value
    is no smaller than the probability that all datasets rank the models alike by chance, which the
    approximation does not know of: with two models and two datasets it is 0.5.
    """
    from scipy.stats import f as f_distribution

    n, k = ranks.shape
    spread = float((ranks.mean(axis=0) ** 2).sum()) - k * (k + 1) ** 2 / 4
    chi_squared, highest = max(0.0, 12 * n / (k * (k + 1)) * spread), n * (k - 1)
    df = (k - 1, (k - 1) * (n - 1))
    agree = isclose(chi_squared, highest)
    f = inf if agree else (n - 1) * chi_squared / (highest - chi_squared)
    p = max(float(f_distribution.sf(f, *df)), 1 / factorial(k) ** (n - 1))
    return FriedmanTest(chi_squared=chi_squared, f=None if agree else f, df=df, p=p)


def critical_difference(n_datasets: int, n_models: int) -> float:
    """Return the difference of two mean ranks from which on Nemenyi's test tells models apart.

    P. B. Nemenyi: Distribution-free multiple comparisons. PhD thesis, Princeton University (1963).
    """
    from scipy.stats import studentized_range

    q = float(studentized_range.ppf(1 - ALPHA, n_models, inf)) / 2**0.5
    return float(q * (n_models * (n_models + 1) / (6 * n_datasets)) ** 0.5)


def groups_within(means: Mapping[str, float], difference: float) -> list[list[str]]:
    """Return the largest sets of two or more models whose means differ by less than ``difference``.

    The means ascend, and ``difference`` is above 0.
    """
    names, values = list(means), np.array(list(means.values()))
    ends = [int((values - lowest < difference).sum()) for lowest in values]
    return [
        names[start:end]
        for start, (before, end) in enumerate(pairwise([0, *ends]))
        if end > max(before, start + 1)
    ]
