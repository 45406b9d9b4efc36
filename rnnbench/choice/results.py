"""The record of a choice: how candidates are ranked, shown and written as a config."""

import os
from collections import Counter
from collections.abc import Iterable
from functools import partial
from math import comb
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from rnnbench.analysis.comparisons import compare_with_best
from rnnbench.analysis.intervals import Hits, accuracy_interval, folds_interval, folds_p
from rnnbench.config.load import dump
from rnnbench.config.nodes import to_yaml
from rnnbench.config.schema import Benchmark
from rnnbench.data.audit import DatasetSummary
from rnnbench.errors import UserError
from rnnbench.metrics import FIT_SECONDS
from rnnbench.points import model_of, values_of
from rnnbench.report.table import (
    MISSING,
    Columns,
    Table,
    condition,
    in_blocks,
    interval_text,
    scope,
    short_p,
    table_of,
    with_points,
    worse_in_words,
)
from rnnbench.results.schema import DIGITS, Comparison, Interval, MissingTrial
from rnnbench.runner.run import PlanResult
from rnnbench.section import Record
from rnnbench.storage import write_text
from rnnbench.text import counted, numbers
from rnnbench.training.outcome import TrialResult

CHOICE_VERSION: Final = 2
ENDING = "_chosen"
P_OF_FOLDS = "p over other training documents"


class Candidate(Record):
    """A model that answered training documents that it had not learned."""

    name: str
    params: int
    accuracy: float
    """The share of right answers to all held-out documents, as a mean over seeds."""
    of_parts: list[float]
    """The accuracy on each part, as a mean over seeds."""
    over_parts: Interval | None
    """95 % interval of the mean over other folds and seeds; ``None`` for a single training."""
    interval: Interval
    """95 % interval over other documents and, with several seeds, over other seeds."""
    training: dict[str, Any] = {}
    """Training values that are set for this model alone."""
    seeds: int
    fit_seconds: float
    """The mean time of a training, in seconds."""
    against_best: Comparison | None
    """The best candidate compared with this one; ``None`` for the best itself."""


class ChoiceResults(Record):
    """The content of ``choice.json``."""

    schema_version: Literal[2] = CHOICE_VERSION
    name: str
    command: str
    """The command line of the choice."""
    dataset: DatasetSummary
    """The whole dataset; none of its test documents was used."""
    folds: int | None
    """The number of folds; ``None`` if the last documents were held out."""
    last: float | None
    """The share of the training documents, the last ones, that was held out; ``None`` with
    folds."""
    held_out: int
    """The number of training documents that were held out, in all folds together."""
    seeds: list[int]
    epochs: list[int]
    """The distinct numbers of epochs of networks."""
    n_models: int
    """The number of models and points of grids in the config."""
    searched: int | None
    """The most points of each grid that were to be drawn; ``None`` if all were tried."""
    sampler: str | None
    """The method that drew them."""
    candidates: list[Candidate]
    """The best first; models that lack trials are left out."""
    missing: list[MissingTrial]
    """Trials that failed or were not run."""

    @property
    def n_seeds(self) -> int:
        """The number of seeds: one if no candidate depends on the seed."""
        return max((candidate.seeds for candidate in self.candidates), default=1)

    def how(self) -> str:
        """Return in words which documents were held out."""
        parts = f"{self.folds} folds" if self.folds else f"the last {100 * (self.last or 0):.3g}%"
        return f"{self.held_out:,} of {self.dataset.train_size:,} training documents ({parts})"


def rank_key(accuracy: float, epochs: int, params: int) -> tuple[float, int, int]:
    """Return the key that sorts candidates: the most accurate come first; in a tie, the cheapest.

    The cost is not measured in seconds, so the order is the same on every machine.
    """
    return -round(accuracy, DIGITS), epochs, params


def rank_candidates(
    order: Iterable[str], done: PlanResult, positions: NDArray[np.intp]
) -> list[Candidate]:
    """Return the models whose trials all have a result, best first; see ``rank_key``.

    If all else is equal, their ``order`` in the config decides. The documents of all parts have
    ``positions`` in the training set, ``(n_held_out,)``.
    """
    trials, in_order = {trial.name: trial for trial in done.plan.trials}, done.plan.dataset.in_order
    places = np.argsort(positions) if in_order else slice(None)
    found = []
    for name, answers in _complete(order, done).items():
        trial, records = trials[name], [part.record for parts in answers for part in parts]
        # (n_seeds, n_held_out)
        right = np.stack([np.concatenate([part.right for part in parts]) for parts in answers])
        hits = Hits(right[:, places], in_order, trial.model.is_random)
        # (n_parts, n_seeds)
        accuracies = np.transpose([[part.right.mean() for part in parts] for parts in answers])
        candidate = Candidate(
            name=name,
            params=records[0].params,
            accuracy=hits.accuracy,
            of_parts=[float(mean) for mean in accuracies.mean(axis=1)],
            over_parts=folds_interval(accuracies),
            interval=accuracy_interval(hits),
            training=trial.model.training or {},
            seeds=len(answers),
            fit_seconds=float(np.mean([record.fit_seconds for record in records])),
            against_best=None,
        )
        found.append(
            (rank_key(candidate.accuracy, trial.epochs, candidate.params), candidate, hits)
        )
    found.sort(key=itemgetter(0))
    if not found:
        return []
    against = compare_with_best({candidate.name: hits for _, candidate, hits in found})
    return [
        candidate.model_copy(update={"against_best": against.get(candidate.name)})
        for _, candidate, _ in found
    ]


def _complete(order: Iterable[str], done: PlanResult) -> dict[str, list[list[TrialResult]]]:
    """Return the results of each model that has them all: for each seed, one for each part."""
    lacking = {trial.name for trial in done.without_result}
    found: dict[str, dict[int, list[TrialResult]]] = {name: {} for name in order}
    for trial in done.plan.trials:
        if trial.name not in lacking:
            found[trial.name].setdefault(trial.seed, []).append(done.results[trial])
    return {name: list(by_seed.values()) for name, by_seed in found.items() if by_seed}


def choice_table(results: ChoiceResults) -> Table:
    """Return a row for each candidate, the best first."""
    n = results.n_seeds
    scopes = [f"{results.folds} folds"] * bool(results.folds) + [f"{n} seeds"] * (n > 1)
    over = f"mean ± 95 % over {' and '.join(scopes)}" if scopes else "1 seed"
    columns: Columns[Candidate] = {
        "model": lambda candidate: candidate.name,
        f"accuracy ({over})": _accuracy,
        f"95 % interval {scope(n)}": lambda candidate: interval_text(candidate.interval),
        "clearly worse than the best": lambda candidate: worse_in_words(
            candidate.against_best, "best"
        ),
    }
    if results.folds:
        columns[P_OF_FOLDS] = partial(_p_of_folds, results)
    return with_points(table_of(results.candidates, columns, _caption(results)))


def costs_table(results: ChoiceResults) -> Table:
    """Return the size of each candidate, and the time that a training takes."""
    columns: Columns[Candidate] = {
        "model": lambda candidate: candidate.name,
        "params": lambda candidate: f"{candidate.params:,}",
        FIT_SECONDS.header: lambda candidate: format(candidate.fit_seconds, FIT_SECONDS.format),
    }
    caption = f"Means over all trainings; {FIT_SECONDS.header} is a whole training."
    return with_points(table_of(results.candidates, columns, caption))


def _accuracy(candidate: Candidate) -> str:
    if candidate.over_parts is None:
        return f"{candidate.accuracy:.4f}"
    half = (candidate.over_parts.high - candidate.over_parts.low) / 2
    return f"{candidate.accuracy:.4f} ± {half:.4f}"


def _p_of_folds(results: ChoiceResults, candidate: Candidate) -> str:
    p = folds_p(results.candidates[0].of_parts, candidate.of_parts)
    return MISSING if candidate.against_best is None or p is None else short_p(p)


def _caption(results: ChoiceResults) -> str:
    dataset, n = results.dataset, comb(len(results.candidates), 2)
    missing = dict.fromkeys(trial.model for trial in results.missing)
    tried = {*missing, *(candidate.name for candidate in results.candidates)}
    tests = [candidate.against_best for candidate in results.candidates if candidate.against_best]
    sentences = [
        f"This choice is partial; trials of {', '.join(missing)} are missing." if missing else "",
        f"Data: {dataset.source} ({dataset.origin}). Accuracy on {results.how()}. No model was "
        "trained on the documents that it classified, and the test documents were not used.",
    ]
    if dataset.in_order:
        sentences.append(f"The held-out documents are {in_blocks(results.held_out)}.")
    sentences.append(f"Seeds: {numbers(results.seeds[: results.n_seeds])}.")
    if results.epochs:
        sentences.append(f"Epochs: {' or '.join(map(str, results.epochs))}.")
    if n:
        corrected = f"corrected for {counted(n, 'comparison')} (Holm)"
        sentences.append(f"Clearly worse: a p-value below 0.05, {corrected}.")
    if n and results.folds:
        sentences.append(
            f"This verdict and the interval {scope(results.n_seeds)} are about the models as "
            f"they were trained here. {P_OF_FOLDS}: the p-value of the difference from the best "
            "over the folds, as if that pair were the only one (the corrected t-test of Nadeau and "
            "Bengio)."
        )
    if results.searched and len(tried) < results.n_models:
        sentences.append(f"{results.sampler} drew at most {results.searched} points of each grid.")
    return " ".join(filter(None, [*sentences, condition(tests)]))


def check_target(file: Path, *, overwrite: bool) -> None:
    """Make sure, before anything is trained, that ``file`` may be written.

    Raises:
        UserError: it exists, or its folder does not.
    """
    if file.is_dir():
        raise UserError(f"{file}: is a folder (should be a file)")
    if file.exists() and not overwrite:
        hint = "use --force, overwrite=True in Python, or another name"
        raise UserError(f"{file}: exists ({hint})")
    if not file.parent.is_dir():
        raise UserError(f"{file}: there is no folder {file.parent}")
    if not os.access(file.parent, os.W_OK):
        raise UserError(f"{file}: the folder cannot be written to")


def write_best(file: Path, benchmark: Benchmark, results: ChoiceResults) -> None:
    """Write a config of the best point of each model, which says how they were chosen.

    Raises:
        UserError: no model has finished all its trials.
        UnwritableError: the file cannot be written.
    """
    best = best_points(results)
    if not best:
        raise UserError(f"{file}: not written; no model has all its trials")
    n_tried = Counter(model_of(candidate.name) for candidate in results.candidates)
    changes = {
        "name": f"{benchmark.name[:90]}{ENDING}",
        "models": {
            name: benchmark.models[chosen.name].model_copy(update={"chosen_from": n_tried[name]})
            for name, chosen in best.items()
        },
    }
    lines = dump(benchmark.model_copy(update=changes), file.parent).splitlines()
    start = lines.index("models:")
    for name, candidate in best.items():
        key = "  " + to_yaml({name: 0}).removesuffix(" 0\n")
        start = lines.index(key, start + 1)  # the names come in this order; all else is deeper
        reason = f"accuracy {candidate.accuracy:.4f}"
        if values := values_of(candidate.name):
            point = ", ".join(f"{key} {value}" for key, value in values.items())
            reason += f", the best of {n_tried[name]}: {point}"
        lines.insert(start, f"  # {reason}")
        start += 1
    introduction = [
        f"Chosen from {counted(len(results.candidates), 'model')} by accuracy on {results.how()};",
        "the test documents were not used. The command was:",
        *(f"  {line}" for line in results.command.splitlines()),
    ]
    write_text(file, "\n".join([*(f"# {line}" for line in introduction), *lines, ""]))


def best_points(results: ChoiceResults) -> dict[str, Candidate]:
    """Return the best candidate of each model, in the order of their accuracies."""
    best: dict[str, Candidate] = {}
    for candidate in results.candidates:  # the best come first
        best.setdefault(model_of(candidate.name), candidate)
    return best
