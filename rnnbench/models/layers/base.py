"""The base class of all layers, and what layers are given.

A kind is a subclass of ``Layer``, here or in another package.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from rnnbench.section import Variant, computed

if TYPE_CHECKING:
    import keras

    from rnnbench.data.dataset import Dataset
    from rnnbench.labels import LabelForm

LARGEST = 100_000
Size = Annotated[int, Field(gt=0, le=LARGEST)]
"""A number of units, features or steps. A larger one is a mistake and would fill the
memory."""
Rate = Annotated[float, Field(ge=0, lt=1)]
Activation = Literal[
    "tanh", "sigmoid", "hard_sigmoid", "relu", "leaky_relu", "elu", "selu",
    "gelu", "silu",
    "softplus", "softsign", "softmax", "linear",
]  # fmt: skip
SeedOf = Callable[[str], int]
"""Gives each random part of a layer a seed of its own: ``kernel``, ``dropout``."""


@dataclass(frozen=True)
class Shape:
    """The shape of a dataset.

    Attributes:
        timesteps: length of the sequences of word ids.
        n_topics: topics to tell apart.
        n_ids: all word ids are below this; 0 is padding.
        has_one_label: whether a document has one topic, and not any number of them.
    """

    timesteps: int
    n_topics: int
    n_ids: int
    has_one_label: bool = True

    @classmethod
    def of(cls, dataset: "Dataset") -> "Shape":
        """Return the shape of ``dataset``."""
        from rnnbench.labels import form_of

        return cls(
            dataset.timesteps,
            len(dataset.topics),
            dataset.n_ids,
            form_of(dataset.y_train).has_one_label,
        )

    @property
    def form(self) -> "LabelForm":
        """The form of the labels."""
        from rnnbench.labels import form_with  # to describe a layer needs no NumPy

        return form_with(has_one_label=self.has_one_label)


@dataclass(frozen=True)
class Product:
    """A matrix product ``(rows, inner)(inner, columns)``, ``count`` times."""

    rows: int
    inner: int
    columns: int
    count: int = 1

    @property
    def multiply_adds(self) -> int:
        return self.rows * self.inner * self.columns * self.count


@dataclass(frozen=True)
class Batch:
    """The shape of a batch between two layers.

    Attributes:
        size: documents in the batch.
        steps: length of their sequences, or ``None`` if each document is a single
            vector.
        features: length of each vector.
        n_topics: topics to tell apart.
        n_ids: all word ids are below this.
        passes_back: whether a layer below is trained, so that gradients must reach it.
    """

    size: int
    steps: int | None
    features: int
    n_topics: int
    n_ids: int
    passes_back: bool = False

    @property
    def rows(self) -> int:
        if self.steps is None:
            return self.size
        return self.size * self.steps

    def times_kernel(self, columns: int, inner: int | None = None) -> Iterable[Product]:
        """Yield the products of a kernel ``(inner, columns)`` in one training step.

        They are the output, the gradient of the kernel, and that of the inputs.
        """
        inner = inner or self.features
        yield Product(self.rows, inner, columns)
        yield Product(inner, self.rows, columns)
        if self.passes_back:
            yield Product(self.rows, columns, inner)


class Layer(Variant):
    """A kind of layer. Its fields are the parameters in a config, named as in Keras.

    A kind needs ``kind``, its name in configs, and ``keras_name`` or its own
    ``keras_layer``. The defaults of everything else suit a layer that works on each
    vector by itself; others say ``features_of`` and ``steps_of``. Another package adds
    a kind by naming its class in the entry-point group ``rnnbench.layers``.
    """

    keras_name: ClassVar[str]
    """The class in ``keras.layers``, or among those of this package, with the same
    parameters."""
    initializers: ClassVar[Mapping[str, str]] = {}
    """Keras's initializers of the weights that are random at first, by weight."""
    has_dropout: ClassVar[bool] = False
    """Whether the Keras layer takes a seed, mostly for dropout."""
    takes: ClassVar[Literal["ids", "sequence", "anything"]] = "anything"
    """Word ids, which only the first layer gets; sequences of vectors; or these and
    single ones."""
    makes_vector: ClassVar[bool] = False
    """Whether it makes one vector of each sequence."""
    is_trained: ClassVar[bool] = True
    """Whether it has trained weights."""
    gives_mask: ClassVar[bool] = False
    """Whether it marks padding, so that the layers after it skip it."""
    gives_topics: ClassVar[bool] = False
    """Whether it gives a probability for each topic, as the last layer must."""
    has_one_label: ClassVar[bool] = True
    """Whether the probabilities that it gives add up to 1, as for one topic a
    document."""
    steps_at_once: ClassVar[int] = 1
    """The adjacent steps that it sees at once."""
    state_weights: ClassVar[int] = 0
    """The number of weights between the states of two steps."""
    word_values: ClassVar[str] = ""
    """How it counts words, as ``tfidf``, if it does."""
    pretrained_dim: ClassVar[int | None] = None
    """The length of its first word vectors, if they are learned from texts."""
    reads_unlabeled: ClassVar[bool] = False
    """Whether they are learned from texts outside the corpus, too."""

    @computed
    def parts(self) -> Sequence["Layer"]:
        """It and the layers inside it."""
        return (self,)

    def keras_layer(
        self, shape: Shape, seed_of: SeedOf, **options: object
    ) -> "keras.layers.Layer":
        """Return the Keras layer. Import Keras here, not at the top of the module.

        ``seed_of`` gives initializers and dropout their seeds; in layers of other
        packages, those without a seed follow Keras's global seed. ``options`` replace
        arguments.
        """
        import keras

        from rnnbench.models import keras_layers

        arguments = self.keras_arguments(shape, seed_of) | options
        name = self.keras_name
        module = keras.layers
        if hasattr(keras_layers, name):
            module = keras_layers
        return getattr(module, name)(**arguments)

    def keras_arguments(self, shape: Shape, seed_of: SeedOf) -> dict[str, object]:  # noqa: ARG002
        """Return the arguments of the Keras layer: its fields, with seeds."""
        import keras

        arguments = dict(self)
        for weight, name in self.initializers.items():
            initializer = getattr(keras.initializers, name)
            arguments[f"{weight}_initializer"] = initializer(seed=seed_of(weight))
        if self.has_dropout:
            arguments["seed"] = seed_of("dropout")
        return arguments

    def gives_sequence(self, *, from_sequence: bool) -> bool:
        """Return whether it gives a vector for each step, and not for each document."""
        return from_sequence and not self.makes_vector

    def gives(self, batch: Batch, **changes: Any) -> Batch:
        """Return the shape of its output; ``changes`` replace the usual values."""
        steps = None
        if self.gives_sequence(from_sequence=batch.steps is not None):
            steps = self.steps_of(batch)
        output = replace(
            batch,
            steps=steps,
            features=self.features_of(batch),
            passes_back=batch.passes_back or self.is_trained,
        )
        return replace(output, **changes)

    def steps_of(self, batch: Batch) -> int | None:
        """Return the length of the sequences that it gives, if it gives any."""
        return batch.steps

    def features_of(self, batch: Batch) -> int:
        """Return the length of the vectors that it gives."""
        return batch.features

    def products(self, batch: Batch) -> Iterable[Product]:  # noqa: ARG002
        """Return its matrix products in one training step."""
        return ()

    def in_short(self) -> str:
        """Return its kind and required parameters: ``conv1d 8 kernel_size 3``."""
        fields = type(self).model_fields
        words = [self.kind]
        for key, value in self:
            if not fields[key].is_required():
                continue
            if len(words) > 1:  # the name of the first goes without saying
                words.append(key)
            words.append(str(value))
        return " ".join(words)

    def settings(self) -> dict[str, object]:
        """Return the optional parameters that differ from their defaults."""
        fields = type(self).model_fields.items()
        usual = {key: field.default for key, field in fields if not field.is_required()}
        return {key: value for key, value in self if value != usual.get(key, value)}
