"""The models of a config: networks, baselines, ensembles, and answers of others.

A section of ``models`` becomes a ``ModelSection`` of the kind that its keys tell.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    PositiveInt,
    SerializeAsAny,
    model_validator,
)

from rnnbench import section
from rnnbench.errors import UserError, did_you_mean, nearest
from rnnbench.models.baselines import AnyBaseline, Baseline, check_installed
from rnnbench.models.layers import Batch, Layer, Layers, Product, Shape, with_inputs
from rnnbench.models.layers.feedforward import Embedding
from rnnbench.models.layers.recurrent import GRU, LSTM, Bidirectional
from rnnbench.models.quiet import check_tensorflow
from rnnbench.registry import PluginError, Registry
from rnnbench.section import (
    ConfigModel,
    Pretrained,
    Text,
    Variant,
    computed,
    parse_variant,
    problem,
    with_parameters,
)
from rnnbench.text import listed, with_article

if TYPE_CHECKING:
    from rnnbench.data.dataset import Dataset
    from rnnbench.data.fetch import Progress

ABOUT_A_MODEL = ("training", "chosen_from")
"""Keys that are not part of the model itself."""
WITHOUT_EPOCHS = {
    "baseline": ("validation_split", "decision"),
    "ensemble": ("decision",),
}
"""Kinds of models that have few keys of the training section of their own, and
these."""


class ModelSection(ConfigModel):
    """A model of a config."""

    kind: ClassVar[str]
    engine: ClassVar[str] = ""  # that trains it; empty if ``training`` names it
    loader_keys: ClassVar[tuple[str, ...]] = ("grid",)
    unset_keys: ClassVar[tuple[str, ...]] = ABOUT_A_MODEL
    is_network: ClassVar[bool] = False
    """Whether it is trained in epochs."""
    is_ensemble: ClassVar[bool] = False
    """Whether other models answer for it."""
    reads_words: ClassVar[bool] = False
    """Whether its inputs are the words, and not their ids."""
    reads_unlabeled: ClassVar[bool] = False
    """Whether it learns from other texts of its source."""
    learns_language: ClassVar[bool] = False
    """Whether it begins with a language model trained here."""
    pretrained_dim: ClassVar[int | None] = None
    """The length of word vectors learned from texts."""
    loaded: ClassVar[Mapping[str, str]] = {}
    """Versions of what it loads, by name; in fingerprints."""
    is_random: ClassVar[bool] = True  # whether its answers depend on the seed
    gives_probabilities: ClassVar[bool] = True  # or else margins
    pretrained: ClassVar[Pretrained | None] = "nothing"
    """The part that was learned from other texts; ``None`` if that is not known."""
    packages: ClassVar[tuple[str, ...]] = ()
    """Distributions besides the engine's that can change the outcome."""
    last_layer: ClassVar[Layer | None] = None
    parts: ClassVar[Sequence[Layer | Baseline]] = ()
    """Its layers, or its baseline; each can come from another package."""
    member_names: ClassVar[tuple[str, ...]] = ()
    """The names of the models that an ensemble is made of."""
    python_function: ClassVar[str] = ""
    """``package.module:function`` of the user's, if it makes the model."""

    training: dict[str, object] | None = None
    """Values of the training section for this model alone; all but ``seeds``."""
    chosen_from: PositiveInt | None = None
    """The number of settings, tried on training documents, that this one was chosen
    from."""

    @cached_property
    def signature(self) -> str:
        """The model itself as text; the same model has the same text."""
        return self.model_dump_json(exclude={*ABOUT_A_MODEL})

    def in_short(self) -> str:
        """Return what it is in one line."""
        return self.kind

    def for_several_topics(self) -> Self:
        """Return the model for documents that may have any number of topics."""
        return self

    @property
    def own_training(self) -> dict[str, object]:
        """The values of the training section that are for this model alone."""
        return self.training or {}

    def fetch(self, progress: "Progress") -> None:
        """Get what it loads from outside, before a run."""

    def check_trainable(self) -> None:
        """Raise ``UserError`` if it cannot be trained here."""

    def work_of_epoch(self, dataset: "Dataset") -> int:  # noqa: ARG002
        """Return about how many multiply-adds an epoch takes; 0 without epochs."""
        return 0

    @model_validator(mode="after")
    def _trains_as_it_can(self) -> "ModelSection":
        keys = set(self.training or ())
        if "seeds" in keys:
            raise problem(
                "training: seeds are the same for all models", "set them outside models"
            )
        allowed = WITHOUT_EPOCHS.get(self.kind, tuple(keys))
        unused = sorted(keys.difference(allowed))
        if unused:
            fault = f"training: {with_article(self.kind)} has no {unused[0]}"
            raise problem(fault, f"allowed: {listed(allowed)}")
        return self


class Network(ModelSection):
    """A neural classifier, from word ids to a probability for each topic.

    Another package adds a kind, with an ``engine``, by naming a subclass in the
    entry-point group ``rnnbench.models``. Its ``kind`` is its key in a config, so a
    field has the same name.
    """

    is_network: ClassVar[bool] = True

    def work_of_epoch(self, dataset: "Dataset") -> int:
        products = self.products(len(dataset.y_train), Shape.of(dataset))
        multiply_adds = sum(product.multiply_adds for product in products)
        # A network of the user's own is assumed to be large.
        return multiply_adds or 10**10

    def count_params(self, shape: Shape) -> int:
        """Return the number of its trained parameters, if Keras does not build it."""
        raise NotImplementedError

    def products(self, batch_size: int, shape: Shape) -> list[Product]:  # noqa: ARG002
        """Return the matrix products of an optimizer step; none if not known."""
        return []

    @property
    def reads_padding(self) -> bool:
        """Whether engines other than Keras compute on padding, too."""
        return False

    def memory(self, shape: Shape) -> float:  # noqa: ARG002
        """Return about how many gigabytes a training needs; 0 if they are few."""
        return 0.0


class LanguageModel(Variant):
    """The first layers learn to predict the next word of texts, with labels and
    without.
    """

    kind = "language_model"
    epochs: PositiveInt = 4
    """Passes through the texts."""
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.004
    """The size of the first step of Adam; it falls to 0 along a cosine."""


def _pretraining(value: object) -> LanguageModel:
    kinds = {LanguageModel.kind: LanguageModel}
    example = "pretrain: language_model"
    return parse_variant(with_parameters(value), kinds, "pretraining", example)


class LayeredNetwork(Network):
    """A stack of layers."""

    kind: ClassVar[str] = "network"
    later_keys = frozenset({"pretrain"})
    # The last three make another kind of model.
    loader_keys = ("grid", "baseline", "python", "ensemble")
    inputs: Literal["ids", "scaled_ids"] = "ids"
    """The input of a first layer that takes no ids: the id of each word as a number, or
    the id divided by the number of ids."""
    layers: Layers
    pretrain: Annotated[LanguageModel, BeforeValidator(_pretraining)] | None = None
    """``language_model`` or ``{language_model: {epochs: 4}}``: an embedding and the
    recurrent layer above it begin with the weights of one, which reads the texts of
    Reuters-21578 that are in no test set; only for ``r52``, ``r8`` and ``modapte``."""

    @computed
    def learns_language(self) -> bool:
        return self.pretrain is not None

    @computed
    def reads_unlabeled(self) -> bool:
        return self.learns_language or self.layers[0].reads_unlabeled

    @computed
    def pretrained_dim(self) -> int | None:
        return self.layers[0].pretrained_dim

    @computed
    def last_layer(self) -> Layer:
        return self.layers[-1]

    @computed
    def parts(self) -> Sequence[Layer | Baseline]:
        parts: list[Layer] = []
        for layer in self.layers:
            parts += layer.parts
        return parts

    @property
    def readers(self) -> list[Layer]:
        """The recurrent layer above an embedding, if any, once for each direction."""
        match [layer for layer in self.layers if layer.kind != "spatial_dropout"]:
            case [Embedding(), GRU() | LSTM() as reader, *_]:
                return [reader]
            case [Embedding(), Bidirectional(layer=GRU() | LSTM() as reader), *_]:
                return [reader, reader]
        return []

    @computed
    def pretrained(self) -> Pretrained | None:
        if self.pretrain:
            return "language model"
        return "word vectors" if self.reads_unlabeled else "nothing"

    @computed
    def packages(self) -> tuple[str, ...]:
        packages: list[str] = []
        if self.pretrained_dim:
            packages.append("scipy")  # it computes the vectors
        if self.pretrain:
            packages += ["tensorflow", "keras", "numpy"]
        return tuple(packages)

    def check_trainable(self) -> None:
        if self.pretrain:
            check_tensorflow("pretrain: language_model")

    def in_short(self) -> str:
        steps = [layer.in_short() for layer in self.layers]
        if self.inputs == "scaled_ids":
            steps.insert(0, "scaled ids")
        if self.pretrain:
            steps.insert(0, "language model")
        return " → ".join(steps)

    def for_several_topics(self) -> Self:
        last = self.last_layer.model_copy(update={"activation": "sigmoid"})
        return self.model_copy(update={"layers": (*self.layers[:-1], last)})

    def with_inputs(
        self, batch_size: int, shape: Shape
    ) -> Iterator[tuple[Layer, Batch]]:
        """Return each layer with the shape of its input."""
        batch = Batch(batch_size, shape.timesteps, 1, shape.n_topics, shape.n_ids)
        return with_inputs(self.layers, batch)

    def products(self, batch_size: int, shape: Shape) -> list[Product]:
        """Return the matrix products of an optimizer step, the least that it costs.

        Each output of a layer needs one, and so do the gradients of its weights and of
        its inputs, unless these are word ids (Goodfellow, Bengio, Courville: Deep
        Learning, 6.5).
        """
        inputs = self.with_inputs(batch_size, shape)
        return [product for layer, batch in inputs for product in layer.products(batch)]

    @property
    def reads_padding(self) -> bool:
        return not self.layers[0].gives_mask

    @model_validator(mode="after")
    def _scales_no_embedded_ids(self) -> "LayeredNetwork":
        first = self.layers[0]
        if self.inputs == "scaled_ids" and first.takes == "ids":
            raise problem(
                f"inputs: {first.kind} takes whole ids", "allowed: inputs: ids"
            )
        if self.pretrain and not self.readers:
            reader = "gru, lstm or bidirectional of one"
            allowed = f"embedding, then {reader}; spatial_dropout between"
            raise problem(
                "pretrain: the first layers are no language model",
                f"allowed: {allowed}",
            )
        return self


class PythonNetwork(Network):
    """A network made by a function of the user's."""

    kind: ClassVar[str] = "python"
    pretrained: ClassVar[None] = None  # the function may load anything
    python: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
    """``package.module:function``; it makes an uncompiled Keras model of a
    ``rnnbench.plugin.Shape``."""
    arguments: dict[str, object] = Field(default_factory=dict)
    """Keyword arguments of the function."""

    @computed
    def python_function(self) -> str:
        return self.python

    def in_short(self) -> str:
        return section.call(self.python, self.arguments)


class BaselineModel(ModelSection):
    """A classifier without a network."""

    kind: ClassVar[str] = "baseline"
    engine: ClassVar[str] = "scikit-learn"
    baseline: AnyBaseline

    @computed
    def is_random(self) -> bool:
        return self.baseline.is_random

    @computed
    def gives_probabilities(self) -> bool:
        return self.baseline.gives_probabilities

    @computed
    def reads_words(self) -> bool:
        return self.baseline.reads_words

    @computed
    def pretrained(self) -> Pretrained | None:
        return self.baseline.pretrained

    @computed
    def packages(self) -> tuple[str, ...]:
        return self.baseline.packages

    @computed
    def parts(self) -> Sequence[Layer | Baseline]:
        return (self.baseline,)

    def check_trainable(self) -> None:
        check_installed(self.baseline)

    def in_short(self) -> str:
        return section.call(self.baseline.kind, self.baseline.settings())


Weight = Annotated[float, Field(gt=0, le=1e6)]


class Ensemble(ConfigModel):
    """Models of the same run that answer together. Nothing is trained again."""

    of: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
    """The names of its models. A model that does not depend on the seed takes part in
    all trials; of the others, those with the same seed."""
    by: Literal["log_probabilities", "probabilities", "votes"] = "log_probabilities"
    """Their log-probabilities are averaged; where a document may have any number of
    topics, their log-odds. Or their probabilities are averaged. Or each has a vote for
    its answer; of equal votes, those of the first model count."""
    weights: Annotated[tuple[Weight, ...] | None, Field(strict=False)] = None
    """How much each model counts, in the order of ``of``; by default, all count the
    same."""
    over_seeds: bool = False
    """Whether all seeds of its models answer together, as one trial."""

    @model_validator(mode="after")
    def _has_members(self) -> "Ensemble":
        if len({*self.of}) < len(self.of):
            raise problem("of: a model is named twice", "allowed: distinct models")
        if len(self.of) < 2 and not self.over_seeds:
            raise problem("of: one model", "allowed: two or more, or over_seeds: true")
        if self.weights is not None and len(self.weights) != len(self.of):
            raise problem(
                f"weights: got {len(self.weights)}", f"allowed: {len(self.of)}"
            )
        return self


class EnsembleModel(ModelSection):
    """An ensemble of models of the same config."""

    kind: ClassVar[str] = "ensemble"
    is_ensemble: ClassVar[bool] = True
    ensemble: Ensemble
    _members: Mapping[str, ModelSection] = {}

    @computed
    def member_names(self) -> tuple[str, ...]:
        return self.ensemble.of

    @computed
    def parts(self) -> Sequence[Layer | Baseline]:
        parts: list[Layer | Baseline] = []
        for member in self._members.values():
            parts += member.parts
        return parts

    def find_members(self, models: Mapping[str, ModelSection]) -> None:
        """Find its models among those of the config, before it can be used."""
        needs_probabilities = self.ensemble.by != "votes"
        able: dict[str, ModelSection] = {}
        for name, model in models.items():
            is_able = model.gives_probabilities or not needs_probabilities
            if is_able and not model.is_ensemble:
                able[name] = model
        for name in self.ensemble.of:
            if name not in models:
                raise problem(
                    f"ensemble: no model {section.spell(name)}",
                    did_you_mean(name, able),
                )
            if models[name].is_ensemble:
                raise problem(
                    f"ensemble: {name} is an ensemble itself", "name its models"
                )
            if name not in able:
                calibrated = "tfidf_linear_svm: {calibrated: true}"
                hint = f"calibrate it, as {calibrated}; or by: votes"
                raise problem(f"ensemble: {name} gives margins", hint)
        self._members = {name: able[name] for name in self.ensemble.of}

    @computed
    def is_random(self) -> bool:
        return not self.ensemble.over_seeds and any(
            member.is_random for member in self._members.values()
        )

    @computed
    def pretrained(self) -> Pretrained | None:
        order: list[Pretrained | None] = [
            "nothing",
            "word vectors",
            "language model",
            None,
        ]
        members = self._members.values()
        return max((member.pretrained for member in members), key=order.index)

    def in_short(self) -> str:
        options = self.ensemble.model_dump(exclude={"of"}, exclude_defaults=True)
        return section.call(" + ".join(self.ensemble.of), options)


def with_members(names: Iterable[str], models: Mapping[str, ModelSection]) -> list[str]:
    """Return the names of models, and of the members of ensembles among them."""
    chosen = list(names)
    members = [member for name in chosen for member in models[name].member_names]
    return list(dict.fromkeys(chosen + members))


class OutsideModel(ModelSection):
    """A model of which only the answers are known; ``rnnbench verdict`` writes it."""

    kind: ClassVar[str] = "outside"
    pretrained: ClassVar[None] = None
    outside: Text
    """Where its answers came from."""
    trainings: PositiveInt = 1
    """How often it was trained. A single training is judged as it is."""

    @computed
    def is_random(self) -> bool:
        return self.trainings > 1

    def in_short(self) -> str:
        return f"answers from {self.outside}"

    def check_trainable(self) -> None:
        raise UserError(
            f"it cannot be trained: {self.in_short()} are all that is known"
        )


BUILT_IN: dict[str, type[ModelSection]] = {
    "baseline": BaselineModel,
    "python": PythonNetwork,
    "ensemble": EnsembleModel,
    "outside": OutsideModel,
    "layers": LayeredNetwork,
}
"""The kinds of models of this package, by the key that tells them apart."""


def _kind_among(keys: Sequence[str]) -> str:
    """Return the key that tells the kind of a model, by default ``layers``."""
    kinds = [*BUILT_IN, *MODELS]
    for kind in kinds:
        if kind in keys:
            return kind
    for key in keys:  # one of them may be misspelled
        meant = nearest(key, kinds)
        if meant:
            return meant
    return "layers"


def _model(value: object) -> ConfigModel:
    keys: list[str] = []
    match value:
        case ConfigModel():
            return value
        case dict():
            keys = list(map(str, value))
    kind = _kind_among(keys)
    try:
        model = BUILT_IN[kind] if kind in BUILT_IN else MODELS[kind]
        return model.model_validate(value)
    except PluginError as error:
        raise problem(str(error)) from error


MODELS: Registry[type[Network]] = Registry(
    "model", Network, key="kind", holds_classes=True
)
"""The kinds of networks of plug-ins, by name."""
_Kinds = (
    LayeredNetwork
    | PythonNetwork
    | BaselineModel
    | EnsembleModel
    | OutsideModel
    | Network
)
Model = Annotated[SerializeAsAny[_Kinds], BeforeValidator(_model)]
