"""One verdict on answers from anywhere: a run of which only the answers are known."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnbench.analysis.comparisons import power_of_pairs
from rnnbench.analysis.summary import summarize_run
from rnnbench.api import Run
from rnnbench.config.load import dump, load
from rnnbench.data.audit import DatasetSummary, TopicCount, summarize_labels
from rnnbench.data.groups import FEW_CLUSTERS
from rnnbench.data.sources.files import FILES, LONGEST_LABEL, MAX_LABELS
from rnnbench.environment import constraints, environment
from rnnbench.errors import UserError
from rnnbench.models.descriptions import OutsideModel
from rnnbench.outside.clusters import warn_of_clusters
from rnnbench.outside.coding import (
    NO_ANSWER,
    Array,
    Coding,
    Topics,
    coding_of,
    depth,
)
from rnnbench.report.table import Table
from rnnbench.report.tables import (
    comparisons_table,
    power_table,
    score_table,
    table_files,
)
from rnnbench.results.run import StoredRun, load_results, save_run
from rnnbench.results.schema import Results
from rnnbench.results.store import CONSTRAINTS, ENVIRONMENT, RESULTS, Store, lock_folder
from rnnbench.section import spell
from rnnbench.storage import DamagedResultError, sha256_arrays, write_document
from rnnbench.text import counted, listed
from rnnbench.training.outcome import TrialRecord, TrialResult

log = logging.getLogger(__name__)
Answers = ArrayLike | Sequence[Collection[str] | str | None]
"""One for each document: a label of any type or, if it may have any number, a
collection of them, or 0 and 1 for each topic; or a score from 0 to 1. ``None`` and NaN
stand for a missing one."""
Missing = Literal["error", "drop", "wrong"]
Arrays = dict[tuple[str, int], Array]
"""The answers of each training, by model and seed; see ``Coding``."""
FROM_PYTHON = "a call in Python"


class Verdict(Run):
    """Models that answered the same documents; its folder exists only if it was
    saved.
    """

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
        """Store it as a run, for ``load_run``, ``compare`` and the like, and return the
        stored one.

        With ``overwrite``, it may replace a verdict on other answers.

        Raises:
            UserError: the folder holds something else, or another process is writing
                there.
            RnnbenchError: a file cannot be written.
        """
        place = Path(folder)
        results, machine = (
            self.results.model_copy(update={"command": command}),
            _environment(),
        )
        files = {"config.yaml": dump(self.benchmark), CONSTRAINTS: constraints(machine)}
        with lock_folder(place, command, is_verdict=True):
            if not overwrite:
                self._check_stored(place)
            store = Store(place)
            store.check_writable(RESULTS)
            for trial in chain(*self.trials.values()):
                store.save(trial)
            write_document(place / ENVIRONMENT, machine)
            save_run(place, results, files | table_files(results))
        return replace(self, folder=place, results=results, environment=machine)

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
        if _answers_of(stored) != _answers_of(self.results):
            raise UserError(f"{folder}: holds a verdict on other answers ({hint})")


def _answers_of(results: Results) -> set[str]:
    """Return the fingerprints of all answers in a verdict, with their models and
    documents.
    """
    return {trial.fingerprint for model in results.models for trial in model.trials}


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

    >>> verdict(["a", "b"], {"x": ["a", "b"], "y": ["b", "b"]}).results.models[1].score.mean
    0.5
    """
    if missing not in (ways := get_args(Missing)):
        raise UserError(
            f"verdict: missing: got {spell(missing)} (allowed: {', '.join(ways)})"
        )
    run, origin = labels if isinstance(labels, StoredRun) else None, origin or {}
    declared = {"ids": ids, "clusters": clusters, "in_order": in_order}
    facts: dict[str, Any] = {"in_order": True} if run else declared
    coding, topics, right, given = _coded(labels, answers, missing)
    chosen = _chosen(coding, right, given, missing, facts)
    n_documents = len(right)
    if run and len(chosen) < n_documents:
        raise UserError(
            "missing: drop: not with documents of a run (allowed: error, wrong)"
        )
    right, given = right[chosen], {key: own[chosen] for key, own in given.items()}
    if run:
        known = run.results.dataset
        new = [
            TopicCount(topic=one, train=0, test=0)
            for one in topics[len(known.topics) :]
        ]
        dataset = known.model_copy(update={"topics": [*known.topics, *new]})
    else:
        where = listed(list(dict.fromkeys(origin.values()))) or FROM_PYTHON
        dataset = summarize_labels(coding.task, right, topics, where, facts)
    trials, models = dict[str, list[TrialResult]](), dict[str, Any]()
    for (model, seed), own in given.items():
        trials.setdefault(model, []).append(
            _trial(coding, (model, seed), own, right, dataset)
        )
        source, n = origin.get(model, FROM_PYTHON), len(trials[model])
        models[model] = {OutsideModel.kind: source, "trainings": n}
    seeds = {"seeds": sorted({seed for _, seed in given})}
    tree = {
        "name": name,
        "data": {"source": FILES.name},
        "training": seeds,
        "models": models,
    }
    benchmark = load(tree)
    results = summarize_run(benchmark, dataset, trials)
    judged = Verdict(Path(name), results, trials, benchmark, _at_first())
    if not (run or in_order or clusters is not None):
        warn_of_clusters(judged, _columns_of(chosen, columns or {}, n_documents))
    return judged


# The machine that judges, and the versions that can change a p-value:
_environment = partial(environment, ("numpy", "scipy"), jobs=1, threads=1)
_at_first = cache(_environment)  # looking at all packages takes longer than a verdict


def natural(name: str) -> tuple[bool, int, str]:
    """Return the key that sorts names, and numbers among them by size."""
    is_number = name.isdecimal() and len(name) < 20
    return not is_number, int(name) if is_number else 0, name


def _trainings(labels: Any, answers: Mapping[str, Any]) -> dict[tuple[str, int], Any]:
    """Return the answers of each training, by model and seed; check what holds them."""
    if not isinstance(answers, Mapping):
        raise UserError(
            "verdict: answers should be a dict, with those of each model by its name"
        )
    for what, values in {"labels": [] if labels is None else labels, **answers}.items():
        if isinstance(values, str) or not isinstance(values, Collection):
            raise UserError(
                f"verdict: {what}: got {spell(values)} (should be a list or an array)"
            )
    own: dict[tuple[str, int], Any] = {}
    for model, of_model in answers.items():
        trainings = [of_model] if depth(of_model) <= max(1, depth(labels)) else of_model
        by_seed = (
            of_model if isinstance(of_model, Mapping) else dict(enumerate(trainings))
        )
        if wrong := [seed for seed in by_seed if not hasattr(seed, "__index__")]:
            raise UserError(
                f"verdict: {model}: got the seed {spell(wrong[0])} (allowed: 0, 1, ...)"
            )
        own |= {(model, int(seed)): values for seed, values in by_seed.items()}
    if not len(next(iter(own.values()), ())):
        raise UserError("verdict: no documents, or no models")
    return own


def _coded(
    labels: Any, answers: Mapping[str, Any], missing: Missing
) -> tuple[Coding, list[str], Array, Arrays]:
    """Return the coding, the topics, those of labels first, the labels, and the
    answers.
    """
    topics, right = Topics(), None
    if labels is None:
        topics = Topics(["0"])
    if isinstance(labels, StoredRun):
        dataset, right = (
            labels.results.dataset,
            next(iter(labels.trials.values()))[0].labels,
        )
        topics = Topics(count.topic for count in dataset.topics)
        labels = right if dataset.kind.has_topics else None
    own = _trainings(labels, answers)
    coding = coding_of(labels)
    if not topics:
        coding.array(topics, labels)
        topics = Topics(sorted(topics.names, key=natural))
        if not topics.names:
            raise UserError("verdict: no labels")
    given = {key: coding.array(topics, values) for key, values in own.items()}
    _check_size(topics.names)
    if right is None:
        n = len(next(iter(given.values())))
        right = np.zeros(n, np.int32)
        if labels is not None:
            right = coding.array(topics, labels)
    for (model, _), array in given.items():
        if len(array) != len(right):
            fault = f"{counted(len(array), 'answer')}, but {counted(len(right), 'document')}"
            raise UserError(f"verdict: {model}: {fault}")
    if missing == "wrong":
        needed = coding.needs_no_answer(right)
        if any((coding.is_missing(array) & needed).any() for array in given.values()):
            topics.names.append(NO_ANSWER)
    n_topics = len(topics.names)
    right = coding.widened(right, n_topics)
    given = {key: coding.widened(array, n_topics) for key, array in given.items()}
    for (model, _), array in given.items():
        if not coding.has_right_one(array, right):
            log.warning(
                "%s: no answer is right; all labels: %s", model, listed(topics.names)
            )
    return coding, topics.names, right, given


def _check_size(labels: Sequence[str]) -> None:
    """Raise ``UserError`` if there are too many labels, or one is too long."""
    longest = max(map(len, labels), default=0)
    if len(labels) > MAX_LABELS or longest > LONGEST_LABEL:
        number = counted(len(labels), "different label")
        length = counted(longest, "character")
        limits = f"{MAX_LABELS:,} of {LONGEST_LABEL}; or scores of the answers"
        raise UserError(f"verdict: {number} of up to {length} (allowed: {limits})")


def _chosen(
    coding: Coding, right: Array, given: Arrays, missing: str, facts: dict[str, Any]
) -> NDArray[np.intp]:
    """Return the documents that count, in order of their ids, and make ``facts`` about
    these.
    """
    n, ids, clusters = len(right), facts.get("ids"), facts.get("clusters")
    names = list(map(str, range(n))) if ids is None else _numbered("ids", ids, n)[0]
    if len(names) < n:
        raise UserError(f"verdict: ids: {n - len(names):,} of {n:,} are repeated")
    lacking = np.zeros(n, bool)
    for (model, _), answers in {("", 0): right, **given}.items():
        if (own := coding.is_missing(answers)).any():
            which = listed([names[place] for place in np.flatnonzero(own)])
            whose = f"{model}: no answer to" if model else "no label of"
            fault = (
                f"verdict: {whose} {own.sum():,} of {counted(n, 'document')}: {which}"
            )
            if missing == "error" or (missing == "wrong" and not model):
                ways = (
                    "drop leaves them out for all models; wrong counts answers as wrong"
                )
                raise UserError(f"{fault} (missing: {ways})")
            log.warning("%s (missing: %s)", fault, missing)
            lacking |= own & (missing == "drop")
    chosen = np.flatnonzero(~lacking)
    if not len(chosen):
        raise UserError("verdict: missing: drop: no document is left")
    if ids is not None:
        if not facts["in_order"]:
            chosen = np.array(
                sorted(chosen.tolist(), key=lambda place: natural(names[place]))
            )
        facts["ids"] = [names[place] for place in chosen]
    if clusters is not None:
        codes = _numbered("clusters", clusters, n)[1][chosen]
        facts["clusters"] = (
            Topics().places(codes).tolist()
        )  # in the order of the documents
        if (n_clusters := max(facts["clusters"]) + 1) == 1:
            raise UserError(
                "verdict: clusters: all documents are in one (allowed: 2 or more)"
            )
        if n_clusters < FEW_CLUSTERS:
            log.warning(
                "%s: intervals and p-values are rough", counted(n_clusters, "cluster")
            )
    return chosen


def _columns_of(
    chosen: NDArray[np.intp], columns: Mapping[str, Sequence[object]], n: int
) -> dict[str, Sequence[object]]:
    """Return the values of the chosen documents in each column, which has those of all
    ``n``.
    """
    parts: dict[str, Sequence[object]] = {}
    for name, column in columns.items():
        values = list(column)
        if len(values) != n:
            fault = f"{counted(len(values), 'value')}, but {counted(n, 'document')}"
            raise UserError(f"verdict: columns: {name}: {fault}")
        parts[name] = [values[place] for place in chosen]
    return parts


def _numbered(
    key: str, values: Sequence[Any], n: int
) -> tuple[list[str], NDArray[np.int32]]:
    """Return the different names among values, and the position of each value's
    name.
    """
    topics = Topics()
    places = topics.places(list(values))
    if len(places) != n or (places < 0).any():
        fault = f"{len(places):,}, of which {(places < 0).sum():,} are empty"
        raise UserError(
            f"verdict: {key}: {fault} (should be one for each of {n:,} documents)"
        )
    return topics.names, places


def _trial(
    coding: Coding,
    key: tuple[str, int],
    given: Array,
    right: Array,
    data: DatasetSummary,
) -> TrialResult:
    """Return the answers of a training as a trial, with missing ones as wrong ones."""
    model, seed = key
    answers = coding.with_wrong(given, right, len(data.topics))
    record = TrialRecord(
        engine=OutsideModel.kind,
        params=None,
        score_kind="answers",
        task=data.task,
        fit_seconds=None,
        fingerprint=sha256_arrays(
            {"answers": answers}, {"of": [model, data.fingerprint]}
        ),
        source=data.source,
        dataset_fingerprint=data.fingerprint,
        model=model,
        seed=seed,
        threads=0,
    )
    return TrialResult(record, right, partial(coding.scores, answers, len(data.topics)))
