"""The models of a config: networks of layers, networks of the user's own, and baselines."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from rnnbench.models.baselines import AnyBaseline
from rnnbench.models.layers import Embedding, Layers
from rnnbench.section import Section, problem


class Network(Section):
    """A neural classifier, from word ids to a probability a topic."""

    @property
    def pretrained_dim(self) -> int | None:
        """Length of the word vectors that it begins with, where those are learned from texts."""
        return None


class LayeredNetwork(Network):
    """A stack of layers."""

    keys_for_the_reader = ("baseline", "python")  # which would have made it another kind of model

    inputs: Literal["ids", "scaled_ids"] = "ids"
    """What the first layer is given, unless it is an embedding: a word's id as a number, or the
    id divided by the number of ids."""
    layers: Layers

    @property
    def pretrained_dim(self) -> int | None:
        """That of the embedding; ``None`` where it begins at random."""
        first = self.layers[0]
        is_pretrained = isinstance(first, Embedding) and first.embeddings_initializer == "ppmi_svd"
        return first.dim if is_pretrained else None

    @model_validator(mode="after")
    def _scales_no_embedded_ids(self) -> "LayeredNetwork":
        first = self.layers[0]
        if self.inputs == "scaled_ids" and first.takes == "ids":
            what = "an embedding" if isinstance(first, Embedding) else f"layer '{first.kind}'"
            raise problem(f"inputs: {what} takes whole ids", "allowed: inputs: ids")
        return self


class PythonNetwork(Network):
    """What a function of the user's own returns."""

    python: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
    """``package.module:function``: given a ``rnnbench.models.shape.Shape``, it returns an
    uncompiled Keras model."""
    arguments: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments of the function."""


class BaselineModel(Section):
    """A classifier without a network."""

    baseline: AnyBaseline


_KINDS_OF_MODELS = {"baseline": BaselineModel, "python": PythonNetwork}
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
