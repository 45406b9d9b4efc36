"""One trial: one model, trained once with one seed on one dataset.

A trial is plain data that can be sent to another process or machine; ``run_trial`` is the one
function that carries it out. TensorFlow is imported when it starts, not before.
"""

import time
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnbench.config.schema import Data, Model, Training
from rnnbench.data import cache
from rnnbench.data.dataset import Dataset, make_dataset
from rnnbench.errors import RnnbenchError
from rnnbench.results.environment import cpu, versions
from rnnbench.results.schema import TrialRecord, TrialResult
from rnnbench.storage import sha256_json
from rnnbench.training.engines import OnEpoch, Outcome, ignore, load_engine
from rnnbench.training.order import count_batches


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
        threads: threads of the process that trains; large products are summed in an order
            that depends on them.
        work: multiply-adds of an epoch, by which trials are ordered; the outcome is the same.
    """

    name: str
    model: Model
    training: Training
    seed: int
    data: Data
    corpus: Path
    source: str
    dataset_fingerprint: str
    threads: int
    work: int

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of what can change the outcome, and of nothing else."""
        return sha256_json(
            {
                "model": self.model.model_dump(mode="json"),
                "dataset": self.dataset_fingerprint,
                "training": self.training.model_dump(mode="json", exclude={"seeds"}),
                "seed": self.seed,
                "threads": self.threads,
                "versions": versions(),
            }
        )

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
    import keras
    import tensorflow as tf

    from rnnbench.models.build import build, features, predict

    dataset = load_dataset(trial.corpus, trial.data)
    if dataset.fingerprint != trial.dataset_fingerprint:
        raise RnnbenchError(f"{trial.corpus}: changed while the benchmark ran; run it again")
    keras.utils.clear_session()  # else what earlier trials left behind grows and grows
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(trial.seed)
    model = build(trial.model, dataset.timesteps, len(dataset.topics))
    fit = load_engine(trial.training.engine)
    start = time.perf_counter()
    outcome = fit(model, features(dataset.x_train), dataset.y_train, trial.training, on_epoch)
    fit_seconds = time.perf_counter() - start
    probabilities = predict(model, features(dataset.x_test))
    if not np.isfinite(probabilities).all():
        raise RnnbenchError("it diverged: its probabilities are not numbers")
    record = _record(trial, dataset, model.count_params(), outcome, fit_seconds, probabilities)
    return TrialResult(record, dataset.y_test, probabilities)


def _record(
    trial: Trial,
    dataset: Dataset,
    params: int,
    outcome: Outcome,
    fit_seconds: float,
    probabilities: NDArray[np.float32],
) -> TrialRecord:
    from sklearn.metrics import accuracy_score, f1_score

    truth, predicted = dataset.y_test, probabilities.argmax(axis=1)
    topics = np.unique(truth)
    steps = count_batches(len(dataset.y_train), trial.training.batch_size)
    return TrialRecord(
        fingerprint=trial.fingerprint,
        source=trial.source,
        dataset_fingerprint=trial.dataset_fingerprint,
        model=trial.name,
        seed=trial.seed,
        engine=trial.training.engine,
        stock_layers=outcome.stock_layers,
        cpu=cpu(),
        threads=trial.threads,
        params=params,
        accuracy=accuracy_score(truth, predicted),
        macro_f1=f1_score(truth, predicted, labels=topics, average="macro", zero_division=0),
        predicted_topics=np.unique(predicted).tolist(),
        epochs=trial.training.epochs,
        steps=steps * trial.training.epochs,
        fit_seconds=fit_seconds,
        ms_per_step=ms_per_step(outcome.epoch_seconds, steps),
        history=outcome.history,
    )


def ms_per_step(epoch_seconds: list[float], steps: int) -> float:
    """Return the milliseconds of a step in the median epoch, of ``steps`` steps.

    The first epoch compiles, so it counts only where it is alone.
    """
    return float(np.median(epoch_seconds[1:] or epoch_seconds)) / steps * 1000


@lru_cache(maxsize=1)
def load_dataset(corpus: Path, data: Data) -> Dataset:
    """Return the dataset, once for all the trials that one process runs."""
    return make_dataset(cache.read(corpus)[0], data)
