"""A kept model as lines of Python: ``AnswerProgram(kept).lines``.

They compute ``scores`` and ``is_given``, both ``(texts, labels)``, from word ``ids``.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from types import FunctionType

import numpy as np
from numpy.typing import NDArray

from rnnbench.errors import UserError
from rnnbench.models import terms
from rnnbench.models.code import is_from_outside
from rnnbench.models.descriptions import (
    BaselineModel,
    Ensemble,
    EnsembleModel,
    LayeredNetwork,
)
from rnnbench.models.layers import Layer, Parallel
from rnnbench.models.layers.feedforward import Dropout
from rnnbench.models.layers.recurrent import Bidirectional, Recurrent
from rnnbench.models.linear import LinearModel
from rnnbench.prediction.exports import functions, layers
from rnnbench.prediction.predict import KeptModel
from rnnbench.tasks import Decision
from rnnbench.training.ensemble import weights_of
from rnnbench.training.outcome import LOWEST

Function = Callable[..., object]
Weights = Iterator[NDArray[np.floating]]


class Name(str):
    """A variable."""


IDS = Name("ids")
WORDS = Name("WORDS")
SCORES = Name("scores")
IS_GIVEN = Name("is_given")
TINY = float(np.finfo(np.float32).tiny)
N_WEIGHTS = {
    "embedding": 1,
    "ngram_embedding": 1,
    "bag_of_words": 1,
    "positions": 1,
    "pooling": 0,
    "transformer_encoder": 16,
}
"""The numbers of weights of layers that do not have two."""
MERGES: dict[str, tuple[Function, tuple[object, ...]]] = {
    "concat": (np.concatenate, (-1,)),
    "ave": (functions.average, ([0.5, 0.5],)),
    "sum": (functions.average, ([1, 1],)),
    "mul": (functions.product, ()),
}
"""How the outputs of two layers are merged."""


class AnswerProgram:
    """The lines that answer texts; ``UserError`` if a model needs more than these."""

    def __init__(self, kept: KeptModel):
        self.lines: list[str] = []
        self.sources: dict[str, str] = {}
        """The functions that the lines call, by their names."""
        self.arrays: list[NDArray[np.generic]] = []
        """What the lines call ``W``."""
        self.mappings: list[Mapping[str, int]] = []
        """What the lines call ``COLUMNS``."""
        self.vocabulary = kept.vocabulary
        self.has_one_label = kept.task.has_one_label
        match kept.model:
            case EnsembleModel() as model:
                self._ensemble(model.ensemble, kept.members)
            case _:
                self._scores(kept)
        self._decide(IS_GIVEN, kept.decision)
        if kept.kind == "probability":
            self._add(SCORES, np.exp, SCORES)

    def _add(self, results: str, function: Function | None, *arguments: object) -> None:
        """Add an assignment; without a function, the results are the arguments."""
        values = ", ".join(map(self.spelled, arguments))
        if function:
            values = f"{self.spelled(function)}({values})"
        self.lines.append(f"{results} = {values}")

    def _normalize(self) -> None:
        """Turn logits into log-probabilities."""
        normalize = functions.log_sigmoid
        if self.has_one_label:
            normalize = functions.log_softmax
        self._add(SCORES, normalize, SCORES)

    def _decide(self, result: str, decision: Decision | None) -> None:
        """Add the rule that turns scores into labels."""
        if self.has_one_label:
            self._add(result, functions.best, SCORES)
            return
        decision = decision or Decision(threshold=TINY)
        least = decision.best_above
        if least is None:
            least = np.inf
        thresholds = np.array(decision.threshold, np.float32)
        least_of_best = np.array(least, np.float32)
        self._add(result, functions.at_least, SCORES, thresholds, least_of_best)

    def _ensemble(self, ensemble: Ensemble, members: Sequence[KeptModel]) -> None:
        names = []
        answers = []
        for number, member in enumerate(members, 1):
            answer = Name(f"answer_{number}")
            self._scores(member)
            if ensemble.by == "votes":
                self._decide(answer, member.decision)
            elif ensemble.by == "probabilities":
                self._add(answer, np.exp, SCORES)
            elif self.has_one_label:
                self._add(answer, None, SCORES)
            else:
                self._add(answer, functions.log_odds, SCORES)
            names.append(member.name)
            answers.append(answer)
        weights = weights_of(ensemble, names)
        shares = (weights / weights.sum()).tolist()
        self._add(SCORES, functions.average, answers, shares)
        if ensemble.by == "log_probabilities":
            self._normalize()
        else:
            self._add(SCORES, np.maximum, SCORES, TINY)
            self._add(SCORES, np.log, SCORES)

    def _scores(self, kept: KeptModel) -> None:
        """Add the lines of a model that answers by itself."""
        match kept.model:
            case LayeredNetwork() as network:
                self._network(network, kept.shape.n_ids, iter(kept.weights))
                return
            case BaselineModel():
                linear = LinearModel(kept.weights, kept.shape.n_topics)
                if linear.rule.counts is not None:
                    self._linear(linear)
                    return
        allowed = "networks of layers, baselines that count words, ensembles of both"
        fault = f"{kept.name} cannot be exported"
        raise UserError(f"--format: {fault} (allowed: {allowed})")

    def _linear(self, model: LinearModel) -> None:
        rule = model.rule
        texts = Name("texts")
        if rule.reads_words:
            separator = self.vocabulary.separator
            self._add(texts, functions.texts_of_words, IDS, WORDS, separator)
        else:
            self._add(texts, functions.texts_of_ids, IDS)
        shape = (len(model.coef), model.n_topics)
        coef = np.zeros(shape, model.coef.dtype)
        coef[:, rule.labels] = model.coef
        intercept = np.full(model.n_topics, -np.inf)  # of labels that were not learned
        intercept[rule.labels] = model.intercept
        weights = [coef, intercept, model.idf]
        self._add(SCORES, terms.weighted_sums, texts, weights, model.parts)
        if rule.gives_probabilities:
            self._normalize()

    def _network(self, network: LayeredNetwork, n_ids: int, weights: Weights) -> None:
        for part in network.parts:
            if is_from_outside(part):
                hint = "allowed: --format keras"
                raise UserError(f"{part.kind} is a layer of another package ({hint})")
        self._add("x, mask", None, IDS, None)
        if network.layers[0].takes != "ids":
            scale = 1.0
            if network.inputs == "scaled_ids":
                scale = 1 / n_ids
            self._layer("numbers", "", [], scale)
        self._stack(network.layers, weights, "")
        self._add(SCORES, None, Name("x"))
        self._normalize()
        self._add(SCORES, np.maximum, SCORES, LOWEST)

    def _layer(self, kind: str, branch: str, *arguments: object) -> None:
        """Add the line of a layer; its variables end in the name of a branch."""
        x = Name(f"x{branch}")
        mask = Name(f"mask{branch}")
        function: Function = getattr(layers, kind)
        self._add(f"{x}, {mask}", function, x, mask, *arguments)

    def _stack(self, stack: Sequence[Layer], weights: Weights, branch: str) -> None:
        for layer in stack:
            match layer:
                case Dropout():
                    pass  # only in training
                case Recurrent():
                    self._recurrent(layer, weights, branch, 1)
                case Bidirectional():
                    ends = self._branches(branch, 2)
                    self._recurrent(layer.layer, weights, f"{branch}_1", 1)
                    self._recurrent(layer.layer, weights, f"{branch}_2", -1)
                    merge, options = MERGES[layer.merge_mode]
                    self._add(f"x{branch}", merge, ends, *options)
                case Parallel():
                    ends = self._branches(branch, len(layer.branches))
                    for number, inner in enumerate(layer.branches, 1):
                        self._stack(inner, weights, f"{branch}_{number}")
                    self._add(f"x{branch}", np.concatenate, ends, -1)
                    self._add(f"mask{branch}", None, Name(f"mask{branch}_1"))
                case _:
                    self._plain(layer, weights, branch)

    def _branches(self, branch: str, count: int) -> list[Name]:
        """Add the lines that begin branches, and return their variables."""
        variables = []
        inputs = (Name(f"x{branch}"), Name(f"mask{branch}"))
        for number in range(1, count + 1):
            x = Name(f"x{branch}_{number}")
            self._add(f"{x}, mask{branch}_{number}", None, *inputs)
            variables.append(x)
        return variables

    def _plain(self, layer: Layer, weights: Weights, branch: str) -> None:
        """Add the line of a layer that is a function of its settings."""
        count = N_WEIGHTS.get(layer.kind, 2)
        settings = []
        parameters = inspect.signature(getattr(layers, layer.kind)).parameters
        for name in list(parameters)[3:]:  # besides x, mask and w
            setting = getattr(layer, name)
            if name == "activation":
                setting = getattr(layers, setting)
            elif name == "by":
                if setting == "attention":
                    count = 3
                setting = getattr(layers, f"{setting}_of")
            settings.append(setting)
        if layer.gives_topics:
            settings = [layers.linear]
        self._layer(layer.kind, branch, list(islice(weights, count)), *settings)

    def _recurrent(
        self, layer: Recurrent, weights: Weights, branch: str, direction: int
    ) -> None:
        cell = layer.kind
        names: list[str] = [layer.activation]
        gate = getattr(layer, "recurrent_activation", "")
        if gate:
            names.append(gate)
        if not getattr(layer, "reset_after", True):
            cell = "gru_reset_before"
        if cell == "min_gru":  # its states have no weights
            kernel, bias = islice(weights, 2)
            arrays = [kernel, np.zeros((layer.units, 0), np.float32), bias]
        else:
            arrays = list(islice(weights, 3))
        parts = []
        for name in (cell, *names):
            parts.append(getattr(layers, name))
        self._layer("recurrent", branch, arrays, parts, direction)
        if not layer.return_sequences:
            x = Name(f"x{branch}")
            self._add(x, np.take, x, min(-direction, 0), 1)

    def spelled(self, value: object) -> str:
        """Return what stands for a value in the code."""
        match value:
            case Name():
                spelled = str(value)
            case FunctionType():
                self._add_source(value)
                spelled = value.__name__
            case np.ndarray():
                self.arrays.append(value)
                spelled = f"W[{len(self.arrays) - 1}]"
            case dict():
                self.mappings.append(value)
                spelled = f"COLUMNS[{len(self.mappings) - 1}]"
            case list() | tuple():
                spelled = f"[{', '.join(map(self.spelled, value))}]"
            case _ if callable(value):
                spelled = f"np.{getattr(value, '__name__', '')}"
            case _:
                spelled = repr(value)
        return spelled

    def _add_source(self, function: FunctionType) -> None:
        """Add the source of a function, and of those that it calls."""
        if function.__name__ in self.sources:
            return
        self.sources[function.__name__] = inspect.getsource(function)
        for name in function.__code__.co_names:
            match function.__globals__.get(name):
                case FunctionType() as called:
                    self._add_source(called)
