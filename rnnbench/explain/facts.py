"""A recurrent layer explained: what can be read off a real Keras layer is.

TensorFlow is imported when ``explain_layer`` is called.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rnnbench.explain.kinds import Equation, Formula, Kind, State

if TYPE_CHECKING:
    from rnnbench.explain.recurrences import Floats

TOLERANCE = 1e-6
"""By how much NumPy and Keras may differ."""
UNITS_SHOWN = 3
"""Units whose values are told step by step."""
DTYPE = "float64"
"""The layer's precision: rounding in float32 can come to more than ``TOLERANCE``."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Sizes:
    """The sizes of a layer and of what is given to it."""

    units: int
    features: int
    steps: int
    batch: int


@dataclass(frozen=True)
class Axis:
    """An axis of the input."""

    name: str
    size: int
    meaning: str


@dataclass(frozen=True)
class Output:
    """What the layer gives with ``return_sequences`` off or on."""

    return_sequences: bool
    shape: Shape
    axes: tuple[str, ...]
    meaning: str


@dataclass(frozen=True)
class CarriedState(State):
    """A state, with the shape that it has at each step."""

    shape: Shape


@dataclass(frozen=True)
class Weight:
    """A weight of the layer.

    Attributes:
        name: in Keras.
        symbol: in the equations.
        shape: in Keras.
        formula: of its size.
        count: its size in Keras.
    """

    name: str
    symbol: str
    shape: Shape
    formula: Formula
    count: int


@dataclass(frozen=True)
class Parameters:
    """The trainable parameters of the layer: by formula, weight by weight, and as Keras counts."""

    formula: Formula
    weights: tuple[Weight, ...]
    count: int


@dataclass(frozen=True)
class Step:
    """The hidden state of the first sequence after a step.

    Attributes:
        step: its number, from 1.
        numpy: values of the first units, as NumPy has them.
        keras: the same, as Keras has them.
        largest_difference: of NumPy from Keras at this step, over all units and sequences.
    """

    step: int
    numpy: tuple[float, ...]
    keras: tuple[float, ...]
    largest_difference: float


@dataclass(frozen=True)
class Check:
    """The recurrence in NumPy beside Keras's layer.

    Attributes:
        dtype: the precision of both.
        steps: all steps.
        compared: how many numbers were: the hidden states of all steps, and the last of each state.
        largest_difference: over all of them.
        tolerance: what it may be.
    """

    dtype: str
    steps: tuple[Step, ...]
    compared: int
    largest_difference: float
    tolerance: float = TOLERANCE


@dataclass(frozen=True)
class Explanation:
    """All that is told about a layer."""

    layer: str
    keras_name: str
    keras_version: str
    title: str
    source: str
    sizes: Sizes
    axes: tuple[Axis, ...]
    outputs: tuple[Output, ...]
    states: tuple[CarriedState, ...]
    gates: tuple[str, ...]
    equations: tuple[Equation, ...]
    notes: tuple[str, ...]
    parameters: Parameters
    check: Check

    def failures(self) -> list[str]:
        """Return what is not as it should be, each in a sentence; nothing, if all is well."""
        return [*_miscounts(self.parameters), *_differences(self.check)]


def explain_layer(kind: Kind, sizes: Sizes) -> Explanation:
    """Make a layer of that kind, call it on made-up sequences, and return the facts.

    Its kernels are as Keras makes them, its biases random, none of them zero; the same sizes give
    the same numbers.
    """
    import keras
    import numpy as np

    random = np.random.default_rng(0)
    x = random.normal(size=(sizes.batch, sizes.steps, sizes.features))
    layer = _build(kind, sizes, return_sequences=True, return_state=True)
    *kernels, bias = layer.get_weights()
    weights = [*kernels, random.uniform(-1, 1, bias.shape)]
    layer.set_weights(weights)
    last_only = _build(kind, sizes)
    last_only.set_weights(weights)
    sequence, *states = map(np.asarray, layer(x))
    last = np.asarray(last_only(x))
    return Explanation(
        layer=kind.name,
        keras_name=kind.keras_name,
        keras_version=keras.__version__,
        title=kind.title,
        source=kind.source,
        sizes=sizes,
        axes=_axes(x.shape),
        outputs=_outputs(last, sequence),
        states=_carried(kind, states),
        gates=kind.gates,
        equations=kind.equations,
        notes=kind.notes,
        parameters=_parameters(kind, sizes, layer),
        check=_check(_states_in_numpy(kind, x, weights), sequence, last, states),
    )


def _build(kind: Kind, sizes: Sizes, **options: bool) -> Any:
    """Return a built Keras layer, with the same kernels every time."""
    import keras

    layer = getattr(keras.layers, kind.keras_name)(
        sizes.units,
        kernel_initializer=keras.initializers.GlorotUniform(seed=0),
        recurrent_initializer=keras.initializers.Orthogonal(seed=0),
        dtype=DTYPE,
        **options,
    )
    layer.build((None, sizes.steps, sizes.features))
    return layer


def _axes(shape: Shape) -> tuple[Axis, ...]:
    batch, steps, features = shape
    return (
        Axis("batch", batch, "sequences that go through the layer side by side"),
        Axis("timesteps", steps, "steps of a sequence, one after the other"),
        Axis("features", features, "numbers that describe a step"),
    )


def _outputs(last: "Floats", sequence: "Floats") -> tuple[Output, ...]:
    return (
        Output(False, last.shape, ("batch", "units"), "the hidden state after the last step"),
        Output(True, sequence.shape, ("batch", "timesteps", "units"), "that after every step"),
    )


def _carried(kind: Kind, states: Sequence["Floats"]) -> tuple[CarriedState, ...]:
    """Return the states that Keras gave, by the names that the kind has for them."""
    return tuple(
        CarriedState(state.symbol, state.name, state.meaning, values.shape)
        for state, values in zip(kind.states, states, strict=True)
    )


def _parameters(kind: Kind, sizes: Sizes, layer: Any) -> Parameters:
    formulas = kind.weights(sizes.units, sizes.features)
    weights = tuple(
        Weight(weight.name, symbol, tuple(weight.shape), formula, int(weight.numpy().size))
        for weight, (symbol, formula) in zip(layer.trainable_weights, formulas.items(), strict=True)
    )
    total = kind.parameters(sizes.units, sizes.features)
    return Parameters(total, weights, layer.count_params())


def _states_in_numpy(kind: Kind, x: "Floats", weights: Sequence["Floats"]) -> tuple["Floats", ...]:
    """Return the states after every step, the hidden one first, each ``(batch, steps, units)``."""
    from rnnbench.explain import recurrences

    states = getattr(recurrences, kind.name)(x, *weights)
    return states if isinstance(states, tuple) else (states,)


def _check(
    ours: Sequence["Floats"], sequence: "Floats", last: "Floats", states: Sequence["Floats"]
) -> Check:
    """Compare all states that NumPy has with what Keras gave.

    Args:
        ours: the states after every step, the hidden one first, each ``(batch, steps, units)``.
        sequence: the hidden state after every step, ``(batch, steps, units)``.
        last: the hidden state after the last step, ``(batch, units)``.
        states: all states after the last step, each ``(batch, units)``.
    """
    import numpy as np

    hidden = ours[0]
    pairs = [(hidden, sequence), (hidden[:, -1], last)]
    pairs += [(each[:, -1], state) for each, state in zip(ours, states, strict=True)]
    differences = [np.abs(our - their) for our, their in pairs]
    by_step = differences[0].max(axis=(0, 2))
    return Check(
        dtype=DTYPE,
        steps=tuple(
            Step(
                step=index + 1,
                numpy=tuple(hidden[0, index, :UNITS_SHOWN].tolist()),
                keras=tuple(sequence[0, index, :UNITS_SHOWN].tolist()),
                largest_difference=float(difference),
            )
            for index, difference in enumerate(by_step)
        ),
        compared=sum(each.size for each in differences),
        largest_difference=float(np.max([each.max() for each in differences])),
    )


def _miscounts(parameters: Parameters) -> list[str]:
    pairs = [(weight.name, weight.formula, weight.count) for weight in parameters.weights]
    pairs.append(("all weights", parameters.formula, parameters.count))
    return [
        f"{name}: by formula {formula.value:,} parameters, in Keras {count:,}"
        for name, formula, count in pairs
        if formula.value != count
    ]


def _differences(check: Check) -> list[str]:
    if check.largest_difference <= check.tolerance:
        return []
    return [
        f"NumPy and Keras differ by {check.largest_difference:.1e} "
        f"(allowed: at most {check.tolerance:.0e})"
    ]
