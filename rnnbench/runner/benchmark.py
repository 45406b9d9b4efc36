"""Running a benchmark: from its config to the records of its trials."""

from dataclasses import dataclass

from rnnbench.config.schema import Benchmark
from rnnbench.data.audit import audit
from rnnbench.data.dataset import Dataset, make_dataset
from rnnbench.data.fetch import Progress
from rnnbench.data.load import CachedCorpus, load_corpus
from rnnbench.results.schema import DatasetSummary, TrialRecord
from rnnbench.results.store import Store
from rnnbench.runner.events import Listener, Planned
from rnnbench.runner.plan import plan_trials
from rnnbench.runner.trials import find_stored, train_trials
from rnnbench.runner.workers import Workforce, divide_cores


@dataclass(frozen=True)
class Run:
    """What a benchmark was run on, and what came out.

    Attributes:
        dataset: the dataset.
        records: one a model and seed.
        workforce: what trained them; ``None`` where all were stored already.
    """

    dataset: DatasetSummary
    records: list[TrialRecord]
    workforce: Workforce | None


def run_benchmark(
    benchmark: Benchmark,
    store: Store,
    progress: Progress,
    listener: Listener,
    *,
    jobs: int | None = None,
    fresh: bool = False,
) -> Run:
    """Prepare the data, then train every model with every seed.

    Args:
        benchmark: what to run.
        store: where finished trials are kept, and found again.
        progress: told of downloads.
        listener: told of trials.
        jobs: processes that train side by side; by default one a core.
        fresh: train stored trials again.

    Raises:
        UserError: the data section asks for what cannot be had.
        OutOfReachError: no data could be reached.
        RnnbenchError: a worker process died.
    """
    corpus = load_corpus(benchmark.data, progress)
    dataset = make_dataset(corpus.corpus, benchmark.data)
    trials = list(plan_trials(benchmark, corpus, dataset))
    records = {} if fresh else find_stored(trials, store)
    to_train = [trial for trial in trials if trial not in records]
    listener(Planned(to_train, list(records)))
    workforce = divide_cores(jobs, len(to_train)) if to_train else None
    if workforce:
        records |= train_trials(to_train, store, workforce, listener)
    return Run(_describe(corpus, dataset), [records[trial] for trial in trials], workforce)


def _describe(corpus: CachedCorpus, dataset: Dataset) -> DatasetSummary:
    facts = audit(corpus.corpus, dataset)
    return DatasetSummary(
        source=corpus.corpus.provenance["source"],
        origin=corpus.corpus.provenance["from"],
        fingerprint=dataset.fingerprint,
        corpus_fingerprint=corpus.fingerprint,
        train_size=facts.train_size,
        test_size=facts.test_size,
        timesteps=facts.timesteps,
        classes=facts.topics,
        majority_topic=facts.majority_topic,
        majority_accuracy=facts.majority_accuracy,
        majority_macro_f1=facts.majority_macro_f1,
    )
