"""The toy array of the teaching notebook, worked through by layers with small weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnbench.explain import recurrences
from rnnbench.explain.kinds import Kind
from rnnbench.explain.recurrences import Floats, Values

TOY = np.arange(1.0, 19.0).reshape(3, 2, 3)
"""The array: 3 sequences of 2 steps with 3 features each."""
UNITS = 2
PATTERNS = {
    "W": (0.1, -0.2, 0.2, 0.1, -0.1),
    "U": (0.3, -0.1, 0.2, -0.2, 0.1),
    "b": (0.1, -0.1, 0.2, -0.2, 0.3),
}
"""Made-up numbers, repeated to fill a weight: they are easy to work with on paper."""


@dataclass(frozen=True)
class ToyLayer:
    """A layer, its input, and all that it computes.

    Attributes:
        kind: the kind of layer.
        x: its input, ``(batch, timesteps, features)``.
        weights: kernel, recurrent kernel and bias, by their symbols, as Keras stores them.
        values: the results of its equations, ``(batch, timesteps, units)``, by symbol.
    """

    kind: Kind
    x: Floats
    weights: dict[str, Floats]
    values: Values


def work_through(kinds: Sequence[Kind]) -> list[ToyLayer]:
    """Let a stack of layers read the toy array; each reads the states of the previous one."""
    layers: list[ToyLayer] = []
    x: Floats = TOY
    for kind in kinds:
        weights = {
            name: np.resize(PATTERNS[name], shape)
            for name, shape in weight_shapes(kind, x.shape[-1]).items()
        }
        symbols = [state.symbol for state in kind.states]
        values = recurrences.run(kind.step, symbols, x, *weights.values())
        layers.append(ToyLayer(kind, x, weights, values))
        x = values["h"]
    return layers


def weight_shapes(kind: Kind, features: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the weights of a layer of the toy, by their symbols."""
    width = UNITS * len(kind.gates)
    bias = (width,) if kind.bias_rows == 1 else (kind.bias_rows, width)
    return {"W": (features, width), "U": (UNITS, width), "b": bias}


def terms(layer: ToyLayer, sequence: int, step: int) -> dict[str, Floats]:
    """Return the value of each term of the equations at a step, ``(units,)``, by its text.

    ``sequence`` and ``step`` count from 0. Terms are products with weights, biases, states and
    other values.
    """
    kind, values = layer.kind, layer.values
    before = {
        f"{state.symbol}ₜ₋₁": values[state.symbol][sequence, step - 1] if step else np.zeros(UNITS)
        for state in kind.states
    }
    found = before | {f"{symbol}ₜ": each[sequence, step] for symbol, each in values.items()}
    for name, weight in weights_by_gate(layer).items():
        match name[0]:
            case "W":
                found[f"xₜ {name}"] = layer.x[sequence, step] @ weight
            case "U":
                found[f"hₜ₋₁ {name}"] = before["hₜ₋₁"] @ weight
            case _:
                found[name] = weight
    return found


def weights_by_gate(layer: ToyLayer) -> dict[str, Floats]:
    """Return the weights of each gate by their names in the equations, such as ``W_i``."""
    kernel, recurrent_kernel, bias = layer.weights.values()
    named = {"W": kernel, "U": recurrent_kernel}
    named |= {"b": bias} if bias.ndim == 1 else {"b": bias[0], "d": bias[1]}
    gates = layer.kind.gates
    if len(gates) == 1:
        return named
    parts = {name: np.split(each, len(gates), axis=-1) for name, each in named.items()}
    return {
        f"{name}_{gate}": split[position]
        for position, gate in enumerate(gates)
        for name, split in parts.items()
    }


def toy_facts(layers: Sequence[ToyLayer]) -> dict[str, Any]:
    """Return the facts that ``--json`` prints."""
    return {
        "x": TOY.tolist(),
        "layers": [
            {
                "layer": layer.kind.name,
                "x": layer.x.tolist(),
                "weights": {name: each.tolist() for name, each in layer.weights.items()},
                "values": {symbol: each.tolist() for symbol, each in layer.values.items()},
            }
            for layer in layers
        ],
        "output": layers[-1].values["h"][:, -1].tolist(),
    }
