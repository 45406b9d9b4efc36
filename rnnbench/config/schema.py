"""The typed benchmark that a config file describes.

Every option is declared here once, with its default; YAML files, command-line flags and
``--set`` all arrive here.
"""

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    NonNegativeInt,
    PositiveInt,
    SerializeAsAny,
    model_validator,
)

from rnnbench.config.baselines import AnyBaseline
from rnnbench.config.layers import Embedding, Layers
from rnnbench.config.section import Section, problem, spell


def _name(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", value):
        return value
    hint = "a name has up to 100 letters, digits, - and _, for it names files"
    raise problem(f"got {spell(value)}", hint)


Name = Annotated[str, BeforeValidator(_name)]
SourceName = Literal["auto", "keras", "sgml", "r52", "r8"]
OptimizerName = Literal["adam", "adamw", "nadam", "rmsprop", "sgd"]


MAX_SEEDS = 10_000


def _seeds(value: Any) -> Any:
    if type(value) is int and 0 < value <= MAX_SEEDS:
        return tuple(range(value))
    is_list = isinstance(value, list | tuple) and value
    if is_list and all(type(seed) is int and 0 <= seed < 2**32 for seed in value):
        if len(set(value)) == len(value):
            return tuple(value)
        raise problem("a seed comes twice", "allowed: distinct seeds")
    raise problem(
        f"got {spell(value)}",
        f"allowed: a number of seeds from 1 to {MAX_SEEDS:,}, or a list of seeds, [0, 1, 2]",
    )


def _path(value: Any) -> Any:
    if isinstance(value, str | Path) and str(value) and "\0" not in str(value):
        with suppress(RuntimeError, UnicodeEncodeError):  # no such user, no such character
            os.fsencode(value)
            return Path(value).expanduser()
    raise problem(f"got {spell(value)}", "should be the name of a file or a folder")


class Data(Section):
    """Which newswires, and how they become arrays; the names are those of Keras's loader."""

    source: SourceName = "auto"
    path: Annotated[Path, BeforeValidator(_path)] | None = None
    """A file or folder to read the source from, instead of downloading it."""
    num_words: Annotated[int, Field(ge=4)] | None = None
    """Ids from this one on become the id for unknown words, 2."""
    maxlen: Annotated[int, Field(ge=3)] | None = None
    """Wires that are this long or longer, the start mark counted, are left out."""
    split: Literal["auto", "shuffled", "modapte"] = "auto"
    """``auto`` is the source's standard split: ``modapte`` for R8 and R52, else ``shuffled``."""
    test_split: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of the wires that the shuffled split keeps for testing."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 113
    """Seed of the shuffled split."""
    pad_length: Annotated[int, Field(gt=0, le=100_000)] | None = None
    """Length of every sequence; by default that of the longest."""
    padding: Literal["pre", "post"] = "pre"
    """Which end of a short wire is filled with zeros."""
    truncating: Literal["pre", "post"] = "pre"
    """Which end of a long wire is cut off, where ``pad_length`` is shorter."""


class Recipe(Section):
    """What decides how a model is trained, whatever trains it."""

    epochs: PositiveInt = 10
    batch_size: PositiveInt = 32
    optimizer: OptimizerName = "adam"
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.001
    validation_split: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the training wires that is held out to choose the best epoch on; without it the
    last epoch is taken."""


class Training(Recipe):
    """How every model is trained."""

    engine: Literal["compiled", "keras"] = "compiled"
    """What trains: whole epochs as one program, or ``model.fit``; both take the same steps."""
    seeds: Annotated[tuple[NonNegativeInt, ...], BeforeValidator(_seeds)] = (0,)
    """Each model is trained once a seed: a list of seeds, or their number."""


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

Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Published(Section):
    """What was published of one model."""

    accuracy: Annotated[float, Field(ge=0, le=1)]
    params: PositiveInt | None = None


class Reference(Section):
    """Published accuracies, and the wires they may be compared on.

    With ``dataset`` they belong to models of this benchmark, each compared with ours of the same
    name, number of parameters and ``training``. With ``split`` they are of other models.
    """

    source: str
    """Who published them, and where."""
    dataset: Fingerprint | None = None
    """Of the padded arrays that they were measured on."""
    split: Fingerprint | None = None
    """Of which wires they were trained on and tested on."""
    training: Recipe | None = None
    models: Annotated[dict[str, Published], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_tied_to_data(self) -> "Reference":
        if (self.dataset is None) == (self.split is None):
            raise problem("should have one fingerprint", "allowed: either dataset or split")
        if self.split is not None and self.training is not None:
            raise problem("training of other models", "allowed: with dataset, not with split")
        return self


class Benchmark(Section):
    """A whole config file."""

    keys_for_the_reader = ("extends",)

    name: Name
    data: Data = Data()
    training: Training = Training()
    models: Annotated[dict[Name, Model], Field(min_length=1)]
    references: dict[Name, Reference] = Field(default_factory=dict)

    def seeds_of(self, model: str) -> tuple[int, ...]:
        """Return the seeds that ``model`` is trained with: one where none changes its outcome."""
        described = self.models[model]
        is_random = not isinstance(described, BaselineModel) or described.baseline.is_random
        return self.training.seeds if is_random else self.training.seeds[:1]

    @property
    def n_trials(self) -> int:
        """How many trainings it takes: one a model and seed, where a seed changes anything."""
        return sum(len(self.seeds_of(model)) for model in self.models)
