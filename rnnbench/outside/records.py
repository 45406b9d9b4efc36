"""The records of a verdict: those of a run of which only the answers are known.

``save(verdict, overwrite=False)`` writes them into the folder of the verdict.
"""

from collections.abc import Iterable, Mapping
from functools import cache, partial

from rnnbench.config.load import dump, load
from rnnbench.config.schema import Benchmark
from rnnbench.data.sources.files import FILES
from rnnbench.data.summary import DatasetSummary, TopicCount, summarize_labels
from rnnbench.environment import constraints, environment
from rnnbench.errors import UserError
from rnnbench.models.descriptions import OutsideModel
from rnnbench.outside.answers import CodedAnswers, Training
from rnnbench.outside.documents import Documents
from rnnbench.report.tables.files import table_files
from rnnbench.results.run import load_results, save_run
from rnnbench.results.store import CONSTRAINTS, ENVIRONMENT, RESULTS, Store, lock_folder
from rnnbench.results.stored_run import StoredRun
from rnnbench.storage import DamagedResultError, sha256_arrays, write_document
from rnnbench.text import listed
from rnnbench.training.outcome import TrialRecord, TrialResult

FROM_PYTHON = "a call in Python"
# The machine that judges, and the versions that can change a p-value:
machine = partial(environment, ("numpy", "scipy"), jobs=1, threads=1)
machine_at_first = cache(machine)  # all packages take longer than a verdict


def benchmark_of(
    name: str, trainings: Iterable[Training], origin: Mapping[str, str]
) -> Benchmark:
    """Return the config of a run of models of which only the answers are known."""
    seeds: dict[str, list[int]] = {}
    for model, seed in trainings:
        seeds.setdefault(model, []).append(seed)
    models = {}
    for model, of_model in seeds.items():
        source = origin.get(model, FROM_PYTHON)
        models[model] = {OutsideModel.kind: source, "trainings": len(of_model)}
    tree = {
        "name": name,
        "data": {"source": FILES.name},
        "training": {"seeds": sorted(set().union(*seeds.values()))},
        "models": models,
    }
    return load(tree)


def dataset_of(
    coded: CodedAnswers, documents: Documents, origin: Mapping[str, str]
) -> DatasetSummary:
    """Return the facts about the documents of a run, or of those with labels alone."""
    if coded.run is not None:
        dataset = coded.run.results.dataset
        topics = list(dataset.topics)
        for topic in coded.topics[len(topics) :]:  # those that only answers have
            topics.append(TopicCount(topic=topic, train=0, test=0))
        return dataset.model_copy(update={"topics": topics})
    files = listed(list(dict.fromkeys(origin.values())))
    dataset = summarize_labels(
        coded.task, coded.labels, coded.topics, files or FROM_PYTHON, documents.ids
    )
    changes = {"clusters": documents.clusters, "in_order": documents.in_order}
    return dataset.model_copy(update=changes)


def trials_of(
    coded: CodedAnswers, dataset: DatasetSummary
) -> dict[str, list[TrialResult]]:
    """Return the answers of each training as a trial, by model."""
    trials: dict[str, list[TrialResult]] = {}
    n_topics = len(dataset.topics)
    for (model, seed), answers in coded.with_wrong().items():
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


def save(verdict: StoredRun, *, overwrite: bool) -> None:
    """Store a verdict as a run in its folder.

    With ``overwrite``, it may replace a verdict on other answers.
    """
    folder = verdict.folder
    results = verdict.results
    files = {
        "config.yaml": dump(verdict.benchmark),
        CONSTRAINTS: constraints(verdict.environment),
    }
    with lock_folder(folder, results.command, is_verdict=True):
        if not overwrite:
            _check_stored(verdict)
        store = Store(folder)
        store.check_writable(RESULTS)
        for trials in verdict.trials.values():
            for trial in trials:
                store.save(trial)
        write_document(folder / ENVIRONMENT, verdict.environment)
        save_run(folder, results, files | table_files(results))


def _check_stored(verdict: StoredRun) -> None:
    """Raise ``UserError`` if its folder holds a verdict on other answers."""
    folder = verdict.folder
    if not (folder / RESULTS).is_file():
        return
    hint = "name another folder; --force, or overwrite=True in Python, overwrites it"
    try:
        stored = load_results(folder)
    except DamagedResultError as error:
        raise UserError(f"{folder}: {error} ({hint})") from None
    if stored.fingerprints != verdict.results.fingerprints:
        raise UserError(f"{folder}: holds a verdict on other answers ({hint})")
