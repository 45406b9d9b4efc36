"""An explained layer, as a program or a notebook asks for it."""

import io
from dataclasses import asdict

import numpy as np

from rnnbench.errors import UserError
from rnnbench.explain import facts
from rnnbench.explain.kinds import find_kind
from rnnbench.explain.page import WIDTH, Page
from rnnbench.explain.sizes import LARGEST, Sizes
from rnnbench.models.quiet import quiet_tensorflow
from rnnbench.report.table import plain_console
from rnnbench.section import spell


class Explanation(facts.Explanation):
    """All facts about a recurrent layer; it is displayed as ``rnnbench explain`` prints it."""

    def __repr__(self) -> str:
        text = io.StringIO()
        console = plain_console(text)
        console.width = WIDTH
        console.print(Page(self), crop=False)
        return "\n".join(line.rstrip() for line in text.getvalue().splitlines())

    def __str__(self) -> str:
        return repr(self)


def explain_layer(
    layer: str, *, units: int = 50, features: int = 30, steps: int = 10, batch: int = 4
) -> Explanation:
    """Explain a recurrent layer: shapes, states, equations, parameters, and its steps in NumPy.

    The facts are read from a real Keras layer of these sizes, and its output is computed again in
    NumPy.

    Args:
        layer: ``simple_rnn``, ``gru`` or ``lstm``.
        units: the size of the hidden state.
        features: the numbers that describe a step of a sequence.
        steps: the length of a sequence.
        batch: the sequences side by side.

    Returns:
        The facts. ``failures`` has a sentence for each of them that Keras does not confirm, and
        ``check.largest_difference`` is the one between NumPy and Keras.

    Raises:
        UserError: there is no such layer, or a size is too small or too large.
    """
    kind, sizes = find_kind(layer), Sizes(units, features, steps, batch)
    for (name, size), largest in zip(asdict(sizes).items(), asdict(LARGEST).values(), strict=True):
        if isinstance(size, bool) or not isinstance(size, int | np.integer):
            raise UserError(f"{name}: got {spell(size)} (should be a whole number)")
        if not 1 <= size <= largest:
            raise UserError(f"{name}: got {spell(size)} (should be 1 to {largest})")
    with quiet_tensorflow():
        return Explanation(**dict(facts.explain_layer(kind, sizes)))
