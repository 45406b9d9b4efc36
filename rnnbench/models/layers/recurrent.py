"""Layers that read a sequence step by step."""

from collections.abc import Iterable, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, SerializeAsAny

from rnnbench.section import computed, parse_variant

from .base import Activation, Batch, Layer, Product, Rate, SeedOf, Shape, Size


class Recurrent(Layer):
    """A recurrent layer; not a kind by itself."""

    takes = "sequence"
    gates: ClassVar[int]  # blocks of ``units`` columns, side by side, in its kernels
    units: Size
    activation: Activation = "tanh"
    return_sequences: bool = False

    @computed
    def state_weights(self) -> int:
        return self.gates * self.units**2

    def gives_sequence(self, *, from_sequence: bool) -> bool:  # noqa: ARG002
        return self.return_sequences

    def features_of(self, batch: Batch) -> int:  # noqa: ARG002
        return self.units

    def products(self, batch: Batch) -> Iterable[Product]:
        return batch.times_kernel(self.units * self.gates)


class StepByStep(Recurrent):
    """One whose gates read the hidden state; not a kind by itself."""

    initializers = {"kernel": "GlorotUniform", "recurrent": "Orthogonal"}
    plain_keras_name: ClassVar[str]  # without dropped weights
    has_dropout = True
    later_keys = frozenset({"weight_drop"})
    dropout: Rate = 0.0
    recurrent_dropout: Rate = 0.0
    weight_drop: Rate = 0.0
    """Share of the recurrent weights to drop in each step of training: DropConnect."""

    @computed
    def keras_name(self) -> str:
        if self.weight_drop:
            return f"WeightDrop{self.plain_keras_name}"
        return self.plain_keras_name

    def keras_arguments(self, shape: Shape, seed_of: SeedOf) -> dict[str, object]:
        arguments = super().keras_arguments(shape, seed_of)
        if self.weight_drop:
            arguments["weight_drop_seed"] = seed_of("weight_drop")
        else:
            del arguments["weight_drop"]
        return arguments

    def products(self, batch: Batch) -> Iterable[Product]:
        columns = self.units * self.gates
        steps = batch.steps or 1
        yield Product(batch.size, self.units, columns, steps)
        yield Product(batch.size, columns, self.units, steps)
        yield Product(self.units, batch.rows, columns)
        yield from super().products(batch)


class SimpleRNN(StepByStep):
    """The vanilla recurrent layer."""

    kind = "simple_rnn"
    plain_keras_name = "SimpleRNN"
    gates = 1


class GRU(StepByStep):
    """The gated recurrent unit."""

    kind = "gru"
    plain_keras_name = "GRU"
    gates = 3
    recurrent_activation: Activation = "sigmoid"
    reset_after: bool = True


class LSTM(StepByStep):
    """Long short-term memory."""

    kind = "lstm"
    plain_keras_name = "LSTM"
    gates = 4
    recurrent_activation: Activation = "sigmoid"
    unit_forget_bias: bool = True


class MinGRU(Recurrent):
    """A GRU whose gate reads only the inputs, so that all steps are computed at
    once.
    """

    kind = "min_gru"
    keras_name = "MinimalGRU"
    has_dropout = True
    gates = 2
    activation: Activation = "linear"


RECURRENT: dict[str, type[Recurrent]] = {
    layer.kind: layer for layer in (SimpleRNN, GRU, LSTM, MinGRU)
}


def _recurrent(value: object) -> Recurrent:
    return parse_variant(
        value, RECURRENT, "recurrent layer", "layer: {lstm: {units: 50}}"
    )


class Bidirectional(Layer):
    """A recurrent layer in each direction, such as layer: {gru: {units: 8}}."""

    kind = "bidirectional"
    keras_name = "Bidirectional"
    takes = "sequence"
    layer: Annotated[SerializeAsAny[Recurrent], BeforeValidator(_recurrent)]
    merge_mode: Literal["concat", "sum", "ave", "mul"] = "concat"

    @computed
    def parts(self) -> Sequence[Layer]:
        return (self, self.layer)

    def keras_arguments(self, shape: Shape, seed_of: SeedOf) -> dict[str, object]:
        # A backward layer that Keras makes itself would begin with the weights of the
        # other one.
        forward = self.layer.keras_layer(shape, lambda role: seed_of(f"forward {role}"))
        back = self.layer.keras_layer(
            shape,
            lambda role: seed_of(f"backward {role}"),
            go_backwards=True,
            name=f"backward_{forward.name}",
        )
        return {
            "layer": forward,
            "merge_mode": self.merge_mode,
            "backward_layer": back,
        }

    def gives_sequence(self, *, from_sequence: bool) -> bool:
        return self.layer.gives_sequence(from_sequence=from_sequence)

    def features_of(self, batch: Batch) -> int:  # noqa: ARG002
        if self.merge_mode == "concat":
            return 2 * self.layer.units
        return self.layer.units

    def products(self, batch: Batch) -> Iterable[Product]:
        return [*self.layer.products(batch)] * 2

    def in_short(self) -> str:
        return f"bidirectional {self.layer.in_short()}"

    def settings(self) -> dict[str, object]:
        return super().settings() | self.layer.settings()


KINDS: tuple[type[Layer], ...] = (*RECURRENT.values(), Bidirectional)
