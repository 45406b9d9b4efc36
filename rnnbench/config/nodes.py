"""The values of a config, each with its place, and how one tree of them becomes another."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rnnbench.config.problems import ConfigError, Problem
from rnnbench.section import spell


@dataclass(frozen=True)
class Node:
    """A value of a config that knows where it was written."""

    value: Any
    """The entries of a mapping by key, the items of a list, or a single value."""
    where: str
    """``file:line`` of its key, or of an item of a list; or the flag that it came from."""

    @cached_property
    def children(self) -> dict[str, "Node"]:
        """The entries of a mapping by key, or the items of a list by position, from ``"0"``."""
        if isinstance(self.value, list):
            return {str(position): item for position, item in enumerate(self.value)}
        return self.value if isinstance(self.value, dict) else {}

    @property
    def plain(self) -> Any:
        """The value as Python's own dicts, lists and scalars, which nothing else holds."""
        if isinstance(self.value, dict):
            return {key: child.plain for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [item.plain for item in self.value]
        return self.value


def merged(base: Node, top: Node) -> Node:
    """Return ``base`` overridden by ``top``: mappings key by key, all else as a whole.

    A key without a value in ``top`` leaves a mapping of ``base`` as it is.
    """
    if not isinstance(base.value, dict):
        return top
    if not isinstance(top.value, dict):
        return base if top.value is None else top
    changed = {
        key: merged(base.value[key], node) if key in base.value else node
        for key, node in top.value.items()
    }
    return Node(base.value | changed, top.where)


def with_value(root: Node, keys: Sequence[str], new: Node) -> Node:
    """Return ``root`` with ``new`` at the end of ``keys``; missing mappings are added.

    The values along the way get the place of ``new``; ``root`` keeps its own.

    Raises:
        ConfigError: a list has no such item.
    """
    if not keys:
        return Node(new.value, root.where)
    key, *below = keys
    children = dict(root.children)
    is_list = isinstance(root.value, list)
    if is_list and key not in children:
        message = f"no item {spell(key)} (the list has {len(children)}, counted from 0)"
        raise ConfigError([Problem(new.where, "", message)])
    child = Node(children[key].value if key in children else None, new.where)
    children[key] = with_value(child, below, new)
    return Node(list(children.values()) if is_list else children, root.where)


def replaced(root: Node, keys: Sequence[str], new: Node) -> Node:
    """Return ``root`` with ``new`` in place of the value at ``keys``, which must be there."""
    if not keys:
        return new
    key, *below = keys
    changed = {key: replaced(root.value[key], below, new)}
    return Node(root.value | changed, root.where)


def without(root: Node, keys: Sequence[str]) -> Node:
    """Return ``root`` without the entry of a mapping at ``keys``, if there is one."""
    key, *below = keys
    if not isinstance(root.value, dict) or key not in root.value:
        return root
    if below:
        return replaced(root, [key], without(root.value[key], below))
    return Node({other: node for other, node in root.value.items() if other != key}, root.where)
