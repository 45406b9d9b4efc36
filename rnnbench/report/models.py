"""The models of a config for people and for machines: in a line each, or layer by layer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rnnbench.models.baselines import Baseline
from rnnbench.models.describe import Description, Dimensions, LayerFacts, State
from rnnbench.models.descriptions import BaselineModel, LayeredNetwork, Model, PythonNetwork
from rnnbench.models.layers import (
    Bidirectional,
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    Layer,
    LayerNorm,
    Pooling,
    Recurrent,
    SpatialDropout,
)
from rnnbench.models.shape import Shape
from rnnbench.report.table import MISSING

MERGED = {
    "concat": "both answers side by side",
    "sum": "the sum of both answers",
    "ave": "the mean of both answers",
    "mul": "the product of both answers",
}
POOLED = {
    "max": "the largest of each feature over the steps",
    "mean": "the mean over the steps",
    "last": "the last step alone",
    "attention": "a mean over the steps, with learned weights",
}
FIRST_VECTORS = {
    "uniform": "random",
    "ppmi_svd": "from its neighbours in texts",
}


def models_json(models: Mapping[str, Model], params: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return what ``--json`` prints of the models of a config."""
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
    """Return a line for each model.

    Args:
        models: by name.
        params: trainable parameters of each, where they are known.
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
    """Return a model in a line, such as ``embedding 64 → gru 64 → dense topics``."""
    if isinstance(model, BaselineModel):
        return _joined(model.baseline.kind, _settings(dict(model.baseline)))
    if isinstance(model, PythonNetwork):
        return _joined(model.python, _settings(model.arguments))
    inputs = ["scaled ids"] if model.inputs == "scaled_ids" else []
    return " → ".join([*inputs, *map(_layer_in_short, model.layers)])


def _layer_in_short(layer: Layer) -> str:
    """Return its kind, and the parameters that have to be given, such as ``gru 64``."""
    if isinstance(layer, Bidirectional):
        return f"bidirectional {_layer_in_short(layer.layer)}"
    if isinstance(layer, Embedding) and layer.embeddings_initializer != "uniform":
        return f"embedding {layer.dim} {layer.embeddings_initializer}"
    if isinstance(layer, Dense) and layer.activation not in ("linear", "softmax"):
        return f"dense {layer.units} {layer.activation}"
    fields = type(layer).model_fields
    given = [f"{key} {value}" for key, value in layer if fields[key].is_required()]
    first = [text.partition(" ")[2] for text in given[:1]]  # it goes without saying which it is
    return " ".join([layer.kind, *first, *given[1:]])


def _settings(values: Mapping[str, Any]) -> str:
    """Return parameters as YAML has them."""
    spelled = (
        f"{key}: {value if isinstance(value, str) else json.dumps(value, default=str)}"
        for key, value in values.items()
    )
    return ", ".join(spelled)


def _joined(what: str, settings: str) -> str:
    return f"{what} ({settings})" if settings else what


def network_json(
    name: str, model: Model, description: Description, shape: Shape, provenance: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what ``--json`` prints of a network; ``null`` in a shape is the batch."""
    return {
        "name": name,
        "kind": kind_of(model),
        "data": {**provenance, **asdict(shape)},
        "layers": [_layer_json(facts) for facts in description.layers],
        "trainable_params": description.trainable_params,
        "other_params": description.other_params,
    }


def _layer_json(facts: LayerFacts) -> dict[str, Any]:
    described = facts.described_by
    return asdict(facts) | {"described_by": described and described.model_dump(mode="json")}


def baseline_json(name: str, model: BaselineModel) -> dict[str, Any]:
    """Return what ``--json`` prints of a baseline."""
    baseline = model.baseline
    return {
        "name": name,
        "kind": kind_of(model),
        "baseline": baseline.kind,
        "parameters": dict(baseline),
    }


def baseline_text(name: str, model: BaselineModel) -> RenderableType:
    """Return a baseline and its parameters."""
    baseline = model.baseline
    table = _table({"parameter": "", "value": ""})
    for key, value in baseline:
        table.add_row(key, str(value))
    parameters = table if dict(baseline) else "It has no parameters to choose."
    return Group(_title(name, baseline.kind), Text(_first_line(baseline)), "", parameters)


def network_text(
    name: str, model: Model, description: Description, shape: Shape, provenance: Mapping[str, Any]
) -> RenderableType:
    """Return a network, layer by layer.

    Args:
        name: of the model.
        model: what the config says.
        description: what became of it.
        shape: of the dataset.
        provenance: of the corpus.
    """
    totals = f"{description.trainable_params:,}\n{description.other_params:,}"
    table = _table({"layer": "trainable\nother", "output": "", "parameters": totals})
    table.leading = 1
    before: tuple[str, ...] = ()
    for facts in description.layers:
        params = facts.trainable_params + facts.other_params
        table.add_row(
            _layer_text(facts, model, shape, before),
            "\n".join(map(_dimensions, facts.outputs)),
            f"{params:,}",
        )
        before = (facts.name,)
    caption = (
        f"Data: {provenance['source']} ({provenance['from']}), {shape.timesteps:,} steps, "
        f"{shape.n_topics} topics, {shape.n_ids:,} ids. Batch: wires that are read at once."
    )
    return Group(_title(name, in_short(model)), table, Text(f"\n{caption}", style="dim"))


def _layer_text(facts: LayerFacts, model: Model, shape: Shape, before: tuple[str, ...]) -> Text:
    """Return the name of a layer, and below it what it does, how it is set, what it carries."""
    layer = facts.described_by
    lines = [_words(layer, shape) if layer else _words_of_added(facts, model, shape)]
    if layer and (settings := _settings(_chosen(layer))):
        lines.append(settings)
    if facts.inputs != before:
        lines.append(f"from {', '.join(facts.inputs)}")
    if facts.states:
        lines.append(f"carries {_states(facts.states)}")
    title = _layer_in_short(layer) if layer else _title_of_added(facts, model)
    details = "".join(f"\n{line}" for line in lines if line)
    return Text.assemble((title, "bold"), (details, "dim"))


def _chosen(layer: Layer) -> dict[str, Any]:
    """Return the parameters that are not at their defaults, and not told in short."""
    if isinstance(layer, Dense):
        return {}
    fields = type(layer).model_fields
    chosen = {
        key: value
        for key, value in layer
        if not fields[key].is_required() and value != fields[key].default
    }
    return chosen | (_chosen(layer.layer) if isinstance(layer, Bidirectional) else {})


def _words(layer: Layer, shape: Shape) -> str:  # noqa: PLR0911 - one a kind
    """Return what a layer does."""
    match layer:
        case Embedding(trainable=is_trained, embeddings_initializer=initializer):
            vector = f"a vector for each of {shape.n_ids:,} ids, {FIRST_VECTORS[initializer]}"
            return f"{vector} at first" if is_trained else f"{vector} and never trained"
        case Bidirectional(layer=inner, merge_mode=merge_mode):
            return f"reads forwards and backwards, gives {MERGED[merge_mode]}, {_when(inner)}"
        case Recurrent():
            return f"reads the steps in turn, gives its hidden state {_when(layer)}"
        case Conv1D(kernel_size=size):
            return f"weighs {size} steps in a row, at each step"
        case Pooling(by=by):
            return POOLED[by]
        case Dense(units="topics", activation="softmax"):
            return "a probability a topic"
        case Dense():
            return "weighted sums of the features"
        case Dropout(rate=rate):
            return f"sets {100 * rate:g} % of its inputs to 0 while training"
        case SpatialDropout(rate=rate):
            return f"sets {100 * rate:g} % of the features to 0 on all steps while training"
        case LayerNorm():
            return "brings each vector to mean 0 and variance 1, then scales it as learned"
    return _first_line(layer)


def _when(layer: Recurrent) -> str:
    return "at each step" if layer.return_sequences else "after the last step"


def _first_line(variant: Layer | Baseline) -> str:
    return (type(variant).__doc__ or "").strip().partition("\n")[0]


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
        "Reshape": "one feature a step: the id as a number",
        "Rescaling": f"divided by {shape.n_ids:,}" if is_scaled else "times 1: inputs are ids",
    }
    return words.get(facts.keras_class, "")


def _states(states: Sequence[State]) -> str:
    """Return names and shapes, such as ``forwards hidden (batch, 8); backwards …``."""
    by_direction: dict[str, list[str]] = {}
    for state in states:
        spelled = f"{state.name} {_dimensions(state.shape)}"
        by_direction.setdefault(state.direction or "", []).append(spelled)
    both = (f"{direction} {', '.join(each)}" for direction, each in by_direction.items())
    return "; ".join(both).strip()


def _dimensions(shape: Dimensions) -> str:
    return f"({', '.join('batch' if size is None else str(size) for size in shape)})"


def _title(name: str, text: str) -> Text:
    return Text.assemble((name, "bold"), f": {text}\n")


def _table(footers: Mapping[str, str]) -> Table:
    """Return a table with few lines, its columns named by the keys; the last one is numbers."""
    table = Table(
        box=box.SIMPLE, show_edge=False, pad_edge=False, show_footer=any(footers.values())
    )
    for header, footer in footers.items():
        table.add_column(header, footer)
    table.columns[0].overflow = "fold"  # a name that is cut cannot be typed
    table.columns[-1].justify = "right"
    return table
