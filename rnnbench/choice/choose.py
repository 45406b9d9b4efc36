"""Choosing models and settings on the training documents alone."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnnbench.analysis.summary import load_environment
from rnnbench.api import Run
from rnnbench.choice.results import (
    ChoiceResults,
    best_config,
    choice_table,
    chosen_benchmark,
    complete,
    rank_candidates,
    recommend,
)
from rnnbench.config.load import dump
from rnnbench.config.schema import Benchmark
from rnnbench.data.audit import Duplicates
from rnnbench.data.dataset import Data, make_dataset, make_parts
from rnnbench.environment import constraints
from rnnbench.errors import UserError
from rnnbench.job import FailedTrialsError, InterruptedRunError, prepared_job, require_whole
from rnnbench.models.descriptions import with_members
from rnnbench.points import model_of, values_of
from rnnbench.report.table import Shown, Table, to_markdown
from rnnbench.report.tables import parameter_columns, short_table
from rnnbench.request import ChoiceRequest, RunRequest, takes
from rnnbench.results.lock import lock_folder
from rnnbench.results.run import load_benchmark, report_files
from rnnbench.results.store import CHOICE, CHOICE_TABLE, CONSTRAINTS, FITTED
from rnnbench.runner.run import Job, PlanResult, plan_benchmark
from rnnbench.runner.run import run as run_job
from rnnbench.section import checked, spell
from rnnbench.storage import check_new, read_record, write_document, write_text
from rnnbench.terminal.display import show_trials
from rnnbench.training.outcome import TrialResult

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

FOLDS = 5
SEED = 0
"""Of the draw of a sample of points."""
SAME_WAY = ("jobs", "executor", "scheduler", "progress", "fresh")
"""The arguments of a choice that say how its trials run, and those of the recommended model."""


@dataclass(frozen=True, eq=False, repr=False)
class Choice(Shown):
    """The models of a config, ranked on training documents. It is displayed as tables.

    Attributes:
        folder: the folder that holds it.
        results: the record, as in ``choice.json``.
        benchmark: the resolved config.
        fitted: the run that keeps the recommended model, with ``then_fit``.
    """

    folder: Path
    results: ChoiceResults
    benchmark: Benchmark
    fitted: Run | None = None

    def tables(self) -> list[Table]:
        """Return the tables that ``rnnbench choose`` prints."""
        found = [choice_table(self.results)]
        return [*found, short_table(self.fitted.results)] if self.fitted else found

    @property
    def recommended(self) -> str:
        """The name of the recommended model; ``results`` says why."""
        if self.results.recommended is None:
            raise UserError(f"{self.folder}: no model has finished all its trials")
        return self.results.recommended.model

    def to_frame(self) -> "pd.DataFrame":
        """Return the candidates, the best first, as a pandas data frame.

        Each parameter in which the points of a grid differ has a column. ``p`` is corrected for all
        pairs, and is about the models as trained here. ``p_of_folds`` allows for other training
        documents, too (Nadeau and Bengio 2003), and is not corrected.

        Raises:
            ImportError: pandas is not installed.
        """
        import pandas as pd

        keys = {"name", "score", "of_parts", "params", "seeds", "fit_seconds"}
        best = next(iter(self.results.candidates), None)
        rows = [
            candidate.model_dump(include=keys)
            | {"low": candidate.interval.low, "high": candidate.interval.high}
            | {"p": candidate.against_best and candidate.against_best.p_holm}
            | {"p_of_folds": best and best.p_of_folds(candidate)}
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
        file = Path(file)
        check_new(file, overwrite=overwrite)
        if not self.results.candidates:
            raise UserError(f"{file}: not written; no model has finished all its trials")
        write_text(file, best_config(self.benchmark, self.results, file.parent))

    def write_report(self, *, command: str = "Choice.write_report()") -> Path:
        """Write ``report.html``, ``report.md`` and ``plots/`` into the folder of the choice.

        Returns the HTML file. A process that needs the folder meanwhile is told the ``command``.

        Raises:
            UserError: another process is writing into the folder.
            RnnbenchError: a file cannot be written.
        """
        from rnnbench.choice.report import choice_page  # imports Matplotlib
        from rnnbench.report.page import write_files

        with lock_folder(self.folder, command, CHOICE):
            return write_files(self.folder, choice_page(self))


@takes(ChoiceRequest)
def choose(request: ChoiceRequest) -> Choice:
    """Rank models and grid points by their score on held-out training documents.

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
    if request.on == "all" and not request.then_fit:
        raise UserError("on: 'all' needs then_fit, because only that trains a model to keep")
    parts = make_parts(request.folds, request.last)
    with prepared_job(request, CHOICE) as job:
        plan = plan_benchmark(job.benchmark, job.data, job.executor.threads, parts=parts)
        if sample is not None:
            drawn = draw_points(job.benchmark.models, sample)
            plan = replace(plan, trials=[trial for trial in plan.trials if trial.name in drawn])
        y, groups = job.data.dataset.y_train, job.data.dataset.groups
        positions = np.concatenate([part.positions(y, groups) for part in parts])  # part by part
        if request.on == "all":
            _check_labels(job, _on_all(request, job), positions)
        if job.benchmark.tracking:
            log.warning("tracking: ignored, because only runs are tracked")
        with job.writing():
            with show_trials(quiet=not request.progress) as listener:
                done = job.train(plan, listener)
            choice = _write(request, job, done, positions) if done.results else None
    whole = require_whole(choice, job, done)
    if not request.then_fit:
        return whole
    names = with_members([whole.recommended], job.benchmark.models)
    trials = complete(job.benchmark.models, done)
    held_out = {
        (model_of(name), seed): _answers(parts, positions)
        for name in (names if request.on == "all" else ())
        for seed, parts in trials[name].items()
    }
    try:
        return replace(whole, fitted=_fit(request, job, whole, held_out))
    except (FailedTrialsError, InterruptedRunError) as error:
        error.run = replace(whole, fitted=error.run)  # what was chosen stays
        raise


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


def _write(
    request: ChoiceRequest, job: Job, done: PlanResult, positions: NDArray[np.intp]
) -> Choice:
    """Rank the models that have all their trials, and write everything that belongs to it."""
    benchmark, folder = job.benchmark, job.store.folder
    candidates = rank_candidates(benchmark.models, done, positions)
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
        candidates=candidates,
        recommended=recommend(candidates, benchmark.models, done.plan.dataset.kind),
        missing=done.missing,
    )
    choice = Choice(folder, results, benchmark)
    write_text(folder / "config.yaml", dump(benchmark, folder))
    with suppress(FileNotFoundError):  # it was removed, and nothing has been trained since
        write_text(folder / CONSTRAINTS, constraints(load_environment(folder)))
    write_text(folder / CHOICE_TABLE, "\n".join(map(to_markdown, choice.tables())))
    write_document(folder / CHOICE, results)
    for file in report_files(folder):  # it may show earlier results
        file.unlink()
    return choice


def _on_all(request: ChoiceRequest, job: Job) -> Data:
    """Return the data section for a model that is trained on all documents."""
    return job.benchmark.data.model_copy(update={"fit_on_all": request.last or 1.0})


def _check_labels(job: Job, section: Data, positions: NDArray[np.intp]) -> None:
    """Make sure that the answers of a choice can stand for those of a model of all documents."""
    learned = make_dataset(job.data.corpus, job.data.section, blind=True)
    whole = make_dataset(job.data.corpus, section)
    is_same = np.array_equal(learned.y_train[np.sort(positions)], whole.y_test)
    if job.data.dataset.topics != whole.topics or not is_same:
        raise UserError("on: some labels occur only in test documents (use 'train')")


def _fit(
    request: ChoiceRequest,
    job: Job,
    choice: Choice,
    held_out: Mapping[tuple[str, int], TrialResult],
) -> Run:
    """Train the recommended model, in a run that keeps it; ``held_out`` answers replace its own."""
    names = with_members([choice.recommended], job.benchmark.models)
    benchmark = chosen_benchmark(job.benchmark, choice.results, names)
    data = _on_all(request, job) if held_out else benchmark.data
    given = RunRequest(
        benchmark.model_copy(update={"tracking": (), "data": data}),
        out=choice.folder / FITTED,
        save_models=True,
        command=job.command if held_out else None,
        **{key: getattr(request, key) for key in SAME_WAY},
    )
    with prepared_job(given, corpus=job.data.corpus) as prepared:
        fit = prepared
        if held_out:
            # It is trained on all documents on purpose.
            facts = {"estimated_on": choice.results.how(), "duplicates": Duplicates()}
            facts["whole_duplicates"] = facts["duplicates"]
            summary = fit.data.summary.model_copy(update=facts)
            fit = replace(fit, data=replace(fit.data, summary=summary), held_out=held_out)
        stored, fitted = run_job(fit, show_trials(quiet=not given.progress), keep_models=True)
    return require_whole(Run(**vars(stored)) if stored else None, fit, fitted)


def _answers(parts: Sequence[TrialResult], positions: NDArray[np.intp]) -> TrialResult:
    """Return the answers of a model to the documents at ``positions``, in that order."""
    order, names = np.argsort(positions), ("labels", "scores", "answers")
    wholes = (np.concatenate([getattr(part, name) for part in parts]) for name in names)
    labels, scores, given = (whole[order] for whole in wholes)
    return TrialResult(parts[0].record, labels, scores, given=given)


@checked
def load_choice(folder: str | Path) -> Choice:
    """Return the choice in a folder.

    Raises:
        UserError: there is no choice.
        DamagedResultError: a file is not as it was written.
    """
    folder = Path(folder)
    if not (folder / CHOICE).is_file():
        raise UserError(f"{folder}: no {CHOICE} in it (should be a folder of `rnnbench choose`)")
    results, _ = read_record(folder / CHOICE, ChoiceResults)
    benchmark = load_benchmark(folder, [candidate.name for candidate in results.candidates])
    if results.recommended is None:
        recommended = recommend(results.candidates, benchmark.models, results.dataset.kind)
        results = results.model_copy(update={"recommended": recommended})
    return Choice(folder, results, benchmark)
