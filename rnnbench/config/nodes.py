"""From YAML to a tree of values that know where they were written, with problems.

>>> root, problems = parse("training: {epochs: 1e2}", "my.yaml")
>>> at(root, ["training", "epochs"])
Node(value=100.0, where='my.yaml:1')

PyYAML reads YAML 1.1, in which ``1e-3`` is a string, ``010`` is 8 and ``no`` is false.
Only its parser is used here; the numbers and booleans are those of YAML 1.2.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

try:
    from yaml import CSafeLoader as LibyamlLoader
except ImportError:  # PyYAML was built without libyaml
    from yaml import SafeLoader as LibyamlLoader  # type: ignore[assignment]

from rnnbench.errors import UserError, shortened
from rnnbench.section import spell

MAX_DEPTH = 100  # levels; data that contains itself, through an alias, has no end
MAX_VALUES = 100_000
"""In one file: aliases of aliases could stand for more than fit into memory."""
MAX_MESSAGE = 2_000  # the most characters that are shown of one problem
MAX_PROBLEMS = 100


@dataclass(frozen=True)
class Problem:
    """One mistake in a config."""

    where: str
    """``file:line``, or the flag that the value came from; empty for a mapping."""
    key: str
    """The path, such as ``training.epochs``; empty if the whole file is wrong."""
    message: str

    def __str__(self) -> str:
        parts = [part for part in (self.where, self.key, self.message) if part]
        return shortened(": ".join(parts), MAX_MESSAGE)

    def reading_order(self) -> tuple[str, int, str]:
        """Return the sort key: file, line, key."""
        in_file = re.fullmatch(r"(.*):(\d{1,9})", self.where, re.DOTALL)
        if in_file:
            return in_file[1], int(in_file[2]), self.key
        return self.where, 0, self.key


class ConfigError(UserError):
    """A config that cannot be used, with every problem that was found in it."""

    def __init__(self, problems: Sequence[Problem]):
        lines = [str(problem) for problem in problems[:MAX_PROBLEMS]]
        n_more = len(problems) - MAX_PROBLEMS
        if n_more > 0:
            lines.append(f"... and {n_more:,} more problems")
        super().__init__("\n".join(lines))
        self.problems = tuple(problems)


def config_error(where: str, keys: Sequence[str | int], message: str) -> ConfigError:
    """Return an error with a single problem."""
    return ConfigError([Problem(where, key_path(keys), message)])


def key_path(keys: Sequence[str | int]) -> str:
    """Return ``keys`` joined by dots; an empty or unprintable key is quoted."""
    parts = []
    for key in map(str, keys):
        is_readable = key and key.isprintable()
        parts.append(key if is_readable else repr(key))
    return ".".join(parts)


@dataclass(frozen=True)
class Node:
    """A value of a config that knows where it was written."""

    value: Any
    """The entries of a mapping by key, the items of a list, or a single value."""
    where: str
    """``file:line`` of its key or, in a list, of itself; or the flag it came from."""

    @property
    def is_mapping(self) -> bool:
        """Whether it has entries by key."""
        return isinstance(self.value, dict)

    @property
    def is_list(self) -> bool:
        """Whether it has items by position."""
        return isinstance(self.value, list)

    @cached_property
    def children(self) -> dict[str, "Node"]:
        """The entries of a mapping, or the items of a list by position: ``"0"``."""
        if self.is_list:
            return {str(position): item for position, item in enumerate(self.value)}
        if self.is_mapping:
            return dict(self.value)
        return {}

    @property
    def plain(self) -> object:
        """The value as new dicts, lists and scalars."""
        if self.is_mapping:
            return {key: child.plain for key, child in self.value.items()}
        if self.is_list:
            return [item.plain for item in self.value]
        return self.value


def at(root: Node, keys: Sequence[str]) -> Node:
    """Return the value at ``keys``; one of ``None`` if there is none."""
    for key in keys:
        root = root.children.get(key, Node(None, root.where))
    return root


def merged(base: Node, top: Node) -> Node:
    """Return ``base`` overridden by ``top``, mappings key by key."""
    if not base.is_mapping:
        return top
    if top.value is None:
        return base
    if not top.is_mapping:
        return top
    entries = dict(base.value)
    for key, node in top.value.items():
        if key in entries:
            entries[key] = merged(entries[key], node)
        else:
            entries[key] = node
    return Node(entries, top.where)


def with_value(root: Node, keys: Sequence[str], new: Node) -> Node:
    """Return ``root`` with ``new`` at the end of ``keys``; mappings are added."""
    if not keys:
        return Node(new.value, root.where)
    key, *below = keys
    children = dict(root.children)
    if root.is_list and key not in children:
        message = f"no item {spell(key)} (the list has {len(children)}, counted from 0)"
        raise config_error(new.where, (), message)
    child = Node(at(root, [key]).value, new.where)
    children[key] = with_value(child, below, new)
    if root.is_list:
        return Node(list(children.values()), root.where)
    return Node(children, root.where)


def replaced(root: Node, keys: Sequence[str], new: Node) -> Node:
    """Return ``root`` with ``new`` in place of the value at ``keys``."""
    if not keys:
        return new
    key, *below = keys
    return Node(root.value | {key: replaced(root.value[key], below, new)}, root.where)


def without(root: Node, keys: Sequence[str]) -> Node:
    """Return ``root`` without the entry of a mapping at ``keys``, if there is one."""
    key, *below = keys
    if not root.is_mapping or key not in root.value:
        return root
    if below:
        return replaced(root, [key], without(root.value[key], below))
    entries = dict(root.value)
    del entries[key]
    return Node(entries, root.where)


_TAG = "tag:yaml.org,2002:"
_SCALARS: dict[str, tuple[str, list[str], Callable[[str], object]]] = {
    "null": (r"null|~|", ["n", "~", ""], lambda _: None),
    "bool": (r"true|false", ["t", "f"], {"true": True, "false": False}.__getitem__),
    "int": (r"[-+]?[0-9]+", list("-+0123456789"), int),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan",
        list("-+.0123456789"),
        lambda text: float(text.replace(".inf", "inf").replace(".nan", "nan")),
    ),
}
"""For each type: its pattern, the characters it begins with, and its conversion."""


class _Dumper(yaml.SafeDumper):
    """Writes plain data so that YAML 1.1 and YAML 1.2 read the same values."""


class _FastLoader(LibyamlLoader):
    """Parses in a tenth of the time, but accepts more than ``_Loader``: some tabs."""

    yaml_implicit_resolvers = {}


class _Loader(yaml.SafeLoader):
    """Parses one document."""

    yaml_implicit_resolvers = {}
    _n_parsed = 1

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Return the next node; PyYAML is slow, so parsing stops after too many."""
        if index is not None:  # keys do not count
            self._n_parsed += 1
        if self._n_parsed > MAX_VALUES:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            message = f"too many values (allowed: {MAX_VALUES:,})"
            raise yaml.MarkedYAMLError(problem=message, problem_mark=mark)
        return super().compose_node(parent, index)


class _Reader:
    """Reads one document as a tree; ``where`` spells the place of a mark."""

    def __init__(self, where: Callable[[yaml.Mark], str]):
        self.duplicates: dict[int, Problem] = {}  # by the identity of the second node
        self._where = where
        self._n_values = 0

    def read(self, root: yaml.Node | None) -> tuple[Node | None, list[Problem]]:
        """Return what ``parse`` does, of the root of a document."""
        tree = None
        if root:
            tree = Node(self.value(root, ()), self._where(root.start_mark))
        return tree, list(self.duplicates.values())

    def value(self, node: yaml.Node, keys: tuple[str | int, ...]) -> object:
        """Return the value of a node; ``parse`` says which errors it raises."""
        self._n_values += 1
        if len(keys) > MAX_DEPTH or self._n_values > MAX_VALUES:
            allowed = f"{MAX_DEPTH} levels, {MAX_VALUES:,} values"
            message = f"nested too deeply, or too many values (allowed: {allowed})"
            raise config_error(self._where(node.start_mark), (), message)
        kind = node.tag.removeprefix(_TAG)
        message = f"the tag {node.tag} is not allowed"
        match node:
            case yaml.MappingNode() if kind == "map":
                return self._entries(node, keys)
            case yaml.SequenceNode() if kind == "seq":
                items = []
                for position, item in enumerate(node.value):
                    value = self.value(item, (*keys, position))
                    items.append(Node(value, self._where(item.start_mark)))
                return items
            case yaml.ScalarNode(value=text) if kind in _SCALARS:
                _, _, convert = _SCALARS[kind]
                try:
                    return convert(text)
                except (ValueError, KeyError):
                    message = f"'{text[:40]}' is not a valid {kind}"
            case yaml.ScalarNode(value=text) if kind == "str":
                return text
        raise config_error(self._where(node.start_mark), keys, message)

    def _entries(
        self, node: yaml.MappingNode, keys: tuple[str | int, ...]
    ) -> dict[str, Node]:
        """Return the entries of a mapping; a key that comes twice is a problem."""
        entries: dict[str, Node] = {}
        first_lines: dict[str, int] = {}
        for name, value in node.value:
            where = self._where(name.start_mark)
            if not isinstance(name, yaml.ScalarNode):
                raise config_error(where, keys, "a key cannot be a list or a mapping")
            path = (*keys, name.value)
            line = first_lines.setdefault(name.value, name.start_mark.line + 1)
            if name.value in entries:
                message = f"duplicate key (first on line {line})"
                duplicate = Problem(where, key_path(path), message)
                self.duplicates.setdefault(id(name), duplicate)
            entries[name.value] = Node(self.value(value, path), where)
        return entries


for _kind, (_pattern, _first, _) in _SCALARS.items():
    for _dialect in (_Loader, _FastLoader, _Dumper):
        _dialect.add_implicit_resolver(
            f"{_TAG}{_kind}", re.compile(f"^(?:{_pattern})$"), _first
        )


def to_yaml(value: object) -> str:
    """Return plain data as YAML text."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def parse(
    text: str, name: str, *, has_lines: bool = True
) -> tuple[Node | None, list[Problem]]:
    """Return the tree in the text of a file or flag; and problems: duplicate keys."""

    def where(mark: yaml.Mark) -> str:
        return f"{name}:{mark.line + 1}" if has_lines else name

    place = name
    try:
        return _Reader(where).read(_Loader(text).get_single_node())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if mark:
            place = where(mark)
        reason = ", ".join(part for part in (error.context, error.problem) if part)
    except yaml.reader.ReaderError as error:
        reason = f"the character #x{error.character:04x} is not allowed"
    except RecursionError:
        reason = "nested too deeply"
    raise config_error(place, (), f"not YAML: {reason}")


def parse_written(text: str, name: str) -> tuple[Node | None, list[Problem]]:
    """Return what ``parse`` does, faster, of the text of a file that we wrote."""

    def where(mark: yaml.Mark) -> str:
        return f"{name}:{mark.line + 1}"

    try:
        return _Reader(where).read(_FastLoader(text).get_single_node())
    except (yaml.YAMLError, ConfigError, RecursionError):
        return parse(text, name)  # which says what is wrong
