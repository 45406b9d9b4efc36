"""NumPy code of a stack of layers, made from their equations."""

# ruff: noqa: RUF001 - mathematics has signs that look like Latin letters

import re
from collections.abc import Iterator, Sequence

from rnnbench.explain.kinds import Equation, Kind
from rnnbench.explain.templates import template
from rnnbench.explain.toy import PATTERNS, TOY, UNITS, weight_shapes

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


def numpy_code(kinds: Sequence[Kind]) -> str:
    """Return a program that computes what a stack of Keras layers computes with the same weights.

    It has a function for each kind of layer, and one for the stack. As a script, it prints the
    output of the stack for the toy array.
    """
    return template("numpy.py.j2").render(
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
