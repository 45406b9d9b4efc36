"""From a benchmark to its trials."""

from collections.abc import Iterator

from rnnbench.config.schema import Benchmark
from rnnbench.data.dataset import Dataset
from rnnbench.data.load import CachedCorpus
from rnnbench.training.trial import Trial


def plan_trials(benchmark: Benchmark, corpus: CachedCorpus, dataset: Dataset) -> Iterator[Trial]:
    """Yield every model with every seed: seed by seed, so that each model is seen early."""
    for seed in benchmark.training.seeds:
        for name, model in benchmark.models.items():
            yield Trial(
                name=name,
                model=model,
                training=benchmark.training,
                seed=seed,
                data=benchmark.data,
                corpus=corpus.file,
                dataset_fingerprint=dataset.fingerprint,
            )
