"""One verdict on answers from anywhere: a run of which only the answers are known.

>>> verdict(["a", "b"], {"x": ["a", "b"], "y": ["b", "b"]}).results.models[1].score.mean
0.5

Answers become arrays, and these become statistics. What a stored run has besides, such
as a config, is made when it is needed.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import ArrayLike

from rnnbench.analysis.comparisons import ComparedModels, always, compare_models
from rnnbench.errors import UserError
from rnnbench.finished import Run
from rnnbench.labels import documents_by_topic, name_of_always
from rnnbench.outside.answers import CodedAnswers, Missing, code_answers
from rnnbench.outside.coding import Array
from rnnbench.outside.documents import (
    Documents,
    columns_of,
    documents_of_run,
    documents_that_count,
)
from rnnbench.points import MODEL
from rnnbench.results.stored_run import StoredRun
from rnnbench.section import spell
from rnnbench.stats.correctness import Correctness

if TYPE_CHECKING:
    from rnnbench.config.schema import Benchmark
    from rnnbench.data.summary import DatasetSummary
    from rnnbench.report.table import Table
    from rnnbench.results.schema import Results
    from rnnbench.training.outcome import TrialResult

Answers = ArrayLike | Sequence[Collection[str] | str | None]
"""One for each document: a label of any type or, if it may have any number, a
collection of them, or 0 and 1 for each topic; or a score from 0 to 1. ``None`` and NaN
stand for a missing one."""
MAX_SEED = 2**32 - 1


@dataclass(frozen=True, eq=False)
class Judgement:
    """The answers to the documents that count, and what statistics say of them."""

    name: str
    coded: CodedAnswers
    documents: Documents
    compared: ComparedModels
    origin: Mapping[str, str]
    """Where the answers of each model came from."""


class Verdict(Run):
    """Models that answered the same documents; its folder exists once it is saved."""

    judgement: Judgement

    @cached_property
    def benchmark(self) -> "Benchmark":
        """A config of models of which only the answers are known."""
        from rnnbench.outside import records

        judgement = self.judgement
        return records.benchmark_of(
            judgement.name, judgement.coded.answers, judgement.origin
        )

    @cached_property
    def _dataset(self) -> "DatasetSummary":
        from rnnbench.outside import records

        judgement = self.judgement
        return records.dataset_of(
            judgement.coded, judgement.documents, judgement.origin
        )

    @cached_property
    def trials(self) -> "dict[str, list[TrialResult]]":
        """The answers of each training, by model."""
        from rnnbench.outside import records

        return records.trials_of(self.judgement.coded, self._dataset)

    @cached_property
    def results(self) -> "Results":
        """The summary, as in ``results.json``."""
        from rnnbench.analysis.summary import summarize_compared

        return summarize_compared(
            self.benchmark, self._dataset, self.trials, self.judgement.compared
        )

    @cached_property
    def environment(self) -> dict[str, Any]:
        """The machine that judges."""
        from rnnbench.outside import records

        return records.machine_at_first()

    def tables(self) -> "list[Table]":
        """Return the tables that ``rnnbench verdict`` prints."""
        from rnnbench.analysis.power import power_of_pairs
        from rnnbench.report.tables.pairs import comparisons_table, power_table
        from rnnbench.report.tables.scores import score_table

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
        from rnnbench.outside import records

        results = self.results.model_copy(update={"command": command})
        saved = replace(
            self, folder=Path(folder), results=results, environment=records.machine()
        )
        vars(saved).update(judgement=self.judgement)
        records.save(saved, overwrite=overwrite)
        return saved


def verdict(
    labels: Answers | StoredRun | None,
    answers: Mapping[str, Answers | Sequence[Answers] | Mapping[int, Answers]],
    *,
    ids: Sequence[object] | None = None,
    clusters: Sequence[object] | None = None,
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
    if coded.run is None:
        documents = documents_that_count(
            coded, ids, clusters, missing, in_order=in_order
        )
    else:
        documents = documents_of_run(coded, coded.run, missing)
    coded = coded.to(documents.positions)
    models = _correctness(coded, documents)
    compared = compare_models(models | _majority(coded, models))
    judgement = Judgement(name, coded, documents, compared, origin or {})
    judged = _verdict_of(judgement)
    if not _has_simple_names(judgement):
        _ = judged.benchmark  # it says what is wrong, if anything is
    if coded.run is None and not in_order and clusters is None:
        columns = columns_of(documents.positions, columns or {}, n_documents)
        if documents.ids:
            columns["id"] = documents.ids
        if columns:
            from rnnbench.outside.clusters import warn_of_clusters

            warn_of_clusters(columns, models, coded)
    return judged


def _verdict_of(judgement: Judgement) -> Verdict:
    """Return a verdict whose records are made when they are first needed."""
    verdict = Verdict.__new__(Verdict)
    vars(verdict).update(folder=Path(judgement.name), judgement=judgement)
    return verdict


def _has_simple_names(judgement: Judgement) -> bool:
    """Return whether a config can surely have the names and the seeds."""
    names = {judgement.name}
    seeds = set()
    for model, seed in judgement.coded.answers:
        names.add(model)
        seeds.add(seed)
    are_seeds = min(seeds) >= 0 and max(seeds) <= MAX_SEED
    return are_seeds and all(re.fullmatch(MODEL, name) for name in names)


def _correctness(coded: CodedAnswers, documents: Documents) -> dict[str, Correctness]:
    """Return how right each model is."""
    parts: dict[str, list[Array]] = {}
    for (model, _), answers in coded.with_wrong().items():
        parts.setdefault(model, []).append(coded.task.parts(coded.labels, answers))
    models = {}
    for model, of_model in parts.items():
        models[model] = Correctness(
            np.stack(of_model, axis=-2),
            in_order=documents.in_order,
            is_random=len(of_model) > 1,
            clusters=documents.clusters,
        )
    return models


def _majority(
    coded: CodedAnswers, models: Mapping[str, Correctness]
) -> dict[str, Correctness]:
    """Return how right the most frequent topic is for all documents, by its name."""
    counts = documents_by_topic(coded.labels, len(coded.topics))
    topic = int(counts.argmax())
    if coded.run is not None:  # that of its training documents
        topic = coded.topics.index(coded.run.results.dataset.majority_topic)
    a_model = next(iter(models.values()))
    majority = always(topic, coded.task, coded.labels, a_model)
    return {name_of_always(coded.topics[topic]): majority}
