"""What is stored of a benchmark: one record a trial, and one summary of them all."""

from typing import Literal

from rnnbench.records import SCHEMA_VERSION, Record


class Interval(Record):
    """A 95 % interval."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


class Statistic(Record):
    """A number over several trials."""

    mean: float
    std: float | None
    """Sample standard deviation; ``None`` for a single trial."""
    n: int
    """Number of trials, each with a seed of its own."""
    over_seeds: Interval | None
    """Of the mean, on these test wires; ``None`` for a single trial."""


class Metrics(Record):
    """How good the answers of one trial are."""

    accuracy: float
    """Share of the test wires that got their topic."""
    balanced_accuracy: float
    """Mean recall over the topics that stand in the test set."""
    macro_f1: float
    """Mean F1 over the topics that stand in the test set."""
    weighted_f1: float
    """The same mean, weighted by the topics' test wires."""
    top3_accuracy: float
    """Share of the test wires whose topic is among the three best scores; a tie does not count."""
    log_loss: float | None
    """Cross-entropy in nats, where the model gives probabilities, none below 1.2e-7."""


class TrialSummary(Metrics):
    """A trial as it stands in ``results.json``."""

    fingerprint: str
    seed: int
    fit_seconds: float
    ms_per_step: float | None
    epochs: int
    best_epoch: int | None


class ModelSummary(Record):
    """One model over all its seeds."""

    name: str
    is_baseline: bool
    params: int
    accuracy: Statistic
    accuracy_interval: Interval
    """Of the mean accuracy over other test wires of the kind, and over other seeds, where there
    are several."""
    accuracy_interval_method: str
    balanced_accuracy: Statistic
    macro_f1: Statistic
    weighted_f1: Statistic
    top3_accuracy: Statistic
    log_loss: Statistic | None
    topics_never_predicted: list[str]
    """Topics of the test set that none of its trials predicted for any test wire."""
    ms_per_step: Statistic | None
    fit_seconds: Statistic
    stock_layers: list[str] = []
    """Recurrent layers that the engine ``compiled`` left to Keras's own code, and why."""
    trials: list[TrialSummary]


class Comparison(Record):
    """Two models on the same test wires."""

    a: str
    b: str
    difference: float
    """Mean accuracy of ``a`` less that of ``b``."""
    interval: Interval
    p: float
    """Of no difference."""
    p_holm: float
    """The same, corrected for the number of comparisons."""
    method: str

    @property
    def is_clear(self) -> bool:
        """Whether the corrected p-value is below 0.05."""
        return self.p_holm < 0.05


class PublishedAccuracy(Record):
    """A published accuracy, and the 95 % intervals of ours that it is held against."""

    source: str
    model: str
    accuracy: float
    yardstick: str
    """What the intervals are of."""
    intervals: dict[str, Interval]
    """By the name of our model."""

    def lies(self, model: str) -> str:
        """Return whether it lies ``inside``, ``above`` or ``below`` the interval of a model."""
        interval = self.intervals[model]
        if self.accuracy in interval:
            return "inside"
        return "above" if self.accuracy > interval.high else "below"


class TopicCount(Record):
    """A topic and its wires."""

    topic: str
    train: int
    test: int


class DatasetSummary(Record):
    """The dataset, and what always answering its most frequent topic scores."""

    source: str
    origin: str
    fingerprint: str
    """Of the padded arrays, the labels and the names of the topics."""
    split_fingerprint: str
    """Of which wires are trained on and tested on, however they are cut and padded."""
    corpus_fingerprint: str
    train_size: int
    test_size: int
    timesteps: int
    topics: list[TopicCount]
    """By label."""
    overlap: int
    """Test wires whose padded sequence stands in training too."""
    overlap_same_label: int
    majority_topic: str
    majority_accuracy: float
    majority_macro_f1: float


class Results(Record):
    """The content of ``results.json``."""

    schema_version: Literal[2] = SCHEMA_VERSION
    name: str
    command: str
    """What was typed."""
    dataset: DatasetSummary
    seeds: list[int]
    epochs: int
    validation_split: float
    """Share of the training wires that chose the best epoch; at 0 the last one was taken."""
    engine: str
    threads: list[int]
    """Threads a training, as many numbers as there are different ones."""
    models: list[ModelSummary]
    comparisons: list[Comparison]
    """Of each two models, and of each with always answering the most frequent topic."""
    published: list[PublishedAccuracy]
