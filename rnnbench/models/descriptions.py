"""The models of a config: networks of layers, networks of the user's own, and baselines."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from rnnbench.models.baselines import AnyBaseline
from rnnbench.models.layers import Layers
from rnnbench.section import Section, problem


class Network(Section):
    """A neural classifier, from word ids to a probability for each topic."""

    @property
    def pretrained_dim(self) -> int | None:
        """The length of word vectors learned from texts that it begins with, if it does."""
        return None


class LayeredNetwork(Network):
    """A stack of layers."""

    keys_for_the_reader = ("baseline", "python")  # they make another kind of model

    inputs: Literal["ids", "scaled_ids"] = "ids"
    """The input of a first layer that takes no ids: the id of each word as a number, or the id
    divided by the number of ids."""
    layers: Layers

    @property
    def pretrained_dim(self) -> int | None:
        """That of the first layer; ``None`` if its vectors are random at first."""
        return self.layers[0].pretrained_dim

    @model_validator(mode="after")
    def _scales_no_embedded_ids(self) -> "LayeredNetwork":
        first = self.layers[0]
        if self.inputs == "scaled_ids" and first.takes == "ids":
            raise problem(f"inputs: {first.kind} takes whole ids", "allowed: inputs: ids")
        return self


class PythonNetwork(Network):
    """A network made by a function of the user's."""

    python: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
    """``package.module:function``: given a ``rnnbench.models.shape.Shape``, it returns an
    uncompiled Keras model."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the function."""


class BaselineModel(Section):
    """A classifier without a network."""

    baseline: AnyBaseline


_KINDS_OF_MODELS: dict[str, type[Section]] = {"baseline": BaselineModel, "python": PythonNetwork}
"""By the key that tells them apart; all others have layers."""


def _model(value: Any) -> Any:
    if isinstance(value, Section):
        return value
    keys = value if isinstance(value, dict) else ()
    kind = next((kind for key, kind in _KINDS_OF_MODELS.items() if key in keys), LayeredNetwork)
    return kind.model_validate(value)


Model = Annotated[
    SerializeAsAny[LayeredNetwork | PythonNetwork | BaselineModel], BeforeValidator(_model)
]
