"""The models that a run has kept: their predictions, and the files of networks for
Keras.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveInt, SkipValidation, ValidationError

from rnnbench.data.padding import INDEX_FROM, PAD, START, pad
from rnnbench.data.vocabulary import Vocabulary, encode
from rnnbench.errors import UserError, did_you_mean, first_fault
from rnnbench.labels import Labels, Scores
from rnnbench.models.descriptions import (
    BaselineModel,
    EnsembleModel,
    LayeredNetwork,
    Network,
)
from rnnbench.models.layers import Shape
from rnnbench.models.linear import NO_RULE, LinearModel
from rnnbench.models.quiet import quiet_tensorflow
from rnnbench.report.table import MISSING, Shown, Table, as_text
from rnnbench.results.run import load_benchmark, load_results
from rnnbench.results.schema import DIGITS, Results
from rnnbench.results.store import VOCABULARY, Store, read_weights
from rnnbench.runner.executors import usable_cores
from rnnbench.section import Share, StoredRecord, checked
from rnnbench.storage import DamagedResultError, read_record
from rnnbench.tasks import TASKS, Decision, TaskKind
from rnnbench.text import counted, listed
from rnnbench.training.engines import ENGINES
from rnnbench.training.engines.native import engine as native
from rnnbench.training.engines.scikit_learn import texts as texts_of
from rnnbench.training.outcome import log_probabilities
from rnnbench.training.trial import combined

if TYPE_CHECKING:
    import keras

UNSURE, NONE, UNKNOWN_WORDS = "unsure", "none", "(unknown words)"
"""The answers of a model that is not sure enough, or gives no topic; all words without
an id."""
WORDS_SHOWN = 10
JOINED_BY = ", "  # stands between several topics, unless the run has a separator


class NotKeptError(UserError):
    """A model of a run was not kept."""


class TopicScore(StoredRecord):
    """A topic and its probability, or its margin if the model gives no
    probabilities.
    """

    topic: str
    probability: float | None = None
    margin: float | None = None
    given: bool | None = None
    """Whether it is part of the answer, if that may be any number of topics."""

    @property
    def score(self) -> float:
        """Its probability or its margin."""
        return next(one for one in (self.probability, self.margin) if one is not None)


class DecidingWords(StoredRecord):
    """The words of a text that decided the answer."""

    meaning: str
    """What the weights mean, in words."""
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
        has_margins = any(topic.margin is not None for topic in self.topics)
        headers = ["topic", "margin" if has_margins else "probability"]
        words = f"{counted(self.words, 'word')}, {len(self.unknown_words):,} unknown"
        return [Table(headers, rows, f"Answer: {self.answer or MISSING}. {words}.")]

    def __repr__(self) -> str:
        best = [f"{topic.topic} {topic.score:.4f}" for topic in self.topics]
        answer = f"Prediction({self.answer!r}"
        return f"{answer}: {listed(best, most=3)})" if best else f"{answer})"

    def __str__(self) -> str:
        return as_text(*self.tables()).rstrip("\n")

    @property
    def answers(self) -> list[str]:
        """The topics of the answer, the best first; none if there is no answer."""
        has_one = all(one.given is None for one in self.topics)
        shown = self.topics[: 1 if has_one else None]
        return [one.topic for one in shown if one.given is not False]

    @property
    def answer(self) -> str | None:
        """The topics of the answer, or that the model is unsure; ``None`` if there is
        no answer.
        """
        whole = JOINED_BY.join(self.answers) or NONE
        return UNSURE if self.unsure else whole if self.topics else None


@dataclass(eq=False, repr=False)
class KeptModel(Shown):
    """A trained model that a run kept, with the methods of a scikit-learn
    classifier.
    """

    name: str
    seed: int
    model: Network | LinearModel | EnsembleModel
    task: TaskKind
    decision: Decision | None
    """How its scores become any number of topics; see ``TrialRecord.decision``."""
    file: Path
    """Its weights, if it is a network."""
    vocabulary: Vocabulary
    text_column: str | None
    """The column of tables that the texts of the run came from."""
    members: Sequence["KeptModel"] = ()
    """The trained models of an ensemble."""
    label_separator: str = JOINED_BY
    """Stands between several labels in a table, as in the table of the run."""

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
        rule = getattr(self.model, "rule", None)  # of a baseline
        return "probability" if rule is None or rule.gives_probabilities else "margin"

    def predict(self, texts: Iterable[str]) -> NDArray[Any]:
        """Return a topic for each text, ``(n,)``, even if it knows no word of the text.

        If there may be any number of topics, it has 1 for those given, else 0, ``(n,
        n_topics)``.
        """
        encoded = encode(texts, self.vocabulary)
        answers = self._answers(self._scored(encoded.ids, encoded.texts))
        return answers if answers.ndim == 2 else self.classes_[answers]

    def predict_proba(self, texts: Iterable[str]) -> Scores:
        """Return probabilities ``(n, n_topics)``; if it gives margins, raise
        ``AttributeError``.
        """
        if self.kind == "margin":
            raise AttributeError(f"{self.name} gives margins: see decision_function")
        return self.decision_function(texts)

    def decision_function(self, texts: Iterable[str]) -> Scores:
        """Return its scores ``(n, n_topics)``, margins or probabilities."""
        encoded = encode(texts, self.vocabulary)
        return self._shown(self._scored(encoded.ids, encoded.texts))

    @checked
    def answers(
        self,
        texts: SkipValidation[Iterable[Sequence[str]]],
        top: PositiveInt | None = None,
        *,
        unsure_below: Share | None = None,
        explain: bool = False,
    ) -> list[Prediction]:
        """Return a prediction for each text; one with nothing but unknown words has no
        topics.

        Args:
            texts: one text, or several; a text may also be a list of its words.
            top: how many of the best topics to return, but at least those of the
                answer.
            unsure_below: the answer is "unsure" if a topic of it has a probability
                below this one; the answer that there is no topic, if one has a
                probability above 1 less this one.
            explain: whether to return the words that decided each answer, too.

        Raises:
            UserError: it gives margins, and ``unsure_below`` needs probabilities.
            DamagedResultError: its weights are damaged, or those of another network.
        """
        if unsure_below is not None and self.kind == "margin":
            hint = "use a model that gives probabilities"
            raise UserError(
                f"{self.name} gives margins, which do not say how sure it is ({hint})"
            )
        if unsure_below is not None and UNSURE in self.vocabulary.topics:
            raise UserError(
                f"the run has the label '{UNSURE}' (rename it to use unsure answers)"
            )
        vocabulary, encoded = self.vocabulary, encode(texts, self.vocabulary)
        readable = vocabulary.timesteps - (
            vocabulary.truncating == "post"
        )  # less the start mark
        scores = self._scored(encoded.ids, encoded.texts)
        shown, answers = self._shown(scores), self._answers(scores)
        one_hot = answers[:, np.newaxis] == np.arange(len(vocabulary.topics))
        given = one_hot if self.task.has_one_label else answers.astype(bool)
        of_each = zip(
            encoded.words, encoded.unknown, encoded.ids, shown, given, strict=True
        )
        found = []
        for words, unknown, ids, row, own in of_each:
            is_about, order = (
                bool((ids > INDEX_FROM).any()),
                best_first(row, own).tolist(),
            )
            n_shown = top and max(top, int(own.sum()))
            sureness = row[own].min() if own.any() else 1 - row.max()
            one = Prediction(
                words=words,
                words_read=min(words, readable),
                unknown_words=unknown,
                topics=[
                    self._topic(label, row, own)
                    for label in order[:n_shown]
                    if is_about
                ],
                unsure=None
                if unsure_below is None
                else is_about and sureness < unsure_below,
                decided_by=self._deciding_words(ids, order[0])
                if explain and is_about
                else None,
            )
            found.append(one)
        return found

    def _topic(
        self, label: int, scores: Scores, given: NDArray[np.bool_]
    ) -> TopicScore:
        is_given = None if self.task.has_one_label else bool(given[label])
        own = {self.kind: float(scores[label])}
        return TopicScore(topic=self.vocabulary.topics[label], given=is_given, **own)

    def _deciding_words(self, ids: NDArray[np.int32], label: int) -> DecidingWords:
        """Return how much the score of a label falls without each of the words."""
        words, read = self.vocabulary, ids[(ids != PAD) & (ids != START)]
        distinct = np.unique(read)
        rows = [read, *(read[read != word] for word in distinct)]
        without = pad(rows, words.timesteps, words.padding, words.truncating)
        scores = self._scored(without, texts_of(without, words.words, words.separator))[
            :, label
        ]
        falls = zip(distinct.tolist(), (scores[0] - scores[1:]).tolist(), strict=True)
        largest = sorted(falls, key=lambda fall: -abs(fall[1]))[:WORDS_SHOWN]
        names = [UNKNOWN_WORDS] * (INDEX_FROM + 1) + words.words
        score = "log-" * (self.kind == "probability") + self.kind
        return DecidingWords(
            meaning=f"How much the {score} of {words.topics[label]} falls without the word",
            words={names[own]: fall for own, fall in largest if fall},
        )

    def _answers(self, scores: Scores) -> Labels:
        return self.task.answers(scores.astype(np.float32), self.decision)

    def _shown(self, scores: Scores) -> Scores:
        return np.exp(scores) if self.kind == "probability" else scores

    def _scored(self, ids: NDArray[np.int32], texts: Sequence[str]) -> Scores:
        """Return the scores of texts ``(n, n_topics)``, of the kind that they have in a
        trial.
        """
        model = self.model
        if not len(ids):
            return np.zeros((0, len(self.vocabulary.topics)))
        if isinstance(model, LinearModel):
            words = (self.vocabulary.words, self.vocabulary.separator)
            return model.scores(
                texts_of(ids, *(words if model.rule.reads_words else ()))
            )
        if isinstance(model, EnsembleModel):
            of_members = [(one, one._scored(ids, texts)) for one in self.members]
            given = [
                (one.name, scores, one._answers(scores)) for one, scores in of_members
            ]
            return combined(model.ensemble, given)
        if model.engine:
            return self.reader(texts)
        if self._code:  # or else Keras gives them
            return self._code(ids)
        with quiet_tensorflow():
            from rnnbench.models.build import predict

            return log_probabilities(predict(self.keras, ids))

    @property
    def shape(self) -> Shape:
        """The shape of its input."""
        words, n_ids = self.vocabulary, len(self.vocabulary.words) + INDEX_FROM + 1
        return Shape(words.timesteps, len(words.topics), n_ids, self.task.has_one_label)

    @cached_property
    def _code(self) -> Callable[[NDArray[np.int32]], Scores] | None:
        """Gives ids their log-probabilities by machine code, if there is any for the
        network.
        """
        model, floats = self.model, np.dtype(np.float32)
        if not isinstance(model, LayeredNetwork):
            return None
        if not (shapes := native.weight_shapes(model, self.shape)):
            return None
        weights = read_weights(self.file, [(of_one, floats) for of_one in shapes])
        return partial(native.log_probabilities, model, self.shape, weights)

    @cached_property
    def reader(self) -> Callable[[Sequence[str]], Scores]:
        """Gives texts their log-probabilities, for a network with an engine of its
        own.
        """
        model = self.model
        assert isinstance(model, Network)  # noqa: S101 - see ``_scored``
        engine = ENGINES[model.engine]
        if reason := engine.why_not():
            raise UserError(f"{self.name}: {reason}")
        engine.prepare(usable_cores())
        try:
            return engine.reader(model, read_weights(self.file), self.shape)
        except ValueError as error:
            raise DamagedResultError(
                f"unusable result: {self.file}: {error}"
            ) from error

    @cached_property
    def keras(self) -> "keras.Model":
        """The network as a Keras model."""
        from rnnbench.models.build import build, weights_of

        if not isinstance(self.model, Network) or self.model.engine:
            raise UserError(
                f"{self.name} is not a network of Keras (allowed: layers or python)"
            )
        model = build(self.model, self.shape, seed=0)
        expected = [(array.shape, array.dtype) for array in weights_of(model)]
        model.set_weights(read_weights(self.file, expected))
        return model


def best_first(scores: Scores, given: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the labels of a document by its scores ``(n_topics,)``, those of the
    answer first.
    """
    return np.lexsort((-scores, ~given))


def find_model(
    folder: Path, name: str | None, seed: int | None, results: Results | None = None
) -> KeptModel:
    """Return a trained model of a run, by default the best kept one, of the first
    seed.
    """
    results = results or load_results(folder)
    models = {model.name: model for model in results.models}
    if name in models:
        return _open(folder, results, name, seed)
    if name is not None:
        raise UserError(f"{folder}: no model '{name}' ({did_you_mean(name, models)})")
    for model in sorted(
        models.values(), key=lambda model: -round(model.score.mean, DIGITS)
    ):
        with suppress(NotKeptError):
            return _open(folder, results, model.name, seed)
    raise NotKeptError(f"{folder}: no trained model was kept ({_run_again(results)})")


def _open(folder: Path, results: Results, name: str, seed: int | None) -> KeptModel:
    summary = next(model for model in results.models if model.name == name)
    trials = {trial.seed: trial for trial in summary.trials}
    if seed is not None and seed not in trials:
        allowed = ", ".join(map(str, trials))
        raise UserError(f"{folder}: {name} has no seed {seed} (allowed: {allowed})")
    trial = trials[next(iter(trials)) if seed is None else seed]
    key, members = (name, trial.seed, trial.fingerprint), list[KeptModel]()
    benchmark = load_benchmark(folder, [name])
    model: Any = benchmark.models[name]
    try:
        if isinstance(model, EnsembleModel):
            record, weights = Store(folder).load(key).record, folder
            members = [*_members(folder, results, model, trial.seed)]
        else:
            record, weights = Store(folder).kept(key)
    except FileNotFoundError:
        again = _run_again(results)
        raise NotKeptError(
            f"{folder}: the trained {name} was not kept ({again})"
        ) from None
    vocabulary = _vocabulary(folder, results)
    if isinstance(model, BaselineModel):
        if not (arrays := read_weights(weights)):
            raise NotKeptError(
                f"{folder}: the trained {name} cannot be kept: {NO_RULE}"
            )
        try:
            model = LinearModel(arrays, len(vocabulary.topics))
        except ValueError as error:
            fault = first_fault(error) if isinstance(error, ValidationError) else error
            raise DamagedResultError(f"unusable result: {weights}: {fault}") from error
    return KeptModel(
        name,
        trial.seed,
        model,
        TASKS[record.task],
        record.decision,
        weights,
        vocabulary,
        benchmark.data.text,
        members=members,
        label_separator=benchmark.data.label_separator or JOINED_BY,
    )


def _members(
    folder: Path, results: Results, of: EnsembleModel, seed: int
) -> Iterator[KeptModel]:
    trials = {
        model.name: [trial.seed for trial in model.trials] for model in results.models
    }
    for name in of.ensemble.of:
        if name not in trials:
            raise DamagedResultError(
                f"unusable result: {folder}: has no trial of {name}"
            )
        one = seed if seed in trials[name] else trials[name][0]
        for own in trials[name] if of.ensemble.over_seeds else [one]:
            yield _open(folder, results, name, own)


def _vocabulary(folder: Path, results: Results) -> Vocabulary:
    dataset = results.dataset
    with suppress(FileNotFoundError):
        vocabulary = read_record(folder / VOCABULARY, Vocabulary)[0]
        if vocabulary.dataset_fingerprint == dataset.fingerprint:
            topics = [count.topic for count in dataset.topics]
            if (vocabulary.timesteps, vocabulary.topics) != (dataset.timesteps, topics):
                fault = "its vocabulary belongs to other data"
                raise DamagedResultError(f"unusable result: {folder}: {fault}")
            return vocabulary
    raise UserError(
        f"{folder}: the vocabulary of its dataset was not kept ({_run_again(results)})"
    )


def _run_again(results: Results) -> str:
    if not results.is_trained_here:
        return "only answers are known"
    return (
        f"run it again: {results.command.replace(' --save-models', '')} --save-models"
    )
