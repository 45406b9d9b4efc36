"""Choosing models and settings on the training documents alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnbench.choice.judge import judge
from rnnbench.choice.records import ChoiceResults
from rnnbench.choice.search import check_optuna, search
from rnnbench.choice.table import choice_table, costs_table
from rnnbench.choice.write import check_target, write_best
from rnnbench.config.load import dump
from rnnbench.config.schema import Benchmark
from rnnbench.data.parts import make_parts
from rnnbench.errors import UserError
from rnnbench.job import Config, Job, Settings, prepare_job, raise_if_partial
from rnnbench.report.shown import Shown
from rnnbench.report.table import Table, to_markdown
from rnnbench.results.lock import lock_folder
from rnnbench.runner.benchmark import Plan, PlanResult, plan_benchmark, run_plan
from rnnbench.storage import write_document, write_text
from rnnbench.terminal.display import show_trials

if TYPE_CHECKING:
    import pandas as pd

FOLDS = 5
RECORD, TABLE = "choice.json", "choice.md"
FILES = ("config.yaml", "environment.json", TABLE, RECORD)
"""The files that describe a choice as a whole."""


@dataclass(frozen=True, eq=False, repr=False)
class Choice(Shown):
    """The models of a config, judged on training documents; it is displayed as a table.

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

        Raises:
            ImportError: pandas is not installed.
        """
        import pandas as pd

        return pd.DataFrame([_row(each.model_dump()) for each in self.results.candidates])

    def write(self, file: str | Path, *, overwrite: bool = False) -> None:
        """Write a config of the best point of each model.

        Raises:
            UserError: the file exists, or no model has all its trials.
            UnwritableError: the file cannot be written.
        """
        check_target(Path(file), overwrite=overwrite)
        write_best(Path(file), self.benchmark, self.results)


def _row(candidate: dict[str, Any]) -> dict[str, Any]:
    keys = ("name", "accuracy", "params", "seeds", "fit_seconds")
    against = candidate["against_best"]
    return {key: candidate[key] for key in keys} | {
        "low": candidate["interval"]["low"],
        "high": candidate["interval"]["high"],
        "p": against and against["p_holm"],
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
    progress: bool = True,
    command: str | None = None,
) -> Choice:
    """Judge every model and point of a grid on training documents that it has not learned.

    The texts of the test documents are removed before anything is learned. Trials are stored, and
    not trained again by the same call; see ``run`` for the other arguments.

    Args:
        config: a config file, its content, or the result of ``load_config``.
        folds: the number of folds of a cross-validation; by default 5.
        last: instead, the share of the training documents, the last ones, that are judged.
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
    if search is not None:
        if search < 1:
            raise UserError(f"search: got {search} (should be 1 or more)")
        check_optuna()
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
        progress=progress,
        prefix="choice-",
    )
    command = command or f"rnnbench.choose(...), into {job.store.folder}"
    plan = plan_benchmark(job.benchmark, job.data, job.executor.threads, parts=parts)
    with lock_folder(job.store.folder, command):
        job.store.check_writable(FILES)
        done = _train(job, plan, search, fresh=fresh, progress=progress)
        results = ChoiceResults(
            name=job.benchmark.name,
            command=command,
            dataset=plan.dataset,
            folds=len(parts) if last is None else None,
            last=last,
            judged=sum(len(part.positions(plan.dataset.train_size)) for part in parts),
            seeds=list(job.benchmark.training.seeds),
            epochs=job.benchmark.training.epochs,
            n_models=len(job.benchmark.models),
            searched=search,
            candidates=judge(plan, done.trials),
            missing=done.missing,
        )
        choice = Choice(job.store.folder, results, job.benchmark) if done.trials else None
        if choice is not None:
            _store(choice)
    raise_if_partial(choice, plan, done, job.store.folder, command)
    assert choice is not None  # noqa: S101 - or something was raised
    return choice


def _train(job: Job, plan: Plan, n_drawn: int | None, *, fresh: bool, progress: bool) -> PlanResult:
    with show_trials(quiet=not progress) as listener:
        run = partial(
            run_plan, executor=job.executor, store=job.store, listener=listener, fresh=fresh
        )
        return run(plan) if n_drawn is None else search(plan, n_drawn, run)


def _store(choice: Choice) -> None:
    folder = choice.folder
    write_text(folder / "config.yaml", dump(choice.benchmark, folder))
    write_text(folder / TABLE, "\n".join(map(to_markdown, choice.tables())))
    write_document(folder / RECORD, choice.results)
