"""Which models have better ranks than others over several datasets.

The method is that of J. Demšar: Statistical comparisons of classifiers over multiple data sets.
Journal of Machine Learning Research 7 (2006). Its unit is the dataset: a model has one rank on
each, however many seeds it was trained with.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from math import factorial, inf, isclose

import numpy as np
from numpy.typing import NDArray

from rnnbench.analysis.boards import Board, RankedModel, score_of
from rnnbench.errors import UserError
from rnnbench.section import Record

log = logging.getLogger(__name__)

ALPHA = 0.05
FEW_DATASETS = 5
"""With fewer datasets than these, the tests have almost no power."""
DIAGRAM = "a critical-difference diagram"


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
    if len(boards) < 2:
        given = "".join(f", {_name(board, board.runs)}" for board in boards)
        hint = "runs on the same documents count as one"
        raise UserError(f"{DIAGRAM} needs 2 datasets or more, got {len(boards)}{given} ({hint})")
    entries = [_entries(board) for board in boards]
    names = list(dict.fromkeys(entry.model.name for board in boards for entry in board.entries))
    common = [name for name in names if all(name in of_board for of_board in entries)]
    if len(common) < 2:
        lists = "; ".join(
            f"{_name(board, board.runs)}: {', '.join(of_board) or 'none'}"
            for board, of_board in zip(boards, entries, strict=True)
        )
        needs = f"{DIAGRAM} needs 2 models or more that all datasets have, got {len(common)}"
        raise UserError(f"{needs}; models are matched by name ({lists})")
    left_out = {
        name: [
            _name(board, board.runs)
            for board, of_board in zip(boards, entries, strict=True)
            if name not in of_board
        ]
        for name in names
        if name not in common
    }
    _warn(boards, entries, common, left_out)
    datasets = [_ranked(*pair, common) for pair in zip(boards, entries, strict=True)]
    return _mean_ranks(boards[0].metric, datasets, left_out)


def _entries(board: Board) -> dict[str, RankedModel]:
    """Return the entry of each model that has the metric; of several, that of the first run."""
    found: dict[str, RankedModel] = {}
    for entry in sorted(board.entries, key=lambda entry: board.runs.index(entry.run)):
        if entry.rank is not None:
            found.setdefault(entry.model.name, entry)
    return found


def _name(board: Board, runs: Sequence[str]) -> str:
    return f"{board.dataset.source} ({', '.join(runs)})"


def _warn(
    boards: Sequence[Board],
    entries: Sequence[Mapping[str, RankedModel]],
    common: Sequence[str],
    left_out: Mapping[str, Sequence[str]],
) -> None:
    for name, datasets in left_out.items():
        log.warning("%s: left out, no %s on %s", name, boards[0].metric, ", ".join(datasets))
    for board, used in zip(boards, entries, strict=True):
        counts = Counter(entry.model.name for entry in board.entries)
        several: dict[str, list[str]] = {}
        for name in common:
            if counts[name] > 1:
                several.setdefault(used[name].run, []).append(name)
        if several:
            chosen = "; ".join(f"{', '.join(of)} from {run}" for run, of in several.items())
            what = "these runs count as one dataset; of models in several of them, one is used:"
            log.warning("%s: %s %s", _name(board, board.runs), what, chosen)


def _ranked(
    board: Board, entries: Mapping[str, RankedModel], names: Sequence[str]
) -> RankedDataset:
    scores = np.array([score_of(entries[name].model, board.metric) for name in names], np.float64)
    used = {entries[name].run for name in names}
    return RankedDataset(
        name=_name(board, [run for run in board.runs if run in used]),
        corpus_fingerprint=board.dataset.corpus_fingerprint,
        ranks=dict(zip(names, ranks_of(scores).tolist(), strict=True)),
    )


def _mean_ranks(
    metric: str, datasets: list[RankedDataset], left_out: dict[str, list[str]]
) -> MeanRanks:
    ranks = np.array([list(dataset.ranks.values()) for dataset in datasets])
    means = dict(zip(datasets[0].ranks, ranks.mean(axis=0).tolist(), strict=True))
    models = {name: means[name] for name in sorted(means, key=lambda name: means[name])}
    test = friedman_test(ranks)
    difference = critical_difference(*ranks.shape)
    # Without a difference at all, as Demšar has it, pairs are not tested.
    groups = groups_within(models, difference) if test.is_clear else [list(models)]
    return MeanRanks(
        metric=metric,
        datasets=datasets,
        models=models,
        test=test,
        critical_difference=difference,
        groups=groups,
        left_out=left_out,
    )


def ranks_of(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rank of each score, along the last axis: 1 for the highest.

    Equals share the mean of their ranks.
    """
    from scipy.stats import rankdata

    return np.asarray(rankdata(-scores, axis=-1), np.float64)


def friedman_test(ranks: NDArray[np.float64]) -> FriedmanTest:
    """Return the test that all models have the same ranks on average.

    The F statistic is that of R. L. Iman and J. M. Davenport: Approximations of the critical region
    of the Friedman statistic. Communications in Statistics A 9 (1980). As in Demšar's paper, ties
    are not corrected for, so many of them make the test cautious. The p-value is no smaller than
    the probability that all datasets rank the models alike by chance, which the approximation does
    not know of: with two models and two datasets it is 0.5.

    Args:
        ranks: ``(n_datasets, n_models)``.
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

    Args:
        means: of each model, ascending.
        difference: above 0.
    """
    names, values = list(means), list(means.values())
    found: list[list[str]] = []
    end = 0
    for start, lowest in enumerate(values):
        past = sum(value - lowest < difference for value in values)
        if past > max(end, start + 1):
            found.append(names[start:past])
            end = past
    return found
