"""The command ``rnnbench explain``."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from rnnbench import RnnbenchError, UserError
from rnnbench.plugin import check_new, console, options, write_text
from rnnbench.plugins.teach import LARGEST

EXAMPLES = options.examples(
    "rnnbench explain lstm",
    "rnnbench explain gru --units 3 --features 1 --steps 5",
    "rnnbench explain simple_rnn --toy",
    "rnnbench explain lstm lstm --code",
    "rnnbench explain lstm --save lstm.svg",
    "rnnbench explain simple_rnn --json",
)
KINDS = "simple_rnn, gru or lstm. Several make a stack, for --toy, --code and --save."
TOY = "Work through the toy array of the notebook, with numbers."
CODE = "Print NumPy code that computes what Keras computes."
SAVE = "Write a drawing of the layer or the stack to FILE, which ends in .svg."
_size = partial(options.number, min=1)
NAMES = options.among("simple_rnn", "gru", "lstm")


def explain(
    context: typer.Context,
    layers: Annotated[
        list[str], typer.Argument(metavar="LAYER", help=KINDS, autocompletion=NAMES)
    ],
    units: Annotated[int, _size(help="Units, h.", max=LARGEST["units"])] = 50,
    features: Annotated[
        int, _size(help="Features of a step, i.", max=LARGEST["features"])
    ] = 30,
    steps: Annotated[
        int, _size(help="Steps of a sequence.", max=LARGEST["steps"])
    ] = 10,
    batch: Annotated[
        int, _size(help="Sequences side by side.", max=LARGEST["batch"])
    ] = 4,
    toy: Annotated[bool, typer.Option("--toy", help=TOY)] = False,
    code: Annotated[bool, typer.Option("--code", help=CODE)] = False,
    save: Annotated[Path | None, typer.Option(metavar="FILE", help=SAVE)] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite FILE if it exists.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Explain a recurrent layer: shapes, states, equations, parameters, and its steps
    in NumPy.

    The facts are read from a real Keras layer of these sizes. NumPy computes its output
    again, step by step; if the two differ by more than 1e-6, the exit code is 1. --toy,
    --code and --save do something else instead, at once and without TensorFlow.
    """
    from rnnbench.plugins.teach import toy as exports
    from rnnbench.plugins.teach.facts import explain_layer
    from rnnbench.plugins.teach.kinds import find_kind

    kinds = [find_kind(layer) for layer in layers]
    _check_options(context)
    if save is not None:
        check_new(save, "--save", [".svg"], overwrite=force)
        write_text(save, exports.draw(kinds))
        console.err.print(f"Written to {save}", soft_wrap=True)
    if toy:
        record, page = exports.toy_view(exports.work_through(kinds))
        console.print_record(record, page, as_json=as_json)
    elif code and as_json:
        console.print_record(
            {"layers": layers, "code": exports.numpy_code(kinds)}, as_json=True
        )
    elif code:
        typer.echo(exports.numpy_code(kinds), nl=False)  # as it is: it will be copied
    elif save is None:
        explanation = explain_layer(
            layers[0], units=units, features=features, steps=steps, batch=batch
        )
        console.print_record(explanation, explanation, as_json=as_json)
        if explanation.failures:
            raise RnnbenchError("\n".join(explanation.failures))


def _check_options(context: typer.Context) -> None:
    """Refuse options that do not go together."""
    chosen = context.params
    layers = chosen["layers"]
    others = [f"--{name}" for name in ("toy", "code", "save") if chosen[name]]
    if chosen["toy"] and chosen["code"]:
        raise UserError("--toy and --code: choose one of them")
    if chosen["force"] and chosen["save"] is None:
        raise UserError("--force: needs --save")
    if others == ["--save"] and chosen["as_json"]:
        raise UserError("--json: with --save, add --toy or --code")
    if len(layers) > 1 and not others:
        why = (
            "only one layer is explained at a time "
            "(for a stack, use --toy, --code or --save)"
        )
        raise UserError(f"{' '.join(layers)}: {why}")
    sizes = []
    for name in LARGEST:
        source = context.get_parameter_source(name)
        if source and source.name == "COMMANDLINE":
            sizes.append(f"--{name}")
    if others and sizes:
        beside = ", ".join(others)
        raise UserError(f"{', '.join(sizes)}: without effect beside {beside}")
