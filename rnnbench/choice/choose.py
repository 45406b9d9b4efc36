"""Choosing models and settings on the training documents alone."""

import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from rnnbench.analysis.summary import load_environment
from rnnbench.choice.results import (
    ChoiceResults,
    check_target,
    choice_table,
    costs_table,
    rank_candidates,
    write_best,
)
from rnnbench.config.load import dump
from rnnbench.config.schema import Benchmark
from rnnbench.data.dataset import Part, make_parts
from rnnbench.environment import constraints
from rnnbench.errors import UserError
from rnnbench.job import display_of, prepare_job, require_whole
from rnnbench.points import model_of, values_of
from rnnbench.report.table import Shown, Table, to_markdown
from rnnbench.report.tables_of_run import parameter_columns
from rnnbench.request import ChoiceRequest, takes
from rnnbench.results.store import CHOICE, CHOICE_TABLE, CONSTRAINTS
from rnnbench.runner.run import Job, PlanResult, plan_benchmark
from rnnbench.section import spell
from rnnbench.storage import write_document, write_text

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

FOLDS = 5
SEED = 0
"""Of the draw of a sample of points."""


@dataclass(frozen=True, eq=False, repr=False)
class Choice(Shown):
    """The models of a config, ranked on training documents; it is displayed as tables.

    Attributes:
        folder: the folder that holds it.
        results: the record, as in ``choice.json``.
        benchmark: the resolved config.
    """

    folder: Path
    results: ChoiceResults
    benchmark: Benchmark

    def tables(self) -> list[Table]:
        """Return the tables that ``rnnbench choose`` prints."""
        return [choice_table(self.results), costs_table(self.results)]

    def to_frame(self) -> "pd.DataFrame":
        """Return the candidates, the best first, as a pandas data frame.

        Each parameter in which the points of grids differ has a column.

        Raises:
            ImportError: pandas is not installed.
        """
        import pandas as pd

        keys = {"name", "accuracy", "of_parts", "params", "seeds", "fit_seconds"}
        rows = [
            candidate.model_dump(include=keys)
            | {"low": candidate.interval.low, "high": candidate.interval.high}
            | {"p": candidate.against_best and candidate.against_best.p_holm}
            for candidate in self.results.candidates
        ]
        parameters = list(dict.fromkeys(key for row in rows for key in values_of(row["name"])))
        return pd.DataFrame(
            {"name": row["name"], **parameter_columns(row["name"], parameters, list(row)), **row}
            for row in rows
        )

    def write(self, file: str | Path, *, overwrite: bool = False) -> None:
        """Write a config of the best point of each model.

        Raises:
            UserError: the file exists, or no model has all its trials.
            UnwritableError: the file cannot be written.
        """
        check_target(Path(file), overwrite=overwrite)
        write_best(Path(file), self.benchmark, self.results)


@takes(ChoiceRequest)
def choose(request: ChoiceRequest) -> Choice:
    """Rank models and grid points by their accuracy on held-out training documents.

    The texts of the test documents are removed before anything is learned. Trials are stored, and
    not trained again by the same call.

    Raises:
        ConfigError: the config or an argument is wrong.
        UserError: an argument is wrong, or another process is writing into the folder.
        OutOfReachError: the data could not be downloaded.
        RnnbenchError: a file cannot be written, or no trial can be trained.
        FailedTrialsError: trials have no result; its ``run`` is the partial choice.
        InterruptedRunError: Ctrl-C ended it; its ``run`` is the partial choice.
    """
    sample = request.sample
    if sample is not None and (type(sample) is not int or sample < 1):
        raise UserError(f"sample: got {spell(sample)} (should be 1 or more)")
    if request.folds is None and request.last is None:
        request = replace(request, folds=FOLDS)
    parts = make_parts(request.folds, request.last)
    job = prepare_job(request, CHOICE)
    plan = plan_benchmark(job.benchmark, job.data, job.executor.threads, parts=parts)
    if sample is not None:
        drawn = draw_points(job.benchmark.models, sample)
        plan = replace(plan, trials=[trial for trial in plan.trials if trial.name in drawn])
    if job.benchmark.tracking:
        log.warning("tracking: ignored, because only runs are tracked")
    with job.writing():
        with display_of(request) as listener:
            done = job.train(plan, listener)
        choice = _write(request, job, done, parts) if done.results else None
    return require_whole(choice, job, done)


def draw_points(names: Iterable[str], n: int) -> set[str]:
    """Return ``n`` points of each grid, drawn at random; all if it has no more.

    The names alone decide, so the same grid always gives the same points, on every machine, and
    those of a larger sample include those of a smaller one.
    """
    drawn: set[str] = set()
    for model, points in groupby(sorted(names, key=lambda name: (model_of(name), name)), model_of):
        random = Random(f"{SEED} {model}")
        # random() gives the same numbers in every version of Python; sample() may change.
        in_order = sorted((random.random(), point) for point in points)
        drawn.update(point for _, point in in_order[:n])
    return drawn


def _write(request: ChoiceRequest, job: Job, done: PlanResult, parts: Sequence[Part]) -> Choice:
    """Rank the models that have all their trials, and write everything that belongs to it."""
    benchmark, folder, y_train = job.benchmark, job.store.folder, job.data.dataset.y_train
    positions = np.concatenate([part.positions(y_train) for part in parts])
    results = ChoiceResults(
        name=benchmark.name,
        command=job.command,
        dataset=done.plan.dataset,
        folds=request.folds,
        last=request.last,
        held_out=len(positions),
        seeds=list(benchmark.training.seeds),
        epochs=sorted({trial.epochs for trial in done.plan.trials} - {0}),
        n_models=len(benchmark.models),
        searched=request.sample,
        sampler=None if request.sample is None else f"Random sampling (seed {SEED})",
        candidates=rank_candidates(benchmark.models, done, positions),
        missing=done.missing,
    )
    choice = Choice(folder, results, benchmark)
    write_text(folder / "config.yaml", dump(benchmark, folder))
    with suppress(FileNotFoundError):  # it was removed, and nothing has been trained since
        write_text(folder / CONSTRAINTS, constraints(load_environment(folder)))
    write_text(folder / CHOICE_TABLE, "\n".join(map(to_markdown, choice.tables())))
    write_document(folder / CHOICE, results)
    return choice
