"""The command ``rnnbench explain``."""

from typing import Annotated, Any

import typer

from rnnbench.errors import RnnbenchError
from rnnbench.explain.sizes import LARGEST, Sizes
from rnnbench.terminal import completion, options

EXAMPLES = options.examples(
    "rnnbench explain lstm",
    "rnnbench explain gru --units 3 --features 1 --steps 5",
    "rnnbench explain simple_rnn --json",
)


def _size(largest: int, help_text: str) -> Any:
    return typer.Option(min=1, max=largest, metavar="N", help=help_text)


def explain(
    layer: Annotated[
        str,
        typer.Argument(
            metavar="LAYER",
            help="simple_rnn, gru or lstm.",
            show_default=False,
            autocompletion=completion.layers,
        ),
    ],
    units: Annotated[int, _size(LARGEST.units, "Units, h.")] = 50,
    features: Annotated[int, _size(LARGEST.features, "Features of a step, i.")] = 30,
    steps: Annotated[int, _size(LARGEST.steps, "Steps of a sequence.")] = 10,
    batch: Annotated[int, _size(LARGEST.batch, "Sequences side by side.")] = 4,
    as_json: options.Json = False,
) -> None:
    """Explain a recurrent layer: shapes, states, equations, parameters, and its steps in NumPy.

    The facts are read from a real Keras layer of these sizes. NumPy computes its output again, step
    by step; if the two differ by more than 1e-6, the exit code is 1. The sizes are limited so that
    most of the time always goes into importing TensorFlow.
    """
    from rnnbench.explain.facts import explain_layer
    from rnnbench.explain.kinds import find_kind
    from rnnbench.explain.page import Page
    from rnnbench.models.quiet import quiet_tensorflow
    from rnnbench.terminal.console import print_record

    kind = find_kind(layer)
    with quiet_tensorflow():
        explanation = explain_layer(kind, Sizes(units, features, steps, batch))
    print_record(explanation, Page(explanation), as_json=as_json)
    if explanation.failures:
        raise RnnbenchError("\n".join(explanation.failures))
