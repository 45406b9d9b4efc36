"""Choosing models and settings on the training documents alone."""

import logging
import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnbench.analysis.load import load_environment
from rnnbench.choice.rank import rank_candidates
from rnnbench.choice.records import Candidate, ChoiceResults
from rnnbench.choice.search import sampler_version, search_grids
from rnnbench.choice.table import choice_table, costs_table
from rnnbench.choice.write import check_target, write_best
from rnnbench.config.load import dump
from rnnbench.config.schema import Benchmark
from rnnbench.data.parts import Last, Part, make_parts
from rnnbench.environment import constraints
from rnnbench.errors import UserError
from rnnbench.job import Config, Job, Settings, prepare_job, require_whole
from rnnbench.points import values_of
from rnnbench.report.rows import parameter_columns
from rnnbench.report.shown import Shown
from rnnbench.report.table import Table, to_markdown
from rnnbench.results.lock import lock_folder
from rnnbench.results.store import CHOICE, CONSTRAINTS
from rnnbench.runner.run import Plan, PlanResult, plan_benchmark, run_plan
from rnnbench.section import spell
from rnnbench.storage import write_document, write_text
from rnnbench.terminal.display import show_trials

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

FOLDS = 5
TABLE = "choice.md"
FILES = ("config.yaml", "environment.json", CONSTRAINTS, TABLE, CHOICE)
"""The files that describe a choice as a whole."""


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

        names = [each.name for each in self.results.candidates]
        parameters = list(dict.fromkeys(key for name in names for key in values_of(name)))
        facts = [_facts(each) for each in self.results.candidates]
        return pd.DataFrame(
            {
                "name": each["name"],
                **parameter_columns(each["name"], parameters, list(each)),
                **each,
            }
            for each in facts
        )

    def write(self, file: str | Path, *, overwrite: bool = False) -> None:
        """Write a config of the best point of each model.

        Raises:
            UserError: the file exists, or no model has all its trials.
            UnwritableError: the file cannot be written.
        """
        check_target(Path(file), overwrite=overwrite)
        write_best(Path(file), self.benchmark, self.results)


def _facts(candidate: Candidate) -> dict[str, Any]:
    keys = {"name", "accuracy", "of_parts", "params", "seeds", "fit_seconds"}
    return candidate.model_dump(include=keys) | {
        "low": candidate.interval.low,
        "high": candidate.interval.high,
        "p": candidate.against_best and candidate.against_best.p_holm,
    }


def choose(
    config: Config,
    *,
    folds: int | None = None,
    last: float | None = None,
    search: int | None = None,
    seeds: int | Sequence[int] | None = None,
    models: str | Sequence[str] | None = None,
    epochs: int | None = None,
    data: str | None = None,
    path: str | Path | None = None,
    jobs: int | None = None,
    out: str | Path | None = None,
    settings: Settings | None = None,
    fresh: bool = False,
    executor: str = "local",
    scheduler: str | Path | None = None,
    progress: bool = True,
    command: str | None = None,
) -> Choice:
    """Rank models and grid points by their accuracy on held-out training documents.

    The texts of the test documents are removed before anything is learned. Trials are stored, and
    not trained again by the same call; see ``run`` for the other arguments.

    Args:
        config: a config file, its content, or the result of ``load_config``.
        folds: the number of folds of a cross-validation; by default 5.
        last: the share of the training documents, from the end, to hold out instead of folds.
        search: the number of points of each grid that Optuna draws, instead of all.
        seeds: the number of seeds, or a list of seeds.
        models: only these models of the config.
        epochs: the number of epochs of every training.
        data: the source of the documents.
        path: a file or folder to read the source from.
        jobs: the number of trials that run side by side.
        out: the folder of the results; by default ``results/choice-NAME``.
        settings: values that replace others of the config.
        fresh: whether stored trials are trained again.
        executor: where trials run.
        scheduler: of the Dask cluster, if they run on one.
        progress: whether progress is shown on standard error.
        command: the command that is stored with the choice.

    Raises:
        ConfigError: the config or an argument is wrong.
        UserError: an argument is wrong, or another process is writing into the folder.
        OutOfReachError: the data could not be downloaded.
        RnnbenchError: a file cannot be written, or no trial can be trained.
        FailedTrialsError: trials have no result; its ``run`` is the partial choice.
        InterruptedRunError: Ctrl-C ended it; its ``run`` is the partial choice.
    """
    if search is not None and (type(search) is not int or search < 1):
        raise UserError(f"search: got {spell(search)} (should be 1 or more)")
    sampler = None if search is None else sampler_version()
    parts = make_parts(FOLDS if folds is None and last is None else folds, last)
    job = prepare_job(
        config,
        seeds=seeds,
        models=models,
        epochs=epochs,
        data=data,
        path=path,
        jobs=jobs,
        out=out,
        settings=settings,
        executor=executor,
        scheduler=scheduler,
        progress=progress,
        record=CHOICE,
        prefix="choice-",
    )
    command = command or _command(job.store.folder, parts, search, jobs)
    plan = plan_benchmark(job.benchmark, job.data, job.executor.threads, parts=parts)
    if job.benchmark.tracking:
        log.warning("tracking: ignored, because only runs are tracked")
    with lock_folder(job.store.folder, command, CHOICE):
        job.store.check_writable(FILES)
        job.store.save_first_config(dump(job.benchmark, job.store.folder), CHOICE)
        plan, done = _train(job, plan, search, fresh=fresh, progress=progress)
        choice = None
        if done.trials:
            results = _record(job, plan, done, parts, search, sampler, command)
            choice = Choice(job.store.folder, results, job.benchmark)
            _store(choice)
    return require_whole(choice, plan, done, job.store.folder, command)


def _command(folder: Path, parts: Sequence[Part], search: int | None, jobs: int | None) -> str:
    """Return the command that repeats a choice from the config that it stores."""
    how = ["--last", str(parts[0].share)] if isinstance(parts[0], Last) else ["--folds", len(parts)]
    options = [] if jobs is None else ["--jobs", jobs]
    options += [] if search is None else ["--search", search]
    words = ["rnnbench", "choose", folder / "config.yaml", *how, *options, "--out", folder]
    return shlex.join(map(str, words))


def _train(
    job: Job, plan: Plan, search: int | None, *, fresh: bool, progress: bool
) -> tuple[Plan, PlanResult]:
    """Return the plan, or the part of it that a search draws, and its results."""
    with show_trials(quiet=not progress) as listener:
        run = partial(
            run_plan, executor=job.executor, store=job.store, listener=listener, fresh=fresh
        )
        return (plan, run(plan)) if search is None else search_grids(plan, search, run)


def _record(
    job: Job,
    plan: Plan,
    done: PlanResult,
    parts: Sequence[Part],
    search: int | None,
    sampler: str | None,
    command: str,
) -> ChoiceResults:
    first, benchmark = parts[0], job.benchmark
    y_train = job.data.dataset.y_train
    positions = np.concatenate([part.positions(y_train) for part in parts])
    return ChoiceResults(
        name=benchmark.name,
        command=command,
        dataset=plan.dataset,
        folds=None if isinstance(first, Last) else len(parts),
        last=first.share if isinstance(first, Last) else None,
        held_out=len(positions),
        seeds=list(benchmark.training.seeds),
        epochs=sorted({trial.epochs for trial in plan.trials} - {0}),
        n_models=len(benchmark.models),
        searched=search,
        sampler=sampler,
        candidates=rank_candidates(benchmark.models, plan, done.trials, positions),
        missing=done.missing,
    )


def _store(choice: Choice) -> None:
    folder = choice.folder
    write_text(folder / "config.yaml", dump(choice.benchmark, folder))
    with suppress(FileNotFoundError):  # it was removed, and nothing has been trained since
        write_text(folder / CONSTRAINTS, constraints(load_environment(folder)))
    write_text(folder / TABLE, "\n".join(map(to_markdown, choice.tables())))
    write_document(folder / CHOICE, choice.results)
