"""The plan of a run: its trials, and whether they can be trained here.

``plan_benchmark(benchmark, data, threads=1).trials`` lists them, baselines first.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from rnnbench.config.schema import Benchmark
from rnnbench.data.config import PATHS
from rnnbench.data.dataset import Dataset, make_dataset
from rnnbench.data.held_out import Part, hold_out, hold_out_part
from rnnbench.data.load import PreparedData
from rnnbench.data.summary import DatasetSummary
from rnnbench.data.vocabulary import Vocabulary, make_vocabulary
from rnnbench.errors import UserError
from rnnbench.models.descriptions import Ensemble, EnsembleModel, Model
from rnnbench.runner.check import size_fault
from rnnbench.training.settings import resolve_engine, task_fault
from rnnbench.training.trial import Trial, program_of


@dataclass(frozen=True)
class Plan:
    """The trials of a benchmark, and the data they need."""

    dataset: DatasetSummary
    trials: list[Trial]
    """Baselines, which are quick, then the longest first, so that no core idles."""
    corpora: Mapping[str, Path]
    """The file of each corpus in the cache, by fingerprint."""
    vocabulary: Vocabulary | None = None
    """Turns texts into ids; only if networks are kept."""


def plan_benchmark(
    benchmark: Benchmark,
    data: PreparedData,
    threads: int,
    *,
    keep_models: bool = False,
    parts: Sequence[Part] = (),
) -> Plan:
    """List the trials of a benchmark, or raise ``UserError`` if one cannot be trained.

    Each of ``parts`` is held out in turn, in place of the test documents.
    """
    # 1. Make sure that the models can be trained on such documents.
    _check_models(benchmark, data.dataset)
    # 2. Hold out each part in turn, if there are any, and make the trials on it.
    corpus = data.corpus
    trials: list[Trial] = []
    for part, dataset in _datasets(data, parts):
        n_ids = data.dataset.n_ids
        subset = None
        if part and part.subset:
            subset = dataset
            n_ids = dataset.n_ids
        trial_on = partial(
            Trial,
            data=data.config.model_copy(update=dict.fromkeys(PATHS)),
            corpus_fingerprint=corpus.fingerprint,
            source=data.summary.source,
            dataset_fingerprint=dataset.fingerprint,
            split_fingerprint=dataset.split_fingerprint(corpus.fingerprint),
            n_ids=n_ids,
            threads=threads,
            task=dataset.task,
            part=part,
            n_untested=dataset.n_untested,
        )
        of_part = _trials(
            benchmark, data, trial_on, keep_models=keep_models, subset=subset
        )
        _check_validation_splits(of_part, dataset)
        fault = size_fault(dataset, data)
        if fault:
            raise UserError(f"data: {fault}")
        trials += of_part
    trials = _quick_first(trials)
    # 3. Keep what turns new texts into ids, if models are kept.
    vocabulary = None
    if keep_models:
        vocabulary = make_vocabulary(corpus, data.dataset, data.config)
    corpora = {}
    if corpus.file:
        corpora[corpus.fingerprint] = corpus.file
    return Plan(data.summary, trials, corpora, vocabulary)


def _datasets(
    data: PreparedData, parts: Sequence[Part]
) -> Iterator[tuple[Part | None, Dataset]]:
    """Yield each part with the dataset that tests on it; or the dataset of a run."""
    if not parts:
        yield None, data.dataset
        return
    all_training = make_dataset(data.corpus, data.config, blind=True)
    for part in parts:
        if part.subset:
            is_blind = not part.is_test
            subset = make_dataset(data.corpus, data.config, blind=is_blind, part=part)
            yield part, subset
        else:
            yield part, hold_out_part(all_training, part)


def _trials(
    benchmark: Benchmark,
    data: PreparedData,
    trial_on: "partial[Trial]",
    *,
    keep_models: bool,
    subset: Dataset | None,
) -> list[Trial]:
    """Return all trials on a dataset; ensembles, which are made of others, come last.

    ``trial_on`` makes a trial on this dataset. Networks have more epochs if it is a
    ``subset``.
    """
    n = len(data.dataset.y_train)
    trials: list[Trial] = []
    for name, model, seed in sorted(benchmark.trials, key=_is_of_ensemble):
        members: tuple[Trial, ...] = ()
        if isinstance(model, EnsembleModel):
            members = _members(model.ensemble, seed, trials)
        unlabeled = ""
        if model.reads_unlabeled:
            unlabeled = data.corpus.unlabeled_fingerprint
        training = benchmark.training_of(name).within_steps(n)
        if subset:
            held_out = np.intersect1d(
                subset.test_documents, data.dataset.train_documents
            )
            learned = len(subset.y_train)
            training = training.with_steps_on(learned, n - len(held_out))
        in_epoch = training.documents_in_epoch(n)
        trial = trial_on(
            name=name,
            model=model,
            training=resolve_engine(model, training),
            seed=seed,
            work=model.work_of_epoch(data.dataset) * in_epoch // n,
            keep_model=keep_models and not members,
            unlabeled_fingerprint=unlabeled,
            members=members,
        )
        trials.append(trial)
    return trials


def _is_of_ensemble(trial: tuple[str, Model, int]) -> bool:
    return isinstance(trial[1], EnsembleModel)


def _members(
    ensemble: Ensemble, seed: int, trials: Sequence[Trial]
) -> tuple[Trial, ...]:
    """Return the trials that answer together.

    They have the seed of the ensemble, unless their model ignores it.
    """
    members: list[Trial] = []
    for name in ensemble.of:
        trials_of_model = [trial for trial in trials if trial.name == name]
        if ensemble.over_seeds:
            members += trials_of_model
            continue
        with_seed = [trial for trial in trials_of_model if trial.seed == seed]
        members += with_seed or trials_of_model[:1]
    return tuple(members)


def _quick_first(trials: Sequence[Trial]) -> list[Trial]:
    """Put baselines first, then the most work; trials of a program stay together."""
    programs = dict[Hashable, int]()

    def place(trial: Trial) -> tuple[bool, int, int]:
        work = trial.work * max(trial.epochs, 1)
        program = program_of(trial.model, trial.training)
        is_network = trial.model.is_network
        return is_network, -work, programs.setdefault(program, len(programs))

    return sorted(trials, key=place)


def _check_models(benchmark: Benchmark, dataset: Dataset) -> None:
    for name, model in benchmark.models.items():
        model.check_trainable()
        fault = task_fault(model, benchmark.training_of(name), dataset)
        if fault:
            raise UserError(f"models.{name}: {fault}")


def _check_validation_splits(trials: Sequence[Trial], dataset: Dataset) -> None:
    """Make sure that validation documents can be held out, or raise ``UserError``."""
    for share in {trial.training.validation_split for trial in trials}:
        hold_out(len(dataset.y_train), share, dataset.groups)
