"""``rnnbench explain``."""

from typing import Annotated

import typer

from rnnbench.cli import options
from rnnbench.errors import RnnbenchError

EXAMPLES = options.examples(
    "rnnbench explain lstm",
    "rnnbench explain gru --units 3 --features 1 --steps 5",
    "rnnbench explain simple_rnn --json",
)


def explain(
    layer: Annotated[
        str, typer.Argument(metavar="LAYER", help="simple_rnn, gru or lstm.", show_default=False)
    ],
    units: Annotated[int, typer.Option(min=1, max=256, metavar="N", help="Units, h.")] = 50,
    features: Annotated[
        int, typer.Option(min=1, max=256, metavar="N", help="Features of a step, i.")
    ] = 30,
    steps: Annotated[
        int, typer.Option(min=1, max=50, metavar="N", help="Steps of a sequence.")
    ] = 10,
    batch: Annotated[
        int, typer.Option(min=1, max=64, metavar="N", help="Sequences side by side.")
    ] = 4,
    as_json: options.Json = False,
) -> None:
    """Explain a recurrent layer: shapes, states, equations, parameters, and its steps in NumPy.

    All of it is read off a Keras layer of these sizes, whose output is computed a second time, step
    by step, in NumPy; exits with 1 if the two differ by more than 1e-6. The sizes have upper bounds
    so that this takes no longer than to import TensorFlow.
    """
    from rnnbench.cli.console import print_record
    from rnnbench.explain.facts import Sizes, explain_layer
    from rnnbench.explain.kinds import find_kind
    from rnnbench.models.quiet import quiet_tensorflow
    from rnnbench.report.explain import explanation_json, explanation_text

    kind = find_kind(layer)
    with quiet_tensorflow():
        explanation = explain_layer(kind, Sizes(units, features, steps, batch))
    view = explanation_text(explanation)
    print_record(explanation_json(explanation), view, as_json=as_json)
    if failures := explanation.failures():
        raise RnnbenchError("\n".join(failures))
