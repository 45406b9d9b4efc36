"""The drawing of a layer, which comes with the package, or of a stack, made from its layers."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from rnnbench.errors import UserError
from rnnbench.explain.kinds import Kind
from rnnbench.explain.templates import template
from rnnbench.storage import write_text

COLUMNS = (88, 160, 232, 304)
"""The middle of each step, in pixels from the left."""
TOP, APART = 88, 80
"""The top of the last layer, and the distance between layers."""


def save(kinds: Sequence[Kind], file: Path, *, overwrite: bool) -> None:
    """Write the drawing of a layer, or of a stack of layers, to a file.

    Raises:
        UserError: the file is not an SVG file, exists and may not be overwritten, or cannot be
            written.
    """
    if file.suffix.lower() != ".svg":
        raise UserError(f"--save {file}: got '{file.suffix}' (allowed: .svg)")
    if file.exists() and not overwrite:
        raise UserError(f"--save {file}: exists already (--force overwrites it)")
    write_text(file, cell(kinds[0]) if len(kinds) == 1 else stack(kinds))


def cell(kind: Kind) -> str:
    """Return a step of a layer as SVG."""
    return (files("rnnbench.explain") / f"drawings/{kind.name}.svg").read_text(encoding="utf-8")


def stack(kinds: Sequence[Kind]) -> str:
    """Return a stack of layers over four steps as SVG, the first layer at the bottom."""
    bottom = TOP + APART * (len(kinds) - 1)
    captions = _captions(kinds)
    below = bottom + 100
    return template("stacking.svg.j2").render(
        title=f"Stacked layers: {', then '.join(kind.keras_name for kind in kinds)}",
        description=_description(kinds),
        height=below + 18 * len(captions) - 8,
        columns=COLUMNS,
        layers=[
            {
                "number": number,
                "name": kind.keras_name,
                "top": bottom - APART * (number - 1),
                "has_memory": _has_memory(kind),
            }
            for number, kind in enumerate(kinds, start=1)
        ],
        has_memory=any(map(_has_memory, kinds)),
        captions=captions,
        below=below,
    )


def _has_memory(kind: Kind) -> bool:
    return any(state.symbol == "c" for state in kind.states)


def _captions(kinds: Sequence[Kind]) -> list[str]:
    last = len(kinds)
    captions = [
        f"{_all_but(last)} on all states (return_sequences: true)",
        f"layer {last} passes on only the last (return_sequences: false)",
    ]
    return [*captions, "thick arrows: cell states"] if any(map(_has_memory, kinds)) else captions


def _description(kinds: Sequence[Kind]) -> str:
    last = len(kinds)
    return (
        f"A stack of {last} layers: {_all_but(last)} on the state after every step, and layer "
        f"{last} passes only its last state to the dense layer"
    )


def _all_but(last: int) -> str:
    """Return the subject and the verb of a sentence on all layers but the last."""
    if last == 2:
        return "layer 1 passes"
    return f"layers 1 {'and' if last == 3 else 'to'} {last - 1} pass"
