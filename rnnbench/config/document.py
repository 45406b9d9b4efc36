"""YAML files as trees of nodes that remember their file and line.

Everything here works on PyYAML's own nodes: each carries the place where it was written, so a
tree that was put together from several files and flags can still say where a value came from.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import ReaderError

from rnnbench.config import yaml12
from rnnbench.config.problems import ConfigError, Problem
from rnnbench.errors import did_you_mean

Loc = Sequence[str | int]
_T = TypeVar("_T")


@dataclass
class Document:
    """The root of a tree, and the problems that were met while reading it.

    ``is_whole`` is false where a file that it extends could not be read.
    """

    root: MappingNode
    problems: list[Problem] = field(default_factory=list)
    is_whole: bool = True


def read(path: Path) -> Document:
    """Return the tree in the file ``path``; its nodes carry the path as the user wrote it.

    Raises:
        ConfigError: there is no such file, or it holds no mapping.
    """
    root = compose(_text_of(path), str(path))
    if root is None:
        raise ConfigError([Problem(str(path), "", "the file is empty (needs: name, models)")])
    if not isinstance(root, MappingNode):
        raise ConfigError([Problem(where(root), "", "should be a mapping, such as `name: all`")])
    return Document(root, duplicates(root))


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        neighbours = sorted(other.name for other in path.parent.glob("*.y*ml"))
        message = f"no such file ({did_you_mean(path.name, neighbours)})"
    except IsADirectoryError:
        message = "is a folder (should be a config file)"
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError([Problem(f"{path}:{line}", "", "is not UTF-8")]) from None
    except (OSError, ValueError) as error:
        message = f"cannot be read: {error}"
    raise ConfigError([Problem(str(path), "", message)])


def compose(content: str, name: str) -> Node | None:
    """Return the tree in ``content``, whose nodes say that they are from ``name``.

    Raises:
        ConfigError: it is not YAML, or not plain data.
    """

    def parse() -> Node | None:
        loader = yaml12.Loader(content)
        loader.name = name
        root = loader.get_single_node()
        _check_plain(root, set())
        return root

    return _or_config_error(parse, name, "not YAML")


def construct(root: Node) -> Any:
    """Return the plain Python value of a tree.

    Raises:
        ConfigError: a value is not plain data, or contains itself.
    """
    name = root.start_mark.name
    return _or_config_error(
        lambda: yaml12.Loader("").construct_document(root), name, "not plain data"
    )


def _or_config_error(act: Callable[[], _T], name: str, what: str) -> _T:
    try:
        return act()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = _place(mark) if mark else name
        message = ", ".join(part for part in (error.context, error.problem) if part)
        raise ConfigError([Problem(place, "", f"{what}: {message}")]) from None
    except ReaderError as error:
        reason = f"the character #x{error.character:04x} is not allowed"
        raise ConfigError([Problem(name, "", f"{what}: {reason}")]) from None
    except RecursionError:
        raise ConfigError([Problem(name, "", f"{what}: nested too deeply")]) from None


_TAGS = {
    ScalarNode: {f"{yaml12.TAG}{kind}" for kind in ("str", "null", "bool", "int", "float")},
    SequenceNode: {f"{yaml12.TAG}seq"},
    MappingNode: {f"{yaml12.TAG}map"},
}


def _check_plain(node: Node | None, seen: set[int]) -> None:
    """Raise ``yaml.MarkedYAMLError`` where a key is no word or a tag is not plain data's."""
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if node.tag not in _TAGS[type(node)]:
        message = f"the tag {node.tag} is not plain data's"
        raise yaml.MarkedYAMLError(problem=message, problem_mark=node.start_mark)
    for key, value in node.value if isinstance(node, MappingNode) else ():
        if not isinstance(key, ScalarNode):
            raise yaml.MarkedYAMLError(problem="a key must be a word", problem_mark=key.start_mark)
        _check_plain(value, seen)
    for value in node.value if isinstance(node, SequenceNode) else ():
        _check_plain(value, seen)


def empty_mapping() -> MappingNode:
    """Return a tree without entries, for flags and bases to fill."""
    start = yaml.Mark("--", 0, 0, 0, None, None)
    return MappingNode(f"{yaml12.TAG}map", [], start, start)


def where(node: Node) -> str:
    """Return ``file:line`` of a node, or the flag that it came from."""
    return _place(node.start_mark)


def _place(mark: yaml.Mark) -> str:
    return mark.name if mark.name.startswith("--") else f"{mark.name}:{mark.line + 1}"


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


def merged(base: MappingNode, top: MappingNode) -> MappingNode:
    """Return ``base`` with what ``top`` says instead: mappings key by key, all else whole.

    A key without a value does not empty a section of ``base``.
    """
    entries = {name.value: (name, value) for name, value in base.value}
    for name, value in top.value:
        _, below = entries.get(name.value, (None, None))
        if isinstance(below, MappingNode) and isinstance(value, MappingNode):
            entries[name.value] = (name, merged(below, value))
        elif not (isinstance(below, MappingNode) and value.tag == f"{yaml12.TAG}null"):
            entries[name.value] = (name, value)
    return yaml12.mapping(list(entries.values()), top)


def without(root: MappingNode, key: str) -> MappingNode:
    """Return ``root`` without the entry ``key``."""
    return yaml12.mapping([entry for entry in root.value if entry[0].value != key], root)


def with_value(root: Node, keys: Loc, value: Node) -> Node:
    """Return ``root`` with ``value`` at the place that ``keys`` lead to; mappings are made.

    Raises:
        ConfigError: a list has no such item.
    """
    if not keys:
        return value
    key = str(keys[0])
    if isinstance(root, SequenceNode):
        if child(root, key) is None:
            message = f"no item {key!r} (the list has {len(root.value)}, counted from 0)"
            raise ConfigError([Problem(where(value), "", message)])
        items = list(root.value)
        items[int(key)] = with_value(items[int(key)], keys[1:], value)
        return SequenceNode(root.tag, items, root.start_mark, root.end_mark)
    entries = {k.value: (k, v) for k, v in root.value} if isinstance(root, MappingNode) else {}
    below = entries[key][1] if key in entries else yaml12.mapping([], value)
    entries[key] = (yaml12.text(key, value), with_value(below, keys[1:], value))
    return yaml12.mapping(list(entries.values()), root if isinstance(root, MappingNode) else value)


def duplicates(root: Node) -> list[Problem]:
    """Return a problem for every key that stands twice in one mapping of a tree."""
    found: list[Problem] = []
    _find_duplicates(root, (), found, set())
    return found


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
