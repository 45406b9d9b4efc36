"""Running a benchmark: from its config to the records of its trials."""

from dataclasses import dataclass

from rnnbench.config.schema import Benchmark
from rnnbench.data.audit import DatasetSummary, summarize_dataset
from rnnbench.data.dataset import Dataset, make_dataset
from rnnbench.data.fetch import Progress
from rnnbench.data.load import load_corpus
from rnnbench.data.vocabulary import Vocabulary, make_vocabulary
from rnnbench.environment import environment
from rnnbench.models.descriptions import BaselineModel, LayeredNetwork, Model
from rnnbench.models.products import products_of_step
from rnnbench.results.store import Store
from rnnbench.runner.events import Event, Finished, Listener, Planned
from rnnbench.runner.trials import find_stored, train_trials
from rnnbench.runner.workers import Workforce
from rnnbench.training.outcome import TrialResult
from rnnbench.training.trial import Trial
from rnnbench.training.validation import hold_out

UNKNOWN_WORK = 10**10
"""Multiply-adds of an epoch of a model that is not made of our layers: taken for long."""


@dataclass(frozen=True)
class Plan:
    """What a benchmark comes down to.

    Attributes:
        dataset: what all trials are trained and tested on.
        trials: every model with every seed that changes it, those that take longest first: so
            no core idles at the end, and the trials of a model, which share a compiled program,
            are neighbours.
        workforce: the processes that are to train them.
        vocabulary: what turns texts into the dataset's ids, where models are kept to be used.
    """

    dataset: DatasetSummary
    trials: list[Trial]
    workforce: Workforce
    vocabulary: Vocabulary | None = None


def plan_benchmark(
    benchmark: Benchmark, progress: Progress, workforce: Workforce, *, keep_models: bool = False
) -> Plan:
    """Prepare the data and list the trials.

    Args:
        benchmark: what to run.
        progress: told of downloads.
        workforce: who trains.
        keep_models: whether trained networks are to be kept.

    Raises:
        UserError: the config asks for data, or for wires to validate on, that cannot be had.
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
            data=benchmark.data,
            corpus=corpus.file,
            source=corpus.corpus.provenance["source"],
            dataset_fingerprint=dataset.fingerprint,
            split_fingerprint=facts.split_fingerprint,
            n_ids=dataset.n_ids,
            threads=workforce.threads,
            work=_work(model, dataset),
            keep_model=keep_models and not isinstance(model, BaselineModel),
        )
        for name, model in benchmark.models.items()
        for seed in benchmark.seeds_of(name)
    ]
    trials.sort(key=lambda trial: trial.work, reverse=True)
    vocabulary = make_vocabulary(corpus.corpus, dataset, benchmark.data) if keep_models else None
    return Plan(facts, trials, workforce, vocabulary)


def run_plan(
    plan: Plan, store: Store, listener: Listener, *, fresh: bool = False
) -> list[TrialResult]:
    """Return the result of every trial, training those that are not stored.

    Args:
        plan: what to run.
        store: where finished trials are kept, and found again.
        listener: told of what happens.
        fresh: train stored trials again.

    Raises:
        RnnbenchError: a worker process died.
    """
    stored = set() if fresh else find_stored(plan.trials, store)
    to_train = [trial for trial in plan.trials if trial not in stored]
    listener(Planned(to_train, list(stored)))
    if to_train:
        workforce = plan.workforce
        facts = environment(jobs=workforce.jobs, threads=workforce.threads)
        if not store.has_environment():
            store.save_environment(facts)

        def keep_environment(event: Event) -> None:
            if isinstance(event, Finished):  # until then, what stood there is still true
                store.save_environment(facts)
            listener(event)

        train_trials(to_train, store, workforce, keep_environment)
    if plan.vocabulary is not None:
        store.save_vocabulary(plan.vocabulary)
    return [store.load(trial.name, trial.seed) for trial in plan.trials]


def _work(model: Model, dataset: Dataset) -> int:
    if isinstance(model, BaselineModel):
        return 0  # next to nothing
    if not isinstance(model, LayeredNetwork):
        return UNKNOWN_WORK
    products = products_of_step(
        model,
        batch_size=len(dataset.y_train),
        timesteps=dataset.timesteps,
        n_topics=len(dataset.topics),
    )
    return sum(product.multiply_adds for product in products)
