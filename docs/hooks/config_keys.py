"""The page ``config.md``, made from the JSON Schema of configs."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

SCHEMA = Path(__file__).parents[2] / "rnnbench/config/config.schema.json"

INTRODUCTION = """\
# Config keys

A config is a YAML file. This page is made from its JSON Schema, which
`rnnbench config show --schema config` prints; the same check that refuses a wrong
config keeps the schema right. `rnnbench config show CONFIG` prints a config with every
default, and `rnnbench config check` finds its mistakes.

Keys without a meaning here have that of the parameter of the same name in Keras
(layers) or scikit-learn (baselines). Layers, baselines, sources, engines and trackers
of [installed packages](extending.md) come on top.
"""

SECTIONS = {
    "The whole file": ("", "Benchmark"),
    "data": ("data", "Data"),
    "training": ("training", "Training"),
    "training: early stopping": ("early_stopping", "EarlyStopping"),
    "training: a schedule": ("schedule", "Schedule"),
    "training: a decision": ("decision", "DecisionRule"),
    "models: a network of layers": ("network", "LayeredNetwork"),
    "models: a language model to begin with": ("language_model", "LanguageModel"),
    "models: a network of your own": ("python", "PythonNetwork"),
    "models: a baseline": ("baseline", "BaselineModel"),
    "models: a transformer": ("transformer_model", "TransformerModel"),
    "models: how a transformer is trained": ("transformer", "Transformer"),
    "models: an ensemble": ("ensemble", "EnsembleModel"),
    "models: the models of an ensemble": ("members", "Ensemble"),
    "references": ("references", "Reference"),
    "references: a published accuracy": ("published", "Published"),
}
"""The title of each section, the start of its anchors, and its definition in the
schema."""
KINDS = {"Layers": ("layers", "Layer"), "Baselines": ("baselines", "Baseline")}

Schema = Mapping[str, Any]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page to those of the site."""
    files.append(
        File.generated(config, "config.md", content=config_page(read_schema()))
    )
    return files


def read_schema() -> Schema:
    """Return the schema that comes with the package, which has no plug-ins."""
    schema: Schema = json.loads(SCHEMA.read_text())
    return schema


def config_page(schema: Schema) -> str:
    """Return the page: a table for each section, kind of layer and baseline."""
    definitions = schema["$defs"]
    parts = [INTRODUCTION]
    for title, (anchor, name) in SECTIONS.items():
        definition = definitions[name]
        heading = f"## {title} {{ #{anchor or 'file'} }}"
        parts += [heading, definition["description"], *_table(definition, anchor)]
    parts += ["## Grids { #grid }", definitions["Grid"]["description"]]
    for title, (anchor, name) in KINDS.items():
        parts.append(f"## {title} {{ #{anchor} }}")
        for kind, value in kinds(definitions[name]).items():
            definition = definitions[value["$ref"].rpartition("/")[2]]
            parts += [f"### `{kind}` {{ #{anchor}.{kind} }}", value["description"]]
            parts += _table(definition, f"{anchor}.{kind}")
    return "\n\n".join([*parts, ""])


def kinds(definition: Schema) -> Mapping[str, Schema]:
    """Return the kinds of layers or baselines, by name."""
    variants = [definition, *definition.get("anyOf", ())]
    found: Mapping[str, Schema] = next(
        entry["properties"] for entry in variants if "properties" in entry
    )
    return found


def _table(definition: Schema, anchor: str) -> Iterator[str]:
    """Yield the table of the keys of a section, if it has any."""
    properties = definition.get("properties")
    if not properties:
        yield "It has no keys."
        return
    lines = ["| key | allowed | default | meaning |", "| --- | --- | --- | --- |"]
    for key, value in properties.items():
        name = f"`{key}`{{ #{anchor}{'.' if anchor else ''}{key} }}"
        default = (
            "required" if key in definition.get("required", ()) else _default(value)
        )
        cells = (name, allowed(value), default, _cell(value.get("description", "")))
        lines.append(f"| {' | '.join(cells)} |")
    yield "\n".join(['<div class="keys" markdown>', "", *lines, "", "</div>"])


def _default(value: Schema) -> str:
    default = value.get("default")
    if default is None or default == []:
        return "-"
    if isinstance(default, dict):
        return "that of each key"
    return f"`{json.dumps(default)}`"


def allowed(value: Schema) -> str:
    """Return in words what a key may be."""
    if "enum" in value:
        return ", ".join(f"`{entry}`" for entry in value["enum"] if entry is not None)
    if "$ref" in value:
        return _section_of(value["$ref"].rpartition("/")[2])
    if "anyOf" in value:
        words = [
            allowed(entry) for entry in value["anyOf"] if entry.get("type") != "null"
        ]
        return " or ".join(dict.fromkeys(words))
    if "const" in value:
        return f"`{value['const']}`"
    return _type_of(value)


def _type_of(value: Schema) -> str:
    match value.get("type"):
        case "integer":
            return _bounded("whole number", value)
        case "number":
            return _bounded("number", value)
        case "string":
            return "path" if value.get("format") == "path" else "text"
        case "boolean":
            return "`true`, `false`"
        case "array":
            return f"list of {allowed(value['items'])}"
        case _:
            return "mapping"


def _bounded(word: str, value: Schema) -> str:
    bounds = {
        "minimum": "from {}",
        "exclusiveMinimum": "above {}",
        "maximum": "up to {}",
        "exclusiveMaximum": "below {}",
    }
    found = [
        text.format(f"{value[key]:,}") for key, text in bounds.items() if key in value
    ]
    return " ".join([word, *found])


def _section_of(definition: str) -> str:
    """Return a link to the section of a definition."""
    anchors = {name: anchor for anchor, name in (*SECTIONS.values(), *KINDS.values())}
    words = {
        "Data": "data",
        "Training": "training",
        "TrainingSettings": "training",
        "Grid": "grid",
    }
    words |= {"ModelTraining": "training", "Recurrent": "layers", "Layer": "layers"}
    word = words.get(definition) or anchors.get(definition) or definition
    return f"[{word}](#{word})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
