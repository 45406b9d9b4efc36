"""The JSON Schema of configs, generated from the sections and the registries, for editors.

An editor sees one file, not those that it extends, and no values that depend on each other. So the
schema accepts everything that is right, and refuses what has a wrong shape.
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from rnnbench.config.schema import Benchmark
from rnnbench.data.source import TOKENIZERS
from rnnbench.data.sources import SOURCES
from rnnbench.json_schema import DIALECT, Generator, Schema
from rnnbench.models.baselines import BASELINES
from rnnbench.models.layers import LAYERS
from rnnbench.models.layers.recurrent import Recurrent
from rnnbench.points import MODEL, POINT
from rnnbench.section import Variant
from rnnbench.tracking import TRACKERS
from rnnbench.training.engines import ENGINES
from rnnbench.training.settings import AUTO, MAX_SEEDS

MODELS = ("LayeredNetwork", "PythonNetwork", "BaselineModel")
MERGED = ("Benchmark", *MODELS, "Reference", "Published")
"""The sections whose keys may come from a file that a config extends; lists are not merged."""
IN_PART = "InPart"
"""The end of the names of their definitions in which no key is required."""

REQUIREMENTS = ("required", "minProperties")


class _Sections(Generator):
    """Allows sections without required keys to be empty."""

    def model_schema(self, schema: Any) -> Schema:
        found = super().model_schema(schema)
        return found if "required" in found else found | {"type": ["object", "null"]}


def config_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of a config."""
    layers = {each.kind: each for each in LAYERS.usable()}
    baselines = {each.kind: each for each in BASELINES.usable()}
    models: list[type[BaseModel]] = [Benchmark, *layers.values(), *baselines.values()]
    references, schema = models_json_schema(
        [(model, "validation") for model in models], schema_generator=_Sections
    )
    ref_of = {model: reference for (model, _), reference in references.items()}
    definitions: dict[str, Schema] = schema["$defs"]
    recurrent = {kind: each for kind, each in layers.items() if issubclass(each, Recurrent)}
    definitions["Layer"] = _one_kind(layers, ref_of)
    definitions["Recurrent"] = _one_kind(recurrent, ref_of)
    names = {"enum": list(baselines)}
    definitions["Baseline"] = {"anyOf": [names, _one_kind(baselines, ref_of)]}
    _add_what_validators_allow(definitions)
    for name in MERGED:
        definitions[f"{name}{IN_PART}"] = _in_part(definitions[name])
    return {
        "$schema": DIALECT,
        "title": "A config of rnnbench",
        "if": {"required": ["extends"]},
        "then": {"$ref": f"#/$defs/Benchmark{IN_PART}"},
        "else": {"$ref": "#/$defs/Benchmark"},
        "$defs": dict(sorted(definitions.items())),
    }


def _one_kind(kinds: Mapping[str, type[Variant]], ref_of: Mapping[Any, Schema]) -> Schema:
    """Return the schema of ``{kind: parameters}``."""
    return {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": {
            kind: {**ref_of[each], "description": each.summary()} for kind, each in kinds.items()
        },
    }


def _add_what_validators_allow(definitions: dict[str, Schema]) -> None:
    """Add the names in registries, and the values that validators turn into others."""
    benchmark, data, training = (
        definitions[name]["properties"] for name in ("Benchmark", "Data", "Training")
    )
    benchmark["name"]["pattern"] = f"^{MODEL}$"
    benchmark["references"]["propertyNames"] = {"pattern": f"^{MODEL}$"}
    benchmark["models"]["propertyNames"] = {"pattern": f"^{POINT}$"}
    benchmark["extends"] = {
        "description": "Config files or names that this one extends.",
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
    }
    data["source"]["enum"] = ["auto", *SOURCES]
    data["tokenizer"]["enum"] = [*TOKENIZERS, None]
    training["engine"]["enum"] = [AUTO, *ENGINES]
    number = {"type": "integer", "minimum": 1, "maximum": MAX_SEEDS}
    del training["seeds"]["type"], training["seeds"]["items"]
    seed = {"type": "integer", "minimum": 0, "exclusiveMaximum": 2**32}
    bounds = {"minItems": 1, "maxItems": MAX_SEEDS, "uniqueItems": True}
    trackers = {"enum": list(TRACKERS)}
    del benchmark["tracking"]["type"], benchmark["tracking"]["items"]
    benchmark["tracking"]["anyOf"] = [trackers, {"type": "array", "items": trackers}]
    training["seeds"]["anyOf"] = [number, {"type": "array", "items": seed, **bounds}]
    _add_grids(definitions)


def _add_grids(definitions: dict[str, Schema]) -> None:
    """Add what models may have besides their parts: a grid, and values of ``training``.

    The values of a grid may be just those that its model lacks, so such a model is only looked at
    as a mapping.
    """
    of_all = definitions["Training"]
    own = {key: value for key, value in of_all["properties"].items() if key != "seeds"}
    definitions["ModelTraining"] = of_all | {
        "description": "How this model is trained, where it differs from the others.",
        "properties": own,
    }
    definitions["Grid"] = {
        "description": "Lists of values by key path, such as `layers.1.gru.units: [32, 64]`; each "
        "combination is a model of its own. Lists under `zip` change together.",
        "type": ["object", "null"],
    }
    for name in MODELS:
        properties = definitions[name]["properties"]
        properties["training"] = {"$ref": "#/$defs/ModelTraining"}
        properties["grid"] = {"$ref": "#/$defs/Grid"}
    models = definitions["Benchmark"]["properties"]["models"]
    models["additionalProperties"] = {
        "if": {"type": "object", "required": ["grid"]},
        "then": {"properties": {"grid": {"$ref": "#/$defs/Grid"}}},
        "else": models["additionalProperties"],
    }


def _in_part(definition: Schema) -> Schema:
    """Return a definition in which every key may be missing, also in the sections below it."""
    text = json.dumps({key: definition[key] for key in definition if key not in REQUIREMENTS})
    for name in MERGED:
        text = text.replace(f'"#/$defs/{name}"', f'"#/$defs/{name}{IN_PART}"')
    in_part: Schema = json.loads(text)
    return in_part
