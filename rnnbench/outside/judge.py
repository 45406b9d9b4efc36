"""One verdict on answers from anywhere: a run of which only the answers are known.

>>> verdict(["a", "b"], {"x": ["a", "b"], "y": ["b", "b"]}).results.models[1].score.mean
0.5
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any, get_args

from numpy.typing import ArrayLike

from rnnbench.analysis.comparisons import power_of_pairs
from rnnbench.analysis.summary import summarize_run
from rnnbench.api import Run
from rnnbench.config.load import dump, load
from rnnbench.config.schema import Benchmark
from rnnbench.data.audit import DatasetSummary, TopicCount, summarize_labels
from rnnbench.data.sources.files import FILES
from rnnbench.environment import constraints, environment
from rnnbench.errors import UserError
from rnnbench.models.descriptions import OutsideModel
from rnnbench.outside.answers import CodedAnswers, Missing, code_answers
from rnnbench.outside.clusters import warn_of_clusters
from rnnbench.outside.documents import Declared, columns_of, documents_that_count
from rnnbench.report.table import Table
from rnnbench.report.tables.files import table_files
from rnnbench.report.tables.pairs import comparisons_table, power_table
from rnnbench.report.tables.scores import score_table
from rnnbench.results.run import StoredRun, load_results, save_run
from rnnbench.results.store import CONSTRAINTS, ENVIRONMENT, RESULTS, Store, lock_folder
from rnnbench.section import spell
from rnnbench.storage import DamagedResultError, sha256_arrays, write_document
from rnnbench.text import listed
from rnnbench.training.outcome import TrialRecord, TrialResult, Trials

Answers = ArrayLike | Sequence[Collection[str] | str | None]
"""One for each document: a label of any type or, if it may have any number, a
collection of them, or 0 and 1 for each topic; or a score from 0 to 1. ``None`` and NaN
stand for a missing one."""
FROM_PYTHON = "a call in Python"


class Verdict(Run):
    """Models that answered the same documents; its folder exists once it is saved."""

    def tables(self) -> list[Table]:
        """Return the tables that ``rnnbench verdict`` prints."""
        power = power_table(power_of_pairs(self), self.results)
        return [score_table(self.results), comparisons_table(self.results), power]

    def save(
        self,
        folder: str | Path,
        *,
        command: str = "Verdict.save()",
        overwrite: bool = False,
    ) -> "Verdict":
        """Store it as a run, for ``load_run`` and the like, and return the stored one.

        With ``overwrite``, it may replace a verdict on other answers.

        Raises:
            UserError: the folder holds something else, or another process is writing
                there.
            RnnbenchError: a file cannot be written.
        """
        path = Path(folder)
        results = self.results.model_copy(update={"command": command})
        machine = _environment()
        files = {"config.yaml": dump(self.benchmark), CONSTRAINTS: constraints(machine)}
        with lock_folder(path, command, is_verdict=True):
            if not overwrite:
                self._check_stored(path)
            store = Store(path)
            store.check_writable(RESULTS)
            for trials in self.trials.values():
                for trial in trials:
                    store.save(trial)
            write_document(path / ENVIRONMENT, machine)
            save_run(path, results, files | table_files(results))
        return replace(self, folder=path, results=results, environment=machine)

    def _check_stored(self, folder: Path) -> None:
        """Raise ``UserError`` if a folder holds a verdict on other answers."""
        if not (folder / RESULTS).is_file():
            return
        hint = (
            "name another folder; --force, or overwrite=True in Python, overwrites it"
        )
        try:
            stored = load_results(folder)
        except DamagedResultError as error:
            raise UserError(f"{folder}: {error} ({hint})") from None
        if stored.fingerprints != self.results.fingerprints:
            raise UserError(f"{folder}: holds a verdict on other answers ({hint})")


def verdict(
    labels: Answers | StoredRun | None,
    answers: Mapping[str, Answers | Sequence[Answers] | Mapping[int, Answers]],
    *,
    ids: Sequence[Any] | None = None,
    clusters: Sequence[Any] | None = None,
    columns: Mapping[str, Sequence[object]] | None = None,
    in_order: bool = False,
    missing: Missing = "error",
    origin: Mapping[str, str] | None = None,
    name: str = "verdict",
) -> Verdict:
    """Compare models by their answers to the same documents.

    Accuracies are compared if each document has one label, micro-F1 if it has any
    number of topics, and mean scores if there are no labels. See ``docs/trust.md`` for
    intervals and tests.

    Args:
        labels: the right answers; or a run, on whose test documents the models were
            tested; or ``None`` if the answers are scores from 0 to 1, such as exact
            match.
        answers: those of each model, by name, in the order of ``labels``; for several
            trainings, a list of them, or a dict by seed. A single training stands for
            itself, not for others.
        ids: of the documents, so that runs on the same ones can be compared.
        clusters: that of each document; those in one cluster, such as questions about
            one passage, depend on each other.
        columns: other facts about each document, by name. Without ``clusters``, a
            warning names a column that looks like one of clusters, if answers in each
            tend to be right or wrong together.
        in_order: whether documents are in order of time, so that errors come in bursts.
        missing: whether a missing answer is an ``error``, its document is left out for
            all models (``drop``), or it counts as ``wrong``.
        origin: where the answers of each model came from.
        name: of the run.

    Raises:
        UserError: documents or answers are missing, or of another kind than the labels.
    """
    ways = get_args(Missing)
    if missing not in ways:
        allowed = ", ".join(ways)
        raise UserError(f"verdict: missing: got {spell(missing)} (allowed: {allowed})")
    coded = code_answers(labels, answers, missing)
    n_documents = len(coded.labels)
    run = None
    declared = Declared(ids, clusters, in_order)
    if isinstance(labels, StoredRun):
        run = labels
        declared = Declared(in_order=True)
    positions, declared = documents_that_count(coded, declared, missing)
    if run is not None and len(positions) < n_documents:
        raise UserError(
            "missing: drop: not with documents of a run (allowed: error, wrong)"
        )
    coded = coded.to(positions)
    origin = origin or {}
    if run is not None:
        dataset = _with_new_topics(run.results.dataset, coded.topics)
    else:
        files = listed(list(dict.fromkeys(origin.values())))
        dataset = summarize_labels(
            coded.coding.task,
            coded.labels,
            coded.topics,
            files or FROM_PYTHON,
            declared._asdict(),
        )
    trials = _trials(coded, dataset)
    benchmark = _benchmark(name, trials, origin)
    results = summarize_run(benchmark, dataset, trials)
    judged = Verdict(Path(name), results, trials, benchmark, _at_first())
    if run is None and not in_order and clusters is None:
        warn_of_clusters(judged, columns_of(positions, columns or {}, n_documents))
    return judged


# The machine that judges, and the versions that can change a p-value:
_environment = partial(environment, ("numpy", "scipy"), jobs=1, threads=1)
_at_first = cache(_environment)  # looking at all packages takes longer than a verdict


def _with_new_topics(dataset: DatasetSummary, topics: Sequence[str]) -> DatasetSummary:
    """Return a dataset with the topics that answers have in addition to its own."""
    new = [
        TopicCount(topic=topic, train=0, test=0)
        for topic in topics[len(dataset.topics) :]
    ]
    return dataset.model_copy(update={"topics": [*dataset.topics, *new]})


def _benchmark(name: str, trials: Trials, origin: Mapping[str, str]) -> Benchmark:
    """Return the config of a run of models of which only the answers are known."""
    models = {}
    seeds = set()
    for model, of_model in trials.items():
        source = origin.get(model, FROM_PYTHON)
        models[model] = {OutsideModel.kind: source, "trainings": len(of_model)}
        seeds |= {trial.record.seed for trial in of_model}
    tree = {
        "name": name,
        "data": {"source": FILES.name},
        "training": {"seeds": sorted(seeds)},
        "models": models,
    }
    return load(tree)


def _trials(
    coded: CodedAnswers, dataset: DatasetSummary
) -> dict[str, list[TrialResult]]:
    """Return the answers of each training as a trial, by model."""
    trials: dict[str, list[TrialResult]] = {}
    n_topics = len(dataset.topics)
    for (model, seed), coded_answers in coded.answers.items():
        answers = coded.coding.with_wrong(coded_answers, coded.labels, n_topics)
        fingerprint = sha256_arrays(
            {"answers": answers}, {"of": [model, dataset.fingerprint]}
        )
        record = TrialRecord(
            engine=OutsideModel.kind,
            params=None,
            score_kind="answers",
            task=dataset.task,
            fit_seconds=None,
            fingerprint=fingerprint,
            source=dataset.source,
            dataset_fingerprint=dataset.fingerprint,
            model=model,
            seed=seed,
            threads=0,
        )
        scores = partial(coded.coding.scores, answers, n_topics)
        trial = TrialResult(record, coded.labels, scores)
        trials.setdefault(model, []).append(trial)
    return trials
