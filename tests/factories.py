"""Small valid records; each test changes only what it is about."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain, compress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import default_rng

from rnnbench.analysis.summary import summarize_run
from rnnbench.config.load import dump
from rnnbench.config.schema import Benchmark
from rnnbench.data import cache
from rnnbench.data.corpus import Corpus, corpus_of_words
from rnnbench.data.dataset import make_dataset
from rnnbench.data.summary import DatasetSummary, TopicCount, rest_of
from rnnbench.environment import SCHEMA_VERSION, constraints
from rnnbench.plugins.speed.records import (
    ContenderTimes,
    ProductRate,
    ProductTime,
    SpeedResults,
    TableTime,
    TrialTime,
)
from rnnbench.report.tables.files import table_files
from rnnbench.results.run import save_run
from rnnbench.results.store import CONSTRAINTS, ENVIRONMENT, Store
from rnnbench.results.stored_run import StoredRun
from rnnbench.storage import sha256_json, write_document
from rnnbench.training.engines import OnEpoch, ignore
from rnnbench.training.outcome import History, TrialRecord, TrialResult
from rnnbench.training.trial import Trial, run_trial

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


def corpus(documents: int = 20, topics: int = 3, seed: int = 0) -> Corpus:
    """Return a made-up corpus of short documents."""
    random = default_rng(seed)
    lengths = random.integers(1, 6, documents)
    return Corpus(
        tokens=random.integers(1, 9, lengths.sum(), dtype=np.int32),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        labels=np.arange(documents, dtype=np.int32) % topics,
        topics=tuple(f"topic{number}" for number in range(topics)),
        vocabulary=tuple(f"word{number}" for number in range(1, 9)),
        provenance={"source": "made-up", "from": "nowhere"},
    )


def corpus_of_texts(
    texts: Sequence[str],
    labels: Sequence[str],
    is_test: Sequence[bool] | None = None,
    source: str = "made-up",
) -> Corpus:
    """Return a corpus of texts; words are ranked as they occur, and topics are
    sorted.
    """
    words = [text.split() for text in texts]
    topics = sorted(set(labels))
    return corpus_of_words(
        words,
        list(dict.fromkeys(word for of_text in words for word in of_text)),
        [topics.index(label) for label in labels],
        topics,
        is_test=is_test,
        provenance={"source": source, "from": "nowhere"},
    )


SEVERAL = ("corn", "grain", "ship")


def corpus_of_several(documents: int = 60, seed: int = 0, named: float = 1) -> Corpus:
    """Return a corpus whose documents have any number of three topics; two thirds are
    to learn.

    They name a share of their topics, all by default.
    """
    random = default_rng(seed)
    labels = (random.random((documents, len(SEVERAL))) < 0.4).astype(np.uint8)
    shown = default_rng(seed + 1).random(labels.shape) < named
    others = np.array(["the", "rose", "said", "pct"])
    words = [
        random.permutation(
            [*compress(SEVERAL, row * is_named), *random.choice(others, 3)]
        ).tolist()
        for row, is_named in zip(labels, shown, strict=True)
    ]
    ranking = [*others.tolist(), *SEVERAL]
    is_test = np.arange(documents) % 3 == 0
    provenance = {"source": "made-up", "from": "nowhere"}
    return corpus_of_words(
        words, ranking, labels, SEVERAL, is_test=is_test.tolist(), provenance=provenance
    )


def corpora(folder: Path) -> dict[str, Path]:
    """Return the file of the made-up corpus in ``folder``, by fingerprint; it is
    written there.
    """
    file = folder / "made-up.npz"
    return {cache.write(file, corpus()): file}


def trial(folder: Path, seed: int = 0, **changes) -> Trial:
    """Return a trial on the made-up corpus, whose file is written to ``folder``."""
    plan = benchmark(**changes)
    (mark,) = corpora(folder)
    ((name, model),) = plan.models.items()
    dataset = make_dataset(corpus(), plan.data)
    return Trial(
        name,
        model,
        plan.training,
        seed,
        plan.data,
        mark,
        "made-up",
        dataset.fingerprint,
        dataset.split_fingerprint(mark),
        n_ids=12,
        threads=1,
        work=1,
    )


def train(folder: Path, planned: Trial, on_epoch: OnEpoch = ignore) -> TrialResult:
    """Carry out a trial on the made-up corpus in ``folder``, in this process."""
    return run_trial(planned, folder / "made-up.npz", on_epoch)


record = partial(
    TrialRecord,
    fingerprint="f" * 64,
    source="made-up",
    dataset_fingerprint="d" * 64,
    cpu="none",
    model="rnn",
    engine="keras",
    params=10,
    score_kind="log_probabilities",
    epochs=2,
    steps=6,
    fit_seconds=1.5,
    ms_per_step=2.5,
    history=History(loss=[1.0, 0.5], score=[0.25, 0.5]),
)
"""Returns the record of a trial that never happened."""
MARGINS = {"score_kind": "margins"}
"""The changes to the record of a model that gives margins instead of
log-probabilities."""
OF_LABELS = {"test_size", "topics", "majority_score", "majority_macro_f1"}
"""The facts about a dataset that follow from its test labels."""
LABELS = np.array([0, 0, 1, 2], np.int32)
"""The topics of four made-up test documents."""


def result(answers: Sequence[int] = (0, 0, 0, 1), **changes) -> TrialResult:
    """Return a trial that gave these ``answers``, each with half the probability, to
    ``LABELS``.
    """
    scores = np.full((len(LABELS), 3), 0.25, np.float32)
    scores[np.arange(len(LABELS)), list(answers)] = 0.5
    return TrialResult(record(**changes), LABELS, np.log(scores))


dataset_summary = partial(
    DatasetSummary,
    source="made-up",
    origin="nowhere",
    fingerprint="d" * 64,
    split_fingerprint="5" * 64,
    corpus_fingerprint="c" * 64,
    train_size=1395,
    test_size=4,
    timesteps=49,
    topics=[
        TopicCount(topic=topic, train=train, test=test)
        for topic, train, test in (("earn", 997, 2), ("acq", 398, 1), ("grain", 0, 1))
    ],
    duplicates={},
    whole_duplicates={},
    majority_topic="earn",
    majority_score=0.5,
    majority_macro_f1=2 / 9,
)
"""Returns the summary of a dataset that is nowhere, with the test documents of
``LABELS``."""
trial_time = partial(
    TrialTime,
    model="rnn",
    seed=0,
    score=0.5,
    ms_per_step=2.0,
    steps=100,
    seconds=1.0,
    started=3.0,
    process=1,
    peak_memory_mb=800.0,
)
"""Returns the cost of a trial that never happened."""


def table_time(trials: Sequence[TrialTime] = (), seconds: float = 10.0) -> TableTime:
    """Return the cost of a table; it has one trial if none are given."""
    return TableTime(seconds=seconds, trials=list(trials) or [trial_time()])


contender_times = partial(
    ContenderTimes, name="native", what="fast", jobs=2, threads=1, rounds=[table_time()]
)
"""Returns what a contender needed in one round."""
SLOW = [table_time([trial_time(ms_per_step=10.0)], seconds=75.0)]
speed_results = partial(
    SpeedResults,
    name="small",
    dataset_fingerprint="d" * 64,
    train_size=1395,
    timesteps=49,
    epochs=200,
    batch_size=50,
    optimizer="adam",
    seeds=[0],
    contenders=[contender_times(), contender_times(name="keras", rounds=SLOW, jobs=1)],
    products=[
        ProductRate(
            rows=5, inner=6, columns=7, count=9, microseconds=8.0, gflops=0.0525
        )
    ],
    product_times=[ProductTime(model="rnn", ms_per_step=1.25)],
    environment={"cpu": "none", "cores": 2},
)
"""Returns a speed benchmark that never happened, of one model."""


MACHINE = {
    "schema_version": SCHEMA_VERSION,
    "jobs": 1,
    "threads_per_job": 1,
    "python": "3.11.7",
    "platform": "none",
    "cpu": "none",
    "cores": 2,
    "versions": {"rnnbench": "0.0", "keras": "3.0"},
    "installed": {"keras": "3.0"},
    "git_commit": "0" * 40,
}


def finished_run(
    answers: Mapping[str, Sequence[Sequence[int]]],
    *,
    folder: Path = Path("results/made-up"),
    labels: Sequence[int] = LABELS,
    records: Mapping[str, Mapping[str, Any]] | None = None,
    dataset: Mapping[str, Any] | None = None,
    environment: Mapping[str, Any] | None = None,
    **changes,
) -> StoredRun:
    """Return a run that never happened; a trial has the fingerprint of its model and
    answers.

    ``answers`` has, by model, what each of its trials answered for each document, of
    three topics. What differs in records, by model, in the summary of the dataset, in
    the environment and in the config can be given.
    """
    truth = np.array(labels, np.int32)
    trials = {model: [] for model in answers}
    for model, of_model in answers.items():
        details = dict((records or {}).get(model, {}))
        for seed, given in enumerate(of_model):
            mark = sha256_json([model, seed, list(map(int, given))])
            facts = {"fingerprint": mark, "model": model, "seed": seed} | details
            shares = np.where(np.arange(3) == np.array(given)[:, np.newaxis], 0.5, 0.25)
            trials[model].append(
                TrialResult(record(**facts), truth, np.log(shares, dtype="f4"))
            )
    layers = [{"simple_rnn": {"units": 3}}, SOFTMAX]
    plan = benchmark(
        **{"models": {model: {"layers": layers} for model in answers}} | changes
    )
    summary = rest_of(dataset_summary(), truth)
    summary = dataset_summary(
        **summary.model_dump(include=OF_LABELS) | dict(dataset or {})
    )
    results = summarize_run(plan, summary, trials)
    return StoredRun(folder, results, trials, plan, MACHINE | dict(environment or {}))


def scored_run(
    rights: Mapping[str, Sequence[int]],
    *,
    folder: str = "results/made-up",
    of: int = 20,
    **facts,
) -> StoredRun:
    """Return a run on ``of`` documents of one topic; see ``finished_run``.

    ``rights`` has, by model, how many of the first documents each of its trials is
    right about.
    """
    answers = {
        model: [[0] * right + [1] * (of - right) for right in trials]
        for model, trials in rights.items()
    }
    return finished_run(answers, folder=Path(folder), labels=[0] * of, **facts)


def runs_on_datasets(
    rights: Mapping[str, Mapping[str, Sequence[int]]],
    *,
    folder: str = "results",
    **facts,
) -> list[StoredRun]:
    """Return runs, each on 20 documents of its own; ``rights`` is by run, as in
    ``scored_run``.
    """
    runs = []
    for name, of_run in rights.items():
        marks = dict.fromkeys(
            ("split_fingerprint", "corpus_fingerprint"), sha256_json(name)
        )
        dataset = {"source": name, **marks}
        runs.append(
            scored_run(of_run, folder=f"{folder}/{name}", dataset=dataset, **facts)
        )
    return runs


def run_folder(
    folder: Path, answers: Mapping[str, Sequence[Sequence[int]]], **facts
) -> Path:
    """Write the folder of a run that never happened; the rest is as for
    ``finished_run``.
    """
    return write_run(finished_run(answers, folder=folder, **facts))


def write_run(run: StoredRun) -> Path:
    """Write a run that never happened into its folder, which is returned."""
    store = Store(run.folder)
    write_document(store.folder / ENVIRONMENT, run.environment)
    for trial in chain.from_iterable(run.trials.values()):
        store.save(trial)
    files = {"config.yaml": dump(run.benchmark, run.folder)} | table_files(run.results)
    files[CONSTRAINTS] = constraints(run.environment)
    save_run(run.folder, run.results, files)
    return run.folder


class Hostile:
    """Creates a file when it is unpickled."""

    def __init__(self, trace: Path):
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)
