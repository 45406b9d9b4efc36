"""Running a benchmark: from its config to the results of its trials."""

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rnnbench.config.schema import Benchmark
from rnnbench.data.audit import DatasetSummary, summarize_dataset
from rnnbench.data.dataset import Dataset, make_dataset
from rnnbench.data.fetch import Progress
from rnnbench.data.load import load_corpus
from rnnbench.data.vocabulary import Vocabulary, make_vocabulary
from rnnbench.environment import environment
from rnnbench.errors import RnnbenchError
from rnnbench.models.descriptions import BaselineModel, LayeredNetwork, Model
from rnnbench.results.store import Store
from rnnbench.runner.events import Failed, Finished, Listener, Planned
from rnnbench.runner.executors import TRAINING, Executor, TrialFailure
from rnnbench.training.outcome import TrialResult
from rnnbench.training.trial import Trial
from rnnbench.training.validation import hold_out

UNKNOWN_WORK = 10**10
"""Multiply-adds of an epoch of a model that is not made of our layers: assumed to be many."""


@dataclass(frozen=True)
class Plan:
    """The trials of a benchmark, and the data they need.

    Attributes:
        dataset: what all trials are trained and tested on.
        trials: every model with every seed that changes it. The longest come first, so that no
            core idles at the end, and the trials of a model, which share a compiled program,
            are neighbours.
        corpora: the file of each corpus in the cache, by fingerprint.
        vocabulary: what turns texts into the dataset's ids, if networks are kept to be used.
    """

    dataset: DatasetSummary
    trials: list[Trial]
    corpora: Mapping[str, Path]
    vocabulary: Vocabulary | None = None


def plan_benchmark(
    benchmark: Benchmark, progress: Progress, threads: int, *, keep_models: bool = False
) -> Plan:
    """Prepare the data and list the trials.

    Args:
        benchmark: what to run.
        progress: told of downloads.
        threads: of each process that trains.
        keep_models: whether trained networks are to be kept.

    Raises:
        UserError: the config asks for data, or for a validation set, that cannot be had.
        OutOfReachError: no data could be reached.
    """
    corpus = load_corpus(benchmark.data, progress)
    dataset = make_dataset(corpus.corpus, benchmark.data)
    hold_out(len(dataset.y_train), benchmark.training.validation_split)  # can it be done?
    facts = summarize_dataset(corpus, dataset)
    trials = [
        Trial(
            name=name,
            model=model,
            training=benchmark.training,
            seed=seed,
            data=benchmark.data.model_copy(update={"path": None}),
            corpus_fingerprint=corpus.fingerprint,
            source=corpus.corpus.provenance["source"],
            dataset_fingerprint=dataset.fingerprint,
            split_fingerprint=facts.split_fingerprint,
            n_ids=dataset.n_ids,
            threads=threads,
            work=_work(model, dataset),
            keep_model=keep_models and not isinstance(model, BaselineModel),
        )
        for name, model in benchmark.models.items()
        for seed in benchmark.seeds_of(name)
    ]
    trials.sort(key=lambda trial: trial.work, reverse=True)
    vocabulary = make_vocabulary(corpus.corpus, dataset, benchmark.data) if keep_models else None
    return Plan(facts, trials, {corpus.fingerprint: corpus.file}, vocabulary)


def run_plan(
    plan: Plan, executor: Executor, store: Store, listener: Listener, *, fresh: bool = False
) -> list[TrialResult]:
    """Return the result of every trial, training those that are not stored.

    A trial is stored the moment it finishes. One that fails keeps no other from being trained, and
    Ctrl-C leaves all finished ones stored.

    Args:
        plan: what to run.
        executor: who trains.
        store: where finished trials are kept, and found again.
        listener: told of what happens.
        fresh: train stored trials again.

    Raises:
        RnnbenchError: trials failed, or none can be trained.
    """
    stored = set() if fresh else find_stored(plan.trials, store)
    to_train = [trial for trial in plan.trials if trial not in stored]
    listener(Planned(to_train, list(stored)))
    if to_train:
        failures = _train(to_train, plan, executor, store, listener)
        if failures:
            raise RnnbenchError(
                f"{describe(failures)}\nAll other trials are stored; "
                "for a table of other models, name them with --models."
            )
    if plan.vocabulary is not None:
        store.save_vocabulary(plan.vocabulary)
    return [store.load(trial.name, trial.seed, trial.fingerprint) for trial in plan.trials]


def find_stored(trials: Iterable[Trial], store: Store) -> set[Trial]:
    """Return the trials that are stored."""
    return {
        trial
        for trial in trials
        if store.has(trial.name, trial.seed, trial.fingerprint, with_model=trial.keep_model)
    }


def describe(failures: Mapping[Trial, TrialFailure]) -> str:
    """Return which trials failed and why, and the first traceback that there is."""
    lines = [f"{trial} failed: {failure.reason}" for trial, failure in failures.items()]
    tracebacks = [failure.traceback for failure in failures.values() if failure.traceback]
    return "\n".join([*tracebacks[:1], *lines])


def _train(
    trials: list[Trial], plan: Plan, executor: Executor, store: Store, listener: Listener
) -> dict[Trial, TrialFailure]:
    """Train and store ``trials`` of a plan; return those that failed."""
    packages = dict.fromkeys(each for trial in plan.trials for each in trial.engine.packages)
    facts = environment(packages, jobs=executor.jobs, threads=executor.threads)
    if not store.has_environment():
        store.save_environment(facts)
    failures = {}
    outcomes = executor.run(trials, plan.corpora, listener, TRAINING)
    with closing(outcomes):
        for trial, outcome in outcomes:
            if isinstance(outcome, TrialFailure):
                failures[trial] = outcome
                listener(Failed(trial, outcome.reason))
                continue
            store.save(outcome)
            store.save_environment(facts)  # until now, the one that stood there was still true
            listener(Finished(trial, outcome.accuracy, outcome.record.fit_seconds))
    return failures


def _work(model: Model, dataset: Dataset) -> int:
    if isinstance(model, BaselineModel):
        return 0  # next to nothing
    if not isinstance(model, LayeredNetwork):
        return UNKNOWN_WORK
    products = model.products(
        batch_size=len(dataset.y_train),
        timesteps=dataset.timesteps,
        n_topics=len(dataset.topics),
    )
    return sum(product.multiply_adds for product in products)
