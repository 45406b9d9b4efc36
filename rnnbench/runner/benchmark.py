"""Running a benchmark: from its config to the records of its trials."""

from collections.abc import Sequence
from dataclasses import dataclass

from rnnbench.config.schema import Benchmark, Model, Network, Training
from rnnbench.data.audit import audit
from rnnbench.data.dataset import Dataset, make_dataset, split_fingerprint
from rnnbench.data.fetch import Progress
from rnnbench.data.load import CachedCorpus, load_corpus
from rnnbench.models.products import products_of_step
from rnnbench.results.environment import environment
from rnnbench.results.schema import DatasetSummary, TopicCount, TrialResult
from rnnbench.results.store import Store
from rnnbench.runner.events import Listener, Planned
from rnnbench.runner.trials import find_stored, train_trials
from rnnbench.runner.workers import Workforce
from rnnbench.training.trial import Trial
from rnnbench.training.validation import hold_out


@dataclass(frozen=True)
class Plan:
    """What a benchmark comes down to.

    Attributes:
        dataset: what all trials are trained and tested on.
        trials: every model with every seed that changes it, those that take longest first: so
            no core idles at the end, and the trials of a model, which share a compiled program,
            are neighbours.
        workforce: the processes that are to train them.
    """

    dataset: DatasetSummary
    trials: list[Trial]
    workforce: Workforce


def plan_benchmark(benchmark: Benchmark, progress: Progress, workforce: Workforce) -> Plan:
    """Prepare the data and list the trials.

    Args:
        benchmark: what to run.
        progress: told of downloads.
        workforce: who trains.

    Raises:
        UserError: the config asks for data, or for wires to validate on, that cannot be had.
        OutOfReachError: no data could be reached.
    """
    corpus = load_corpus(benchmark.data, progress)
    dataset = make_dataset(corpus.corpus, benchmark.data)
    hold_out(len(dataset.y_train), benchmark.training.validation_split)  # can it be done?
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
            threads=workforce.threads,
            work=_work(model, dataset),
        )
        for name, model in benchmark.models.items()
        for seed in _seeds(model, benchmark.training)
    ]
    trials.sort(key=lambda trial: trial.work, reverse=True)
    return Plan(_describe(corpus, dataset), trials, workforce)


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
        store.save_environment(environment(jobs=workforce.jobs, threads=workforce.threads))
        train_trials(to_train, store, workforce, listener)
    return [store.load(trial.name, trial.seed) for trial in plan.trials]


def _seeds(model: Model, training: Training) -> Sequence[int]:
    """Return the seeds that can change the outcome of ``model``: one where none can."""
    is_random = isinstance(model, Network) or model.baseline.is_random
    return training.seeds if is_random else training.seeds[:1]


def _work(model: Model, dataset: Dataset) -> int:
    if not isinstance(model, Network):
        return 0  # next to nothing
    products = products_of_step(
        model,
        batch_size=len(dataset.y_train),
        timesteps=dataset.timesteps,
        n_topics=len(dataset.topics),
    )
    return sum(product.multiply_adds for product in products)


def _describe(corpus: CachedCorpus, dataset: Dataset) -> DatasetSummary:
    facts = audit(corpus.corpus, dataset)
    counts = {topic: (train, test) for topic, train, test in facts.topic_counts}
    return DatasetSummary(
        source=corpus.corpus.provenance["source"],
        origin=corpus.corpus.provenance["from"],
        fingerprint=dataset.fingerprint,
        split_fingerprint=split_fingerprint(corpus.fingerprint, dataset),
        corpus_fingerprint=corpus.fingerprint,
        train_size=facts.train_size,
        test_size=facts.test_size,
        timesteps=facts.timesteps,
        topics=[
            TopicCount(topic=topic, train=counts[topic][0], test=counts[topic][1])
            for topic in dataset.topics
        ],
        overlap=facts.overlap,
        overlap_same_label=facts.overlap_same_label,
        majority_topic=facts.majority_topic,
        majority_accuracy=facts.majority_accuracy,
        majority_macro_f1=facts.majority_macro_f1,
    )
