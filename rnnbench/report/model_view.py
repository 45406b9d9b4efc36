"""The models of a config, and each of them, for people and for machines."""

from collections.abc import Mapping
from dataclasses import asdict

from rich import box
from rich.table import Table as Grid
from rich.text import Text

from rnnbench.data.corpus import noun_of
from rnnbench.models.describe import Description, LayerFacts
from rnnbench.models.descriptions import ABOUT_A_MODEL, LayeredNetwork, Model
from rnnbench.models.layers.base import Shape
from rnnbench.report.layout import View
from rnnbench.report.table import Table
from rnnbench.report.words import number_text
from rnnbench.section import in_yaml, spell_parameters
from rnnbench.text import counted, summary_of

NAME = "bold"
ASIDE = "dim"


def models_view(
    models: Mapping[str, Model], params: Mapping[str, int], remark: str
) -> View:
    """Return a line for each model with its trainable ``params``, if they are known.

    ``remark`` says why some are not.
    """
    records = []
    rows = []
    for name, model in models.items():
        record = {"name": name, "kind": model.kind, "layers": model.in_short()}
        n_params = params.get(name)
        records.append(record | {"trainable_params": n_params})
        rows.append([*record.values(), number_text(n_params, ",")])
    headers = ["model", "kind", "layers", "trainable"]
    return {"models": records}, Table(headers, rows, remark, text_columns=3)


def parameters_view(name: str, model: Model) -> View:
    """Return a model that is no network, with its parameters."""
    described = getattr(model, model.kind)
    kind = getattr(described, "kind", model.kind)
    parameters = {key: value for key, value in described if key not in ABOUT_A_MODEL}
    record = {
        "name": name,
        "kind": model.kind,
        model.kind: kind,
        "parameters": parameters,
    }
    rows = [[key, in_yaml(value)] for key, value in parameters.items()]
    title = Text.assemble((name, NAME), f": {kind}\n")
    summary = Text(summary_of(type(described).__doc__))
    if not rows:
        return record, title, summary, "It has no parameters."
    return record, title, summary, Table(["parameter", "value"], rows, "")


def network_view(
    name: str,
    model: Model,
    description: Description,
    shape: Shape,
    provenance: Mapping[str, str],
) -> View:
    """Return a network, layer by layer.

    In the record, ``null`` in a shape is the batch.
    """
    layers = []
    table = _grid_of_layers(description)
    for layer in description.layers:
        described = None
        if layer.described_by:
            described = layer.described_by.model_dump(mode="json")
        layers.append(asdict(layer) | {"described_by": described})
        n_params = layer.trainable_params + layer.other_params
        outputs = "\n".join(map(_dimensions, layer.outputs))
        table.add_row(_layer_text(layer, model, shape), outputs, f"{n_params:,}")
    record = {
        "name": name,
        "kind": model.kind,
        "data": {**provenance, **asdict(shape)},
        **vars(description),
        "layers": layers,
    }
    source = provenance["source"]
    caption = (
        f"\nData: {source} ({provenance['from']}), {shape.timesteps:,} steps, "
        f"{counted(shape.n_topics, noun_of(source))}, {shape.n_ids:,} ids. "
        "Batch: documents that are read at once."
    )
    title = Text.assemble((name, NAME), f": {model.in_short()}\n")
    return record, title, table, Text(caption, ASIDE)


def _grid_of_layers(description: Description) -> Grid:
    table = Grid(
        box=box.SIMPLE, show_edge=False, pad_edge=False, leading=1, show_footer=True
    )
    totals = f"{description.trainable_params:,}\n{description.other_params:,}"
    table.add_column("layer", "trainable\nother", overflow="fold")
    table.add_column("output", overflow="fold")
    table.add_column("parameters", totals, justify="right")
    return table


def _dimensions(output: tuple[int | None, ...]) -> str:
    sizes = ["batch" if size is None else str(size) for size in output]
    return f"({', '.join(sizes)})"


def _layer_text(layer: LayerFacts, model: Model, shape: Shape) -> Text:
    """Return the title of a layer and, in lines below it, its words and settings."""
    title = f"{layer.name} ({layer.keras_class})"
    lines: list[str] = []
    if layer.described_by:
        title = layer.described_by.in_short()
        settings = spell_parameters(layer.described_by.settings())
        lines = [layer.described_by.summary(), settings]
    elif layer.keras_class == "InputLayer":
        title = "word ids"
    elif isinstance(model, LayeredNetwork):  # the config does not name the layer
        title = layer.keras_class.lower()
        if layer.keras_class == "Reshape":
            lines = ["one feature at each step: the id as a number"]
        elif layer.keras_class == "Rescaling":
            lines = ["times 1: inputs are ids"]
            if model.inputs == "scaled_ids":
                lines = [f"divided by {shape.n_ids:,}"]
    below = "".join(f"\n{line}" for line in lines if line)
    return Text.assemble((title, NAME), (below, ASIDE))
