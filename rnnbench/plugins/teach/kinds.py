"""The recurrent layers on paper and in NumPy: equations, gates, formulas of parameters, and steps.

``hₜ`` is the hidden state at a step; ``h`` alone is the number of units and ``i`` the number of
features. The equations treat vectors as rows, as Keras does.

The steps in NumPy are written for reading and for checking Keras, not for speed. Shapes: ``B``
sequences, ``T`` steps, ``I`` features, ``H`` units, ``G`` gates. A step takes the input ``x``,
``(B, I)``, the states after the previous step, ``(B, H)`` each, and the weights as
``layer.get_weights()`` returns them: ``kernel``, ``(I, G * H)``, ``recurrent_kernel``,
``(H, G * H)``, and ``bias``. The weights of the gates stand side by side. A step returns all that
it computes, ``(B, H)`` each, by the symbols of the equations.
"""

# ruff: noqa: RUF001, RUF002 - mathematics has signs that look like Latin letters

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.errors import UserError, did_you_mean

Floats = NDArray[np.floating[Any]]
States = tuple[Floats, ...]
Values = dict[str, Floats]
Step = Callable[[Floats, States, Floats, Floats, Floats], Values]


@dataclass(frozen=True)
class State:
    """A state that a layer carries from step to step: its symbol in the equations, and in words."""

    symbol: str
    name: str
    meaning: str


@dataclass(frozen=True)
class Equation:
    """A line of the recurrence and its meaning."""

    text: str
    meaning: str

    @property
    def symbol(self) -> str:
        """The symbol of its result: ``h`` in ``hₜ = oₜ ⊙ tanh(cₜ)``."""
        return self.text.partition("ₜ")[0]


@dataclass(frozen=True)
class Formula:
    """The number of parameters of a weight or a layer.

    Attributes:
        text: in h and i: ``h(h + i) + h``.
        numbers: with the sizes filled in: ``50 × (50 + 30) + 50``.
        value: 4,050.
    """

    text: str
    numbers: str
    value: int


@dataclass(frozen=True)
class Kind:
    """A kind of recurrent layer.

    Attributes:
        name: in configs and on the command line.
        keras_name: its class in Keras.
        title: its name in words.
        source: the author and year of its description.
        step: one of its steps in NumPy.
        gates: the blocks that stand side by side in its weights, in Keras's order.
        bias_rows: the number of biases of each gate.
        states: in Keras's order.
        equations: in the order in which they are computed.
        notes: further remarks on the equations.
    """

    name: str
    keras_name: str
    title: str
    source: str
    step: Step
    gates: tuple[str, ...]
    bias_rows: int
    states: tuple[State, ...]
    equations: tuple[Equation, ...]
    notes: tuple[str, ...]

    def parameters(self, h: int, i: int) -> Formula:
        """Return the number of parameters of a layer with ``h`` units and ``i`` features."""
        n, rows = len(self.gates), self.bias_rows
        text = f"h(h + i) + {_times(rows)}h"
        text = text if n == 1 else f"{n}({text})"
        return _formula(text, h, i, n * (h * (h + i) + rows * h))

    def weights(self, h: int, i: int) -> dict[str, Formula]:
        """Return the sizes of the weights, by their symbols in the equations."""
        n, rows = len(self.gates), self.bias_rows
        width = f"{_times(n)}h"
        bias = width if rows == 1 else f"{rows} × {width}"
        return {
            "W": _formula(f"i × {width}", h, i, i * n * h),
            "U": _formula(f"h × {width}", h, i, h * n * h),
            "b" if rows == 1 else "b, d": _formula(bias, h, i, rows * n * h),
        }

    def run(self, x: Floats, kernel: Floats, recurrent_kernel: Floats, bias: Floats) -> Values:
        """Return each value after every step, ``(B, T, H)``, in the precision of the arguments.

        ``x`` holds the sequences, ``(B, T, I)``. All states are zero before the first step.

        Examples:
            The cell of an LSTM counts steps when its gates are open and its candidate is 1, or
            almost:

            >>> x, zeros = np.zeros((1, 3, 1)), np.zeros((1, 4))
            >>> values = LSTM.run(x, zeros, zeros, bias=np.full(4, 20.0))
            >>> values["c"].round(3).tolist()
            [[[1.0], [2.0], [3.0]]]
            >>> values["h"].round(3).tolist()
            [[[0.762], [0.964], [0.995]]]
        """
        zeros = np.zeros((len(x), len(recurrent_kernel)), x.dtype)
        carried: States = (zeros,) * len(self.states)
        history = []
        for x_t in np.swapaxes(x, 0, 1):
            values = self.step(x_t, carried, kernel, recurrent_kernel, bias)
            carried = tuple(values[state.symbol] for state in self.states)
            history.append(values)
        return {
            symbol: np.stack([values[symbol] for values in history], axis=1)
            for symbol in history[0]
        }


def _times(n: int) -> str:
    return "" if n == 1 else f"{n}"


def _formula(text: str, h: int, i: int, value: int) -> Formula:
    """Return a formula with the sizes filled in, its products ``4h`` and ``h(`` spelled out."""
    products = re.sub(r"(?<=[0-9h])(?=[(h])", " × ", text)
    return Formula(text, products.replace("h", f"{h}").replace("i", f"{i}"), value)


def simple_rnn_step(
    x: Floats, states: States, kernel: Floats, recurrent_kernel: Floats, bias: Floats
) -> Values:
    """Carry out a step of a SimpleRNN; ``bias`` is ``(H,)``.

    Source: J. L. Elman: Finding structure in time. Cognitive Science 14 (1990).
    """
    (h,) = states
    return {"h": np.tanh(x @ kernel + h @ recurrent_kernel + bias)}


def gru_step(
    x: Floats, states: States, kernel: Floats, recurrent_kernel: Floats, bias: Floats
) -> Values:
    """Carry out a step of a GRU with ``reset_after=True``, Keras's default.

    The gates are ``z`` (update), ``r`` (reset) and the candidate. ``bias`` is ``(2, 3 * H)``: one
    for the input, one for the state.

    Source: K. Cho et al.: Learning phrase representations using RNN encoder-decoder for
    statistical machine translation. EMNLP (2014). In the paper ``r`` multiplies the state before
    the product with the recurrent kernel; with ``reset_after`` it multiplies the product.
    """
    (h,) = states
    x_z, x_r, x_candidate = np.split(x @ kernel + bias[0], 3, axis=-1)
    h_z, h_r, h_candidate = np.split(h @ recurrent_kernel + bias[1], 3, axis=-1)
    z = _sigmoid(x_z + h_z)
    r = _sigmoid(x_r + h_r)
    candidate = np.tanh(x_candidate + r * h_candidate)
    return {"z": z, "r": r, "ĥ": candidate, "h": z * h + (1 - z) * candidate}


def lstm_step(
    x: Floats, states: States, kernel: Floats, recurrent_kernel: Floats, bias: Floats
) -> Values:
    """Carry out a step of an LSTM; ``bias`` is ``(4 * H,)``.

    The gates are ``i`` (input), ``f`` (forget), the candidate and ``o`` (output); the states are
    the hidden state ``h`` and the cell state ``c``.

    Sources: S. Hochreiter, J. Schmidhuber: Long short-term memory. Neural Computation 9 (1997);
    for the forget gate F. A. Gers, J. Schmidhuber, F. Cummins: Learning to forget: continual
    prediction with LSTM. Neural Computation 12 (2000).
    """
    h, c = states
    sums = np.split(x @ kernel + h @ recurrent_kernel + bias, 4, axis=-1)
    i, f, candidate, o = _sigmoid(sums[0]), _sigmoid(sums[1]), np.tanh(sums[2]), _sigmoid(sums[3])
    c = f * c + i * candidate
    return {"i": i, "f": f, "ĉ": candidate, "o": o, "c": c, "h": o * np.tanh(c)}


def _sigmoid(z: Floats) -> Floats:
    """Return ``1 / (1 + exp(-z))``; computed with ``tanh``, it does not overflow."""
    half: Floats = 0.5 * (1 + np.tanh(0.5 * z))
    return half


_ROWS = "xₜ is (batch, features) and hₜ (batch, units): one row per sequence."
_SIGNS = "σ(a) = 1 / (1 + e⁻ᵃ); ⊙ multiplies element by element."
_HIDDEN = State("h", "hidden state", "the output, which the next step also sees")

SIMPLE_RNN = Kind(
    name="simple_rnn",
    keras_name="SimpleRNN",
    title="vanilla recurrent layer",
    source="Elman 1990",
    step=simple_rnn_step,
    gates=("h",),
    bias_rows=1,
    states=(_HIDDEN,),
    equations=(Equation("hₜ = tanh(xₜ W + hₜ₋₁ U + b)", "new hidden state"),),
    notes=(_ROWS, "Every step uses the same W, U and b."),
)

GRU = Kind(
    name="gru",
    keras_name="GRU",
    title="gated recurrent unit",
    source="Cho et al. 2014; reset_after=True, Keras's default",
    step=gru_step,
    gates=("z", "r", "h"),
    bias_rows=2,
    states=(_HIDDEN,),
    equations=(
        Equation("zₜ = σ(xₜ W_z + b_z + hₜ₋₁ U_z + d_z)", "update gate: the part to keep"),
        Equation("rₜ = σ(xₜ W_r + b_r + hₜ₋₁ U_r + d_r)", "reset gate: the part to look at"),
        Equation("ĥₜ = tanh(xₜ W_h + b_h + rₜ ⊙ (hₜ₋₁ U_h + d_h))", "candidate"),
        Equation("hₜ = zₜ ⊙ hₜ₋₁ + (1 − zₜ) ⊙ ĥₜ", "new hidden state"),
    ),
    notes=(
        _ROWS,
        _SIGNS,
        "Every step uses the same weights. Keras stores those of z, r and h side by side, in this "
        "order: W = [W_z W_r W_h], and U likewise; the bias has two rows, [b_z b_r b_h] and "
        "[d_z d_r d_h].",
    ),
)

LSTM = Kind(
    name="lstm",
    keras_name="LSTM",
    title="long short-term memory",
    source="Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000",
    step=lstm_step,
    gates=("i", "f", "c", "o"),
    bias_rows=1,
    states=(_HIDDEN, State("c", "cell state", "the memory, which gates write and erase")),
    equations=(
        Equation("iₜ = σ(xₜ W_i + hₜ₋₁ U_i + b_i)", "input gate: the part to write"),
        Equation("fₜ = σ(xₜ W_f + hₜ₋₁ U_f + b_f)", "forget gate: the part to keep"),
        Equation("ĉₜ = tanh(xₜ W_c + hₜ₋₁ U_c + b_c)", "candidate"),
        Equation("oₜ = σ(xₜ W_o + hₜ₋₁ U_o + b_o)", "output gate: the part to show"),
        Equation("cₜ = fₜ ⊙ cₜ₋₁ + iₜ ⊙ ĉₜ", "new cell state"),
        Equation("hₜ = oₜ ⊙ tanh(cₜ)", "new hidden state"),
    ),
    notes=(
        _ROWS,
        _SIGNS,
        "Every step uses the same weights. Keras stores those of i, f, c and o side by side, in "
        "this order: W = [W_i W_f W_c W_o], and U and b likewise.",
    ),
)

ASCII = {
    "ₜ₋₁": "[t-1]",
    "ₜ": "[t]",
    "ĥ": "h~",
    "ĉ": "c~",
    "σ(a) = 1 / (1 + e⁻ᵃ)": "sigmoid(a) = 1 / (1 + exp(-a))",
    "σ": "sigmoid",
    "⊙": "*",
    "×": "*",
    "−": "-",
}
"""The signs of the equations and formulas as terminals without Unicode show them."""


def in_ascii(text: str) -> str:
    """Return an equation, or a text about one, in ASCII.

    >>> in_ascii("hₜ = oₜ ⊙ tanh(cₜ)")
    'h[t] = o[t] * tanh(c[t])'
    """
    for sign, plain in ASCII.items():
        text = text.replace(sign, plain)
    return text


KINDS = {kind.name: kind for kind in (SIMPLE_RNN, GRU, LSTM)}


def find_kind(name: str) -> Kind:
    """Return the kind of layer of that name.

    Raises:
        UserError: there is none.
    """
    if name not in KINDS:
        raise UserError(f"no layer '{name}' ({did_you_mean(name, KINDS)})")
    return KINDS[name]
