"""A model as a scikit-learn classifier of texts.

>>> model = Classifier("tfidf_linear_svm").fit(texts, labels)  # doctest: +SKIP
>>> model.predict(["a new text"])  # doctest: +SKIP
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from numbers import Integral
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rich.console import Console
from rich.progress import Progress
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, column_or_1d

from rnnbench.config.load import ConfigSource, Override, load
from rnnbench.data.config import Data
from rnnbench.data.dataset import make_dataset
from rnnbench.data.fetch import silent
from rnnbench.data.sources.files import FILES
from rnnbench.data.vocabulary import corpus_of_texts, make_vocabulary
from rnnbench.errors import UserError, did_you_mean
from rnnbench.labels import Labels, Scores, spelled
from rnnbench.models.descriptions import Model
from rnnbench.models.quiet import quiet_tensorflow
from rnnbench.prediction.predict import KeptModel
from rnnbench.request import Settings, as_json, changes
from rnnbench.tasks import TASKS
from rnnbench.training.decision import AT_HALF
from rnnbench.training.engines import Engine, FitRequest, ignore
from rnnbench.training.outcome import Floats, TrialResult
from rnnbench.training.settings import (
    KERAS,
    Training,
    engine_for,
    resolve_engine,
    task_fault,
)
from rnnbench.training.trial import train_model

if TYPE_CHECKING:
    from sklearn.utils import Tags

GIVEN = "classifier"  # the name of a model that is not in a config
NOT_STOPPED = {"training.early_stopping": None, "training.validation_split": 0}
STOPPED = {"training.early_stopping": {}, "training.validation_split": 0.1}
MISSING = ("None", "nan", "NaT", "<NA>")  # in words, what stands for no label
Texts = Iterable[str]


class Classifier(ClassifierMixin, BaseEstimator):
    """A network or a baseline, as a scikit-learn classifier of texts.

    It is trained as a run trains it. With the same seed, and training texts in the same
    order, it gives the same scores, bit for bit, if Keras is not needed, and the length
    of sequences follows from ``data.pad_length`` or a training text.

    Args:
        model: The name of a model of the config; or a model as in YAML, such as
            ``{"baseline": "tfidf_linear_svm"}`` or ``{"layers": [...]}``.
        config: The name of a shipped config, a file, or the content of one. Its
            training and ``data.tokenizer``, ``num_words``, ``pad_length``, ``maxlen``,
            ``padding`` and ``truncating`` are used; longer texts are cut.
        epochs: Epochs of the training, in place of the config's.
        early_stopping: The number of epochs without a better one after which the
            training of a network ends, or ``True`` for the default; a tenth of the
            texts is held out. ``False`` trains on all texts.
        class_weight: How much the texts of a class count: a dict, or ``"balanced"``.
        settings: New values of the config, by key.
        random_state: The seed: a number, a ``RandomState``, or ``None``.
        verbose: Whether progress is shown on standard error.

    Attributes:
        classes_: The labels; for 0 and 1 in columns, the numbers of the columns.
        n_iter_: The epochs of the training; a baseline has 0.
        kept_: The trained model, whose ``answers(texts, explain=True)`` says more.
    """

    def __init__(  # noqa: PLR0913 - as all estimators
        self,
        model: str | Mapping[str, object] = "bigru_max",
        *,
        config: ConfigSource = "texts",
        epochs: int | None = None,
        early_stopping: bool | int | None = None,
        class_weight: Mapping[object, float] | str | None = None,
        settings: Settings | None = None,
        random_state: int | np.random.RandomState | None = 0,
        verbose: bool = False,
    ):
        self.model = model
        self.config = config
        self.epochs = epochs
        self.early_stopping = early_stopping
        self.class_weight = class_weight
        self.settings = settings
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: Texts,  # noqa: N803 - as in scikit-learn
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train on texts and their labels.

        Args:
            X: The texts: a list, an array, or a column of a data frame.
            y: A label for each, of any type; or 0 and 1, ``(n, n_classes)``.
            sample_weight: How much each text counts.

        Raises:
            UserError: the model or a text is wrong, or they do not go together.
            ValueError: labels or weights are wrong.
        """
        check_consistent_length(X, y, sample_weight)
        labels = self._learn_classes(y)
        model, training, data = self._chosen()
        model.fetch(silent)
        if labels.ndim > 1:
            model = model.for_several_topics()
            is_held_out = training.validation_split or not model.is_network
            if training.decision.is_chosen_for(labels) and not is_held_out:
                training = training.model_copy(update={"decision": AT_HALF})
        topics = list(map(str, self.classes_[self._order]))
        corpus = corpus_of_texts(X, labels, topics, data.tokenizer or "words")
        dataset = make_dataset(corpus, data, has_test=False)
        fault = task_fault(model, training, dataset)
        if fault:
            raise UserError(f"{self._name}: {fault}")
        training = resolve_engine(model, training)
        request = FitRequest(
            model=model,
            dataset=dataset,
            settings=training,
            seed=self._seed(),
            on_epoch=ignore,
            keep_model=model.is_network,
            sample_weights=self._weights(y, sample_weight),
        )
        trained = self._train(request, engine_for(model, training, self._name))
        self.kept_ = KeptModel(
            self._name,
            request.seed,
            model,
            TASKS[dataset.task],
            trained.record.decision,
            None,
            make_vocabulary(corpus, dataset, data),
            None,
            n_iter_=trained.record.epochs,
            trained=trained,
        )
        self.n_iter_ = self.kept_.n_iter_
        return self

    def _train(self, request: FitRequest[Model], engine: Engine[Model]) -> TrialResult:
        """Train a model, with a bar of its epochs if it is a network."""
        is_shown = self.verbose and request.model.is_network
        quiet: AbstractContextManager[None] = nullcontext()
        if engine.name == KERAS and not is_shown:  # it would hide the bar
            quiet = quiet_tensorflow()
        console = Console(stderr=True, quiet=not is_shown)
        with quiet, Progress(console=console, disable=not is_shown) as progress:
            task = progress.add_task(self._name, total=request.settings.epochs)
            request = request._replace(
                on_epoch=lambda epoch, *_: progress.update(task, completed=epoch)
            )
            return train_model(request, engine)

    def with_model(self, kept: KeptModel) -> Self:
        """Take over the fit of a model that a run has kept."""
        self.classes_: NDArray[np.generic] = kept.classes_
        self._order = np.arange(len(kept.classes_))
        self.kept_ = kept
        self.n_iter_ = kept.n_iter_
        return self

    def predict(self, X: Texts) -> NDArray[np.generic]:  # noqa: N803
        """Return a label for each text, or 0 and 1, ``(n, n_classes)``."""
        check_is_fitted(self)
        answers = self.kept_.labels(X)
        if answers.ndim > 1:
            return answers.astype(int)
        return np.asarray(self.classes_[self._order[answers]])

    @available_if(lambda classifier: classifier._gives_probabilities)
    def predict_proba(self, X: Texts) -> Scores:  # noqa: N803
        """Return the probability of each class, ``(n, n_classes)``."""
        return self._scores(X)

    @available_if(lambda classifier: not classifier._gives_probabilities)
    def decision_function(self, X: Texts) -> Scores:  # noqa: N803
        """Return margins ``(n, n_classes)``, or those of the second of two classes."""
        margins = self._scores(X)
        if len(self.classes_) == 2 and self.kept_.task.has_one_label:
            return margins[:, 1]
        return margins

    def score(
        self,
        X: Texts,  # noqa: N803
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """Return the share of texts, or their weight, with the right answer."""
        answers = self.predict(X)
        if answers.dtype.kind in "OS":  # of objects, scikit-learn compares texts alone
            answers = _labels_of(y) == answers
            y = np.ones_like(answers)
        return float(accuracy_score(y, answers, sample_weight=sample_weight))

    def __sklearn_tags__(self) -> "Tags":
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.classifier_tags.multi_label = True
        tags.no_validation = True
        return tags

    @property
    def _name(self) -> str:
        match self.model:
            case str():
                return self.model
        return GIVEN

    @property
    def _gives_probabilities(self) -> bool:
        """Whether the scores are probabilities; they are margins otherwise."""
        if hasattr(self, "kept_"):
            return self.kept_.model.gives_probabilities
        model, _, _ = self._chosen()
        return model.gives_probabilities

    def _chosen(self) -> tuple[Model, Training, Data]:
        """Return the model, its training, and how texts are read."""
        overrides = []
        if self._name != self.model:
            models = as_json({GIVEN: self.model})
            overrides.append(Override("model", "models", models))
        overrides += changes(self.settings, dashes="", epochs=self.epochs)
        overrides += changes(self._stopping())
        benchmark = load(self.config, overrides)
        if self._name not in benchmark.models:
            hint = did_you_mean(self._name, benchmark.models)
            fault = f"no '{self._name}' in {benchmark.name}"
            raise UserError(f"model: {fault} ({hint}; config names another config)")
        model = benchmark.models[self._name]
        model.check_trainable()
        if model.is_ensemble or model.reads_unlabeled:
            fault = "is an ensemble, or reads texts without labels"
            raise UserError(f"model: {self._name} {fault} (use rnnbench.run)")
        training = benchmark.training_of(self._name)
        if self.early_stopping and not model.is_network:  # it needs no held-out texts
            training = training.model_copy(update={"validation_split": 0})
        data = benchmark.data
        kept = {
            "tokenizer": data.tokenizer,
            "num_words": data.num_words,
            "pad_length": data.pad_length or data.maxlen,
            "padding": data.padding,
            "truncating": data.truncating,
            "min_per_label": 0,  # a class without texts is one
        }
        return model, training, Data(source=FILES.name).model_copy(update=kept)

    def _seed(self) -> int:
        """Return the seed of the training."""
        random = check_random_state(self.random_state)
        match self.random_state:
            case Integral():
                return int(self.random_state)
        return int(random.randint(2**31))

    def _stopping(self) -> Settings:
        """Return what ``early_stopping`` changes in the config."""
        match self.early_stopping:
            case None:
                return {}
            case bool() | np.bool_():
                if self.early_stopping:
                    return STOPPED
                return NOT_STOPPED
        patience = {"patience": self.early_stopping}
        return STOPPED | {"training.early_stopping": patience}

    def _learn_classes(self, y: ArrayLike) -> Labels:
        """Return labels as those of a dataset, with classes in the order of a run."""
        try:
            kind = type_of_target(y)
        except TypeError:  # they have no order, or are bytes
            kind = "unknown"
        if kind == "multilabel-indicator":
            rows = csr_array(y).toarray()
            if not np.isin(rows, (0, 1)).all():
                raise ValueError("y: a column for each label should have 0 and 1")
            self._order = np.arange(rows.shape[1])
            self.classes_ = self._order
            return np.asarray(rows, np.uint8)
        if kind != "unknown":
            check_classification_targets(y)
        labels = _labels_of(y)
        try:
            self.classes_, positions = np.unique(labels, return_inverse=True)
        except TypeError:
            names = list(map(repr, labels))
            _, first, positions = np.unique(
                names, return_index=True, return_inverse=True
            )
            self.classes_ = labels[first]
        classes = self.classes_.tolist()
        for label in classes:
            if repr(label) in MISSING:
                raise ValueError(f"y: got {label} (each text should have a label)")
        if len(classes) < 2:
            raise ValueError(f"y: one class or none: {classes} (should be several)")
        names = list(map(str, map(spelled, classes)))
        self._order = np.argsort(names, kind="stable")
        return np.argsort(self._order)[positions].astype(np.int32)

    def _weights(self, y: ArrayLike, sample_weight: ArrayLike | None) -> Floats | None:
        """Return how much each text counts; ``None`` if all count the same."""
        if sample_weight is None and self.class_weight is None:
            return None
        weights = np.ones(1)
        if sample_weight is not None:
            weights = column_or_1d(sample_weight, dtype=float)
        if self.class_weight is not None:
            weights = weights * compute_sample_weight(self.class_weight, y)
        if not 0 < weights.sum() < np.inf or weights.min() < 0:
            fault = "the weights of texts should be 0 or more, and not all zero"
            raise ValueError(f"sample_weight, class_weight: {fault}")
        return np.asarray(weights, np.float32)

    def _scores(self, texts: Texts) -> Scores:
        """Return scores with columns in the order of ``classes_``."""
        check_is_fitted(self)
        return self.kept_.shown_scores(texts)[:, np.argsort(self._order)]


def _labels_of(y: ArrayLike) -> NDArray[np.generic]:
    """Return labels in an array, where numbers in a list with texts stay numbers."""
    labels = np.asarray(y)
    if labels.dtype.kind == "U":
        objects = np.asarray(y, object)
        if set(map(type, objects.flat)) - {str, np.str_}:
            labels = objects
    return np.asarray(column_or_1d(labels, warn=True))
