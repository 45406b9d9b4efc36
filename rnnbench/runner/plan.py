"""The plan of a run: its trials, and whether they can be trained here.

``plan_benchmark(benchmark, data, threads=1).trials`` lists them, the longest first.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path

from rnnbench.config.schema import Benchmark
from rnnbench.data.audit import DatasetSummary
from rnnbench.data.config import PATHS, Data
from rnnbench.data.dataset import Dataset, make_dataset
from rnnbench.data.held_out import Part, hold_out, hold_out_part
from rnnbench.data.load import PreparedData
from rnnbench.data.vocabulary import Vocabulary, make_vocabulary
from rnnbench.errors import UserError
from rnnbench.models.descriptions import Ensemble, EnsembleModel, Model
from rnnbench.training.settings import resolve_engine, task_fault
from rnnbench.training.trial import Trial, program_of


@dataclass(frozen=True)
class Plan:
    """The trials of a benchmark, and the data they need."""

    dataset: DatasetSummary
    trials: list[Trial]
    """The longest first, so that no core idles."""
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
    datasets: dict[Part | None, Dataset] = {None: data.dataset}
    if parts:
        all_training = make_dataset(data.corpus, data.config, blind=True)
        datasets = {part: hold_out_part(all_training, part) for part in parts}
    trials: list[Trial] = []
    for part, dataset in datasets.items():
        planner = _Planner(benchmark, data, dataset, part, threads, keep_models)
        trials += planner.trials()
    trials = _longest_first(trials)
    _check_models(benchmark, data.dataset)
    _check_validation_splits(trials, datasets.values())
    corpus = data.corpus
    vocabulary = None
    if keep_models:
        vocabulary = make_vocabulary(corpus, data.dataset, data.config)
    corpora = {}
    if corpus.file:
        corpora[corpus.fingerprint] = corpus.file
    return Plan(data.summary, trials, corpora, vocabulary)


@dataclass(frozen=True)
class _Planner:
    """Makes the trials of a benchmark on one dataset."""

    benchmark: Benchmark
    data: PreparedData
    dataset: Dataset
    part: Part | None  # held out from the training documents of ``data``, if any
    threads: int
    keep_models: bool

    def trials(self) -> list[Trial]:
        """Return all trials; ensembles, which are made of others, come last."""
        single: list[Trial] = []
        ensembles = []
        for name, model, seed in self.benchmark.trials:
            if isinstance(model, EnsembleModel):
                ensembles.append((name, model, seed))
            else:
                single.append(self._trial(name, model, seed))
        combined = []
        for name, model, seed in ensembles:
            members = _members(model.ensemble, seed, single)
            combined.append(self._trial(name, model, seed, members))
        return single + combined

    def _trial(
        self, name: str, model: Model, seed: int, members: tuple[Trial, ...] = ()
    ) -> Trial:
        corpus = self.data.corpus
        unlabeled = ""
        if model.reads_unlabeled:
            unlabeled = corpus.unlabeled_fingerprint
        return Trial(
            name=name,
            model=model,
            training=resolve_engine(model, self.benchmark.training_of(name)),
            seed=seed,
            data=self._data_without_paths,
            corpus_fingerprint=corpus.fingerprint,
            source=self.data.summary.source,
            dataset_fingerprint=self.dataset.fingerprint,
            split_fingerprint=self._split_fingerprint,
            n_ids=self.data.dataset.n_ids,
            threads=self.threads,
            work=model.work_of_epoch(self.data.dataset),
            task=self.dataset.task,
            keep_model=self.keep_models and not members,
            part=self.part,
            n_untested=self.dataset.n_untested,
            unlabeled_fingerprint=unlabeled,
            members=members,
        )

    @cached_property
    def _data_without_paths(self) -> Data:
        return self.data.config.model_copy(update=dict.fromkeys(PATHS))

    @cached_property
    def _split_fingerprint(self) -> str:
        return self.dataset.split_fingerprint(self.data.corpus.fingerprint)


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


def _longest_first(trials: Sequence[Trial]) -> list[Trial]:
    """Sort trials by their work; those that share a program stay together."""
    programs = dict[Hashable, int]()

    def place(trial: Trial) -> tuple[int, int]:
        work = trial.work * max(trial.epochs, 1)
        program = program_of(trial.model, trial.training)
        return -work, programs.setdefault(program, len(programs))

    return sorted(trials, key=place)


def _check_models(benchmark: Benchmark, dataset: Dataset) -> None:
    for name, model in benchmark.models.items():
        model.check_trainable()
        fault = task_fault(model, benchmark.training_of(name), dataset)
        if fault:
            raise UserError(f"models.{name}: {fault}")


def _check_validation_splits(
    trials: Sequence[Trial], datasets: Iterable[Dataset]
) -> None:
    """Make sure that validation documents can be held out, or raise ``UserError``."""
    shares = {trial.training.validation_split for trial in trials}
    for dataset, share in product(datasets, shares):
        hold_out(len(dataset.y_train), share, dataset.groups)
