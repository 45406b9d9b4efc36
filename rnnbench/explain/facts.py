"""The facts about a recurrent layer, read from a real Keras layer.

Only ``explain_kind``, and ``explain_layer`` after it has checked its arguments, import TensorFlow.
"""

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final, Literal

import numpy as np
from pydantic import computed_field
from rich.console import Console, ConsoleOptions, RenderResult

from rnnbench.errors import UserError
from rnnbench.explain import LARGEST, LayerSizes
from rnnbench.explain.kinds import Equation, Floats, Formula, Kind, State, find_kind
from rnnbench.explain.page import WIDTH, explanation_page, in_blocks
from rnnbench.models.quiet import quiet_tensorflow
from rnnbench.report.table import plain_console
from rnnbench.section import Record, spell

EXPLANATION_VERSION: Final = 1
TOLERANCE = 1e-6
"""The largest allowed difference between NumPy and Keras."""
UNITS_SHOWN = 3
"""Units whose values are shown step by step."""
DTYPE = "float64"
"""The precision of the layer; rounding in float32 can exceed ``TOLERANCE``."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Axis:
    """An axis of the input."""

    name: str
    size: int
    meaning: str


@dataclass(frozen=True)
class Output:
    """The output of the layer with ``return_sequences`` off or on."""

    return_sequences: bool
    shape: Shape
    axes: tuple[str, ...]
    meaning: str


@dataclass(frozen=True)
class CarriedState(State):
    """A state and its shape, which is the same at each step."""

    shape: Shape


@dataclass(frozen=True)
class Weight:
    """A weight: its symbol in the equations, and its size by formula and as Keras counts it."""

    name: str
    symbol: str
    shape: Shape
    formula: Formula
    count: int


@dataclass(frozen=True)
class Parameters:
    """The trainable parameters: by formula, weight by weight, and as Keras counts them."""

    formula: Formula
    weights: tuple[Weight, ...]
    count: int


@dataclass(frozen=True)
class Step:
    """The hidden state of the first sequence after a step, counted from 1, in the first units."""

    step: int
    numpy: tuple[float, ...]
    keras: tuple[float, ...]
    largest_difference: float
    """Between the two at this step, over all units and sequences."""


@dataclass(frozen=True)
class NumpyCheck:
    """A comparison of the recurrence in NumPy with the Keras layer, both in precision ``dtype``."""

    dtype: str
    steps: tuple[Step, ...]
    compared: int
    """The count of compared numbers: the outputs with ``return_sequences`` on and off, and the last
    value of each state."""
    largest_difference: float
    tolerance: float = TOLERANCE


class Explanation(Record):
    """All facts about a recurrent layer; it is displayed as ``rnnbench explain`` prints it."""

    schema_version: Literal[1] = EXPLANATION_VERSION
    layer: str
    keras_name: str
    keras_version: str
    title: str
    source: str
    sizes: LayerSizes
    axes: tuple[Axis, ...]
    outputs: tuple[Output, ...]
    states: tuple[CarriedState, ...]
    gates: tuple[str, ...]
    equations: tuple[Equation, ...]
    notes: tuple[str, ...]
    parameters: Parameters
    check: NumpyCheck

    @computed_field  # type: ignore[prop-decorator] # mypy knows no decorated properties
    @property
    def failures(self) -> list[str]:
        """One sentence for each fact that the Keras layer does not confirm."""
        weights = [(one.name, one.formula, one.count) for one in self.parameters.weights]
        weights.append(("all weights", self.parameters.formula, self.parameters.count))
        failures = [
            f"{name}: {formula.value:,} parameters by formula, {count:,} in Keras"
            for name, formula, count in weights
            if formula.value != count
        ]
        if not self.check.largest_difference <= self.check.tolerance:  # it may be nan
            failures.append(
                f"NumPy and Keras differ by {self.check.largest_difference:.1e} "
                f"(allowed: at most {self.check.tolerance:.0e})"
            )
        return failures

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        return in_blocks(partial(explanation_page, self), console, options, WIDTH)

    def __repr__(self) -> str:
        text = io.StringIO()
        console = plain_console(text)
        console.width = WIDTH
        console.print(self, crop=False)
        return "\n".join(line.rstrip() for line in text.getvalue().splitlines())

    def __str__(self) -> str:
        return repr(self)


def explain_layer(
    layer: str, *, units: int = 50, features: int = 30, steps: int = 10, batch: int = 4
) -> Explanation:
    """Explain a recurrent layer: shapes, states, equations, parameters, and its steps in NumPy.

    The facts are read from a real Keras layer of these sizes, and its output is computed again in
    NumPy.

    Args:
        layer: ``simple_rnn``, ``gru`` or ``lstm``.
        units: the size of the hidden state.
        features: the numbers that describe a step of a sequence.
        steps: the length of a sequence.
        batch: the sequences side by side.

    Returns:
        The facts. ``failures`` has a sentence for each of them that Keras does not confirm, and
        ``check.largest_difference`` is the one between NumPy and Keras.

    Raises:
        UserError: there is no such layer, or a size is too small or too large.
    """
    kind, sizes = find_kind(layer), LayerSizes(units, features, steps, batch)
    for (name, size), largest in zip(asdict(sizes).items(), asdict(LARGEST).values(), strict=True):
        if isinstance(size, bool) or not isinstance(size, int | np.integer):
            raise UserError(f"{name}: got {spell(size)} (should be a whole number)")
        if not 1 <= size <= largest:
            raise UserError(f"{name}: got {spell(size)} (should be 1 to {largest})")
    with quiet_tensorflow():
        return explain_kind(kind, sizes)


def explain_kind(kind: Kind, sizes: LayerSizes) -> Explanation:
    """Make a layer of this kind, call it on random sequences, and return the facts.

    The kernels come from Keras's initializers; the biases are random, so that none is zero. The
    same sizes always give the same numbers.
    """
    import keras

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
    values = kind.run(x, *weights)
    return Explanation(
        layer=kind.name,
        keras_name=kind.keras_name,
        keras_version=keras.__version__,
        title=kind.title,
        source=kind.source,
        sizes=sizes,
        axes=(
            Axis("batch", x.shape[0], "sequences that go through the layer side by side"),
            Axis("timesteps", x.shape[1], "steps of a sequence, one after the other"),
            Axis("features", x.shape[2], "numbers that describe a step"),
        ),
        outputs=(
            Output(False, last.shape, ("batch", "units"), "the hidden state after the last step"),
            Output(True, sequence.shape, ("batch", "timesteps", "units"), "after every step"),
        ),
        states=tuple(
            CarriedState(state.symbol, state.name, state.meaning, last_value.shape)
            for state, last_value in zip(kind.states, states, strict=True)
        ),
        gates=kind.gates,
        equations=kind.equations,
        notes=kind.notes,
        parameters=_parameters(kind, sizes, layer),
        check=_check([values[state.symbol] for state in kind.states], sequence, last, states),
    )


def _build(kind: Kind, sizes: LayerSizes, **options: bool) -> Any:
    """Return a built Keras layer, always with the same kernels."""
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


def _parameters(kind: Kind, sizes: LayerSizes, layer: Any) -> Parameters:
    formulas = kind.weights(sizes.units, sizes.features)
    weights = tuple(
        Weight(weight.name, symbol, tuple(weight.shape), formula, int(weight.numpy().size))
        for weight, (symbol, formula) in zip(layer.trainable_weights, formulas.items(), strict=True)
    )
    total = kind.parameters(sizes.units, sizes.features)
    return Parameters(total, weights, layer.count_params())


def _check(
    in_numpy: Sequence[Floats], sequence: Floats, last: Floats, states: Sequence[Floats]
) -> NumpyCheck:
    """Compare the states in NumPy with those of Keras.

    Args:
        in_numpy: the states after every step, the hidden one first, each ``(batch, steps, units)``.
        sequence: Keras's hidden state after every step, ``(batch, steps, units)``.
        last: Keras's hidden state after the last step, ``(batch, units)``.
        states: all of Keras's states after the last step, each ``(batch, units)``.
    """
    hidden = in_numpy[0]
    pairs = [(hidden, sequence), (hidden[:, -1], last)]
    pairs += [(ours[:, -1], theirs) for ours, theirs in zip(in_numpy, states, strict=True)]
    differences = [np.abs(ours - theirs) for ours, theirs in pairs]
    return NumpyCheck(
        dtype=DTYPE,
        steps=tuple(
            Step(
                step=index + 1,
                numpy=tuple(hidden[0, index, :UNITS_SHOWN].tolist()),
                keras=tuple(sequence[0, index, :UNITS_SHOWN].tolist()),
                largest_difference=float(difference),
            )
            for index, difference in enumerate(differences[0].max(axis=(0, 2)))
        ),
        compared=sum(difference.size for difference in differences),
        largest_difference=float(np.max([difference.max() for difference in differences])),
    )
