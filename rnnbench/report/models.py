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
from rnnbench.models.descriptions import BaselineModel, LayeredNetwork, Model, PythonNetwork
from rnnbench.models.shape import Shape
from rnnbench.report.table import MISSING


def models_json(models: Mapping[str, Model], params: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the JSON of ``models list``; the arguments are those of ``models_text``."""
    return [
        {
            "name": name,
            "kind": kind_of(model),
            "layers": in_short(model),
            "trainable_params": params.get(name),
        }
        for name, model in models.items()
    ]


def models_text(
    models: Mapping[str, Model], params: Mapping[str, int], remark: str
) -> RenderableType:
    """Return a table with one line for each model.

    Args:
        models: by name.
        params: trainable parameters of each, where known.
        remark: why they are not known; empty if they are.
    """
    table = _table(dict.fromkeys(("model", "kind", "layers", "trainable"), ""))
    for name, model in models.items():
        trainable = f"{params[name]:,}" if name in params else MISSING
        table.add_row(Text(name, style="bold"), kind_of(model), in_short(model), trainable)
    return Group(table, Text(f"\n{remark}", style="dim")) if remark else table


def kind_of(model: Model) -> str:
    """Return ``network``, ``python`` or ``baseline``."""
    if isinstance(model, BaselineModel):
        return "baseline"
    return "python" if isinstance(model, PythonNetwork) else "network"


def in_short(model: Model) -> str:
    """Return a model in one line, such as ``embedding 64 → gru 64 → dense topics``."""
    if isinstance(model, LayeredNetwork):
        inputs = ["scaled ids"] if model.inputs == "scaled_ids" else []
        return " → ".join([*inputs, *(layer.in_short() for layer in model.layers)])
    if isinstance(model, PythonNetwork):
        name, settings = model.python, _settings(model.arguments)
    else:
        name, settings = model.baseline.kind, _settings(dict(model.baseline))
    return f"{name} ({settings})" if settings else name


def _settings(values: Mapping[str, Any]) -> str:
    """Return parameters as they are written in YAML."""
    return ", ".join(
        f"{key}: {value if isinstance(value, str) else json.dumps(value, default=str)}"
        for key, value in values.items()
    )


def network_json(
    name: str, model: Model, description: Description, shape: Shape, provenance: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the JSON of a network; ``null`` in a shape is the batch."""
    return {
        "name": name,
        "kind": kind_of(model),
        "data": {**provenance, **asdict(shape)},
        "layers": [
            asdict(each)
            | {"described_by": each.described_by and each.described_by.model_dump(mode="json")}
            for each in description.layers
        ],
        "trainable_params": description.trainable_params,
        "other_params": description.other_params,
    }


def baseline_json(name: str, model: BaselineModel) -> dict[str, Any]:
    """Return the JSON of a baseline."""
    baseline = model.baseline
    return {
        "name": name,
        "kind": "baseline",
        "baseline": baseline.kind,
        "parameters": dict(baseline),
    }


def baseline_text(name: str, model: BaselineModel) -> RenderableType:
    """Return a baseline with its parameters."""
    baseline = model.baseline
    parameters = _table({"parameter": "", "value": ""})
    for key, value in baseline:
        parameters.add_row(key, str(value))
    below = parameters if dict(baseline) else "It has no parameters."
    return Group(_title(name, baseline.kind), Text(baseline.summary()), "", below)


def network_text(
    name: str, model: Model, description: Description, shape: Shape, provenance: Mapping[str, Any]
) -> RenderableType:
    """Return a network, layer by layer.

    Args:
        name: of the model.
        model: as described in the config.
        description: of its Keras model.
        shape: of the dataset.
        provenance: of the corpus.
    """
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
    return Group(_title(name, in_short(model)), table, Text(f"\n{caption}", style="dim"))


def _layer_text(facts: LayerFacts, model: Model, shape: Shape) -> Text:
    """Return the name of a layer, and below it what it does and how it is set."""
    if layer := facts.described_by:
        title, lines = layer.in_short(), [layer.in_words(shape), _settings(layer.settings())]
    else:
        title, lines = _title_of_added(facts, model), [_words_of_added(facts, model, shape)]
    details = "".join(f"\n{line}" for line in lines if line)
    return Text.assemble((title, "bold"), (details, "dim"))


def _title_of_added(facts: LayerFacts, model: Model) -> str:
    """Return the name of a layer that the config does not name."""
    if facts.keras_class == "InputLayer":
        return "word ids"
    if isinstance(model, LayeredNetwork):
        return facts.keras_class.lower()
    return f"{facts.name} ({facts.keras_class})"


def _words_of_added(facts: LayerFacts, model: Model, shape: Shape) -> str:
    if not isinstance(model, LayeredNetwork):
        return ""
    is_scaled = model.inputs == "scaled_ids"
    words = {
        "Reshape": "one feature at each step: the id as a number",
        "Rescaling": f"divided by {shape.n_ids:,}" if is_scaled else "times 1: inputs are ids",
    }
    return words.get(facts.keras_class, "")


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
        table.add_column(header, footer)
    table.columns[0].overflow = "fold"  # a name that is cut cannot be typed
    table.columns[-1].justify = "right"
    return table
