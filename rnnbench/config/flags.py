"""The values that flags set in a config, and what they mean for grids."""

from collections.abc import Iterator, Sequence

from rnnbench.config.grid import ZIP, at, label_of, models_of, overlap, paths_of, text_of
from rnnbench.config.nodes import Node, with_value, without
from rnnbench.config.problems import ConfigError, Problem, key_path
from rnnbench.points import values_of


def with_flag(root: Node, keys: Sequence[str], new: Node) -> Node:
    """Return ``root`` with the value that a flag sets.

    A value of ``training`` applies to all models, so it replaces those of single models and of
    grids. A list for a single value of a model, or of ``training``, makes a grid.

    Raises:
        ConfigError: a list has no such item; the value overlaps with an axis of a grid; or a point
            of an earlier grid is named after it.
    """
    match list(keys):
        case ["training"]:
            for key in new.children:
                root = _without_own(root, ["training", key], new)
        case ["training", *path]:
            root = _without_own(root, keys, new)
            if _is_several(new, path):
                return _with_axis_of_networks(root, keys, new)
        case ["models", name, "grid", "zip", *path] if path:
            return with_value(root, ["models", name, "grid", ZIP, ".".join(path)], new)
        case ["models", name, "grid", *path] if path:
            return with_value(root, _place(root, name, path), new)
        case ["models", name, *path] if path:
            is_several = _is_several(new, path) and not isinstance(at(root, keys).value, list)
            if is_several or "*" in path:
                return _with_axis(root, name, path, new if is_several else Node([new], new.where))
            root = _without_axis(root, name, path, new)
    return with_value(root, keys, new)


def _is_several(new: Node, path: Sequence[str]) -> bool:
    """Return whether ``new`` is a list for a parameter that takes a single value."""
    takes_a_list = path[0] == "arguments" or list(path) in (["layers"], ["seeds"])
    return isinstance(new.value, list) and bool(new.value) and not takes_a_list


def _without_own(root: Node, keys: Sequence[str], new: Node) -> Node:
    """Return ``root`` without the values of single models and grids for a key of ``training``."""
    for name in models_of(root):
        root = _without_axis(root, name, keys, new)
        root = without(root, ["models", name, *keys])
    return root


def _without_axis(root: Node, name: str, path: Sequence[str], new: Node) -> Node:
    """Return ``root`` without the axis ``path`` in the grid of a model.

    Raises:
        ConfigError: another axis overlaps with it, or the name of the model has its value.
    """
    if any(_is_in_name(root, name, [*path, *below]) for below in _leaves(new)):
        message = "has this value in its name (change the config that has the grid)"
        raise ConfigError([Problem(new.where, key_path(["models", name]), message)])
    for axis in paths_of(at(root, ["models", name])):
        if axis == ".".join(path):
            root = without(root, _place(root, name, path))
        elif overlap(axis.split("."), path):
            message = f"overlaps with {axis} in the grid (set that instead)"
            raise ConfigError([Problem(new.where, key_path(["models", name, *path]), message)])
    return root


def _leaves(node: Node) -> Iterator[list[str]]:
    """Yield the paths to all single values below ``node``."""
    if not isinstance(node.value, dict):
        yield []
        return
    for key, child in node.value.items():
        yield from ([key, *below] for below in _leaves(child))


def _is_in_name(root: Node, name: str, path: Sequence[str]) -> bool:
    """Return whether a point is named after its value at ``path``."""
    named, value = values_of(name), text_of(at(root, ["models", name, *path]).plain)
    labels = (label_of(".".join(path[start:])) for start in range(len(path)))
    return any(named.get(label) == value for label in labels)


def _place(root: Node, name: str, path: Sequence[str]) -> list[str]:
    """Return the keys of the axis ``path`` in a grid; a new one is crossed with the others."""
    grid, key = ["models", name, "grid"], ".".join(path)
    is_zipped = key in at(root, [*grid, ZIP]).children
    return [*grid, ZIP, key] if is_zipped else [*grid, key]


def _with_axis(root: Node, name: str, path: Sequence[str], values: Node) -> Node:
    place = _place(root, name, path)
    return with_value(_without_axis(root, name, path, values), place, values)


def _with_axis_of_networks(root: Node, path: Sequence[str], values: Node) -> Node:
    networks = [name for name, node in models_of(root).items() if "baseline" not in node.children]
    if not networks:
        message = "there is no network to try these values on"
        raise ConfigError([Problem(values.where, key_path(path), message)])
    for name in networks:
        root = _with_axis(root, name, path, values)
    return root
