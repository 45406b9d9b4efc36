"""NumPy code and drawings of layers and of stacks, made from their equations and templates."""

# ruff: noqa: RUF001 - mathematics has signs that look like Latin letters

import re
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from rnnbench.explain.kinds import Equation, Kind
from rnnbench.explain.toy import PATTERNS, TOY, UNITS, weight_shapes
from rnnbench.storage import check_new, write_text

SPELLINGS = {
    "ₜ₋₁": "",  # a state is replaced only after its last use
    "xₜ": "x_t",
    "ₜ": "",
    "ĥ": "candidate",
    "ĉ": "candidate",
    "σ": "sigmoid",
    "tanh": "np.tanh",
    "⊙": "*",
    "−": "-",
}
"""How the signs of equations are written in Python."""
COLUMNS = (88, 160, 232, 304)
"""The middle of each step, in pixels from the left."""
TOP, APART = 88, 80
"""The top of the last layer, and the distance between layers."""


def numpy_code(kinds: Sequence[Kind]) -> str:
    """Return a program that computes what a stack of Keras layers computes with the same weights.

    It has a function for each kind of layer, and one for the stack. As a script, it prints the
    output of the stack for the toy array.
    """
    return _template("numpy.py.j2").render(
        kinds=kinds,
        distinct=list(dict.fromkeys(kinds)),
        has_gates=any(len(kind.gates) > 1 for kind in kinds),
        in_python=in_python,
        splits=splits,
        toy_shape=TOY.shape,
        patterns={name: list(pattern) for name, pattern in PATTERNS.items()},
        shapes=[
            weight_shapes(kind, UNITS if position else TOY.shape[-1])
            for position, kind in enumerate(kinds)
        ],
    )


def in_python(equation: Equation) -> str:
    """Return an equation as an assignment.

    >>> in_python(Equation("hₜ = tanh(xₜ W + hₜ₋₁ U + b)", "new hidden state"))
    'h = np.tanh(x_t @ W + h @ U + b)'
    """
    text = equation.text
    for sign, spelling in SPELLINGS.items():
        text = text.replace(sign, spelling)
    return re.sub(r"(\w) ([WU])", r"\1 @ \2", text)


def splits(kind: Kind) -> Iterator[str]:
    """Yield the assignments that split the weights of a layer by gate."""
    if (n := len(kind.gates)) == 1:
        return
    rows = {"b": "b"} if kind.bias_rows == 1 else {"b": "b[0]", "d": "b[1]"}
    for name, weight in ({"W": "W", "U": "U"} | rows).items():
        names = ", ".join(f"{name}_{gate}" for gate in kind.gates)
        yield f"{names} = np.split({weight}, {n}, axis=-1)"


def save_drawing(kinds: Sequence[Kind], file: Path, *, overwrite: bool) -> None:
    """Write the drawing of a layer, or of a stack of layers, to a file.

    Raises:
        UserError: the file is not an SVG file, exists and may not be overwritten, or cannot be
            written.
    """
    check_new(file, "--save", [".svg"], overwrite=overwrite)
    write_text(file, cell(kinds[0]) if len(kinds) == 1 else stack(kinds))


def cell(kind: Kind) -> str:
    """Return a step of a layer as SVG."""
    return (files("rnnbench.explain") / f"drawings/{kind.name}.svg").read_text(encoding="utf-8")


def stack(kinds: Sequence[Kind]) -> str:
    """Return a stack of layers over four steps as SVG, the first layer at the bottom."""
    bottom = TOP + APART * (len(kinds) - 1)
    captions = _captions(kinds)
    below = bottom + 100
    return _template("stacking.svg.j2").render(
        title=f"Stacked layers: {', then '.join(kind.keras_name for kind in kinds)}",
        description=_description(kinds),
        height=below + 18 * len(captions) - 8,
        columns=COLUMNS,
        layers=[
            {
                "number": number,
                "name": kind.keras_name,
                "top": bottom - APART * (number - 1),
                "has_memory": _has_memory(kind),
            }
            for number, kind in enumerate(kinds, start=1)
        ],
        has_memory=any(map(_has_memory, kinds)),
        captions=captions,
        below=below,
    )


def _has_memory(kind: Kind) -> bool:
    return any(state.symbol == "c" for state in kind.states)


def _captions(kinds: Sequence[Kind]) -> list[str]:
    last = len(kinds)
    captions = [
        f"{_all_but(last)} on all states (return_sequences: true)",
        f"layer {last} passes on only the last (return_sequences: false)",
    ]
    return [*captions, "thick arrows: cell states"] if any(map(_has_memory, kinds)) else captions


def _description(kinds: Sequence[Kind]) -> str:
    last = len(kinds)
    return (
        f"A stack of {last} layers: {_all_but(last)} on the state after every step, and layer "
        f"{last} passes only its last state to the dense layer"
    )


def _all_but(last: int) -> str:
    """Return the subject and the verb of a sentence on all layers but the last."""
    if last == 2:
        return "layer 1 passes"
    return f"layers 1 {'and' if last == 3 else 'to'} {last - 1} pass"


def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("rnnbench.explain"),
        autoescape=name.endswith(".svg.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)
