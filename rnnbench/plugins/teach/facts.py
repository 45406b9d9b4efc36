"""An explained layer: facts, read from a real Keras layer, and their page in the
terminal.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from pydantic import computed_field
from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Column, Table
from rich.text import Text

from rnnbench.errors import UserError
from rnnbench.models.quiet import quiet_tensorflow
from rnnbench.plugins.teach import LARGEST
from rnnbench.plugins.teach.kinds import (
    IN_ASCII,
    Equation,
    Floats,
    Formula,
    Kind,
    State,
    find_kind,
)
from rnnbench.report.layout import as_text, grid, stacked
from rnnbench.section import StoredRecord, spell
from rnnbench.text import counted

TOLERANCE = 1e-6  # the largest allowed difference between NumPy and Keras
ON_PAPER = ("keras_name", "title", "source", "gates", "equations", "notes")  # of a kind
UNITS_SHOWN = 3  # units whose values are shown step by step
DTYPE = (
    "float64"  # the precision of the layer; rounding in float32 can exceed TOLERANCE
)
# columns on every terminal: longer lines are tiring, shorter ones would cut numbers
WIDTH = 80
Shape = tuple[int, ...]
VALUE, ASIDE, GOOD, BAD = "bold", "dim", "green", "bold red"
LINES: Any = {
    "box": SIMPLE_HEAD,
    "show_edge": False,
    "pad_edge": False,
    "collapse_padding": True,
}


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
    """A weight: its symbol in the equations, and its size by formula and as Keras
    counts it.
    """

    name: str
    symbol: str
    shape: Shape
    formula: Formula
    count: int


@dataclass(frozen=True)
class Parameters:
    """The trainable parameters: by formula, weight by weight, and as Keras counts
    them.
    """

    formula: Formula
    weights: tuple[Weight, ...]
    count: int


@dataclass(frozen=True)
class Step:
    """Part of the first sequence's hidden state after a step; the largest difference of
    all.
    """

    step: int
    numpy: tuple[float, ...]
    keras: tuple[float, ...]
    largest_difference: float


@dataclass(frozen=True)
class NumpyCheck:
    """A comparison of all outputs and last states in NumPy with those of the Keras
    layer.
    """

    dtype: str
    steps: tuple[Step, ...]
    compared: int
    largest_difference: float
    tolerance: float = TOLERANCE


class Explanation(StoredRecord):
    """All facts about a recurrent layer; it is displayed as ``rnnbench explain`` prints
    it.
    """

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
        whole, check = self.parameters, self.check
        sizes = {one.name: one for one in whole.weights} | {"all weights": whole}
        failures = [
            f"{name}: {one.formula.value:,} parameters by formula, {one.count:,} in Keras"
            for name, one in sizes.items()
            if one.formula.value != one.count
        ]
        if not check.largest_difference <= check.tolerance:  # it may be nan
            allowed = f"(allowed: at most {check.tolerance:.0e})"
            failures.append(
                f"NumPy and Keras differ by {check.largest_difference:.1e} {allowed}"
            )
        return failures

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        return console.render(explanation_page(self), options.update(width=WIDTH))

    def __repr__(self) -> str:
        return "\n".join(
            line.rstrip() for line in as_text(self, width=WIDTH).splitlines()
        )

    __str__ = __repr__


def explain_layer(
    layer: str, *, units: int = 50, features: int = 30, steps: int = 10, batch: int = 4
) -> Explanation:
    """Explain a recurrent layer: shapes, states, equations, parameters, and its steps
    in NumPy.

    It is a ``simple_rnn``, ``gru`` or ``lstm`` of so many ``units``, and reads a
    ``batch`` of sequences, each of so many ``steps`` of so many ``features``.

    Returns:
        The facts. ``failures`` has a sentence for each of them that Keras does not
            confirm, and
        ``check.largest_difference`` is the one between NumPy and Keras.

    Raises:
        UserError: there is no such layer, or a size is too small or too large.
    """
    kind, sizes = find_kind(layer), LayerSizes(units, features, steps, batch)
    for name, size in vars(sizes).items():
        is_whole = isinstance(size, int | np.integer) and not isinstance(size, bool)
        if not (is_whole and 1 <= size <= LARGEST[name]):
            allowed = f"should be a whole number from 1 to {LARGEST[name]}"
            raise UserError(f"{name}: got {spell(size)} ({allowed})")
    with quiet_tensorflow():
        return explain_kind(kind, sizes)


def explain_kind(kind: Kind, sizes: LayerSizes) -> Explanation:
    """Return the facts of a real layer with random weights, always the same, on random
    input.
    """
    import keras

    random = np.random.default_rng(0)
    x = random.normal(size=(sizes.batch, sizes.steps, sizes.features))
    layer = _build(kind, sizes, return_sequences=True, return_state=True)
    *kernels, bias = layer.get_weights()
    weights = [*kernels, random.uniform(-1, 1, bias.shape)]
    last_only = _build(kind, sizes)
    for one in (layer, last_only):
        one.set_weights(weights)
    sequence, *states = map(np.asarray, layer(x))
    last = np.asarray(last_only(x))
    values = kind.run(x, *weights)
    whole = kind.parameters(sizes.units, sizes.features)
    formulas = kind.weights(sizes.units, sizes.features).items()
    parts = tuple(
        Weight(
            weight.name, symbol, tuple(weight.shape), formula, int(weight.numpy().size)
        )
        for weight, (symbol, formula) in zip(
            layer.trainable_weights, formulas, strict=True
        )
    )
    ends = zip(kind.states, states, strict=True)
    return Explanation(
        layer=kind.name,
        keras_version=keras.__version__,
        sizes=sizes,
        axes=(
            Axis(
                "batch", x.shape[0], "sequences that go through the layer side by side"
            ),
            Axis("timesteps", x.shape[1], "steps of a sequence, one after the other"),
            Axis("features", x.shape[2], "numbers that describe a step"),
        ),
        outputs=(
            Output(
                False,
                last.shape,
                ("batch", "units"),
                "the hidden state after the last step",
            ),
            Output(
                True,
                sequence.shape,
                ("batch", "timesteps", "units"),
                "after every step",
            ),
        ),
        states=tuple(replace(state, shape=end.shape) for state, end in ends),
        parameters=Parameters(whole, parts, layer.count_params()),
        **{name: getattr(kind, name) for name in ON_PAPER},
        check=_check(
            [values[state.symbol] for state in kind.states], sequence, last, *states
        ),
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


def _check(
    ours: Sequence[Floats], sequence: Floats, last: Floats, *states: Floats
) -> NumpyCheck:
    """Compare states in NumPy with Keras's: ``last`` and ``states`` are after the last
    step.
    """
    hidden = ours[0]
    pairs = [(hidden, sequence), (hidden[:, -1], last)]
    pairs += [(own[:, -1], theirs) for own, theirs in zip(ours, states, strict=True)]
    differences = [np.abs(own - theirs) for own, theirs in pairs]
    first_units = (values[0, :, :UNITS_SHOWN].tolist() for values in (hidden, sequence))
    by_step = zip(*first_units, differences[0].max(axis=(0, 2)).tolist(), strict=True)
    return NumpyCheck(
        dtype=DTYPE,
        steps=tuple(
            Step(step, tuple(own), tuple(theirs), largest)
            for step, (own, theirs, largest) in enumerate(by_step, start=1)
        ),
        compared=sum(difference.size for difference in differences),
        largest_difference=float(
            np.max([difference.max() for difference in differences])
        ),
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
            for sign, spelling in IN_ASCII.items() if options.ascii_only else ():
                text = text.replace(sign, spelling)
            yield segment._replace(text=text)


def explanation_page(facts: Explanation) -> Spelled:
    """Return an explanation in six numbered parts, to be printed uncropped."""
    name, units, shape = (
        facts.keras_name,
        facts.sizes.units,
        [axis.size for axis in facts.axes],
    )
    title = Text.assemble((name, "bold"), f", {facts.title}\n", (facts.source, ASIDE))
    origin = Text(
        f"Shapes, weights and values are those of a keras.layers.{name}({units}), Keras "
        f"{facts.keras_version}, with random weights and biases, called on random input."
    )
    names = ", ".join(axis.name for axis in facts.axes)
    width = len(str(max(shape)))
    axes = [(axis.name, f"{axis.size:>{width}}", axis.meaning) for axis in facts.axes]
    switches = [
        (
            f"return_sequences={of.return_sequences}",
            str(of.shape),
            f"({', '.join(of.axes)})",
        )
        for of in facts.outputs
    ]
    meanings = "; ".join(f"{of.return_sequences}: {of.meaning}" for of in facts.outputs)
    states = [
        (state.symbol, state.name, str(state.shape), state.meaning)
        for state in facts.states
    ]
    equations = grid(
        [(line.text, line.meaning) for line in facts.equations], (VALUE, ASIDE)
    )
    equations.columns[0].no_wrap = True  # one in two lines is hard to read
    parts: dict[str, Sequence[RenderableType]] = {
        "The input has three axes": [
            Text.assemble("x  ", (str(tuple(shape)), VALUE), (f"  ({names})", ASIDE)),
            grid(axes, ("", VALUE, ASIDE)),
        ],
        "The output": [grid(switches, ("", VALUE, ASIDE)), Text(f"{meanings}.")],
        "The states carried from step to step": [
            grid(states, (VALUE, "", VALUE, ASIDE)),
            Text(
                "(batch, units), zero before the first step; return_state=True gives the last."
            ),
        ],
        "The equations": [equations, Text("\n".join(facts.notes))],
        "The trainable parameters": _sizes(facts.sizes, facts.parameters),
        "The same in NumPy, step by step": _steps(facts.check),
    }
    numbered = (
        (f"{n}  {heading}", parts[heading]) for n, heading in enumerate(parts, start=1)
    )
    return Spelled(stacked([("", [title, origin]), *numbered]))


def _sizes(sizes: LayerSizes, parameters: Parameters) -> list[RenderableType]:
    counts = (Column(title, justify="right") for title in ("by formula", "in Keras"))
    table = Table("weight", "", "shape", "size", *counts, **LINES)
    total, weights = parameters.formula, parameters.weights
    rows: list[Any] = [
        (it.symbol, it.name, str(it.shape), it.formula.text, it) for it in weights
    ]
    for *words, it in [*rows, ("sum", "", "", "", parameters)]:
        in_keras = Text(f"{it.count:,}", GOOD if it.count == it.formula.value else BAD)
        table.add_row(
            *words, f"{it.formula.value:,}", in_keras, end_section=it is weights[-1]
        )
    return [
        Text(f"units h = {sizes.units}, features i = {sizes.features}"),
        table,
        Text.assemble((total.text, VALUE), f" = {total.numbers} = {total.value:,}"),
    ]


def _steps(check: NumpyCheck) -> list[RenderableType]:
    n_units = len(check.steps[0].numpy)
    units = counted(n_units, "unit")
    table = Table(Column("\nstep", justify="right"), **LINES)
    for library in ("NumPy", "Keras"):
        for unit in range(n_units):
            table.add_column(
                f"{'' if unit else library}\nunit {unit + 1}", justify="right"
            )
    table.add_column("largest\ndifference", justify="right")
    for step in check.steps:
        values = [f"{value:.5f}" for value in (*step.numpy, *step.keras)]
        table.add_row(f"{step.step}", *values, f"{step.largest_difference:.1e}")
    is_close = check.largest_difference <= check.tolerance
    return [
        Text(
            f"The first {units} of the hidden state of the first sequence, in {check.dtype}:"
        ),
        table,
        Text.assemble(
            f"All {check.compared:,} numbers of the output: at most ",
            (f"{check.largest_difference:.1e}", GOOD if is_close else BAD),
            f" apart (allowed: {check.tolerance:.0e}).",
        ),
    ]
