"""A step of each recurrent layer in NumPy, which ``rnnbench explain`` shows.

``kinds.yaml`` has the same equations with the signs of mathematics, and
``templates/NAME.py.j2`` as a program. A test compares all three.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Values = dict[str, Floats]
Step = Callable[[Floats, Values, Values], Values]
"""Returns the result of each equation, by its symbol: from the inputs ``(B, I)``, the
weights by gate, and the results of the step before."""


def simple_rnn(x: Floats, weights: Values, before: Values) -> Values:
    """Return the state after a step of a vanilla recurrent layer."""
    h = np.tanh(x @ weights["W"] + before["h"] @ weights["U"] + weights["b"])
    return {"h": h}


def gru(x: Floats, weights: Values, before: Values) -> Values:
    """Return the gates and the state after a step of a gated recurrent unit."""
    h = before["h"]

    def gate(name: str) -> Floats:
        of_x = x @ weights[f"W_{name}"] + weights[f"b_{name}"]
        return _sigmoid(of_x + h @ weights[f"U_{name}"] + weights[f"d_{name}"])

    z = gate("z")
    r = gate("r")
    of_h = h @ weights["U_h"] + weights["d_h"]
    candidate = np.tanh(x @ weights["W_h"] + weights["b_h"] + r * of_h)
    return {"z": z, "r": r, "ĥ": candidate, "h": z * h + (1 - z) * candidate}


def lstm(x: Floats, weights: Values, before: Values) -> Values:
    """Return the gates and the states after a step of a long short-term memory."""
    h = before["h"]

    def total(name: str) -> Floats:
        of_x = x @ weights[f"W_{name}"]
        return of_x + h @ weights[f"U_{name}"] + weights[f"b_{name}"]

    i = _sigmoid(total("i"))
    f = _sigmoid(total("f"))
    candidate = np.tanh(total("c"))
    o = _sigmoid(total("o"))
    c = f * before["c"] + i * candidate
    return {"i": i, "f": f, "ĉ": candidate, "o": o, "c": c, "h": o * np.tanh(c)}


STEPS: dict[str, Step] = {"simple_rnn": simple_rnn, "gru": gru, "lstm": lstm}


def _sigmoid(a: Floats) -> Floats:
    result: Floats = 0.5 * (1 + np.tanh(0.5 * a))  # which does not overflow
    return result
