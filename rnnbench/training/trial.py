"""One trial: one model, trained once with one seed on one dataset.

A trial is plain data that can be sent to another process or machine; ``run_trial`` is the one
function that carries it out. TensorFlow is imported when a network is trained, not before.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from rnnbench.data import cache
from rnnbench.data.dataset import Dataset, make_dataset, split_fingerprint
from rnnbench.data.settings import Data
from rnnbench.environment import BASELINE_PACKAGES, NETWORK_PACKAGES, cpu, versions
from rnnbench.errors import RnnbenchError
from rnnbench.models.code import code_of
from rnnbench.models.descriptions import BaselineModel, Model, Network
from rnnbench.storage import sha256_json
from rnnbench.training.engines import OnEpoch, ignore
from rnnbench.training.outcome import TrialRecord, TrialResult
from rnnbench.training.recipe import Training
from rnnbench.training.trained import Trained


@dataclass(frozen=True)
class Trial:
    """Everything that decides the outcome of one training, and how long it takes.

    Attributes:
        name: name of the model.
        model: its description.
        training: how it is trained.
        seed: of the initial weights and of the order of the batches.
        data: how the corpus becomes a dataset.
        corpus: the cached corpus.
        source: where the corpus came from.
        dataset_fingerprint: what the dataset must turn out to be.
        split_fingerprint: of the whole corpus, and of which wires are trained on and tested on:
            word vectors are learned from texts that the dataset does not show.
        n_ids: all word ids are below this, which the dataset does not always show.
        threads: threads of the process that trains; large products are summed in an order
            that depends on them.
        work: multiply-adds of an epoch, by which trials are ordered; the outcome is the same.
        keep_model: whether the trained model is part of the result.
    """

    name: str
    model: Model
    training: Training
    seed: int
    data: Data
    corpus: Path
    source: str
    dataset_fingerprint: str
    split_fingerprint: str
    n_ids: int
    threads: int
    work: int
    keep_model: bool = False

    def __hash__(self) -> int:
        return hash((self.fingerprint, self.name))

    @property
    def epochs(self) -> int:
        """Epochs of its training; a baseline has none."""
        return self.training.epochs if isinstance(self.model, Network) else 0

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of what can change the outcome, and of nothing else."""
        facts = {
            "model": self.model.model_dump(mode="json"),
            "dataset": self.dataset_fingerprint,
            "validation_split": self.training.validation_split,
        }
        if isinstance(self.model, BaselineModel):
            if self.model.baseline.is_random:
                facts["seed"] = self.seed
            if code := code_of(self.model):
                facts["code"] = code
            return sha256_json(facts | {"versions": versions(BASELINE_PACKAGES)})
        facts |= {
            "code": code_of(self.model),
            "n_ids": self.n_ids,
            "training": self.training.model_dump(mode="json", exclude={"seeds"}),
            "seed": self.seed,
            "threads": self.threads,
        }
        if self.model.pretrained_dim:
            facts |= {"split": self.split_fingerprint, "versions": versions()}
        else:
            facts |= {"versions": versions(NETWORK_PACKAGES)}
        return sha256_json(facts)

    def __str__(self) -> str:
        return f"{self.name} seed {self.seed}"


def run_trial(trial: Trial, on_epoch: OnEpoch = ignore) -> TrialResult:
    """Train, predict the test set and return what came out.

    The same trial on the same machine gives the same weights, bit for bit.

    Args:
        trial: what to do.
        on_epoch: told after each epoch its number from 1, the loss and the accuracy on the
            training wires.

    Raises:
        RnnbenchError: the cached corpus is not the one that the trial was planned with, or the
            training diverged.
    """
    dataset, split = load_dataset(trial.corpus, trial.data)
    planned = (trial.dataset_fingerprint, trial.split_fingerprint)
    if (dataset.fingerprint, split) != planned:
        raise RnnbenchError(f"{trial.corpus}: changed while the benchmark ran; run it again")
    trained = train(
        trial.model, dataset, trial.training, trial.seed, on_epoch, keep_model=trial.keep_model
    )
    if not np.isfinite(trained.scores).all():
        raise RnnbenchError("it diverged: its probabilities are not numbers")
    accuracy = float(np.mean(trained.scores.argmax(axis=1) == dataset.y_test))
    record = _record(trial, trained, accuracy)
    return TrialResult(record, dataset.y_test, trained.scores, trained.model)


def train(
    model: Model,
    dataset: Dataset,
    training: Training,
    seed: int,
    on_epoch: OnEpoch = ignore,
    *,
    keep_model: bool = False,
) -> Trained:
    """Train a model of either kind and return what it answers on the test wires."""
    if isinstance(model, Network):
        from rnnbench.training import network

        return network.train(model, dataset, training, seed, on_epoch, keep_model=keep_model)
    from rnnbench.training import baseline

    return baseline.train(model.baseline, dataset, training.validation_split, seed)


def _record(trial: Trial, trained: Trained, accuracy: float) -> TrialRecord:
    return TrialRecord(
        fingerprint=trial.fingerprint,
        source=trial.source,
        dataset_fingerprint=trial.dataset_fingerprint,
        model=trial.name,
        seed=trial.seed,
        engine=trained.engine,
        stock_layers=trained.stock_layers,
        cpu=cpu(),
        threads=trial.threads,
        params=trained.params,
        accuracy=accuracy,
        scores=trained.scores_are,
        epochs=trained.epochs,
        best_epoch=trained.best_epoch,
        steps=trained.epochs * trained.steps_per_epoch,
        fit_seconds=trained.fit_seconds,
        ms_per_step=trained.ms_per_step,
        history=trained.history,
    )


@lru_cache(maxsize=1)
def load_dataset(corpus: Path, data: Data) -> tuple[Dataset, str]:
    """Return the dataset and the fingerprint of its split, once for all trials of a process."""
    wires, fingerprint = cache.read(corpus)
    dataset = make_dataset(wires, data)
    return dataset, split_fingerprint(fingerprint, dataset)
