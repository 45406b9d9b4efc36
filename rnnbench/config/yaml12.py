"""The YAML of configs: plain data, with the numbers and booleans of YAML 1.2.

PyYAML speaks YAML 1.1, in which ``1e-3`` is a word, ``010`` is 8 and ``no`` is false.
"""

import re
from collections.abc import Callable
from typing import Any, ClassVar

import yaml
from yaml.constructor import ConstructorError
from yaml.nodes import MappingNode, Node, ScalarNode

TAG = "tag:yaml.org,2002:"

_RESOLVERS = (
    ("null", r"null|~|", ["n", "~", ""]),
    ("bool", r"true|false", list("tf")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan",
        list("-+.0123456789"),
    ),
)


class Loader(yaml.SafeLoader):
    """Reads plain data; any other tag is an error. Keys stay as they were written."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}
    yaml_constructors: ClassVar[dict[str | None, Any]] = {
        f"{TAG}str": yaml.SafeLoader.construct_yaml_str,
        f"{TAG}seq": yaml.SafeLoader.construct_yaml_seq,
        f"{TAG}map": yaml.SafeLoader.construct_yaml_map,
        None: yaml.SafeLoader.construct_undefined,
    }

    def construct_mapping(self, node: Node, deep: bool = False) -> dict[str, Any]:
        """Return a mapping, its keys as text."""
        return {key.value: self.construct_object(value, deep=deep) for key, value in node.value}


class Dumper(yaml.SafeDumper):
    """Writes plain data so that both versions of YAML read the same."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {
        first: list(resolvers)
        for first, resolvers in yaml.SafeDumper.yaml_implicit_resolvers.items()
    }


def _constructor(kind: str, convert: Callable[[str], Any]) -> Callable[[Loader, ScalarNode], Any]:
    def construct(loader: Loader, node: ScalarNode) -> Any:
        text = loader.construct_scalar(node)
        try:
            return convert(text)
        except (ValueError, KeyError):
            message = f"'{text[:40]}' is no {kind}"
            raise ConstructorError(None, None, message, node.start_mark) from None

    return construct


def _float(text: str) -> float:
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


for _kind, _convert in {
    "null": lambda _: None,
    "bool": {"true": True, "false": False}.__getitem__,
    "int": int,
    "float": _float,
}.items():
    Loader.add_constructor(f"{TAG}{_kind}", _constructor(_kind, _convert))
for _kind, _pattern, _first in _RESOLVERS:
    for _dialect in (Loader, Dumper):
        _dialect.add_implicit_resolver(f"{TAG}{_kind}", re.compile(f"^(?:{_pattern})$"), _first)


def mapping(entries: list[tuple[Node, Node]], like: Node) -> MappingNode:
    """Return a mapping that says it was written where ``like`` was."""
    return MappingNode(f"{TAG}map", entries, like.start_mark, like.end_mark)


def text(value: str, like: Node) -> ScalarNode:
    """Return a text that says it was written where ``like`` was."""
    return ScalarNode(f"{TAG}str", value, like.start_mark, like.end_mark)
