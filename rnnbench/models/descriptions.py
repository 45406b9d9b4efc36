"""The models of a config: networks of layers, networks of the user's own, and baselines."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import (
    BeforeValidator,
    Field,
    PositiveInt,
    SerializationInfo,
    SerializeAsAny,
    model_serializer,
    model_validator,
)

from rnnbench.errors import UserError, nearest
from rnnbench.models.baselines import AnyBaseline, Baseline
from rnnbench.models.layers import Batch, Layer, Layers, Product, Shape
from rnnbench.section import Pretrained, Section, Text, problem, spell_parameters

if TYPE_CHECKING:
    from rnnbench.data.dataset import Dataset

ABOUT_A_MODEL = ("training", "chosen_from")
"""Keys of every model that are not part of the model itself."""


class ModelSection(Section):
    """A model of a config."""

    kind: ClassVar[str]
    loader_keys: ClassVar[tuple[str, ...]] = ("grid",)

    training: dict[str, Any] | None = None
    """Values of the training section for this model alone; all but ``seeds``."""
    chosen_from: PositiveInt | None = None
    """The number of settings, tried on training documents, that this one was chosen from."""

    @cached_property
    def signature(self) -> str:
        """The model itself as text; the same model has the same text."""
        return self.model_dump_json(exclude={*ABOUT_A_MODEL})

    @property
    def is_random(self) -> bool:
        """Whether its answers depend on the seed."""
        return True

    @property
    def pretrained(self) -> Pretrained | None:
        """The part of it that was learned from texts outside the corpus; ``None`` if not known."""
        return "nothing"

    @property
    def parts(self) -> Sequence[Layer | Baseline]:
        """The kinds that it is made of, each of which can come from another package."""
        return ()

    @property
    def pretrained_dim(self) -> int | None:
        """The length of its first word vectors, if they are learned from texts."""
        return None

    @model_serializer(mode="wrap")
    def _as_in_yaml(self, handler: Any, info: SerializationInfo) -> dict[str, Any]:
        dumped = super()._as_in_yaml(handler, info)
        left_out = {key for key in ABOUT_A_MODEL if dumped.get(key, ...) is None}
        return {key: value for key, value in dumped.items() if key not in left_out}

    @model_validator(mode="after")
    def _leaves_seeds_to_all(self) -> "ModelSection":
        if self.training and "seeds" in self.training:
            raise problem("training: seeds are the same for all models", "set them outside models")
        return self


class Network(ModelSection):
    """A neural classifier, from word ids to a probability for each topic."""

    def work_of_epoch(self, dataset: "Dataset") -> int:  # noqa: ARG002
        """Return about how many multiply-adds an epoch of training takes."""
        return 10**10  # not made of layers; assumed to be large


class LayeredNetwork(Network):
    """A stack of layers."""

    kind: ClassVar[str] = "network"
    loader_keys = ("grid", "baseline", "python")  # the last make another kind of model

    inputs: Literal["ids", "scaled_ids"] = "ids"
    """The input of a first layer that takes no ids: the id of each word as a number, or the id
    divided by the number of ids."""
    layers: Layers

    @property
    def parts(self) -> Sequence[Layer]:
        return self.layers

    @property
    def pretrained_dim(self) -> int | None:
        return self.layers[0].pretrained_dim

    def in_short(self) -> str:
        """Return its layers in one line, such as ``embedding 64 → gru 64 → dense topics``."""
        inputs = ["scaled ids"] if self.inputs == "scaled_ids" else []
        return " → ".join([*inputs, *(layer.in_short() for layer in self.layers)])

    def with_inputs(self, batch_size: int, shape: Shape) -> Iterator[tuple[Layer, Batch]]:
        """Yield each layer with the shape of its input."""
        batch = Batch(batch_size, shape.timesteps, 1, shape.n_topics, shape.n_ids)
        for layer in self.layers:
            yield layer, batch
            batch = layer.gives(batch)

    def products(self, batch_size: int, shape: Shape) -> list[Product]:
        """Return the matrix products of one optimizer step, the least that its arithmetic costs.

        Each output of a layer needs one product; its gradient needs a second one to reach the
        layer's inputs and a third to reach its weights (Goodfellow, Bengio, Courville: Deep
        Learning, 6.5). In a recurrent layer the first two of the hidden state are carried out step
        by step, all others for all steps at once. No gradient passes back to word ids.
        """
        inputs = self.with_inputs(batch_size, shape)
        return [product for layer, batch in inputs for product in layer.products(batch)]

    def work_of_epoch(self, dataset: "Dataset") -> int:
        products = self.products(len(dataset.y_train), Shape.of(dataset))
        return sum(product.multiply_adds for product in products)

    @model_validator(mode="after")
    def _scales_no_embedded_ids(self) -> "LayeredNetwork":
        first = self.layers[0]
        if self.inputs == "scaled_ids" and first.takes == "ids":
            raise problem(f"inputs: {first.kind} takes whole ids", "allowed: inputs: ids")
        return self


class PythonNetwork(Network):
    """A network made by a function of the user's."""

    kind: ClassVar[str] = "python"
    python: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
    """``package.module:function``; it takes a ``rnnbench.Shape`` and returns an uncompiled Keras
    model."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the function."""

    @property
    def pretrained(self) -> Pretrained | None:
        """Not known: the function may load anything."""
        return None

    def in_short(self) -> str:
        return _call(self.python, self.arguments)


class BaselineModel(ModelSection):
    """A classifier without a network."""

    kind: ClassVar[str] = "baseline"
    baseline: AnyBaseline

    @property
    def is_random(self) -> bool:
        return self.baseline.is_random

    @property
    def pretrained(self) -> Pretrained | None:
        return self.baseline.pretrained

    @property
    def parts(self) -> Sequence[Baseline]:
        return (self.baseline,)

    @model_validator(mode="after")
    def _is_trained_without_epochs(self) -> "BaselineModel":
        if unused := sorted(set(self.training or ()) - {"validation_split"}):
            raise problem(f"training: a baseline has no {unused[0]}", "allowed: validation_split")
        return self

    def in_short(self) -> str:
        """Return the kind of baseline, and its parameters that differ from their defaults."""
        return _call(self.baseline.kind, self.baseline.settings())

    def work_of_epoch(self, dataset: "Dataset") -> int:  # noqa: ARG002
        return 0


class OutsideModel(ModelSection):
    """A model of which only the answers are known; ``rnnbench verdict`` writes it."""

    kind: ClassVar[str] = "outside"
    outside: Text
    """Where its answers came from."""
    trainings: PositiveInt = 1
    """How often it was trained. A single training is judged as it is."""

    @property
    def is_random(self) -> bool:
        return self.trainings > 1

    @property
    def pretrained(self) -> None:
        return None

    def in_short(self) -> str:
        """Return where its answers came from."""
        return f"answers from {self.outside}"

    def work_of_epoch(self, dataset: "Dataset") -> int:  # noqa: ARG002
        """Raise ``UserError``: it cannot be trained."""
        raise UserError(f"models: it cannot be trained: {self.in_short()} are all that is known")


def _call(name: str, parameters: dict[str, Any]) -> str:
    return f"{name} ({spell_parameters(parameters)})" if parameters else name


def _model(value: Any) -> Any:
    if isinstance(value, Section):
        return value
    kinds: dict[str, type[ModelSection]] = {
        "baseline": BaselineModel,
        "python": PythonNetwork,
        "outside": OutsideModel,
        "layers": LayeredNetwork,
    }
    keys = list(map(str, value)) if isinstance(value, dict) else []
    meant = (nearest(key, kinds) for key in keys)  # one of them may be misspelled
    found = [*(kind for kind in kinds if kind in keys), *filter(None, meant), "layers"]
    return kinds[found[0]].model_validate(value)


Model = Annotated[
    SerializeAsAny[LayeredNetwork | PythonNetwork | BaselineModel | OutsideModel],
    BeforeValidator(_model),
]
