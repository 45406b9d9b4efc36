"""The JSON Schema of ``results.json``."""

from rnnbench.json_schema import DIALECT, Generator, Schema
from rnnbench.results.schema import Results


def results_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of ``results.json``."""
    schema = Results.model_json_schema(schema_generator=Generator)
    sha256 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    schema["properties"] |= {
        "config_sha256": {**sha256, "description": "Of config.yaml."},
        "checksum": {**sha256, "description": "Of all other keys, as canonical JSON."},
    }
    schema["required"] += ["config_sha256", "checksum"]
    return {"$schema": DIALECT, "title": "The results of rnnbench", **schema}
