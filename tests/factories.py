"""Small valid documents, of which a test changes what it is about."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rnnbench.config.schema import Benchmark
from rnnbench.data import cache
from rnnbench.data.corpus import Corpus
from rnnbench.data.dataset import make_dataset
from rnnbench.results.schema import DatasetSummary, History, TrialRecord, TrialResult
from rnnbench.results.speed import (
    ContenderTimes,
    ProductRate,
    ProductTime,
    SpeedResults,
    TableTime,
    TrialTime,
)
from rnnbench.training.trial import Trial

SOFTMAX = {"dense": {"units": "topics", "activation": "softmax"}}


def benchmark(**changes) -> Benchmark:
    """Return a benchmark of one small model and one epoch."""
    tree = {
        "name": "small",
        "data": {"test_split": 0.5},
        "training": {"epochs": 1, "batch_size": 4},
        "models": {"rnn": {"layers": [{"simple_rnn": {"units": 3}}, SOFTMAX]}},
    }
    return Benchmark.model_validate(tree | changes)


def corpus(wires: int = 20, topics: int = 3, seed: int = 0) -> Corpus:
    """Return a made-up corpus of short wires."""
    random = np.random.default_rng(seed)
    lengths = random.integers(1, 6, wires)
    return Corpus(
        tokens=random.integers(1, 9, lengths.sum(), dtype=np.int32),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        labels=np.arange(wires, dtype=np.int32) % topics,
        topics=tuple(f"topic{number}" for number in range(topics)),
        vocabulary=tuple(f"word{number}" for number in range(1, 9)),
        provenance={"source": "made-up", "from": "nowhere"},
    )


def trial(folder: Path, seed: int = 0, **changes) -> Trial:
    """Return a trial on a made-up corpus that is cached in ``folder``."""
    plan = benchmark(**changes)
    file = folder / "made-up.npz"
    cache.write(file, corpus())
    ((name, model),) = plan.models.items()
    fingerprint = make_dataset(corpus(), plan.data).fingerprint
    return Trial(
        name,
        model,
        plan.training,
        seed,
        plan.data,
        file,
        "made-up",
        fingerprint,
        threads=1,
        work=1,
    )


def record(**changes) -> TrialRecord:
    """Return the record of a trial that never happened."""
    facts = {
        "fingerprint": "f" * 64,
        "source": "made-up",
        "dataset_fingerprint": "d" * 64,
        "cpu": "none",
        "threads": 1,
        "model": "rnn",
        "seed": 0,
        "engine": "keras",
        "params": 10,
        "accuracy": 0.5,
        "macro_f1": 0.25,
        "predicted_topics": [0, 1],
        "epochs": 2,
        "steps": 6,
        "fit_seconds": 1.5,
        "ms_per_step": 2.5,
        "history": History(loss=[1.0, 0.5], accuracy=[0.25, 0.5]),
    }
    return TrialRecord(**facts | changes)


def result(**changes) -> TrialResult:
    """Return a record with predictions of two wires."""
    return TrialResult(
        record(**changes),
        np.array([0, 1], np.int32),
        np.array([[0.75, 0.25], [0.5, 0.5]], np.float32),
    )


def dataset_summary(**changes) -> DatasetSummary:
    """Return the summary of a dataset that is nowhere."""
    facts = {
        "source": "made-up",
        "origin": "nowhere",
        "fingerprint": "d" * 64,
        "corpus_fingerprint": "c" * 64,
        "train_size": 1395,
        "test_size": 599,
        "timesteps": 49,
        "classes": 46,
        "majority_topic": "earn",
        "majority_accuracy": 0.75,
        "majority_macro_f1": 0.125,
    }
    return DatasetSummary(**facts | changes)


def trial_time(**changes) -> TrialTime:
    """Return what a trial that never happened cost."""
    facts = {
        "model": "rnn",
        "seed": 0,
        "accuracy": 0.5,
        "ms_per_step": 2.0,
        "steps": 100,
        "seconds": 1.0,
        "started": 3.0,
        "process": 1,
        "peak_memory_mb": 800.0,
    }
    return TrialTime(**facts | changes)


def table_time(trials: Sequence[TrialTime] = (), seconds: float = 10.0) -> TableTime:
    """Return what a table cost; of one trial, where none is given."""
    return TableTime(seconds=seconds, trials=list(trials) or [trial_time()])


def contender_times(**changes) -> ContenderTimes:
    """Return what a contender needed in one round."""
    facts = {"name": "compiled", "what": "fast", "jobs": 2, "threads": 1, "rounds": [table_time()]}
    return ContenderTimes(**facts | changes)


def speed_results(**changes) -> SpeedResults:
    """Return a speed benchmark of one model that never happened."""
    slow = [table_time([trial_time(ms_per_step=10.0)], seconds=75.0)]
    facts = {
        "name": "small",
        "dataset_fingerprint": "d" * 64,
        "train_size": 1395,
        "timesteps": 49,
        "epochs": 200,
        "batch_size": 50,
        "optimizer": "adam",
        "seeds": [0],
        "contenders": [contender_times(), contender_times(name="keras", rounds=slow, jobs=1)],
        "products": [
            ProductRate(rows=5, inner=6, columns=7, count=9, microseconds=8.0, gflops=0.0525)
        ],
        "product_times": [ProductTime(model="rnn", ms_per_step=1.25)],
        "environment": {"cpu": "none", "cores": 2},
    }
    return SpeedResults(**facts | changes)
