"""The models that a run has kept.

``find_model(folder, name, seed)`` opens one, whose ``answers(texts)`` are predictions.
Networks can be taken out for Keras, as ``KeptModel.keras``.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import PositiveInt, SkipValidation

from rnnbench.config.schema import Benchmark
from rnnbench.data.corpus import noun_of
from rnnbench.data.padding import INDEX_FROM, PAD, START
from rnnbench.data.sources.labels import ONE_LABEL
from rnnbench.data.sources.tables import Names, names_of
from rnnbench.data.vocabulary import Encoded, Vocabulary, encode
from rnnbench.errors import UserError, did_you_mean
from rnnbench.labels import Labels, Scores
from rnnbench.models.descriptions import (
    BaselineModel,
    Ensemble,
    EnsembleModel,
    Model,
    Network,
)
from rnnbench.models.layers import Shape
from rnnbench.models.linear import NO_RULE
from rnnbench.models.quiet import check_tensorflow
from rnnbench.prediction.promise import OPTION, UNSURE, AnswerRule, StoredAnswers
from rnnbench.report.table import MISSING, Table
from rnnbench.results.run import load_benchmark, load_results
from rnnbench.results.schema import Results, by_score
from rnnbench.results.store import VOCABULARY, Key, Store, read_weights
from rnnbench.section import Share, StoredRecord, checked
from rnnbench.shown import Shown
from rnnbench.storage import DamagedResultError, read_record
from rnnbench.tasks import ALWAYS, TASKS, Decision, TaskKind
from rnnbench.text import counted, listed
from rnnbench.training.engines import Engine, ScoreRequest, ScoreTexts
from rnnbench.training.engines.scikit_learn import texts as texts_of
from rnnbench.training.ensemble import MemberScores, combined
from rnnbench.training.outcome import TrialResult, Weights
from rnnbench.training.settings import scoring_engine

if TYPE_CHECKING:
    import keras
    from sklearn.base import BaseEstimator
    from sklearn.utils import Tags

NONE = "none"  # the answer that there is no topic
UNKNOWN_WORDS = "(unknown words)"  # all words without an id
WORDS_SHOWN = 10
JOINED_BY = ", "  # stands between several topics, unless the run has a separator


class NotKeptError(UserError):
    """A model of a run was not kept."""


class TopicScore(StoredRecord):
    """A topic and its probability, or its margin if there are no probabilities."""

    topic: str
    probability: float | None = None
    margin: float | None = None
    given: bool | None = None
    """Whether it is part of the answer, if that may be any number of topics."""

    @property
    def score(self) -> float:
        """Its probability or its margin."""
        scores = [self.probability, self.margin]
        return next(score for score in scores if score is not None)


class DecidingWords(StoredRecord):
    """The words of a text that decided the answer."""

    meaning: str
    """The meaning of the weights, in words."""
    words: dict[str, float]
    """The largest weights, of either sign, the largest first."""


class Prediction(Shown, StoredRecord):
    """A model's answer to one text; a notebook displays it as a table."""

    words: int
    """Words of the text."""
    words_read: int
    """The words that fit into the model's input; the others were cut off."""
    unknown_words: list[str]
    """Words that are not in the vocabulary of the run, each as often as it occurs."""
    topics: list[TopicScore]
    """Those of the answer first, and the best first; empty if no word that was read is
    known."""
    unsure: bool | None = None
    """Whether the probability of the answer is below the one that was asked for, if one
    was."""
    decided_by: DecidingWords | None = None
    """The words that decided the answer, if they were asked for and there is one."""

    def tables(self) -> list[Table]:
        """Return its topics and their scores as a table."""
        rows = [[topic.topic, f"{topic.score:.4f}"] for topic in self.topics]
        kind = "probability"
        if any(topic.margin is not None for topic in self.topics):
            kind = "margin"
        words = f"{counted(self.words, 'word')}, {len(self.unknown_words):,} unknown"
        caption = f"Answer: {self.answer or MISSING}. {words}."
        return [Table(["topic", kind], rows, caption)]

    def __repr__(self) -> str:
        best = [f"{topic.topic} {topic.score:.4f}" for topic in self.topics]
        if not best:
            return f"Prediction({self.answer!r})"
        return f"Prediction({self.answer!r}: {listed(best, most=3)})"

    @property
    def has_any_number(self) -> bool:
        """Whether the answer may have any number of topics."""
        return any(topic.given is not None for topic in self.topics)

    @property
    def answers(self) -> list[str]:
        """The topics of the answer, the best first; none if there is no answer."""
        if not self.has_any_number:
            return [topic.topic for topic in self.topics[:1]]
        return [topic.topic for topic in self.topics if topic.given]

    @property
    def answer(self) -> str | None:
        """The topics of the answer, or that the model is unsure.

        ``None`` if there is no answer.
        """
        if self.unsure:
            return UNSURE
        if not self.topics:
            return None
        return JOINED_BY.join(self.answers) or NONE


@dataclass(eq=False, repr=False)
class KeptModel(Shown):
    """A trained model of a run, as a fitted classifier of scikit-learn.

    Its clones are not fitted; ``FrozenEstimator(model)`` has none.
    """

    name: str
    seed: int
    model: Model
    task: TaskKind
    decision: Decision | None
    """How its scores become any number of topics; see ``TrialRecord.decision``."""
    file: Path | None
    """Its weights; of an ensemble, the folder of the run."""
    vocabulary: Vocabulary
    text_column: Names
    """The columns of tables that the texts of the run came from."""
    members: Sequence["KeptModel"] = ()
    """The trained models of an ensemble."""
    label_separator: str = JOINED_BY
    """Stands between several labels in a table, as in the table of the run."""
    label_columns: Sequence[str] = ()
    """The columns of 0 and 1 of that table, if it has one for each label."""
    n_iter_: int = 0
    """The epochs of its training."""
    trained: TrialResult | None = None
    """The training itself, in place of a file."""
    untrained: "Callable[[], BaseEstimator] | None" = None
    """Makes an estimator that trains it as the run did, on other texts."""
    tested: StoredAnswers | None = None
    """Its stored answers to the test documents of the run, if there is a run."""

    def __getstate__(self) -> dict[str, object]:
        """Return what a pickle holds: weights as arrays, and no network."""
        state = dict(vars(self))
        state.pop("_score", None)
        return state

    def tables(self) -> list[Table]:
        """Return the facts about it, in a table with one row."""
        vocabulary = self.vocabulary
        cells = {
            "model": self.name,
            "seed": str(self.seed),
            "labels": f"{len(vocabulary.topics):,}",
            "words known": f"{len(vocabulary.words):,}",
            "words read": f"{vocabulary.timesteps:,}",
            "kind of scores": self.kind,
        }
        return [Table(list(cells), [list(cells.values())], "")]

    def __repr__(self) -> str:
        labels = counted(len(self.vocabulary.topics), "label")
        return f"KeptModel({self.name!r}, seed {self.seed}, {labels})"

    @property
    def classes_(self) -> NDArray[np.str_]:
        """The topics, ``(n_topics,)``."""
        return np.array(self.vocabulary.topics)

    @property
    def kind(self) -> Literal["probability", "margin"]:
        """The kind of its scores."""
        return "probability" if self.model.gives_probabilities else "margin"

    @property
    def threshold(self) -> float | list[float] | None:
        """The score from which on a topic is part of the answer, or that of each.

        ``None`` if each text has one topic.
        """
        if self.decision is None:
            return None
        threshold: float | list[float]
        threshold = self._shown(np.array(self.decision.threshold)).tolist()
        return threshold

    def rule(self) -> str:
        """Return in words what makes an answer; empty if each text has one topic."""
        if self.decision is None:
            return ""
        thresholds = np.array(self.threshold)
        low = f"{thresholds.min():.3g}"
        high = f"{thresholds.max():.3g}"
        noun = noun_of(self.vocabulary.source)
        rule = f"{noun}s with a {self.kind} of at least {low}"
        if low != high:
            rule += f" to {high}, by {noun}"
        least = self.decision.best_above
        if least is None:
            return rule
        lowest = f"{self._shown(np.array(least)):.3g}"
        if least == ALWAYS:
            rule += "; if there is none, the best"
        elif lowest != low:
            rule += f"; if there is none, the best from {lowest} on"
        return rule

    @property
    def shape(self) -> Shape:
        """The shape of its input."""
        return Shape(
            timesteps=self.vocabulary.timesteps,
            n_topics=len(self.vocabulary.topics),
            n_ids=len(self.vocabulary.words) + INDEX_FROM + 1,
            has_one_label=self.task.has_one_label,
        )

    def predict(self, texts: Iterable[str]) -> NDArray[Any]:
        """Return a topic for each text, ``(n,)``, even if it knows no word of the text.

        If there may be any number of topics, it has 1 for those given, else 0, ``(n,
        n_topics)``.
        """
        return self.task.form.decoded(self.labels(texts), self.classes_)

    def labels(self, texts: Iterable[str]) -> Labels:
        """Return the same as labels: positions of topics, or rows of 0 and 1."""
        return self._answers(self.scores(texts))

    def score(self, texts: Iterable[str], labels: ArrayLike) -> float:
        """Return its accuracy: the share of texts with the right answer."""
        from sklearn.metrics import accuracy_score

        return float(accuracy_score(labels, self.predict(texts)))

    def scores(self, texts: Iterable[str]) -> Scores:
        """Return the scores ``(n, n_topics)`` as those of ``Run.scores``."""
        return self._scores(encode(texts, self.vocabulary))

    def shown_scores(self, texts: Iterable[str]) -> Scores:
        """Return probabilities, or margins, ``(n, n_topics)``."""
        return self._shown(self.scores(texts))

    @property
    def predict_proba(self) -> Callable[[Iterable[str]], Scores]:
        """Returns probabilities of texts, ``(n, n_topics)``.

        If it gives margins, ``AttributeError`` is raised.
        """
        if self.kind == "margin":
            raise AttributeError(f"{self.name} gives margins: see decision_function")

        # scikit-learn looks at the name of what it calls
        def predict_proba(texts: Iterable[str]) -> Scores:
            return self.shown_scores(texts)

        return predict_proba

    def decision_function(self, texts: Iterable[str]) -> Scores:
        """Return its scores ``(n, n_topics)``, margins or probabilities.

        If each text has one of two topics, it returns the scores of the second alone.
        """
        scores = self.shown_scores(texts)
        if self.task.has_one_label and scores.shape[1] == 2:
            return scores[:, 1]
        return scores

    def fit(self, *_: object) -> NoReturn:
        """Raise ``UserError``, as it is fitted."""
        hint = "its clone or run.classifier() trains again; FrozenEstimator does not"
        raise UserError(f"fit: {self.name} is trained already ({hint})")

    def __sklearn_clone__(self) -> "BaseEstimator":
        if self.untrained is None:
            raise UserError(f"{self.name}: Run.model alone returns what has clones")
        return self.untrained()

    def __sklearn_tags__(self) -> "Tags":
        return self.__sklearn_clone__().__sklearn_tags__()

    @checked
    def answers(
        self,
        texts: SkipValidation[Iterable[Sequence[str]]],
        top: PositiveInt | None = None,
        *,
        unsure_below: Share | None = None,
        answer_where: str | None = None,
        explain: bool = False,
    ) -> list[Prediction]:
        """Return a prediction for each text.

        One with nothing but unknown words has no topics.

        Args:
            texts: one text, or several; a text may also be a list of its words.
            top: how many of the best topics to return, but at least those of the
                answer.
            unsure_below: the answer is "unsure" if a topic of it has a probability
                below this one; the answer that there is no topic, if one has a
                probability above 1 less this one.
            answer_where: a promise such as ``error <= 2%``; the answer is "unsure"
                where it could not be kept otherwise. See ``promise``.
            explain: whether to return the words that decided each answer, too.

        Raises:
            UserError: it gives margins, and ``unsure_below`` needs probabilities; or
                nothing can be promised.
            DamagedResultError: its weights are damaged, or those of another network.
        """
        if unsure_below is not None:
            self.check_gives_probabilities()
        if answer_where is not None:
            unsure_below = self.promise(answer_where).unsure_below
        encoded = encode(texts, self.vocabulary)
        return self.answers_to(encoded, top, unsure_below=unsure_below, explain=explain)

    def promise(self, where: str) -> AnswerRule:
        """Return the rule by which it answers if a promise must be kept.

        Args:
            where: such as ``error <= 2%``, which is promised with a probability of
                95 %, or ``error <= 2% with 90%``.

        Raises:
            UserError: it has no stored answers to documents that it did not learn
                from, these may have any number of topics, or nothing can be promised.
        """
        if self.tested is None:
            fault = f"{self.name} has no stored answers to test documents"
            raise UserError(f"{OPTION}: {fault} (only for models of a run)")
        return self.tested.promise(where)

    def answers_to(
        self,
        encoded: Encoded,
        top: int | None = None,
        *,
        unsure_below: float | None = None,
        explain: bool = False,
    ) -> list[Prediction]:
        """Return a prediction for each text, as ``answers`` does.

        ``unsure_below`` may be a margin.
        """
        if unsure_below is not None and UNSURE in self.vocabulary.topics:
            hint = "rename it to use unsure answers"
            raise UserError(f"the run has the label '{UNSURE}' ({hint})")
        vocabulary = self.vocabulary
        readable = vocabulary.timesteps
        if vocabulary.truncating == "post":
            readable -= 1  # the start mark is read, too
        scores = self._scores(encoded)
        shown = self._shown(scores)
        is_given = self._is_given(scores)
        predictions = []
        for number, ids in enumerate(encoded.ids):
            row = shown[number]
            in_answer = is_given[number]
            order = best_first(row, in_answer).tolist()
            topics: list[TopicScore] = []
            unsure = None if unsure_below is None else False
            decided_by = None
            if (ids > INDEX_FROM).any():  # it knows a word of the text
                n_shown = top and max(top, int(in_answer.sum()))
                for label in order[:n_shown]:
                    topics.append(self._topic(label, row, in_answer))
                if unsure_below is not None:
                    unsure = is_unsure(row, in_answer, unsure_below)
                if explain:
                    decided_by = self._deciding_words(ids, order[0])
            prediction = Prediction(
                words=encoded.words[number],
                words_read=min(encoded.words[number], readable),
                unknown_words=encoded.unknown[number],
                topics=topics,
                unsure=unsure,
                decided_by=decided_by,
            )
            predictions.append(prediction)
        return predictions

    def check_gives_probabilities(self) -> None:
        """Raise ``UserError`` if it gives margins."""
        if self.kind == "margin":
            fault = "gives margins, which do not say how sure it is"
            hint = f"use a model that gives probabilities, or {OPTION}"
            raise UserError(f"{self.name} {fault} ({hint})")

    def _topic(
        self, label: int, scores: Scores, in_answer: NDArray[np.bool_]
    ) -> TopicScore:
        score = float(scores[label])
        return TopicScore(
            topic=self.vocabulary.topics[label],
            probability=score if self.kind == "probability" else None,
            margin=score if self.kind == "margin" else None,
            given=None if self.task.has_one_label else bool(in_answer[label]),
        )

    def _deciding_words(self, ids: NDArray[np.int32], label: int) -> DecidingWords:
        """Return how much the score of a label falls without each of the words."""
        vocabulary = self.vocabulary
        read = ids[(ids != PAD) & (ids != START)]
        distinct = np.unique(read)
        rows = [read]
        for word in distinct:
            rows.append(read[read != word])
        left = vocabulary.padded(rows)
        texts = texts_of(left, vocabulary.words, vocabulary.separator)
        scores = self._scored(ScoreRequest(left, texts, vocabulary))[:, label]
        falls = zip(distinct.tolist(), (scores[0] - scores[1:]).tolist(), strict=True)
        largest = sorted(falls, key=lambda fall: -abs(fall[1]))[:WORDS_SHOWN]
        words = {}
        for word, fall in largest:
            name = UNKNOWN_WORDS
            if word > INDEX_FROM:
                name = vocabulary.words[word - INDEX_FROM - 1]
            if fall:
                words[name] = fall
        score = "log-probability" if self.kind == "probability" else "margin"
        topic = vocabulary.topics[label]
        meaning = f"How much the {score} of {topic} falls without the word"
        return DecidingWords(meaning=meaning, words=words)

    def _answers(self, scores: Scores) -> Labels:
        return self.task.answers(scores.astype(np.float32), self.decision)

    def _is_given(self, scores: Scores) -> NDArray[np.bool_]:
        """Return whether each topic is part of the answer, ``(n, n_topics)``."""
        answers = self._answers(scores)
        n_topics = len(self.vocabulary.topics)
        return self.task.form.indicators(answers, n_topics).astype(bool)

    def _shown(self, scores: Scores) -> Scores:
        """Return probabilities, or margins, from scores as a trial has them."""
        return np.exp(scores) if self.kind == "probability" else scores

    def _scores(self, encoded: Encoded) -> Scores:
        request = ScoreRequest(encoded.ids, encoded.texts, self.vocabulary)
        return self._scored(request)

    def _scored(self, request: ScoreRequest) -> Scores:
        """Return the scores of texts ``(n, n_topics)``, as a trial has them."""
        if not len(request.ids):
            return np.zeros((0, len(self.vocabulary.topics)))
        return self._score(request)

    @cached_property
    def _score(self) -> ScoreTexts:
        """Gives texts their scores, by an engine, or by the members of an ensemble."""
        if isinstance(self.model, EnsembleModel):
            return partial(self._score_together, self.model.ensemble)
        if self.trained and self.trained.score_inputs:
            score_inputs = self.trained.score_inputs
            return lambda request: score_inputs(request.ids)
        engine = scoring_engine(self.model, self.shape)
        reason = engine.why_not()
        if reason:
            raise UserError(f"{self.name}: {reason}")
        weights = self._read_weights(engine)
        if self.file and not weights and self.model.kind == BaselineModel.kind:
            fault = f"the trained {self.name} cannot be kept: {NO_RULE}"
            raise NotKeptError(f"{self.file.parents[1]}: {fault}")
        with _blaming(self.file):
            return engine.scorer(self.model, weights, self.shape)

    @property
    def weights(self) -> Weights:
        """Its arrays, in the order of ``TrialResult.weights``; an ensemble has none."""
        return self._read_weights(scoring_engine(self.model, self.shape))

    def _read_weights(self, engine: Engine[Any]) -> Weights:
        """Return its weights, of the shapes that an engine expects if it knows them."""
        if self.file is None:
            return (self.trained and self.trained.weights) or []
        shapes = engine.weight_shapes(self.model, self.shape)
        if shapes is None:
            return read_weights(self.file)
        return read_weights(
            self.file, [(shape, np.dtype(np.float32)) for shape in shapes]
        )

    def _score_together(self, ensemble: Ensemble, request: ScoreRequest) -> Scores:
        member_scores = []
        for member in self.members:
            scores = member._scored(request)
            member_scores.append(
                MemberScores(member.name, scores, member._answers(scores))
            )
        return combined(ensemble, member_scores)

    @cached_property
    def keras(self) -> "keras.Model":
        """The network as a Keras model."""
        check_tensorflow(f"{self.name} as a Keras model")
        from rnnbench.models.build import load

        if not isinstance(self.model, Network) or self.model.engine:
            allowed = "allowed: layers or python"
            raise UserError(f"{self.name} is not a network of Keras ({allowed})")
        with _blaming(self.file):
            return load(self.model, self.shape, self.weights)


@contextmanager
def _blaming(file: Path | None) -> Iterator[None]:
    """Have a ``ValueError`` say that a file of weights is damaged."""
    try:
        yield
    except ValueError as error:
        raise DamagedResultError(f"unusable result: {file}: {error}") from error


def best_first(scores: Scores, in_answer: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the labels of a document by its scores ``(n_topics,)``.

    Those of the answer come first.
    """
    return np.lexsort((-scores, ~in_answer))


def is_unsure(
    probabilities: Scores, in_answer: NDArray[np.bool_], threshold: float
) -> bool:
    """Return whether a topic of an answer has a probability below a threshold.

    If the answer has no topic, it is the probability that there is none that counts.
    The threshold is rounded like the probabilities.
    """
    sureness = 1 - probabilities.max()
    if in_answer.any():
        sureness = probabilities[in_answer].min()
    return bool(sureness < threshold)


@checked
def find_model(
    folder: Path,
    name: str | None,
    seed: int | None,
    results: Results | None = None,
    benchmark: Benchmark | None = None,
) -> KeptModel:
    """Return a trained model of a run, of the first seed if none is named.

    By default, it is the best model that was kept. The results and the config of the
    run are read unless they are given.
    """
    if results is None:
        results = load_results(folder)
    if benchmark is None:
        benchmark = load_benchmark(folder, results.by_name)
    run = _KeptRun(folder, results, benchmark)
    if name is not None:
        return run.open(name, seed)
    for model in by_score(results.models):
        with suppress(NotKeptError):
            return run.open(model.name, seed)
    raise NotKeptError(f"{folder}: no trained model was kept ({run.hint})")


@dataclass(frozen=True)
class _KeptRun:
    """A run, whose models are opened."""

    folder: Path
    results: Results
    benchmark: Benchmark  # the resolved config

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary of its dataset."""
        dataset = self.results.dataset
        with suppress(FileNotFoundError):
            vocabulary, _ = read_record(self.folder / VOCABULARY, Vocabulary)
            if vocabulary.dataset_fingerprint == dataset.fingerprint:
                has_topics = vocabulary.topics == dataset.topic_names
                if not has_topics or vocabulary.timesteps != dataset.timesteps:
                    fault = "its vocabulary belongs to other data"
                    raise self._damaged(fault)
                return vocabulary
        fault = "the vocabulary of its dataset was not kept"
        raise UserError(f"{self.folder}: {fault} ({self.hint})")

    @property
    def hint(self) -> str:
        """The advice to a user if a model was not kept."""
        if not self.results.is_trained_here:
            return "only answers are known"
        command = self.results.command.replace(" --save-models", "")
        return f"run it again: {command} --save-models"

    def open(self, name: str, seed: int | None) -> KeptModel:
        """Return a model, by default of the first seed."""
        key = self._key(name, seed)
        _, seed, _ = key
        model = self.benchmark.models[name]
        store = Store(self.folder)
        members: list[KeptModel] = []
        try:
            if isinstance(model, EnsembleModel):
                record = store.load(key).record
                file = self.folder
                members = self._members(model, seed)
            else:
                record, file = store.kept(key)
        except FileNotFoundError:
            fault = f"the trained {name} was not kept ({self.hint})"
            raise NotKeptError(f"{self.folder}: {fault}") from None
        data = self.benchmark.data
        separator = data.label_separator
        if separator in (None, ONE_LABEL):
            separator = JOINED_BY
        kept = KeptModel(
            name,
            seed,
            model,
            TASKS[record.task],
            record.decision,
            file,
            self.vocabulary,
            text_column=data.text,
            members=members,
            label_separator=separator,
            label_columns=names_of(data.label) if type(data.label) is tuple else (),
            n_iter_=record.epochs,
            tested=StoredAnswers(self.folder, key, self.results.dataset),
        )
        if model.kind == BaselineModel.kind:
            kept._score  # noqa: B018 - a damaged file is noticed now
        return kept

    def _key(self, name: str, seed: int | None) -> Key:
        """Return the key of a trial of a model, by default of the first one."""
        models = self.results.by_name
        if name not in models:
            hint = did_you_mean(name, models)
            raise UserError(f"{self.folder}: no model '{name}' ({hint})")
        trials = {trial.seed: trial for trial in models[name].trials}
        if seed is None:
            seed = next(iter(trials))
        if seed not in trials:
            allowed = ", ".join(map(str, trials))
            fault = f"{name} has no seed {seed} (allowed: {allowed})"
            raise UserError(f"{self.folder}: {fault}")
        return name, seed, trials[seed].fingerprint

    def _members(self, model: EnsembleModel, seed: int) -> list[KeptModel]:
        members = []
        models = self.results.by_name
        for name in model.ensemble.of:
            if name not in models:
                raise self._damaged(f"has no trial of {name}")
            seeds = [trial.seed for trial in models[name].trials]
            if not model.ensemble.over_seeds:
                seeds = [seed] if seed in seeds else seeds[:1]
            for member_seed in seeds:
                members.append(self.open(name, member_seed))
        return members

    def _damaged(self, fault: str) -> DamagedResultError:
        return DamagedResultError(f"unusable result: {self.folder}: {fault}")
