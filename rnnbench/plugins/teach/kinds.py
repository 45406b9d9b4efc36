"""The recurrent layers on paper and in NumPy: equations, gates, and formulas of
parameters.

``hₜ`` is the hidden state at a step; ``h`` alone is the number of units and ``i`` the
number of features. The equations treat vectors as rows, as Keras does, and NumPy
carries them out as they stand. Shapes: ``B`` sequences, ``T`` steps, ``I`` features,
``H`` units, ``G`` gates.
"""

# ruff: noqa: RUF001, RUF002 - mathematics has signs that look like Latin letters

import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import TypeAdapter

from rnnbench.errors import UserError, did_you_mean

Floats = NDArray[np.floating[Any]]
Values = dict[str, Floats]
IN_ASCII = {
    "σ": "sigmoid",
    "⊙": "*",
    "−": "-",
    "ₜ₋₁": "[t-1]",
    "ₜ": "[t]",
    "ĥ": "h~",
    "ĉ": "c~",
}
IN_ASCII |= {
    "e⁻ᵃ": "exp(-a)",
    "×": "*",
}  # how signs are written where there is only ASCII
IN_PYTHON = {
    "ₜ₋₁": "",
    "xₜ": "x_t",
    "ₜ": "",
}  # a state is replaced only after its last use
IN_PYTHON |= {"σ": "sigmoid", "⊙": "*", "−": "-", "tanh": "np.tanh"}
IN_PYTHON |= {"ĥ": "candidate", "ĉ": "candidate"}


@dataclass(frozen=True)
class State:
    """A state that a layer carries from step to step: its symbol in the equations, and
    in words.
    """

    symbol: str
    name: str
    meaning: str
    shape: tuple[int, ...] = ()  # in a real layer, the same at each step


@dataclass(frozen=True)
class Equation:
    """A line of the recurrence and its meaning."""

    text: str
    meaning: str

    @property
    def symbol(self) -> str:
        """The symbol of its result: ``h`` in ``hₜ = oₜ ⊙ tanh(cₜ)``."""
        return self.text.partition("ₜ")[0]

    @property
    def python(self) -> str:
        """An assignment that carries it out.

        >>> Equation("hₜ = tanh(xₜ W + hₜ₋₁ U + b)", "new hidden state").python
        'h = np.tanh(x_t @ W + h @ U + b)'
        """
        text = self.text
        for sign, spelling in IN_PYTHON.items():
            text = text.replace(sign, spelling)
        return re.sub(r"(\w) ([WU])", r"\1 @ \2", text)


@dataclass(frozen=True)
class Formula:
    """A number of parameters as ``h(h + i) + h``, and with sizes as ``50 × (50 + 30) +
    50``.
    """

    text: str
    numbers: str
    value: int


@dataclass(frozen=True)
class Kind:
    """A kind of recurrent layer; ``kinds.yaml`` has all of them."""

    name: str
    keras_name: str
    title: str
    source: str  # author and year of its description
    gates: tuple[str, ...]
    bias_rows: int  # biases of each gate
    states: tuple[State, ...]
    equations: tuple[Equation, ...]
    notes: tuple[str, ...]

    def parameters(self, h: int, i: int) -> Formula:
        """Return the number of parameters of a layer with ``h`` units and ``i``
        features.
        """
        n, text = len(self.gates), f"h(h + i) + {_times(self.bias_rows)}h"
        return _formula(text if n == 1 else f"{n}({text})", h, i)

    def weights(self, h: int, i: int) -> dict[str, Formula]:
        """Return the sizes of the weights, by their symbols in the equations."""
        width = f"{_times(len(self.gates))}h"
        texts = {"W": f"i × {width}", "U": f"h × {width}"}
        texts |= (
            {"b": width}
            if self.bias_rows == 1
            else {"b, d": f"{self.bias_rows} × {width}"}
        )
        return {symbol: _formula(text, h, i) for symbol, text in texts.items()}

    @property
    def splits(self) -> list[str]:
        """Assignments in Python that split the weights ``W``, ``U`` and ``b`` by
        gate.
        """
        if (n := len(self.gates)) == 1:
            return []
        biases = {"b": "b"} if self.bias_rows == 1 else {"b": "b[0]", "d": "b[1]"}
        return [
            f"{', '.join(f'{name}_{gate}' for gate in self.gates)} = np.split({part}, {n}, axis=-1)"
            for name, part in {"W": "W", "U": "U", **biases}.items()
        ]

    def by_gate(self, *weights: Floats) -> dict[str, Floats]:
        """Return those of ``layer.get_weights()`` by gate, such as ``W_i`` in the
        equations.
        """
        *kernels, bias = weights
        parts = dict(zip("WUbd", [*kernels, *np.atleast_2d(bias)], strict=False))
        ends = [f"_{gate}" for gate in self.gates] if len(self.gates) > 1 else [""]
        return {
            f"{name}{end}": np.split(part, len(ends), axis=-1)[place]
            for place, end in enumerate(ends)
            for name, part in parts.items()
        }

    def run(self, x: Floats, *weights: Floats) -> Values:
        """Return the result of each equation after every step, ``(B, T, H)``, by its
        symbol.

        ``x`` is ``(B, T, I)``, ``weights`` are ``layer.get_weights()``; all states
        begin with 0.
        """
        zeros = np.zeros((len(x), len(weights[1])), x.dtype)
        known: dict[str, Any] = {"np": np, **self.by_gate(*weights)}
        known["sigmoid"] = lambda a: (
            0.5 * (1 + np.tanh(0.5 * a))
        )  # which does not overflow
        known |= {state.symbol: zeros for state in self.states}
        lines = {equation.symbol: equation.python for equation in self.equations}
        program = compile("\n".join(lines.values()), self.name, "exec")
        history: dict[str, list[Floats]] = {symbol: [] for symbol in lines}
        for x_t in np.swapaxes(x, 0, 1):
            known["x_t"] = x_t
            exec(program, known)  # noqa: S102 - our own equations
            for symbol, line in lines.items():
                history[symbol].append(known[line.partition(" = ")[0]])
        return {symbol: np.stack(values, axis=1) for symbol, values in history.items()}


def _times(n: int) -> str:
    return "" if n == 1 else f"{n}"


def _formula(text: str, h: int, i: int) -> Formula:
    """Return a formula with the sizes filled in, its products ``4h`` and ``h(`` spelled
    out.
    """
    products = re.sub(r"(?<=[0-9h])(?=[(h])", " × ", text)
    numbers = products.replace("h", f"{h}").replace("i", f"{i}")
    return Formula(text, numbers, eval(numbers.replace("×", "*")))  # noqa: S307 - our own


_TEXT = (
    files("rnnbench.plugins.teach").joinpath("kinds.yaml").read_text(encoding="utf-8")
)
KINDS = TypeAdapter(dict[str, Kind]).validate_python(
    {name: {"name": name, **facts} for name, facts in yaml.safe_load(_TEXT).items()}
)
SIMPLE_RNN, GRU, LSTM = KINDS.values()


def find_kind(name: str) -> Kind:
    """Return the kind of layer of that name, or raise ``UserError``."""
    if name not in KINDS:
        raise UserError(f"no layer '{name}' ({did_you_mean(name, KINDS)})")
    return KINDS[name]
