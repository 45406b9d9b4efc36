"""The JSON Schemas of configs, for editors, and of ``results.json``, for programs.

``config_schema()`` and ``results_schema()`` return them. The docstrings below fields
are the descriptions. An editor sees one config, not those that it extends, so the
schema accepts everything that is right, and refuses what has a wrong shape.
"""

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core.core_schema import ModelSchema

from rnnbench.config.schema import Benchmark
from rnnbench.data.source import TOKENIZERS
from rnnbench.data.sources import SOURCES
from rnnbench.models.baselines import BASELINES
from rnnbench.models.descriptions import MODELS, LanguageModel
from rnnbench.models.layers import LAYERS
from rnnbench.models.layers.recurrent import Recurrent
from rnnbench.points import MODEL, POINT
from rnnbench.results.schema import Results
from rnnbench.section import SCORES, ConfigModel, Variant
from rnnbench.tracking import TRACKERS
from rnnbench.training.engines import ENGINES
from rnnbench.training.settings import AUTO, MAX_SEEDS

KINDS = ("LayeredNetwork", "PythonNetwork", "BaselineModel", "EnsembleModel")
EXTENDABLE = ("Benchmark", *KINDS, "Network", "Reference", "Published")
"""The sections whose keys may come from a file that a config extends."""
IN_PART = "InPart"
"""The end of the names of their definitions in which no key is required."""

Schema = dict[str, Any]


class _Generator(GenerateJsonSchema):
    """Writes the docstrings below fields as descriptions, and no titles."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 - pydantic's
        return False

    def model_schema(self, schema: ModelSchema) -> Schema:
        model = schema["cls"]
        written = super().model_schema(schema)
        written.pop("title", None)
        written["description"] = _plain(model.__doc__ or "")
        for key, text in _docs(model):
            if key in written["properties"]:
                written["properties"][key]["description"] = text
        if issubclass(model, ConfigModel) and "required" not in written:
            # A section without required keys may be empty.
            written["type"] = ["object", "null"]
        return written

    def dataclass_schema(self, schema: Any) -> Schema:
        written = super().dataclass_schema(schema)
        written.pop("title", None)
        return written


def _docs(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Yield the name of each field with a docstring, and that docstring."""
    for base in reversed(model.__mro__):
        if not issubclass(base, BaseModel) or base is BaseModel:
            continue
        (source,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        for pair in pairwise(ast.iter_child_nodes(source)):
            match pair:
                case ast.AnnAssign(target=field), ast.Expr(value=docstring):
                    yield ast.unparse(field), _plain(ast.literal_eval(docstring))


def _plain(docstring: str) -> str:
    return " ".join(docstring.partition("\n\n")[0].replace("``", "`").split())


def results_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of ``results.json``."""
    schema = Results.model_json_schema(by_alias=False, schema_generator=_Generator)
    sums = {
        "config_sha256": "Of config.yaml.",
        "checksum": "Of all other keys, as canonical JSON.",
    }
    for key, text in sums.items():
        schema["properties"][key] = {
            "type": "string",
            "pattern": "^[0-9a-f]{64}$",
            "description": text,
        }
        schema["required"].append(key)
    start = {"$schema": _Generator.schema_dialect, "title": "The results of rnnbench"}
    return start | schema


def config_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of a config."""
    layers = {layer.kind: layer for layer in LAYERS.usable()}
    baselines = {baseline.kind: baseline for baseline in BASELINES.usable()}
    others = MODELS.usable()
    models: list[type[BaseModel]] = [Benchmark, *others]
    models += [*layers.values(), *baselines.values()]
    references, schema = models_json_schema(
        [(model, "validation") for model in models], schema_generator=_Generator
    )
    ref_of = {model: references[model, "validation"] for model in models}
    definitions: dict[str, Schema] = schema["$defs"]
    recurrent = {}
    for kind, layer in layers.items():
        if issubclass(layer, Recurrent):
            recurrent[kind] = layer
    definitions["Layer"] = _one_kind(layers, ref_of)
    definitions["Recurrent"] = _one_kind(recurrent, ref_of)
    with_parameters = _one_kind(baselines, ref_of)
    definitions["Baseline"] = {"anyOf": [{"enum": list(baselines)}, with_parameters]}
    _add_what_validators_allow(definitions)
    names_of_others = [model.__name__ for model in others]
    _add_grids(definitions, [*KINDS, *names_of_others])
    definitions["Network"] = {"anyOf": [ref_of[model] for model in others] or [False]}
    _add_parts(definitions, [*EXTENDABLE, *names_of_others])
    return {
        "$schema": _Generator.schema_dialect,
        "title": "A config of rnnbench",
        "if": {"required": ["extends"]},
        "then": {"$ref": f"#/$defs/Benchmark{IN_PART}"},
        "else": {"$ref": "#/$defs/Benchmark"},
        "$defs": dict(sorted(definitions.items())),
    }


def _add_parts(definitions: dict[str, Schema], extendable: Sequence[str]) -> None:
    """Add definitions in which every key may be missing, also in sections below."""
    reference = f'"#/[$]defs/({"|".join(extendable)})"'
    for name in extendable:
        part = definitions[name].copy()
        part.pop("required", None)
        part.pop("minProperties", None)
        text = re.sub(reference, rf'"#/$defs/\1{IN_PART}"', json.dumps(part))
        definitions[f"{name}{IN_PART}"] = json.loads(text)


def _one_kind(
    kinds: Mapping[str, type[Variant]], ref_of: Mapping[type[BaseModel], Schema]
) -> Schema:
    """Return the schema of ``{kind: parameters}``."""
    described = {}
    for kind, variant in kinds.items():
        described[kind] = ref_of[variant] | {"description": variant.summary()}
    return {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": described,
    }


def _add_what_validators_allow(definitions: dict[str, Schema]) -> None:
    """Add the names in registries, and the values that validators turn into others."""
    benchmark = definitions["Benchmark"]["properties"]
    data = definitions["Data"]["properties"]
    training = definitions["Training"]["properties"]
    benchmark["name"]["pattern"] = f"^{MODEL}$"
    benchmark["references"]["propertyNames"] = {"pattern": f"^{MODEL}$"}
    benchmark["models"]["propertyNames"] = {"pattern": f"^{POINT}$"}
    text = {"type": "string"}
    extends = {"description": "Config files or names that this one extends."}
    benchmark["extends"] = extends | _one_or_several(text, text)
    pretrained = {LanguageModel.kind: LanguageModel}
    definitions["LayeredNetwork"]["properties"]["pretrain"]["anyOf"] = [
        {"enum": [*pretrained, None]},
        _one_kind(pretrained, {LanguageModel: {"$ref": "#/$defs/LanguageModel"}}),
    ]
    published = definitions["Published"]
    published["properties"] |= dict.fromkeys(SCORES, published["properties"]["score"])
    published["required"].remove("score")
    data["source"]["enum"] = ["auto", *SOURCES]
    data["tokenizer"]["enum"] = [*TOKENIZERS, None]
    training["engine"]["enum"] = [AUTO, *ENGINES]
    number = {"type": "integer", "minimum": 1, "maximum": MAX_SEEDS}
    seed = {"type": "integer", "minimum": 0, "exclusiveMaximum": 2**32}
    trackers = {"enum": list(TRACKERS)}
    benchmark["tracking"] |= _one_or_several(trackers, trackers)
    training["seeds"] |= _one_or_several(number, seed)
    bounds = {"minItems": 1, "maxItems": MAX_SEEDS, "uniqueItems": True}
    training["seeds"]["anyOf"][1] |= bounds
    for schema in (benchmark["tracking"], training["seeds"]):
        del schema["type"], schema["items"]


def _one_or_several(single: Schema, item: Schema) -> Schema:
    return {"anyOf": [single, {"type": "array", "items": item}]}


def _add_grids(definitions: dict[str, Schema], kinds: Iterable[str]) -> None:
    """Add what models may have besides their parts: a grid, and ``training``."""
    of_all = definitions["Training"]
    properties = of_all["properties"].copy()
    del properties["seeds"]
    definitions["ModelTraining"] = of_all | {
        "description": "How this model is trained, where it differs from the others.",
        "properties": properties,
    }
    definitions["Grid"] = {
        "description": "Lists of values by key path, such as "
        "`layers.1.gru.units: [32, 64]`; each combination is a model of its own. Lists "
        "under `zip` change together.",
        "type": ["object", "null"],
    }
    training = {"$ref": "#/$defs/ModelTraining"}
    grid = {"$ref": "#/$defs/Grid"}
    for name in kinds:
        definitions[name]["properties"] |= {"training": training, "grid": grid}
    models = definitions["Benchmark"]["properties"]["models"]
    # A model may lack the very values that its grid has.
    models["additionalProperties"] = {
        "if": {"type": "object", "required": ["grid"]},
        "then": {"properties": {"grid": grid}},
        "else": models["additionalProperties"],
    }
