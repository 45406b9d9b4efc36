"""Choosing models and settings on the training documents alone.

``choose("lstm", folds=5)`` trains every model and point of a grid on parts of the
training documents, ranks them by their answers to the others, and recommends one.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Literal

import numpy as np

from rnnbench.analysis.summary import load_environment
from rnnbench.api import run_of
from rnnbench.choice.label_curves import measure_curves
from rnnbench.choice.label_tables import label_tables
from rnnbench.choice.ranking import complete, rank_candidates, recommend
from rnnbench.choice.results import ChoiceResults
from rnnbench.choice.table import choice_table
from rnnbench.config.load import dump
from rnnbench.config.schema import Benchmark
from rnnbench.data.config import Data
from rnnbench.data.corpus import Positions
from rnnbench.data.dataset import make_dataset
from rnnbench.data.held_out import Part, largest_subsets, make_parts, with_subsets
from rnnbench.data.subsets import parse_sizes
from rnnbench.data.summary import Duplicates
from rnnbench.environment import constraints
from rnnbench.errors import UserError
from rnnbench.finished import Run
from rnnbench.job import prepared_job
from rnnbench.models.descriptions import with_members
from rnnbench.points import model_of, values_of
from rnnbench.report.table import Table, to_markdown
from rnnbench.report.tables.files import parameter_columns, table_files
from rnnbench.report.tables.scores import short_table
from rnnbench.request import (
    ChoiceRequest,
    Config,
    Names,
    OwnTexts,
    RunRequest,
    Settings,
)
from rnnbench.results.run import load_benchmark, report_files
from rnnbench.results.store import (
    CHOICE,
    CHOICE_TABLE,
    CONSTRAINTS,
    FITTED,
    lock_folder,
)
from rnnbench.runner.errors import (
    FailedTrialsError,
    InterruptedRunError,
    require_whole,
)
from rnnbench.runner.plan import Plan, plan_benchmark
from rnnbench.runner.run import run
from rnnbench.runner.train import Job, PlanResult, train
from rnnbench.section import checked
from rnnbench.shown import Shown
from rnnbench.storage import check_new, read_record, write_document, write_text
from rnnbench.terminal.display import show_trials
from rnnbench.text import counted
from rnnbench.training.outcome import TrialResult

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)
HeldOut = Mapping[tuple[str, int], TrialResult]
"""By model and seed, the answers to the held-out documents."""
FOLDS = 5
SEED = 0  # of the random draw of points of a grid


@dataclass(frozen=True, eq=False, repr=False)
class Choice(Shown):
    """The models of a config, ranked on training documents. It is displayed as tables.

    Attributes:
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
        tables = label_tables(self.results)
        if not tables and not self.results.is_on_test:
            tables = [choice_table(self.results)]
        if self.fitted:
            tables.append(short_table(self.fitted.results))
        return tables

    @property
    def recommended(self) -> str:
        """The name of the recommended model; ``results`` says why."""
        if self.results.is_on_test:
            raise UserError(f"{self.folder}: test documents recommend no model")
        if self.results.recommended is None:
            raise UserError(f"{self.folder}: no model has finished all its trials")
        return self.results.recommended.model

    def to_frame(self) -> "pd.DataFrame":
        """Return the candidates, the best first, as a pandas data frame.

        ``p`` is the p-value of being as good as the best, and is about the models as
        trained here. ``p_of_folds`` allows for other training documents, too (Nadeau
        and Bengio 2003), and is not corrected.
        """
        import pandas as pd

        columns = {"name", "score", "of_parts", "params", "seeds", "fit_seconds"}
        rows = []
        for candidate in self.results.candidates:
            row = candidate.model_dump(include=columns)
            row["low"] = candidate.interval.low
            row["high"] = candidate.interval.high
            test = candidate.against_best
            row["p"] = test.p_corrected if test else None
            row["p_of_folds"] = self.results.candidates[0].p_of_folds(candidate)
            rows.append(row)
        parameters = dict[str, None]()
        for row in rows:
            parameters |= dict.fromkeys(values_of(row["name"]))
        return pd.DataFrame(
            {"name": row["name"]}
            | parameter_columns(row["name"], list(parameters), list(row))
            | row
            for row in rows
        )

    def labels_frame(self) -> "pd.DataFrame":
        """Return the score of each model by the number of labels, as a data frame.

        ``UserError`` is raised if it did not learn from subsets.
        """
        import pandas as pd

        if self.results.curves is None:
            raise UserError(f"{self.folder}: has no subsets (use shares or labels)")
        return pd.DataFrame(self.results.curves.scores)

    def write(self, file: str | Path, *, overwrite: bool = False) -> None:
        """Write a config of the best point of each model, or raise ``UserError``."""
        file = Path(file)
        results = self.results
        check_new(file, overwrite=overwrite)
        if not results.candidates:
            raise UserError(
                f"{file}: not written; no model has finished all its trials"
            )
        best = dict[str, str]()
        for candidate in results.candidates:  # the best come first
            best.setdefault(model_of(candidate.name), candidate.name)
        n_models = counted(len(results.candidates), "model")
        score = results.dataset.kind.score_name
        introduction = [
            f"Chosen from {n_models} by {score} on {results.how()};",
            "the test documents were not used. The command was:",
        ]
        for line in results.command.splitlines():
            introduction.append(f"  {line}")
        comment = "".join(f"# {line}\n" for line in introduction)
        chosen = chosen_benchmark(self.benchmark, results, best.values())
        write_text(file, comment + dump(chosen, file.parent))

    def write_report(self, *, command: str = "Choice.write_report()") -> Path:
        """Write ``report.html``, ``report.md`` and ``plots/`` into its folder.

        Returns the HTML file. Raises ``UserError`` if another process is writing into
        the folder.
        """
        from rnnbench.choice.report import choice_page  # imports Matplotlib
        from rnnbench.report.page import write_files

        with lock_folder(self.folder, command, CHOICE):
            page = choice_page(self.results, self.folder)
            return write_files(self.folder, page)


def chosen_benchmark(
    benchmark: Benchmark, results: ChoiceResults, chosen: Iterable[str]
) -> Benchmark:
    """Return a benchmark of candidates, with how many each was chosen from."""
    n_tried = Counter(model_of(candidate.name) for candidate in results.candidates)
    models = {}
    for name in with_members(chosen, benchmark.models):
        tried = {"chosen_from": n_tried[model_of(name)]}
        models[model_of(name)] = benchmark.models[name].model_copy(update=tried)
    name = f"{benchmark.name[:90]}_chosen"
    return benchmark.model_copy(update={"name": name, "models": models})


def choose(
    config: Config,
    *,
    epochs: int | None = None,
    seeds: int | Sequence[int] | None = None,
    models: Names = None,
    data: str | OwnTexts | None = None,
    path: str | Path | None = None,
    text: Names = None,
    label: Names = None,
    group: str | None = None,
    jobs: int | None = None,
    executor: str = "local",
    scheduler: str | Path | None = None,
    out: str | Path | None = None,
    settings: Settings | None = None,
    fresh: bool = False,
    progress: bool = True,
    command: str | None = None,
    folds: int | None = None,
    last: float | None = None,
    sample: int | None = None,
    then_fit: bool = False,
    on: Literal["train", "all"] = "train",
    shares: str | None = None,
    labels: str | None = None,
    draws: int | None = None,
    on_test: bool = False,
) -> Choice:
    """Rank models and grid points by their score on held-out training documents.

    The texts of the test documents are removed before anything is learned, unless
    models are tested ``on_test``. Trials are stored, and not trained again by the same
    call.

    Args:
        config: A config file, its content, or the result of ``load_config``. Or texts
            with labels: a table, a folder, a pandas data frame, a data set of Hugging
            Face, or a pair ``(texts, labels)``; see ``configs/texts.yaml``.
        epochs: Epochs of every training.
        seeds: The number of seeds, or a list.
        models: Only these models of the config.
        data: The source of the documents. Or texts with labels, a data frame or a pair.
            They are stored in the folder of the results, by default one for these texts
            alone: results/NAME-DIGITS, with the first digits of their checksum.
        path: Read the source offline, from this file or folder.
        text: The column of a table with the texts; or several, with parts of them.
        label: The column of a table with the labels; or several with 1 or 0.
        group: The column of a table with groups of texts, such as authors.
        jobs: Trials side by side; by default one per core.
        executor: Where trials run: local, dask, or an executor that another package
            brings.
        scheduler: The scheduler of Dask; by default that of its configuration.
        out: Where results go; by default results/choice-NAME.
        settings: New values of the config, by key.
        fresh: Train stored trials again.
        progress: Whether progress is shown on standard error.
        command: The command that repeats the choice; by default one with its
            ``config.yaml``.
        folds: Use N-fold cross-validation; by default 5 folds.
        last: Instead of folds, hold out the last share of the documents, such as 0.2.
        sample: Try this many points of each grid, drawn at random, instead of all.
        then_fit: Train the recommended model, and keep it for ``predict``.
        on: The documents to train it on: train, so that it is tested on the test
            documents; or all, so that only this choice says how good it is.
        shares: Learn from random shares of the documents, such as ``"5%,20%,100%"``, to
            see what more labels would bring.
        labels: The same with numbers of documents, such as ``"100,300,1000"``.
        draws: Random subsets of each size; by default 3.
        on_test: Test what learned from subsets on the test documents; no model is
            recommended.

    Raises:
        RnnbenchError: as in ``run``.
        FailedTrialsError: trials have no result; its ``run`` is the partial choice.
        InterruptedRunError: Ctrl-C ended it; its ``run`` is the partial choice.
    """
    return choose_request(ChoiceRequest.of(locals()))


def choose_request(request: ChoiceRequest) -> Choice:
    """Carry out a request, as ``choose`` does."""
    _check_request(request)
    if request.folds is None and request.last is None and not request.on_test:
        request = replace(request, folds=FOLDS)
    parts = _parts(request)
    with prepared_job(request, CHOICE) as job:
        # 1. Plan a training of each model on each part.
        plan = _plan(request, job, list(dict.fromkeys(parts)))
        # 2. Find the held-out documents, part by part.
        positions = _positions(job, parts)
        if request.on == "all":
            _check_labels(job, _on_all(request, job), positions)
        if job.benchmark.tracking:
            log.warning("tracking: ignored, because only runs are tracked")
        choice = None
        with job.writing():
            # 3. Train the models, and have them answer the held-out documents.
            with show_trials(quiet=not request.progress) as listener:
                done = train(job, plan, listener)
            # 4. Rank them, and write the choice.
            if done.results:
                choice = _write(request, job, done, parts)
    choice = require_whole(choice, job, done)
    if not request.then_fit:
        return choice
    # 5. Train the recommended model on all training documents, and keep it.
    held_out: HeldOut = {}
    if request.on == "all":
        held_out = _held_out_answers(job, choice, done, positions)
    try:
        return replace(choice, fitted=_fit(request, job, choice, held_out))
    except (FailedTrialsError, InterruptedRunError) as error:
        error.run = replace(choice, fitted=error.run)  # what was chosen stays
        raise


def _check_request(request: ChoiceRequest) -> None:
    if request.sample is not None and request.sample < 1:
        raise UserError(f"sample: got {request.sample} (should be 1 or more)")
    if request.on == "all" and not request.then_fit:
        raise UserError(
            "on: 'all' needs then_fit, because only that trains a model to keep"
        )
    if not request.on_test:
        return
    if request.shares is None and request.labels is None:
        raise UserError("on_test: needs shares or labels")
    for name in ("folds", "last", "then_fit"):
        if getattr(request, name):
            raise UserError(f"on_test: not with {name} (test documents choose nothing)")


def _parts(request: ChoiceRequest) -> list[Part]:
    """Return the parts that are held out, with each subset to learn from."""
    parts = [Part(is_test=True)]
    if not request.on_test:
        parts = make_parts(request.folds, request.last)
    if request.shares is None and request.labels is None:
        if request.draws is not None:
            raise UserError("draws: needs shares or labels")
        return parts
    if request.shares is not None and request.labels is not None:
        raise UserError("use either shares or labels, not both")
    if request.on == "all":
        raise UserError("on: 'all' needs all folds (leave out shares and labels)")
    if request.shares is not None:
        sizes = parse_sizes("shares", request.shares)
    else:
        sizes = parse_sizes("labels", str(request.labels))
    return with_subsets(parts, sizes, request.draws)


def _positions(job: Job, parts: Sequence[Part]) -> Positions:
    """Return the positions of the held-out documents, part by part."""
    dataset = job.data.dataset
    positions = []
    for part in largest_subsets(parts):
        positions.append(part.positions(dataset.y_train, dataset.groups))
    return np.concatenate(positions)


def _plan(request: ChoiceRequest, job: Job, parts: Sequence[Part]) -> Plan:
    """Return the trials of all models, or of a sample of each grid, on all parts."""
    threads = job.executor.threads
    plan = plan_benchmark(job.benchmark, job.data, threads, parts=parts)
    if request.sample is None:
        return plan
    drawn = draw_points(job.benchmark.models, request.sample)
    trials = [trial for trial in plan.trials if trial.name in drawn]
    return replace(plan, trials=trials)


def draw_points(names: Iterable[str], n: int) -> set[str]:
    """Return ``n`` points of each grid, drawn at random; all if it has no more.

    The names alone decide, so all machines agree, and a larger sample includes a
    smaller one.
    """

    def key(name: str) -> tuple[str, str]:
        return model_of(name), name

    drawn: set[str] = set()
    for model, points in groupby(sorted(names, key=key), model_of):
        random = Random(f"{SEED} {model}")
        # random() gives the same numbers in every version of Python, unlike sample().
        in_order = sorted((random.random(), point) for point in points)
        drawn.update(point for _, point in in_order[:n])
    return drawn


def _write(
    request: ChoiceRequest, job: Job, done: PlanResult, parts: Sequence[Part]
) -> Choice:
    """Rank the models that have all their trials; write the choice and its tables."""
    benchmark = job.benchmark
    folder = job.store.folder
    dataset = done.plan.dataset
    models = benchmark.models
    curves = None
    ranked = done
    positions = _positions(job, parts)
    if parts[0].subset:
        curves = measure_curves(done, parts, job.data)
        ranked = done.on_parts(largest_subsets(parts))
    candidates = []
    n_tested = len(positions)
    if request.on_test:  # test documents never choose a model
        n_tested = len(job.data.dataset.y_test)
    else:
        candidates = rank_candidates(models, ranked, positions, job.data.dataset.groups)
    sampler = None
    if request.sample is not None:
        sampler = f"Random sampling (seed {SEED})"
    results = ChoiceResults(
        name=benchmark.name,
        command=job.command,
        dataset=dataset,
        folds=request.folds,
        last=request.last,
        held_out=n_tested,
        seeds=list(benchmark.training.seeds),
        epochs=sorted({trial.epochs for trial in done.plan.trials} - {0}),
        n_models=len(models),
        searched=request.sample,
        sampler=sampler,
        candidates=candidates,
        recommended=recommend(candidates, models, dataset.kind),
        missing=done.missing,
        curves=curves,
    )
    choice = Choice(folder, results, benchmark)
    write_text(folder / "config.yaml", job.config_text)
    # The environment may have been removed if nothing has been trained since.
    with suppress(FileNotFoundError):
        write_text(folder / CONSTRAINTS, constraints(load_environment(folder)))
    write_text(folder / CHOICE_TABLE, "\n".join(map(to_markdown, choice.tables())))
    write_document(folder / CHOICE, results)
    for file in report_files(folder):  # it may show earlier results
        file.unlink()
    return choice


def _on_all(request: ChoiceRequest, job: Job) -> Data:
    """Return the data of a model that learns from all documents."""
    return job.benchmark.data.model_copy(update={"fit_on_all": request.last or 1.0})


def _check_labels(job: Job, data: Data, positions: Positions) -> None:
    """Make sure that the answers of a choice can stand for those of a final model.

    That model learns from all documents of ``data``.
    """
    learned = make_dataset(job.data.corpus, job.data.config, blind=True)
    final = make_dataset(job.data.corpus, data)
    is_same = np.array_equal(learned.y_train[np.sort(positions)], final.y_test)
    if job.data.dataset.topics != final.topics or not is_same:
        raise UserError("on: some labels occur only in test documents (use 'train')")


def _fit(request: ChoiceRequest, job: Job, choice: Choice, held_out: HeldOut) -> Run:
    """Train the recommended model, in a run that keeps it.

    If there are ``held_out`` answers, it learns from all documents, and they are its
    answers.
    """
    names = with_members([choice.recommended], job.benchmark.models)
    benchmark = chosen_benchmark(job.benchmark, choice.results, names)
    benchmark = benchmark.model_copy(update={"tracking": ()})
    command = None
    if held_out:
        benchmark = benchmark.model_copy(update={"data": _on_all(request, job)})
        command = job.command
    run_request = RunRequest(
        benchmark,
        out=choice.folder / FITTED,
        save_models=True,
        command=command,
        jobs=request.jobs,
        executor=request.executor,
        scheduler=request.scheduler,
        progress=request.progress,
        fresh=request.fresh,
    )
    with prepared_job(run_request, corpus=job.data.corpus) as prepared:
        fit = prepared
        if held_out:
            fit = _estimated_on(prepared, choice, held_out)
        with show_trials(quiet=not request.progress) as listener:
            stored, done = run(fit, listener, table_files, keep_models=True)
    fitted = run_of(stored) if stored else None
    return require_whole(fitted, fit, done)


def _estimated_on(job: Job, choice: Choice, held_out: HeldOut) -> Job:
    """Return a job whose scores are those of a choice, because it tests on nothing."""
    # It is trained on all documents on purpose, so that none count as duplicates.
    changes = {
        "estimated_on": choice.results.how(),
        "duplicates": Duplicates(),
        "whole_duplicates": Duplicates(),
        "near_copies": [],
    }
    summary = job.data.summary.model_copy(update=changes)
    return replace(job, data=replace(job.data, summary=summary), held_out=held_out)


def _held_out_answers(
    job: Job, choice: Choice, done: PlanResult, positions: Positions
) -> HeldOut:
    """Return the answers of the recommended model, and of its members, by seed."""
    answers = {}
    trials = complete(job.benchmark.models, done)
    for name in with_members([choice.recommended], job.benchmark.models):
        for seed, results in trials[name].items():
            answers[model_of(name), seed] = _answers(results, positions)
    return answers


def _answers(parts: Sequence[TrialResult], positions: Positions) -> TrialResult:
    """Return the answers to the documents at ``positions``, in the order of these."""
    order = np.argsort(positions)
    labels = np.concatenate([part.labels for part in parts])[order]
    scores = np.concatenate([part.scores for part in parts])[order]
    answers = np.concatenate([part.answers for part in parts])[order]
    return TrialResult(parts[0].record, labels, scores, given=answers)


@checked
def load_choice(folder: str | Path) -> Choice:
    """Return the choice in a folder.

    Raises:
        UserError: there is no finished choice.
        DamagedResultError: a file is not as it was written; the message names it.
    """
    folder = Path(folder)
    if not (folder / CHOICE).is_file():
        raise UserError(
            f"{folder}: no {CHOICE} in it (should be a folder of `rnnbench choose`)"
        )
    results, _ = read_record(folder / CHOICE, ChoiceResults)
    names = [candidate.name for candidate in results.candidates]
    benchmark = load_benchmark(folder, names)
    if results.recommended is None:
        task = results.dataset.kind
        best = recommend(results.candidates, benchmark.models, task)
        results = results.model_copy(update={"recommended": best})
    return Choice(folder, results, benchmark)
