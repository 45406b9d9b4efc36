"""The models of a config, as text and as JSON: in one line each, or layer by layer."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rnnbench.models.describe import Description, Dimensions, LayerFacts
from rnnbench.models.descriptions import BaselineModel, LayeredNetwork, Model
from rnnbench.models.layers.base import Shape
from rnnbench.report.table import MISSING
from rnnbench.section import spell_parameters


def models_json(models: Mapping[str, Model], params: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the JSON of the list of models; the arguments are those of ``models_text``."""
    return [
        {
            "name": name,
            "kind": model.kind,
            "layers": model.in_short(),
            "trainable_params": params.get(name),
        }
        for name, model in models.items()
    ]


def models_text(
    models: Mapping[str, Model], params: Mapping[str, int], remark: str
) -> RenderableType:
    """Return a table with one line for each model, by name.

    ``params`` are its trainable parameters; if they are not known, ``remark`` says why.
    """
    table = _table(dict.fromkeys(("model", "kind", "layers", "trainable"), ""))
    for name, model in models.items():
        trainable = f"{params[name]:,}" if name in params else MISSING
        table.add_row(Text(name, style="bold"), model.kind, model.in_short(), trainable)
    return Group(table, Text(f"\n{remark}", style="dim")) if remark else table


def network_json(
    name: str, model: Model, description: Description, shape: Shape, provenance: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the JSON of a network; ``null`` in a shape is the batch."""
    return {
        "name": name,
        "kind": model.kind,
        "data": {**provenance, **asdict(shape)},
        "layers": [
            asdict(layer)
            | {"described_by": layer.described_by and layer.described_by.model_dump(mode="json")}
            for layer in description.layers
        ],
        "trainable_params": description.trainable_params,
        "other_params": description.other_params,
    }


def baseline_json(name: str, model: BaselineModel) -> dict[str, Any]:
    """Return the JSON of a baseline."""
    facts = {"baseline": model.baseline.kind, "parameters": dict(model.baseline)}
    return {"name": name, "kind": "baseline", **facts}


def baseline_text(name: str, model: BaselineModel) -> RenderableType:
    """Return a baseline with its parameters."""
    baseline = model.baseline
    parameters = _table({"parameter": "", "value": ""})
    for key, value in baseline:
        parameters.add_row(key, value if isinstance(value, str) else json.dumps(value))
    below = parameters if dict(baseline) else "It has no parameters."
    return Group(_title(name, baseline.kind), Text(baseline.summary()), "", below)


def network_text(
    name: str, model: Model, description: Description, shape: Shape, provenance: Mapping[str, Any]
) -> RenderableType:
    """Return a network, layer by layer."""
    totals = f"{description.trainable_params:,}\n{description.other_params:,}"
    table = _table({"layer": "trainable\nother", "output": "", "parameters": totals})
    table.leading = 1
    for facts in description.layers:
        params = facts.trainable_params + facts.other_params
        table.add_row(
            _layer_text(facts, model, shape),
            "\n".join(map(_dimensions, facts.outputs)),
            f"{params:,}",
        )
    caption = (
        f"Data: {provenance['source']} ({provenance['from']}), {shape.timesteps:,} steps, "
        f"{shape.n_topics} topics, {shape.n_ids:,} ids. Batch: documents that are read at once."
    )
    return Group(_title(name, model.in_short()), table, Text(f"\n{caption}", style="dim"))


def _layer_text(facts: LayerFacts, model: Model, shape: Shape) -> Text:
    """Return the name of a layer, and below it its purpose and its settings."""
    name, lines = facts.keras_class, [""]
    if layer := facts.described_by:
        title, lines = layer.in_short(), [layer.in_words(shape), spell_parameters(layer.settings())]
    elif name == "InputLayer":
        title = "word ids"
    elif isinstance(model, LayeredNetwork):  # the config does not name the layer
        is_scaled = model.inputs == "scaled_ids"
        words = {
            "Reshape": "one feature at each step: the id as a number",
            "Rescaling": f"divided by {shape.n_ids:,}" if is_scaled else "times 1: inputs are ids",
        }
        title, lines = name.lower(), [words.get(name, "")]
    else:
        title = f"{facts.name} ({name})"
    details = "".join(f"\n{line}" for line in lines if line)
    return Text.assemble((title, "bold"), (details, "dim"))


def _dimensions(shape: Dimensions) -> str:
    return f"({', '.join('batch' if size is None else str(size) for size in shape)})"


def _title(name: str, text: str) -> Text:
    return Text.assemble((name, "bold"), f": {text}\n")


def _table(footers: Mapping[str, str]) -> Table:
    """Return a table with few lines; the keys are its headers, and the last column is numbers."""
    table = Table(
        box=box.SIMPLE, show_edge=False, pad_edge=False, show_footer=any(footers.values())
    )
    for header, footer in footers.items():
        table.add_column(header, footer, overflow="fold")  # a name that is cut cannot be typed
    table.columns[-1].justify = "right"
    return table
