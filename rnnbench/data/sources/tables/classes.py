"""Names of classes, as Hugging Face's data sets store them beside the numbers.

``class_names({"label": {"names": ["neg", "pos"]}})["label"]`` is ``["neg", "pos"]``.
"""

import json
from collections.abc import Iterable, Mapping, Sequence


def class_names(features: object) -> dict[str, list[str]]:
    """Return the names of classes by column, from the JSON of the features."""
    classes = {}
    match features:
        case {**by_column}:
            for column, feature in by_column.items():
                match feature:
                    case (
                        {"names": [*names]}
                        | {"feature": {"names": [*names]}}
                        | [{"names": [*names]}]
                    ):
                        classes[str(column)] = list(map(str, names))
    return classes


def classes_in(metadata: Mapping[bytes, bytes] | None) -> dict[str, list[str]]:
    """Return the same from the metadata of a Parquet or an Arrow file."""
    try:
        document = json.loads((metadata or {}).get(b"huggingface", b"{}"))
    except (ValueError, RecursionError):
        return {}
    match document:
        case {"info": {"features": features}}:
            return class_names(features)
    return {}


def with_names(values: Iterable[object], names: Sequence[str]) -> list[object]:
    """Return values with a name for each number of a class; -1 is no class."""
    named_values: list[object] = []
    for value in values:
        name = value
        match value:
            case bool():
                pass
            case int() if 0 <= value < len(names):
                name = names[value]
            case int():
                name = None
            case list():
                name = with_names(value, names)
        named_values.append(name)
    return named_values
