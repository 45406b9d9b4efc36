"""Choosing models and settings on the training documents alone."""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from rnnbench.analysis.comparisons import compare_with_best
from rnnbench.analysis.intervals import Correctness, estimate_over_folds, score_interval
from rnnbench.analysis.summary import load_environment
from rnnbench.api import Run
from rnnbench.config.load import dump
from rnnbench.config.schema import Benchmark
from rnnbench.data.audit import DatasetSummary, Duplicates
from rnnbench.data.config import Data
from rnnbench.data.dataset import make_dataset
from rnnbench.data.held_out import make_parts
from rnnbench.data.split import Groups
from rnnbench.environment import constraints
from rnnbench.errors import UserError
from rnnbench.job import prepared_job
from rnnbench.metrics import FIT_SECONDS
from rnnbench.models.baselines import MostFrequent, Stratified
from rnnbench.models.descriptions import (
    BaselineModel,
    EnsembleModel,
    Model,
    with_members,
)
from rnnbench.points import model_of, values_of
from rnnbench.report.table import (
    MISSING,
    Columns,
    Shown,
    Table,
    table_of,
    to_markdown,
    with_points,
)
from rnnbench.report.tables import parameter_columns, short_table, table_files
from rnnbench.report.words import NOT_CLEAR, condition, in_blocks, scope, short_p, worse
from rnnbench.request import (
    ChoiceRequest,
    Config,
    Names,
    OwnTexts,
    RunRequest,
    Settings,
)
from rnnbench.results.run import load_benchmark, report_files
from rnnbench.results.schema import DIGITS, Comparison, Interval, MissingTrial
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
from rnnbench.runner.plan import plan_benchmark
from rnnbench.runner.run import run
from rnnbench.runner.train import Job, PlanResult, train
from rnnbench.section import StoredRecord, checked, formerly
from rnnbench.storage import check_new, read_record, write_document, write_text
from rnnbench.tasks import TaskKind
from rnnbench.terminal.display import show_trials
from rnnbench.text import (
    counted,
    either,
    heading,
    listed,
    numbers,
    sentences,
    with_article,
)
from rnnbench.training.outcome import TrialResult

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)
Positions = NDArray[np.intp]  # of held-out documents in the training set, (n_held_out,)
HeldOut = Mapping[
    tuple[str, int], TrialResult
]  # the answers to them, by model and seed
FOLDS = 5
SEED = 0  # of the random draw of points of a grid
SAME_WAY = (
    "jobs",
    "executor",
    "scheduler",
    "progress",
    "fresh",
)  # say how all trials run
P_BEST = "p (as good as best)"
SIMPLEST = (
    "Simplest: baselines before networks, then models that learned from no other texts, then the "
    "fewest parameters. Up to twice the fewest count as equal; then {score} decides."
)


class Candidate(StoredRecord):
    """A model that answered training documents that it had not learned."""

    name: str
    params: int
    score: Annotated[
        float, formerly("accuracy")
    ]  # on all held-out documents, a mean over seeds
    of_parts: list[float]  # the same on each part
    over_parts: (
        Interval | None
    )  # of the mean, over other folds and seeds, if there are several
    interval: Interval  # over other documents and, with several seeds, over other seeds
    training: dict[str, Any] = {}  # training values that are set for this model alone
    seeds: int
    fit_seconds: float  # the mean time of a training, in seconds
    against_best: (
        Comparison | None
    )  # the best compared with this one; None for the best itself

    def p_of_folds(self, other: "Candidate") -> float | None:
        """Return the p-value of the difference over other training documents, given
        folds.
        """
        ahead = estimate_over_folds(
            np.subtract(self.of_parts, other.of_parts)[:, np.newaxis]
        )
        return ahead.p if ahead else None


class Recommendation(StoredRecord):
    """The model that a choice recommends."""

    model: str
    reason: str  # why, in words


class ChoiceResults(StoredRecord):
    """The content of ``choice.json``."""

    older_versions = (2, 3)
    schema_version: Literal[4] = 4
    name: str
    command: str  # the command line of the choice
    dataset: DatasetSummary  # the whole dataset; none of its test documents was used
    folds: int | None  # the number of folds; None if the last documents were held out
    last: (
        float | None
    )  # the share of training documents, the last ones, that was held out
    # the number of training documents that were held out, in all folds together
    held_out: int
    seeds: list[int]
    epochs: list[int]  # the distinct numbers of epochs of networks
    n_models: int  # the number of models and points of grids in the config
    searched: (
        int | None
    )  # the most points of each grid that were drawn; None if all were tried
    sampler: str | None  # the method that drew them
    candidates: list[Candidate]  # the best first; models that lack trials are left out
    recommended: Recommendation | None = (
        None  # None without candidates, and in earlier versions
    )
    missing: list[MissingTrial]  # trials that failed or were not run

    @property
    def n_seeds(self) -> int:
        """The number of seeds: one if no candidate depends on the seed."""
        return max((candidate.seeds for candidate in self.candidates), default=1)

    def how(self) -> str:
        """Return in words which documents were held out."""
        parts = (
            f"{self.folds} folds"
            if self.folds
            else f"the last {100 * (self.last or 0):.3g}%"
        )
        return f"{self.held_out:,} of {self.dataset.train_size:,} training documents ({parts})"


def rank_key(score: float, epochs: int, params: int) -> tuple[float, int, int]:
    """Return a sort key, by which ties go to fewer epochs, then fewer parameters."""
    return -round(score, DIGITS), epochs, params


def rank_candidates(
    names: Iterable[str], done: PlanResult, held_out: Positions, groups: Groups = None
) -> list[Candidate]:
    """Return the models whose trials all have a result, the best first.

    ``groups`` has the group of each training document, if groups are declared.
    """
    trials, in_order = (
        {trial.name: trial for trial in done.plan.trials},
        done.plan.dataset.in_order,
    )
    places = np.argsort(held_out) if in_order else slice(None)
    clusters = None
    if groups is not None:
        clusters = np.unique(groups[held_out], return_inverse=True)[1].tolist()
    found: list[Candidate] = []
    hits: dict[str, Correctness] = {}
    for name, by_seed in complete(names, done).items():
        answers = list(by_seed.values())
        model, records = (
            trials[name].model,
            [part.record for parts in answers for part in parts],
        )
        of_seeds = [
            np.concatenate([part.parts for part in own], axis=-1) for own in answers
        ]
        parts_of_seeds = np.stack(of_seeds, axis=-2)[..., places]
        hits[name] = Correctness(parts_of_seeds, in_order, model.is_random, clusters)
        # (n_parts, n_seeds)
        scores = np.transpose(
            [[part.values.mean() for part in parts] for parts in answers]
        )
        over_folds = estimate_over_folds(scores)
        candidate = Candidate(
            name=name,
            params=records[0].params or 0,
            score=hits[name].score,
            of_parts=[float(mean) for mean in scores.mean(axis=1)],
            over_parts=over_folds and over_folds.around,
            interval=score_interval(hits[name]),
            training=model.training or {},
            seeds=len(answers),
            fit_seconds=float(
                np.mean([record.fit_seconds or 0.0 for record in records])
            ),
            against_best=None,
        )
        found.append(candidate)
    found.sort(key=lambda one: rank_key(one.score, trials[one.name].epochs, one.params))
    against = (
        compare_with_best({one.name: hits[one.name] for one in found}) if found else {}
    )
    return [
        one.model_copy(update={"against_best": against.get(one.name)}) for one in found
    ]


def complete(
    names: Iterable[str], done: PlanResult
) -> dict[str, dict[int, list[TrialResult]]]:
    """Return the results of each model that lacks none: by seed, a result for each
    part.
    """
    lacking = {trial.name for trial in done.without_result}
    found = {
        name: dict[int, list[TrialResult]]() for name in names if name not in lacking
    }
    for trial in done.plan.trials:
        if trial.name in found:
            found[trial.name].setdefault(trial.seed, []).append(done.results[trial])
    return {name: by_seed for name, by_seed in found.items() if by_seed}


def recommend(
    candidates: Sequence[Candidate], models: Mapping[str, Model], task: TaskKind
) -> Recommendation | None:
    """Return the simplest candidate that is not clearly worse than the best; see
    ``SIMPLEST``.

    One that reads no text, or has too few seeds to tell, is recommended only if it is
    the best.
    """
    if not candidates:
        return None
    best, *others = candidates
    level = [
        one
        for one in others
        if one.against_best and one.against_best.verdict == NOT_CLEAR
    ]
    baselines = {
        one.name: getattr(models[one.name], "baseline", None) for one in [best, *level]
    }
    blind = [
        name
        for name, own in baselines.items()
        if isinstance(own, MostFrequent | Stratified)
    ]
    similar = defaultdict[tuple[bool, bool, bool], list[Candidate]](list)
    for one in [best, *(one for one in level if one.name not in blind)]:
        model = models[one.name]
        is_trained = not isinstance(model, BaselineModel)
        kind = (
            isinstance(model, EnsembleModel),
            is_trained,
            model.pretrained != "nothing",
        )
        similar[kind].append(one)
    simplest = similar[min(similar)]
    fewest = min(one.params for one in simplest)
    found = next(
        one for one in simplest if one.params <= 2 * fewest
    )  # the best come first
    if found is not best:
        claim = f"is the simplest of {1 + len(level)} models that are not clearly worse than the "
        claim += f"best, {best.name} ({_in_words(best, models, task)})"
    elif level:
        claim = "is the best, and those that are not clearly worse are not much simpler"
    elif all(one.against_best and one.against_best.is_clear for one in others):
        claim = (
            "is the best, and all others are clearly worse"
            if others
            else "is the only model"
        )
    else:
        claim = (
            "is the best, and there are too few seeds to tell which others are as good"
        )
    reason = f"{found.name} {claim}: {_in_words(found, models, task)}."
    if blind:
        reason += f" As {listed(blind)}, which reads no text, is not clearly worse than the best "
        reason += (
            "either, these documents do not show that any model has learned anything."
        )
    return Recommendation(model=found.name, reason=reason)


def _in_words(candidate: Candidate, models: Mapping[str, Model], task: TaskKind) -> str:
    kind = models[candidate.name].kind.replace("python", "network")
    size, score = (
        f"{candidate.params:,} parameters",
        f"{task.score_name} of {candidate.score:.4f}",
    )
    return f"{with_article(kind)} with {size} and {with_article(score)}"


def choice_table(results: ChoiceResults) -> Table:
    """Return a row for each candidate, the best first."""
    n = results.n_seeds
    scopes = [f"{results.folds} folds"] * bool(results.folds) + [f"{n} seeds"] * (n > 1)
    over = f"mean ± 95 % over {' and '.join(scopes)}" if scopes else "1 seed"
    columns: Columns[Candidate] = {
        "model": lambda candidate: candidate.name,
        f"{results.dataset.kind.score_name} ({over})": _score,
        f"95 % interval {scope(n)}": lambda candidate: f"{candidate.interval:.4f}",
        P_BEST: lambda candidate: _p_best(candidate.against_best),
        "clearly worse than the best": lambda one: worse(one.against_best, "best"),
        "params": lambda candidate: f"{candidate.params:,}",
        FIT_SECONDS.header: lambda candidate: FIT_SECONDS.spell(candidate.fit_seconds),
    }
    return with_points(table_of(results.candidates, columns, _caption(results)))


def _score(candidate: Candidate) -> str:
    ends = candidate.over_parts
    return f"{candidate.score:.4f}" + (
        f" ± {(ends.high - ends.low) / 2:.4f}" if ends else ""
    )


def _p_best(pair: Comparison | None) -> str:
    return (
        MISSING if pair is None or pair.has_too_few_seeds else short_p(pair.p_corrected)
    )


def _caption(results: ChoiceResults) -> str:
    dataset = results.dataset
    score, best = dataset.kind.score_name, results.recommended
    missing = dict.fromkeys(trial.model for trial in results.missing)
    tests = [
        candidate.against_best
        for candidate in results.candidates
        if candidate.against_best
    ]
    drawn = (
        bool(results.searched)
        and len(missing) + len(results.candidates) < results.n_models
    )
    return sentences(
        f"Recommended: {best.reason}" if best else "",
        f"This choice is partial; trials of {', '.join(missing)} are missing."
        if missing
        else "",
        f"Data: {dataset.source} ({dataset.origin}). {heading(score)} on {results.how()}. "
        "No model was trained on the documents that it classified, and the test documents were not "
        "used.",
        f"The held-out documents are {in_blocks(results.held_out)}."
        if dataset.in_order
        else "",
        f"Seeds: {numbers(results.seeds[: results.n_seeds])}.",
        f"Epochs: {either(results.epochs)}." if results.epochs else "",
        f"After ±: how much the {score} depends on the documents learned from. Interval "
        f"{scope(results.n_seeds)}: how much it depends on the documents classified."
        if results.folds
        else "",
        f"{P_BEST}: the p-value of being as good as the best of these models, whichever is the "
        "best; clearly worse: below 0.05, for the models as they were trained here."
        if tests
        else "",
        SIMPLEST.format(score=score)
        if any(test.verdict == NOT_CLEAR for test in tests)
        else "",
        f"{results.sampler} drew at most {results.searched} points of each grid."
        if drawn
        else "",
        f"{FIT_SECONDS.header}: the mean of all trainings.",
        condition(tests),
    )


def chosen_benchmark(
    whole: Benchmark, results: ChoiceResults, chosen: Iterable[str]
) -> Benchmark:
    """Return a benchmark of candidates, with how many each was chosen from."""
    n_tried = Counter(model_of(candidate.name) for candidate in results.candidates)
    models = {}
    for name in with_members(chosen, whole.models):
        tried = {"chosen_from": n_tried[model_of(name)]}
        models[model_of(name)] = whole.models[name].model_copy(update=tried)
    return whole.model_copy(
        update={"name": f"{whole.name[:90]}_chosen", "models": models}
    )


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

        ``p`` is the p-value of being as good as the best, and is about the models as
        trained here. ``p_of_folds`` allows for other training documents, too (Nadeau
        and Bengio 2003), and is not corrected.
        """
        import pandas as pd

        rows = [
            one.model_dump(
                include={"name", "score", "of_parts", "params", "seeds", "fit_seconds"}
            )
            | {"low": one.interval.low, "high": one.interval.high}
            | {"p": one.against_best and one.against_best.p_corrected}
            | {"p_of_folds": self.results.candidates[0].p_of_folds(one)}
            for one in self.results.candidates
        ]
        parameters = list(
            dict.fromkeys(key for row in rows for key in values_of(row["name"]))
        )
        return pd.DataFrame(
            {
                "name": row["name"],
                **parameter_columns(row["name"], parameters, list(row)),
                **row,
            }
            for row in rows
        )

    def write(self, file: str | Path, *, overwrite: bool = False) -> None:
        """Write a config of the best point of each model, or raise ``UserError``."""
        file, results, best = Path(file), self.results, dict[str, str]()
        check_new(file, overwrite=overwrite)
        if not results.candidates:
            raise UserError(
                f"{file}: not written; no model has finished all its trials"
            )
        for candidate in results.candidates:  # the best come first
            best.setdefault(model_of(candidate.name), candidate.name)
        score, n = (
            results.dataset.kind.score_name,
            counted(len(results.candidates), "model"),
        )
        introduction = [
            f"Chosen from {n} by {score} on {results.how()};",
            "the test documents were not used. The command was:",
            *(f"  {line}" for line in results.command.splitlines()),
        ]
        chosen = dump(
            chosen_benchmark(self.benchmark, results, best.values()), file.parent
        )
        write_text(file, "".join(f"# {line}\n" for line in introduction) + chosen)

    def write_report(self, *, command: str = "Choice.write_report()") -> Path:
        """Write ``report.html``, ``report.md`` and ``plots/`` into the folder of the
        choice.

        Returns the HTML file. Raises ``UserError`` if another process is writing into
        the folder.
        """
        from rnnbench.choice.report import choice_page  # imports Matplotlib
        from rnnbench.report.page import write_files

        with lock_folder(self.folder, command, CHOICE):
            return write_files(self.folder, choice_page(self))


def choose(
    config: Config,
    *,
    epochs: int | None = None,
    seeds: int | Sequence[int] | None = None,
    models: Names = None,
    data: str | OwnTexts | None = None,
    path: str | Path | None = None,
    text: str | None = None,
    label: str | None = None,
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
) -> Choice:
    """Rank models and grid points by their score on held-out training documents.

    The texts of the test documents are removed before anything is learned. Trials are
    stored, and not trained again by the same call. Errors are those of ``run``, and:

    Args:
        config: A config file, its content, or the result of ``load_config``. Or texts
            with labels: a table, a folder, a pandas data frame, or a pair ``(texts,
            labels)``; see ``configs/texts.yaml``.
        epochs: Epochs of every training.
        seeds: The number of seeds, or a list.
        models: Only these models of the config.
        data: The source of the documents. Or texts with labels, a data frame or a pair.
            They are stored in the folder of the results, by default one for these texts
            alone: results/NAME-DIGITS, with the first digits of their checksum.
        path: Read the source offline, from this file or folder.
        text: The column of a table with the texts.
        label: The column of a table with the labels.
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

    Raises:
        FailedTrialsError: trials have no result; its ``run`` is the partial choice.
        InterruptedRunError: Ctrl-C ended it; its ``run`` is the partial choice.
    """
    request = ChoiceRequest(
        config,
        epochs=epochs,
        seeds=seeds,
        models=models,
        data=data,
        path=path,
        text=text,
        label=label,
        jobs=jobs,
        executor=executor,
        scheduler=scheduler,
        out=out,
        settings=settings,
        fresh=fresh,
        progress=progress,
        command=command,
        folds=folds,
        last=last,
        sample=sample,
        then_fit=then_fit,
        on=on,
    )
    return choose_request(request)


def choose_request(request: ChoiceRequest) -> Choice:
    """Carry out a request, as ``choose`` does."""
    sample = request.sample
    if sample is not None and sample < 1:
        raise UserError(f"sample: got {sample} (should be 1 or more)")
    if request.folds is None and request.last is None:
        request = replace(request, folds=FOLDS)
    if request.on == "all" and not request.then_fit:
        raise UserError(
            "on: 'all' needs then_fit, because only that trains a model to keep"
        )
    parts = make_parts(request.folds, request.last)
    with prepared_job(request, CHOICE) as job:
        plan = plan_benchmark(
            job.benchmark, job.data, job.executor.threads, parts=parts
        )
        if sample is not None:
            drawn = draw_points(job.benchmark.models, sample)
            plan = replace(
                plan, trials=[trial for trial in plan.trials if trial.name in drawn]
            )
        y, groups = job.data.dataset.y_train, job.data.dataset.groups
        positions = np.concatenate(
            [part.positions(y, groups) for part in parts]
        )  # part by part
        if request.on == "all":
            _check_labels(job, _on_all(request, job), positions)
        if job.benchmark.tracking:
            log.warning("tracking: ignored, because only runs are tracked")
        with job.writing():
            with show_trials(quiet=not request.progress) as listener:
                done = train(job, plan, listener)
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

    The names alone decide, so all machines agree, and a larger sample includes a
    smaller one.
    """
    drawn: set[str] = set()
    for model, points in groupby(
        sorted(names, key=lambda name: (model_of(name), name)), model_of
    ):
        random = Random(f"{SEED} {model}")
        # random() gives the same numbers in every version of Python; sample() may
        # change.
        in_order = sorted((random.random(), point) for point in points)
        drawn.update(point for _, point in in_order[:n])
    return drawn


def _write(
    request: ChoiceRequest, job: Job, done: PlanResult, positions: Positions
) -> Choice:
    """Rank the models that have all their trials, and write everything that belongs to
    it.
    """
    benchmark, folder = job.benchmark, job.store.folder
    groups = job.data.dataset.groups
    candidates = rank_candidates(benchmark.models, done, positions, groups)
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
    write_text(folder / "config.yaml", job.config_text)
    with suppress(
        FileNotFoundError
    ):  # it was removed, and nothing has been trained since
        write_text(folder / CONSTRAINTS, constraints(load_environment(folder)))
    write_text(folder / CHOICE_TABLE, "\n".join(map(to_markdown, choice.tables())))
    write_document(folder / CHOICE, results)
    for file in report_files(folder):  # it may show earlier results
        file.unlink()
    return choice


def _on_all(request: ChoiceRequest, job: Job) -> Data:
    return job.benchmark.data.model_copy(update={"fit_on_all": request.last or 1.0})


def _check_labels(job: Job, section: Data, positions: Positions) -> None:
    """Make sure that the answers of a choice can stand for those of a model of all
    documents.
    """
    learned = make_dataset(job.data.corpus, job.data.config, blind=True)
    whole = make_dataset(job.data.corpus, section)
    is_same = np.array_equal(learned.y_train[np.sort(positions)], whole.y_test)
    if job.data.dataset.topics != whole.topics or not is_same:
        raise UserError("on: some labels occur only in test documents (use 'train')")


def _fit(request: ChoiceRequest, job: Job, choice: Choice, held_out: HeldOut) -> Run:
    """Train the recommended model, in a run that keeps it; ``held_out`` answers replace
    its own.
    """
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
            fit = replace(
                fit, data=replace(fit.data, summary=summary), held_out=held_out
            )
        with show_trials(quiet=not given.progress) as listener:
            stored, fitted = run(fit, listener, table_files, keep_models=True)
    return require_whole(Run(**vars(stored)) if stored else None, fit, fitted)


def _answers(parts: Sequence[TrialResult], positions: Positions) -> TrialResult:
    """Return the answers of a model to the documents at ``positions``, in that
    order.
    """
    order, names = np.argsort(positions), ("labels", "scores", "answers")
    wholes = (np.concatenate([getattr(part, name) for part in parts]) for name in names)
    labels, scores, given = (whole[order] for whole in wholes)
    return TrialResult(parts[0].record, labels, scores, given=given)


@checked
def load_choice(folder: str | Path) -> Choice:
    """Return the choice in a folder, or raise ``UserError`` or
    ``DamagedResultError``.
    """
    folder = Path(folder)
    if not (folder / CHOICE).is_file():
        raise UserError(
            f"{folder}: no {CHOICE} in it (should be a folder of `rnnbench choose`)"
        )
    results, _ = read_record(folder / CHOICE, ChoiceResults)
    benchmark = load_benchmark(
        folder, [candidate.name for candidate in results.candidates]
    )
    if results.recommended is None:
        recommended = recommend(
            results.candidates, benchmark.models, results.dataset.kind
        )
        results = results.model_copy(update={"recommended": recommended})
    return Choice(folder, results, benchmark)
