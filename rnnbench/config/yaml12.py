"""The YAML of configs: plain data, with the numbers and booleans of YAML 1.2.

PyYAML reads YAML 1.1, in which ``1e-3`` is a string, ``010`` is 8 and ``no`` is false. Only its
parser is used here; its nodes become values that know where they were written.
"""

import re
from collections.abc import Callable
from typing import Any

import yaml
from yaml.reader import ReaderError

from rnnbench.config.nodes import Node
from rnnbench.config.problems import ConfigError, Problem, key_path

MAX_DEPTH = 100
"""Levels of lists and mappings. Data that contains itself, through an alias, has no end."""
MAX_VALUES = 100_000
"""Values in one file. Aliases of aliases could stand for more values than fit into memory."""


_TAG = "tag:yaml.org,2002:"
_SCALARS: dict[str, tuple[str, list[str], Callable[[str], Any]]] = {
    "null": (r"null|~|", ["n", "~", ""], lambda _: None),
    "bool": (r"true|false", ["t", "f"], {"true": True, "false": False}.__getitem__),
    "int": (r"[-+]?[0-9]+", list("-+0123456789"), int),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan",
        list("-+.0123456789"),
        lambda text: float(text.replace(".inf", "inf").replace(".nan", "nan")),
    ),
}
"""For each type: its pattern, the characters that it begins with, and its conversion."""


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}
    n_values = 1  # the root

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Return the next node; after too many, parsing stops at once, because PyYAML is slow."""
        self.n_values += index is not None  # keys do not count
        if self.n_values > MAX_VALUES:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(
                problem=f"too many values (allowed: {MAX_VALUES:,})", problem_mark=mark
            )
        return super().compose_node(parent, index)


class Dumper(yaml.SafeDumper):
    """Writes plain data so that YAML 1.1 and YAML 1.2 read the same values."""

    yaml_implicit_resolvers = {
        first: list(resolvers)
        for first, resolvers in yaml.SafeDumper.yaml_implicit_resolvers.items()
    }


for _kind, (_pattern, _first, _) in _SCALARS.items():
    for _dialect in (_Loader, Dumper):
        _dialect.add_implicit_resolver(f"{_TAG}{_kind}", re.compile(f"^(?:{_pattern})$"), _first)


def to_yaml(value: Any) -> str:
    """Return plain data as YAML text."""
    return yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True)


def parse(text: str, name: str, *, has_lines: bool = True) -> tuple[Node | None, list[Problem]]:
    """Return the tree in ``text``, if it has one, and a problem for every duplicate key.

    ``name`` is the file or the flag that it comes from; line numbers are of no use in a flag.

    Raises:
        ConfigError: it is not YAML, or not plain data.
    """
    convert = _Converter(name, has_lines=has_lines)
    try:
        root = yaml.compose(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = convert.where(mark) if mark else name
        reason = ", ".join(part for part in (error.context, error.problem) if part)
    except ReaderError as error:
        place, reason = name, f"the character #x{error.character:04x} is not allowed"
    except RecursionError:
        place, reason = name, "nested too deeply"
    else:
        tree = Node(convert.value(root), convert.where(root.start_mark)) if root else None
        return tree, list(convert.duplicates.values())
    raise ConfigError([Problem(place, "", f"not YAML: {reason}")])


class _Converter:
    """Converts the nodes of PyYAML."""

    def __init__(self, name: str, *, has_lines: bool):
        self.duplicates: dict[int, Problem] = {}
        """A problem for every duplicate key, by the identity of its node."""
        self._name, self._has_lines = name, has_lines
        self._n_values = 0

    def where(self, mark: yaml.Mark) -> str:
        """Return the place of ``mark`` for messages."""
        return f"{self._name}:{mark.line + 1}" if self._has_lines else self._name

    def value(self, node: yaml.Node, keys: tuple[str | int, ...] = ()) -> Any:
        """Return the value of ``node``, whose path is ``keys``.

        Raises:
            ConfigError: it is not plain data.
        """
        self._n_values += 1
        if len(keys) > MAX_DEPTH or self._n_values > MAX_VALUES:
            allowed = f"{MAX_DEPTH} levels, {MAX_VALUES:,} values"
            message = f"nested too deeply, or too many values (allowed: {allowed})"
            raise self._error(node, (), message)
        kind = node.tag.removeprefix(_TAG)
        if isinstance(node, yaml.MappingNode) and kind == "map":
            return self._mapping(node, keys)
        if isinstance(node, yaml.SequenceNode) and kind == "seq":
            return [
                Node(self.value(item, (*keys, position)), self.where(item.start_mark))
                for position, item in enumerate(node.value)
            ]
        if isinstance(node, yaml.ScalarNode) and kind in ("str", *_SCALARS):
            return self._scalar(node, kind, keys)
        raise self._error(node, keys, f"the tag {node.tag} is not allowed")

    def _scalar(self, node: yaml.ScalarNode, kind: str, keys: tuple[str | int, ...]) -> Any:
        convert = str if kind == "str" else _SCALARS[kind][2]
        try:
            return convert(node.value)
        except (ValueError, KeyError):
            message = f"'{node.value[:40]}' is not a valid {kind}"
            raise self._error(node, keys, message) from None

    def _mapping(self, node: yaml.MappingNode, keys: tuple[str | int, ...]) -> dict[str, Node]:
        entries: dict[str, Node] = {}
        first_lines: dict[str, int] = {}
        for name, value in node.value:
            if not isinstance(name, yaml.ScalarNode):
                raise self._error(name, keys, "a key cannot be a list or a mapping")
            key, line = name.value, name.start_mark.line + 1
            place, path = self.where(name.start_mark), (*keys, key)
            if key in entries:
                message = f"duplicate key (first on line {first_lines[key]})"
                self.duplicates.setdefault(id(name), Problem(place, key_path(path), message))
            first_lines.setdefault(key, line)
            entries[key] = Node(self.value(value, path), place)
        return entries

    def _error(self, node: yaml.Node, keys: tuple[str | int, ...], message: str) -> ConfigError:
        return ConfigError([Problem(self.where(node.start_mark), key_path(keys), message)])
