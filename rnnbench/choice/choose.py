"""Choosing models and settings on the training documents alone."""

import logging
import shlex
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnbench.analysis.summary import load_environment
from rnnbench.choice.rank import Candidate, ChoiceResults, rank_candidates
from rnnbench.choice.write import check_target, choice_table, costs_table, write_best
from rnnbench.config.load import dump
from rnnbench.config.schema import Benchmark
from rnnbench.data.dataset import Last, Part, make_parts
from rnnbench.environment import constraints
from rnnbench.errors import UserError
from rnnbench.job import Config, Job, Settings, prepare_job, require_whole
from rnnbench.points import model_of, values_of
from rnnbench.report.table import Shown, Table, to_markdown
from rnnbench.report.tables_of_run import parameter_columns
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
SEED = 0
"""Of the draw of a sample of points."""
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

        rows = [_facts(candidate) for candidate in self.results.candidates]
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
    sample: int | None = None,
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
        sample: the number of points of each grid that are drawn at random, instead of all.
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
    if sample is not None and (type(sample) is not int or sample < 1):
        raise UserError(f"sample: got {spell(sample)} (should be 1 or more)")
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
    command = command or _command(job.store.folder, parts, sample, jobs)
    plan = plan_benchmark(job.benchmark, job.data, job.executor.threads, parts=parts)
    if sample is not None:
        drawn = draw_points(job.benchmark.models, sample)
        plan = replace(plan, trials=[trial for trial in plan.trials if trial.name in drawn])
    if job.benchmark.tracking:
        log.warning("tracking: ignored, because only runs are tracked")
    with lock_folder(job.store.folder, command, CHOICE):
        job.store.check_writable(FILES)
        job.store.save_first_config(dump(job.benchmark, job.store.folder), CHOICE)
        with show_trials(quiet=not progress) as listener:
            done = run_plan(plan, job.executor, job.store, listener, fresh=fresh)
        choice = None
        if done.trials:
            results = _record(job, plan, done, parts, sample, command)
            choice = Choice(job.store.folder, results, job.benchmark)
            _store(choice)
    return require_whole(choice, plan, done, job.store.folder, command)


def draw_points(names: Iterable[str], n: int) -> set[str]:
    """Return ``n`` points of each grid, drawn at random; all if it has no more.

    The names alone decide, so the same grid always gives the same points, on every machine, and
    those of a larger sample include those of a smaller one.
    """
    grids: dict[str, list[str]] = {}
    for name in sorted(names):
        grids.setdefault(model_of(name), []).append(name)
    drawn: set[str] = set()
    for model, points in grids.items():
        random = Random(f"{SEED} {model}")
        # random() gives the same numbers in every version of Python; sample() may change.
        in_order = sorted((random.random(), point) for point in points)
        drawn.update(point for _, point in in_order[:n])
    return drawn


def _command(folder: Path, parts: Sequence[Part], sample: int | None, jobs: int | None) -> str:
    """Return the command that repeats a choice from the config that it stores."""
    how = ["--last", str(parts[0].share)] if isinstance(parts[0], Last) else ["--folds", len(parts)]
    options = [] if jobs is None else ["--jobs", jobs]
    options += [] if sample is None else ["--sample", sample]
    words = ["rnnbench", "choose", folder / "config.yaml", *how, *options, "--out", folder]
    return shlex.join(map(str, words))


def _record(
    job: Job,
    plan: Plan,
    done: PlanResult,
    parts: Sequence[Part],
    sample: int | None,
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
        searched=sample,
        sampler=None if sample is None else f"Random sampling (seed {SEED})",
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
