"""YAML files as trees of nodes that remember their file and line.

Everything here works on PyYAML's own nodes: each carries the place where it was written, so a
tree that was put together from several files and flags can still say where a value came from.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from rnnbench.errors import UserError, did_you_mean

Loc = Sequence[str | int]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, where it is, and the key it is about."""

    where: str
    key: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.key, self.message) if part)


class ConfigError(UserError):
    """A config that cannot be used, with every problem that was found in it."""

    def __init__(self, problems: Sequence[Problem]):
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


@dataclass
class Document:
    """The root of a tree, and the problems that were met while reading it."""

    root: MappingNode
    problems: list[Problem] = field(default_factory=list)


class _Loader(yaml.SafeLoader):
    """YAML 1.2's numbers and booleans: ``1e-3`` is a number, ``no`` is a word."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


for _tag, _pattern, _first in (
    ("null", r"^(?:null|~|)$", ["n", "~", ""]),
    ("bool", r"^(?:true|false)$", list("tf")),
    ("int", r"^[-+]?[0-9]+$", list("-+0123456789")),
    (
        "float",
        r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$|^[-+]?\.inf$|^\.nan$",
        list("-+.0123456789"),
    ),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


def read(path: Path) -> Document:
    """Return the tree in the file ``path``; its nodes carry the path as the user wrote it.

    Raises:
        ConfigError: there is no such file, or it holds no mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        others = sorted(str(other) for other in path.parent.glob("*.y*ml"))
        hint = f" ({did_you_mean(str(path), others)})" if others else ""
        raise ConfigError([Problem(str(path), "", f"no such file{hint}")]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(str(path), "", f"cannot be read: {error}")]) from None
    root = compose(text, str(path))
    if root is None:
        raise ConfigError([Problem(str(path), "", "the file is empty (needs: name, models)")])
    if not isinstance(root, MappingNode):
        raise ConfigError([Problem(where(root), "", "should be a mapping, such as `name: all`")])
    document = Document(root)
    _find_duplicates(root, (), document.problems, set())
    return document


def compose(text: str, name: str) -> Node | None:
    """Return the tree in ``text``, whose nodes say that they are from ``name``.

    Raises:
        ConfigError: the text is not YAML.
    """
    loader = _Loader(text)
    loader.name = name
    try:
        return loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        message = ", ".join(part for part in (error.context, error.problem) if part)
        raise ConfigError([Problem(f"{name}{line}", "", f"not YAML: {message}")]) from None
    except yaml.YAMLError as error:
        raise ConfigError([Problem(name, "", f"not YAML: {error}")]) from None
    finally:
        loader.dispose()


def empty_mapping() -> MappingNode:
    """Return a tree without entries, for flags to fill."""
    start = yaml.Mark("--", 0, 0, 0, None, None)
    return MappingNode("tag:yaml.org,2002:map", [], start, start)


def construct(root: Node) -> Any:
    """Return the plain Python value of a tree.

    Raises:
        ConfigError: a value has a tag that plain data does not have, or contains itself.
    """
    loader = _Loader("")
    try:
        return loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or root.start_mark
        raise ConfigError([Problem(_place(mark), "", f"not plain data: {error.problem}")]) from None
    finally:
        loader.dispose()


def where(node: Node) -> str:
    """Return ``file:line`` of a node, or the flag that it came from."""
    return _place(node.start_mark)


def _place(mark: yaml.Mark) -> str:
    return mark.name if mark.name.startswith("-") else f"{mark.name}:{mark.line + 1}"


def origin(node: Node) -> Path | None:
    """Return the file a node was written in; ``None`` where it came from a flag."""
    name = node.start_mark.name
    return None if name.startswith("-") else Path(name)


def child(node: Node, key: str | int) -> tuple[Node, Node] | None:
    """Return (node that names it, its value) of one entry of a mapping or a list."""
    if isinstance(node, MappingNode):
        for name, value in node.value:
            if name.value == str(key):
                return name, value
    if isinstance(node, SequenceNode) and str(key).isdecimal() and int(key) < len(node.value):
        return node.value[int(key)], node.value[int(key)]
    return None


def locate(root: Node, loc: Loc) -> str:
    """Return the place of the entry at ``loc``, or of the nearest one above it that exists."""
    place = node = root
    for key in loc:
        found = child(node, key)
        if found is None:
            break
        place, node = found
    return where(place)


def merged(base: Node, top: Node) -> Node:
    """Return ``base`` with what ``top`` says instead: mappings key by key, all else whole."""
    if not (isinstance(base, MappingNode) and isinstance(top, MappingNode)):
        return top
    entries = {name.value: (name, value) for name, value in base.value}
    for name, value in top.value:
        below = entries.get(name.value)
        entries[name.value] = (name, merged(below[1], value) if below else value)
    return _mapping(list(entries.values()), top)


def with_value(root: Node, keys: Loc, value: Node) -> Node:
    """Return ``root`` with ``value`` at the place that ``keys`` lead to; parents are made."""
    if not keys:
        return value
    if isinstance(root, SequenceNode) and child(root, keys[0]):
        items = list(root.value)
        items[int(keys[0])] = with_value(items[int(keys[0])], keys[1:], value)
        return SequenceNode(root.tag, items, root.start_mark, root.end_mark)
    name = ScalarNode("tag:yaml.org,2002:str", str(keys[0]), value.start_mark, value.end_mark)
    entries = {k.value: (k, v) for k, v in root.value} if isinstance(root, MappingNode) else {}
    _, below = entries.get(name.value, (name, _mapping([], value)))
    entries[name.value] = (name, with_value(below, keys[1:], value))
    return _mapping(list(entries.values()), root if isinstance(root, MappingNode) else value)


def _mapping(entries: list[tuple[Node, Node]], like: Node) -> MappingNode:
    return MappingNode("tag:yaml.org,2002:map", entries, like.start_mark, like.end_mark)


def _find_duplicates(node: Node, loc: tuple[Any, ...], found: list[Problem], seen: set) -> None:
    """Add a problem for every key that stands twice in one mapping below ``node``."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, MappingNode):
        first: dict[str, Node] = {}
        for name, value in node.value:
            path = (*loc, name.value)
            if name.value in first:
                message = f"duplicate key (first on line {first[name.value].start_mark.line + 1})"
                found.append(Problem(where(name), ".".join(map(str, path)), message))
            first.setdefault(str(name.value), name)
            _find_duplicates(value, path, found, seen)
    elif isinstance(node, SequenceNode):
        for index, value in enumerate(node.value):
            _find_duplicates(value, (*loc, index), found, seen)
