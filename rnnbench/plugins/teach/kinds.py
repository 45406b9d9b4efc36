"""The recurrent layers on paper: equations, gates, and formulas of parameters.

>>> LSTM.parameters(h=50, i=30).value
16200

``hₜ`` is the hidden state at a step; ``h`` alone is the number of units and ``i`` the
number of features. The equations treat vectors as rows, as Keras does. Shapes: ``B``
sequences, ``T`` steps, ``I`` features, ``H`` units, ``G`` gates.
"""

# ruff: noqa: RUF001, RUF002 - mathematics has signs that look like Latin letters

import re
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import yaml
from pydantic import TypeAdapter

from rnnbench import UserError
from rnnbench.plugin import did_you_mean
from rnnbench.plugins.teach.recurrences import STEPS, Floats, Values

# How signs are written where there is only ASCII.
IN_ASCII = {
    "σ": "sigmoid",
    "⊙": "*",
    "−": "-",
    "ₜ₋₁": "[t-1]",
    "ₜ": "[t]",
    "ĥ": "h~",
    "ĉ": "c~",
    "e⁻ᵃ": "exp(-a)",
    "×": "*",
}


@dataclass(frozen=True)
class State:
    """A state that a layer carries from step to step, in symbols and in words."""

    symbol: str
    name: str
    meaning: str
    shape: tuple[int, ...] = ()  # in a real layer, the same at each step


@dataclass(frozen=True)
class Equation:
    """A line of the recurrence and its meaning."""

    text: str
    meaning: str


@dataclass(frozen=True)
class Formula:
    """A number of parameters.

    Attributes:
        text: as ``h(h + i) + h``.
        numbers: the same with sizes, as ``50 × (50 + 30) + 50``.
        value: its value.
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
        """Return the number of parameters of ``h`` units that see ``i`` features."""
        gates = len(self.gates)
        text = f"h(h + i) + {_times(self.bias_rows)}h"
        if gates > 1:
            text = f"{gates}({text})"
        value = gates * (h * (h + i) + self.bias_rows * h)
        return _formula(text, h, i, value)

    def weights(self, h: int, i: int) -> dict[str, Formula]:
        """Return the sizes of the weights, by their symbols in the equations."""
        columns = len(self.gates) * h
        width = f"{_times(len(self.gates))}h"
        formulas = {
            "W": _formula(f"i × {width}", h, i, i * columns),
            "U": _formula(f"h × {width}", h, i, h * columns),
        }
        if self.bias_rows == 1:
            formulas["b"] = _formula(width, h, i, columns)
        else:
            text = f"{self.bias_rows} × {width}"
            formulas["b, d"] = _formula(text, h, i, self.bias_rows * columns)
        return formulas

    def by_gate(self, *weights: Floats) -> Values:
        """Return ``layer.get_weights()`` by gate, as ``W_i`` in the equations."""
        kernel, recurrent, bias = weights
        arrays = {"W": kernel, "U": recurrent, "b": bias}
        if self.bias_rows > 1:
            arrays |= {"b": bias[0], "d": bias[1]}
        if len(self.gates) == 1:
            return arrays
        parts = {}
        for number, gate in enumerate(self.gates):
            for name, array in arrays.items():
                columns = np.split(array, len(self.gates), axis=-1)
                parts[f"{name}_{gate}"] = columns[number]
        return parts

    def run(self, x: Floats, *weights: Floats) -> Values:
        """Return the result of each equation after every step, by its symbol.

        ``x`` is ``(B, T, I)``, ``weights`` are ``layer.get_weights()``, and each result
        is ``(B, T, H)``. All states begin with 0.
        """
        step = STEPS[self.name]
        parts = self.by_gate(*weights)
        zeros = np.zeros((len(x), len(weights[1])), x.dtype)
        values = {state.symbol: zeros for state in self.states}
        history = []
        for x_t in np.swapaxes(x, 0, 1):
            values = step(x_t, parts, values)
            history.append(values)
        return {
            symbol: np.stack([values[symbol] for values in history], axis=1)
            for symbol in values
        }


def _times(n: int) -> str:
    """Return a factor of a formula, which is left out if it is 1."""
    if n == 1:
        return ""
    return str(n)


def _formula(text: str, h: int, i: int, value: int) -> Formula:
    """Return a formula, also with the sizes; its products ``4h`` are spelled out."""
    products = re.sub(r"(?<=[0-9h])(?=[(h])", " × ", text)
    numbers = products.replace("h", f"{h}").replace("i", f"{i}")
    return Formula(text, numbers, value)


def _read_kinds() -> dict[str, Kind]:
    file = files("rnnbench.plugins.teach") / "kinds.yaml"
    descriptions = yaml.safe_load(file.read_text(encoding="utf-8"))
    for name, description in descriptions.items():
        description["name"] = name
    return TypeAdapter(dict[str, Kind]).validate_python(descriptions)


KINDS = _read_kinds()
SIMPLE_RNN, GRU, LSTM = KINDS.values()


def find_kind(name: str) -> Kind:
    """Return the kind of layer of that name, or raise ``UserError``."""
    if name not in KINDS:
        raise UserError(f"no layer '{name}' ({did_you_mean(name, KINDS)})")
    return KINDS[name]
