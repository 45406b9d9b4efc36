"""The recurrent layers as one knows them without asking Keras: equations, gates, formulas.

``h`` stands for a hidden state with a step, ``hₜ``, and for the number of units without one; ``i``
for the number of features. The equations are written for rows, as Keras computes them.
"""

# ruff: noqa: RUF001, RUF002 - mathematics has signs that look like Latin letters

from dataclasses import dataclass

from rnnbench.errors import UserError, did_you_mean


@dataclass(frozen=True)
class State:
    """What a layer carries from step to step.

    Attributes:
        symbol: in the equations.
        name: in words.
        meaning: what it is for.
    """

    symbol: str
    name: str
    meaning: str


@dataclass(frozen=True)
class Equation:
    """A line of the recurrence, and what it is."""

    text: str
    meaning: str


@dataclass(frozen=True)
class Formula:
    """How many numbers a weight, or all of them, hold: as a formula in h and i, and with numbers.

    Attributes:
        text: ``h(h + i) + h``.
        numbers: ``50 × (50 + 30) + 50``.
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
        source: who described it, and when.
        gates: what stands side by side in its weights, in Keras's order; one block has no name.
        bias_rows: how many biases each gate has.
        states: in Keras's order.
        equations: in the order in which they are computed.
        notes: what else there is to say about the equations.
    """

    name: str
    keras_name: str
    title: str
    source: str
    gates: tuple[str, ...]
    bias_rows: int
    states: tuple[State, ...]
    equations: tuple[Equation, ...]
    notes: tuple[str, ...]

    def parameters(self, h: int, i: int) -> Formula:
        """Return how many parameters a layer of ``h`` units on ``i`` features has."""
        n, rows = len(self.gates), self.bias_rows
        biases, numbers = ("h", f"{h}") if rows == 1 else (f"{rows}h", f"{rows} × {h}")
        text, numbers = f"h(h + i) + {biases}", f"{h} × ({h} + {i}) + {numbers}"
        if n > 1:
            text, numbers = f"{n}({text})", f"{n} × ({numbers})"
        return Formula(text, numbers, n * (h * (h + i) + rows * h))

    def weights(self, h: int, i: int) -> dict[str, Formula]:
        """Return the sizes of the weights, by the symbols that they have in the equations."""
        n, rows = len(self.gates), self.bias_rows
        width = "h" if n == 1 else f"{n}h"
        bias = (width, f"{n * h}") if rows == 1 else (f"{rows} × {width}", f"{rows} × {n * h}")
        return {
            "W": Formula(f"i × {width}", f"{i} × {n * h}", i * n * h),
            "U": Formula(f"h × {width}", f"{h} × {n * h}", h * n * h),
            "b" if rows == 1 else "b, d": Formula(*bias, rows * n * h),
        }


_ROWS = "xₜ is (batch, features) and hₜ (batch, units): a row for each sequence."
_SIGNS = "σ(a) = 1 / (1 + e⁻ᵃ); ⊙ multiplies element by element."
_HIDDEN = State("h", "hidden state", "its output, which the next step sees, too")

SIMPLE_RNN = Kind(
    name="simple_rnn",
    keras_name="SimpleRNN",
    title="vanilla recurrent layer",
    source="Elman 1990",
    gates=("h",),
    bias_rows=1,
    states=(_HIDDEN,),
    equations=(Equation("hₜ = tanh(xₜ W + hₜ₋₁ U + b)", "new hidden state"),),
    notes=(_ROWS, "The same W, U and b serve every step."),
)

GRU = Kind(
    name="gru",
    keras_name="GRU",
    title="gated recurrent unit",
    source="Cho et al. 2014; reset_after=True, Keras's default",
    gates=("z", "r", "h"),
    bias_rows=2,
    states=(_HIDDEN,),
    equations=(
        Equation("zₜ = σ(xₜ W_z + b_z + hₜ₋₁ U_z + d_z)", "update gate: what to keep"),
        Equation("rₜ = σ(xₜ W_r + b_r + hₜ₋₁ U_r + d_r)", "reset gate: what to look at"),
        Equation("ĥₜ = tanh(xₜ W_h + b_h + rₜ ⊙ (hₜ₋₁ U_h + d_h))", "candidate"),
        Equation("hₜ = zₜ ⊙ hₜ₋₁ + (1 − zₜ) ⊙ ĥₜ", "new hidden state"),
    ),
    notes=(
        _ROWS,
        _SIGNS,
        "The same weights serve every step. Keras keeps those of z, r and h side by side, in "
        "this order: W = [W_z W_r W_h], U likewise; the bias has two rows, [b_z b_r b_h] and "
        "[d_z d_r d_h].",
    ),
)

LSTM = Kind(
    name="lstm",
    keras_name="LSTM",
    title="long short-term memory",
    source="Hochreiter & Schmidhuber 1997, with the forget gate of Gers et al. 2000",
    gates=("i", "f", "c", "o"),
    bias_rows=1,
    states=(
        _HIDDEN,
        State("c", "cell state", "its memory: gates write to it, and erase"),
    ),
    equations=(
        Equation("iₜ = σ(xₜ W_i + hₜ₋₁ U_i + b_i)", "input gate: what to write"),
        Equation("fₜ = σ(xₜ W_f + hₜ₋₁ U_f + b_f)", "forget gate: what to keep"),
        Equation("ĉₜ = tanh(xₜ W_c + hₜ₋₁ U_c + b_c)", "candidate"),
        Equation("oₜ = σ(xₜ W_o + hₜ₋₁ U_o + b_o)", "output gate: what to show"),
        Equation("cₜ = fₜ ⊙ cₜ₋₁ + iₜ ⊙ ĉₜ", "new cell state"),
        Equation("hₜ = oₜ ⊙ tanh(cₜ)", "new hidden state"),
    ),
    notes=(
        _ROWS,
        _SIGNS,
        "The same weights serve every step. Keras keeps those of i, f, c and o side by side, in "
        "this order: W = [W_i W_f W_c W_o], U and b likewise.",
    ),
)

KINDS = {kind.name: kind for kind in (SIMPLE_RNN, GRU, LSTM)}


def find_kind(name: str) -> Kind:
    """Return the kind of layer of that name.

    Raises:
        UserError: there is none.
    """
    if name not in KINDS:
        raise UserError(f"no layer '{name}' ({did_you_mean(name, KINDS)})")
    return KINDS[name]
