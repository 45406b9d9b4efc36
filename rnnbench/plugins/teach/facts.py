"""An explained layer: facts, read from a real Keras layer, and their page.

>>> explanation = explain_layer("lstm", units=50)  # doctest: +SKIP
>>> print(explanation)  # doctest: +SKIP
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import computed_field
from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Column, Table
from rich.text import Text

from rnnbench import UserError
from rnnbench.plugin import (
    StoredRecord,
    as_text,
    counted,
    grid,
    quiet_tensorflow,
    spell,
    stacked,
)
from rnnbench.plugins.teach import LARGEST
from rnnbench.plugins.teach.kinds import (
    IN_ASCII,
    Equation,
    Formula,
    Kind,
    State,
    find_kind,
)
from rnnbench.plugins.teach.recurrences import Floats

if TYPE_CHECKING:
    from keras.layers import RNN

TOLERANCE = 1e-6  # the largest allowed difference between NumPy and Keras
UNITS_SHOWN = 3  # units whose values are shown step by step
DTYPE = "float64"  # of the layer; rounding in float32 can exceed TOLERANCE
# Columns on every terminal: longer lines are tiring, shorter ones would cut numbers.
WIDTH = 80
Shape = tuple[int, ...]
VALUE = "bold"
ASIDE = "dim"
GOOD = "green"
BAD = "bold red"


@dataclass(frozen=True)
class LayerSizes:
    """The sizes of a layer and its input."""

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
    """The output of the layer with ``return_sequences`` off or on."""

    return_sequences: bool
    shape: Shape
    axes: tuple[str, ...]
    meaning: str


@dataclass(frozen=True)
class Weight:
    """A weight: its symbol in the equations, and its size."""

    name: str
    symbol: str
    shape: Shape
    formula: Formula
    count: int  # by Keras


@dataclass(frozen=True)
class Parameters:
    """The trainable parameters, in all and weight by weight."""

    formula: Formula
    weights: tuple[Weight, ...]
    count: int  # by Keras


@dataclass(frozen=True)
class Step:
    """Part of the first sequence's hidden state after a step."""

    step: int
    numpy: tuple[float, ...]
    keras: tuple[float, ...]
    largest_difference: float  # of all sequences and units


@dataclass(frozen=True)
class NumpyCheck:
    """A comparison of all outputs and last states in NumPy and in Keras."""

    dtype: str
    steps: tuple[Step, ...]
    compared: int
    largest_difference: float
    tolerance: float = TOLERANCE


class Explanation(StoredRecord):
    """All facts about a recurrent layer; ``rnnbench explain`` prints it."""

    schema_version: Literal[1] = 1
    layer: str
    keras_name: str
    keras_version: str
    title: str
    source: str
    sizes: LayerSizes
    axes: tuple[Axis, ...]
    outputs: tuple[Output, ...]
    states: tuple[State, ...]
    gates: tuple[str, ...]
    equations: tuple[Equation, ...]
    notes: tuple[str, ...]
    parameters: Parameters
    check: NumpyCheck

    @computed_field  # type: ignore[prop-decorator] # mypy knows no decorated properties
    @property
    def failures(self) -> list[str]:
        """One sentence for each fact that the Keras layer does not confirm."""
        check = self.check
        failures = []
        for weight in self.parameters.weights:
            failures += _miscount(weight.name, weight)
        failures += _miscount("all weights", self.parameters)
        if not check.largest_difference <= check.tolerance:  # it may be nan
            failures.append(
                f"NumPy and Keras differ by {check.largest_difference:.1e} "
                f"(allowed: at most {check.tolerance:.0e})"
            )
        return failures

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        return console.render(explanation_page(self), options.update(width=WIDTH))

    def __repr__(self) -> str:
        lines = as_text(self, width=WIDTH).splitlines()
        return "\n".join(line.rstrip() for line in lines)

    __str__ = __repr__


def _miscount(name: str, size: Weight | Parameters) -> list[str]:
    """Return a sentence if Keras counts other parameters than the formula."""
    expected = size.formula.value
    if expected == size.count:
        return []
    return [f"{name}: {expected:,} parameters by formula, {size.count:,} in Keras"]


def explain_layer(
    layer: str, *, units: int = 50, features: int = 30, steps: int = 10, batch: int = 4
) -> Explanation:
    """Explain a recurrent layer: its shapes, equations, parameters, and its steps.

    It is a ``simple_rnn``, ``gru`` or ``lstm`` of so many ``units``, and reads a
    ``batch`` of sequences, each of so many ``steps`` of so many ``features``.

    Returns:
        The facts. ``failures`` has a sentence for each of them that Keras does not
        confirm, and ``check.largest_difference`` is that between NumPy and Keras.

    Raises:
        UserError: there is no such layer, or a size is too small or too large.
    """
    kind = find_kind(layer)
    sizes = LayerSizes(units, features, steps, batch)
    for name, size in vars(sizes).items():
        is_integer = isinstance(size, int | np.integer) and not isinstance(size, bool)
        if not (is_integer and 1 <= size <= LARGEST[name]):
            allowed = f"should be a whole number from 1 to {LARGEST[name]}"
            raise UserError(f"{name}: got {spell(size)} ({allowed})")
    with quiet_tensorflow():
        return explain_kind(kind, sizes)


def explain_kind(kind: Kind, sizes: LayerSizes) -> Explanation:
    """Return the facts of a real layer with random weights, on random input.

    The random numbers are always the same.
    """
    import keras

    random = np.random.default_rng(0)
    x = random.normal(size=(sizes.batch, sizes.steps, sizes.features))
    layer = _build(kind, sizes, returns_all=True)
    last_only = _build(kind, sizes, returns_all=False)
    *kernels, bias = layer.get_weights()
    weights = [*kernels, random.uniform(-1, 1, bias.shape)]
    layer.set_weights(weights)
    last_only.set_weights(weights)
    sequence, *states = map(np.asarray, layer(x))
    last = np.asarray(last_only(x))
    values = kind.run(x, *weights)
    ours = [values[state.symbol] for state in kind.states]
    return Explanation(
        layer=kind.name,
        keras_name=kind.keras_name,
        keras_version=keras.__version__,
        title=kind.title,
        source=kind.source,
        sizes=sizes,
        axes=_axes(sizes),
        outputs=_outputs(last.shape, sequence.shape),
        states=tuple(
            replace(state, shape=array.shape)
            for state, array in zip(kind.states, states, strict=True)
        ),
        gates=kind.gates,
        equations=kind.equations,
        notes=kind.notes,
        parameters=_parameters(kind, sizes, layer),
        check=_check(ours, sequence, last, *states),
    )


def _axes(sizes: LayerSizes) -> tuple[Axis, ...]:
    sequences = "sequences that go through the layer side by side"
    return (
        Axis("batch", sizes.batch, sequences),
        Axis("timesteps", sizes.steps, "steps of a sequence, one after the other"),
        Axis("features", sizes.features, "numbers that describe a step"),
    )


def _outputs(last: Shape, sequence: Shape) -> tuple[Output, ...]:
    axes = ("batch", "timesteps", "units")
    meaning = "the hidden state after the last step"
    return (
        Output(False, last, ("batch", "units"), meaning),
        Output(True, sequence, axes, "after every step"),
    )


def _parameters(kind: Kind, sizes: LayerSizes, layer: "RNN") -> Parameters:
    """Return the parameters by formula, and as a Keras layer has them."""
    formulas = kind.weights(sizes.units, sizes.features)
    weights = []
    for symbol, weight in zip(formulas, layer.trainable_weights, strict=True):
        shape = tuple(weight.shape)
        formula = formulas[symbol]
        weights.append(Weight(weight.name, symbol, shape, formula, math.prod(shape)))
    formula = kind.parameters(sizes.units, sizes.features)
    return Parameters(formula, tuple(weights), layer.count_params())


def _build(kind: Kind, sizes: LayerSizes, *, returns_all: bool) -> "RNN":
    """Return a built Keras layer, always with the same kernels.

    It returns the last hidden state, or all of them and the last states.
    """
    import keras

    layer = getattr(keras.layers, kind.keras_name)(
        sizes.units,
        kernel_initializer=keras.initializers.GlorotUniform(seed=0),
        recurrent_initializer=keras.initializers.Orthogonal(seed=0),
        dtype=DTYPE,
        return_sequences=returns_all,
        return_state=returns_all,
    )
    layer.build((None, sizes.steps, sizes.features))
    return layer


def _check(
    ours: Sequence[Floats], sequence: Floats, last: Floats, *states: Floats
) -> NumpyCheck:
    """Compare states in NumPy with Keras's after every and after the last step."""
    hidden = ours[0]
    differences = [np.abs(hidden - sequence), np.abs(hidden[:, -1] - last)]
    for own_state, state in zip(ours, states, strict=True):
        differences.append(np.abs(own_state[:, -1] - state))
    steps = []
    for t in range(hidden.shape[1]):
        numpy = hidden[0, t, :UNITS_SHOWN].tolist()
        keras = sequence[0, t, :UNITS_SHOWN].tolist()
        largest = float(differences[0][:, t].max())
        steps.append(Step(t + 1, tuple(numpy), tuple(keras), largest))
    largest_of_each = [difference.max() for difference in differences]
    return NumpyCheck(
        dtype=DTYPE,
        steps=tuple(steps),
        compared=sum(difference.size for difference in differences),
        largest_difference=float(np.max(largest_of_each)),
    )


@dataclass(frozen=True)
class Spelled:
    """A page whose signs are spelled if the encoding has only ASCII."""

    page: RenderableType

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        for segment in console.render(self.page, options):
            text = segment.text
            if options.ascii_only:
                for sign, spelling in IN_ASCII.items():
                    text = text.replace(sign, spelling)
            yield segment._replace(text=text)


def explanation_page(explanation: Explanation) -> Spelled:
    """Return an explanation in six numbered parts, to be printed uncropped."""
    name = explanation.keras_name
    units = explanation.sizes.units
    title = Text.assemble(
        (name, "bold"), f", {explanation.title}\n", (explanation.source, ASIDE)
    )
    origin = Text(
        f"Shapes, weights and values are those of a keras.layers.{name}({units}), "
        f"Keras {explanation.keras_version}, with random weights and biases, called on "
        "random input."
    )
    parts: dict[str, Sequence[RenderableType]] = {
        "The input has three axes": _input(explanation),
        "The output": _output(explanation),
        "The states carried from step to step": _states(explanation),
        "The equations": _equations(explanation),
        "The trainable parameters": _sizes(explanation.sizes, explanation.parameters),
        "The same in NumPy, step by step": _steps(explanation.check),
    }
    numbered: list[tuple[str, Sequence[RenderableType]]] = [("", [title, origin])]
    for number, (heading, part) in enumerate(parts.items(), start=1):
        numbered.append((f"{number}  {heading}", part))
    return Spelled(stacked(numbered))


def _input(explanation: Explanation) -> list[RenderableType]:
    names = ", ".join(axis.name for axis in explanation.axes)
    shape = tuple(axis.size for axis in explanation.axes)
    width = len(str(max(shape)))
    axes = [
        (axis.name, f"{axis.size:>{width}}", axis.meaning) for axis in explanation.axes
    ]
    return [
        Text.assemble("x  ", (str(shape), VALUE), (f"  ({names})", ASIDE)),
        grid(axes, ("", VALUE, ASIDE)),
    ]


def _output(explanation: Explanation) -> list[RenderableType]:
    rows = []
    meanings = []
    for output in explanation.outputs:
        switch = f"return_sequences={output.return_sequences}"
        rows.append((switch, str(output.shape), f"({', '.join(output.axes)})"))
        meanings.append(f"{output.return_sequences}: {output.meaning}")
    return [grid(rows, ("", VALUE, ASIDE)), Text(f"{'; '.join(meanings)}.")]


def _states(explanation: Explanation) -> list[RenderableType]:
    rows = [
        (state.symbol, state.name, str(state.shape), state.meaning)
        for state in explanation.states
    ]
    note = (
        "(batch, units), zero before the first step; return_state=True gives the last."
    )
    return [grid(rows, (VALUE, "", VALUE, ASIDE)), Text(note)]


def _equations(explanation: Explanation) -> list[RenderableType]:
    rows = [(equation.text, equation.meaning) for equation in explanation.equations]
    equations = grid(rows, (VALUE, ASIDE))
    equations.columns[0].no_wrap = True  # one in two lines is hard to read
    return [equations, Text("\n".join(explanation.notes))]


def _table(*headers: Column | str) -> Table:
    return Table(
        *headers,
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
    )


def _sizes(sizes: LayerSizes, parameters: Parameters) -> list[RenderableType]:
    by_formula = Column("by formula", justify="right")
    in_keras = Column("in Keras", justify="right")
    table = _table("weight", "", "shape", "size", by_formula, in_keras)
    for weight in parameters.weights:
        shape = str(weight.shape)
        table.add_row(
            weight.symbol, weight.name, shape, weight.formula.text, *_counts(weight)
        )
    table.add_section()
    table.add_row("sum", "", "", "", *_counts(parameters))
    total = parameters.formula
    return [
        Text(f"units h = {sizes.units}, features i = {sizes.features}"),
        table,
        Text.assemble((total.text, VALUE), f" = {total.numbers} = {total.value:,}"),
    ]


def _counts(size: Weight | Parameters) -> tuple[str, Text]:
    """Return a number of parameters by formula, and in Keras."""
    style = BAD
    if size.count == size.formula.value:
        style = GOOD
    return f"{size.formula.value:,}", Text(f"{size.count:,}", style)


def _steps(check: NumpyCheck) -> list[RenderableType]:
    n_units = len(check.steps[0].numpy)
    units = counted(n_units, "unit")
    table = _table(Column("\nstep", justify="right"))
    for library in ("NumPy", "Keras"):
        for unit in range(n_units):
            above = library if unit == 0 else ""
            table.add_column(f"{above}\nunit {unit + 1}", justify="right")
    table.add_column("largest\ndifference", justify="right")
    for step in check.steps:
        values = [f"{value:.5f}" for value in (*step.numpy, *step.keras)]
        table.add_row(f"{step.step}", *values, f"{step.largest_difference:.1e}")
    style = BAD
    if check.largest_difference <= check.tolerance:
        style = GOOD
    intro = (
        f"The first {units} of the hidden state of the first sequence, "
        f"in {check.dtype}:"
    )
    return [
        Text(intro),
        table,
        Text.assemble(
            f"All {check.compared:,} numbers of the output: at most ",
            (f"{check.largest_difference:.1e}", style),
            f" apart (allowed: {check.tolerance:.0e}).",
        ),
    ]
