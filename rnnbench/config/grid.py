"""Grids: a model that stands for several, its points, each with values of its own.

The ``grid`` of a model has a list of values for each key path::

    layers.0.lstm.units: [32, 64]
    training: {learning_rate: [0.001, 0.003]} # or training.learning_rate: [...]
    zip: {layers.1.dropout.rate: [0.1, 0.2], training.epochs: [50, 100]}

Each value is combined with each value of all other keys, except that those under ``zip`` change
together. A ``*`` in a path stands for every item of a list that has the next key.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

from rnnbench.config.nodes import Node, replaced, with_value, without
from rnnbench.config.problems import ConfigError, Problem, key_path
from rnnbench.errors import did_you_mean
from rnnbench.points import POINT, point_name, short
from rnnbench.section import spell

MAX_POINTS = 10_000
"""The most points of one model."""
MAX_VALUES = 1_000_000
"""The most values in all points of one model together."""
ZIP = "zip"

Axis = list[tuple[tuple[str, Node], ...]]
"""The choices of one axis: values by key path; several if they are zipped."""


def flattened(root: Node) -> tuple[Node, list[Problem]]:
    """Return ``root`` with every grid as lists by dotted key path, and the problems in them."""
    problems: list[Problem] = []
    for name, model in _models(root).items():
        grid = model.children.get("grid")
        if grid is None or grid.value is None:
            continue
        place = ["models", name, "grid"]
        if not isinstance(grid.value, dict):
            message = f"got {spell(grid.plain)} (should be a mapping of key paths to lists)"
            problems.append(Problem(grid.where, key_path(place), message))
            root = without(root, place)
            continue
        flat = dict(_lists(without(grid, [ZIP]), [], place, problems))
        if ZIP in grid.children:
            zipped = dict(_lists(grid.children[ZIP], [], [*place, ZIP], problems))
            flat[ZIP] = Node(zipped, grid.children[ZIP].where)
        root = replaced(root, place, Node(flat, grid.where))
    return root, problems


def _models(root: Node) -> Mapping[str, Node]:
    models = root.children.get("models")
    return models.value if models and isinstance(models.value, dict) else {}


def _lists(
    node: Node, path: Sequence[str], place: Sequence[str], problems: list[Problem]
) -> Iterator[tuple[str, Node]]:
    """Yield the lists below ``node`` with their dotted paths; everything else is a problem."""
    if isinstance(node.value, dict) and (node.value or not path):
        for key, child in node.value.items():
            yield from _lists(child, [*path, key], place, problems)
    elif isinstance(node.value, list) and node.value and path:
        yield ".".join(path), node
    else:
        message = f"got {spell(node.plain)} (should be a list of values to try)"
        problems.append(Problem(node.where, key_path([*place, *path]), message))


def with_flag(root: Node, keys: Sequence[str], new: Node) -> Node:
    """Return ``root`` with the value that a flag sets.

    A value of ``training`` counts for all models, so it replaces those of single models and of
    grids. A list for a single value of a model, or of ``training``, makes a grid.

    Raises:
        ConfigError: a list has no such item.
    """
    match list(keys):
        case ["training", *path] if path:
            for name, model in _models(root).items():
                root = _without_axis(root, name, ["training", *path])
                root = without(root, ["models", name, "training", *path])
                if _is_several(new, path) and "baseline" not in model.children:
                    root = with_value(root, _axis(root, name, ["training", *path]), new)
            return root if _is_several(new, path) else with_value(root, keys, new)
        case ["models", name, "grid", "zip", *path] if path:
            return with_value(root, ["models", name, "grid", ZIP, ".".join(path)], new)
        case ["models", name, "grid", *path] if path:
            return with_value(root, _axis(root, name, path), new)
        case ["models", name, *path] if path:
            if _is_several(new, path) and not isinstance(_at(root, keys).value, list):
                return with_value(root, _axis(root, name, path), new)
            if "*" in path:  # an axis of one value
                return with_value(root, _axis(root, name, path), Node([new], new.where))
            root = _without_axis(root, name, path)
    return with_value(root, keys, new)


def _is_several(new: Node, path: Sequence[str]) -> bool:
    """Return whether ``new`` is a list for a parameter that takes a single value."""
    takes_a_list = path[0] == "arguments" or list(path) in (["layers"], ["seeds"])
    return isinstance(new.value, list) and bool(new.value) and not takes_a_list


def _axis(root: Node, name: str, path: Sequence[str]) -> list[str]:
    """Return the keys of the axis ``path`` in a grid; a new one is crossed with the others."""
    grid, key = ["models", name, "grid"], ".".join(path)
    is_zipped = key in _at(root, [*grid, ZIP]).children
    return [*grid, ZIP, key] if is_zipped else [*grid, key]


def _without_axis(root: Node, name: str, path: Sequence[str]) -> Node:
    return without(root, _axis(root, name, path))


def _at(root: Node, keys: Sequence[str]) -> Node:
    for key in keys:
        root = root.children.get(key, Node(None, root.where))
    return root


def expanded(root: Node) -> tuple[Node, list[Problem]]:
    """Return ``root`` with the points of each grid in place of its model, and the problems."""
    root, problems = flattened(root)  # flags may have set anything
    models = _models(root)
    if not any("grid" in model.children for model in models.values()):
        return root, problems
    points: dict[str, Node] = {}
    for name, model in models.items():
        try:
            of_model = _points(name, model)
        except ConfigError as error:
            problems += error.problems
            of_model = {name: without(model, ["grid"])}
        if twice := [point for point in of_model if point in points]:
            problems.append(Problem(model.where, key_path(["models", twice[0]]), "is named twice"))
        points |= of_model
    return replaced(root, ["models"], Node(points, root.children["models"].where)), problems


def _points(name: str, model: Node) -> dict[str, Node]:
    """Return the models that a model stands for, by name.

    Raises:
        ConfigError: there are too many, or a name or value is not possible.
    """
    grid, base = model.children.get("grid"), without(model, ["grid"])
    if grid is None or grid.value is None:
        return {name: base}
    axes = _axes(grid, name)
    count = prod(len(axis) for axis in axes)
    if count > MAX_POINTS or count * _size(base, MAX_VALUES) > MAX_VALUES:
        message = f"makes {count:,} models (allowed: {MAX_POINTS:,}, with {MAX_VALUES:,} values)"
        raise _error(grid, name, [], message)
    several = [path for axis in axes if len(axis) > 1 for path, _ in axis[0]]
    labels = {path: _label(path, several) for path in several}
    targets = {path: _targets(base, name, path, node) for axis in axes for path, node in axis[0]}
    points: dict[str, Node] = {}
    for choices in product(*axes):
        values = dict(pair for choice in choices for pair in choice)
        point = point_name(name, {labels[path]: _text(values[path].plain) for path in several})
        if not re.fullmatch(POINT, point):
            raise _error(grid, name, [], f"the name {spell(point)} of a point is too long")
        if point in points:
            raise _error(grid, name, [], f"two of its points are named {spell(point)}")
        points[point] = _with_values(base, name, values, targets)
    return points


def _axes(grid: Node, name: str) -> list[Axis]:
    crossed: list[Axis] = [
        [((path, item),) for item in values.value]
        for path, values in grid.children.items()
        if path != ZIP
    ]
    zipped = grid.children.get(ZIP)
    if zipped is None or not zipped.children:
        return crossed
    lengths = {path: len(values.value) for path, values in zipped.children.items()}
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{path} has {length}" for path, length in lengths.items())
        raise _error(zipped, name, [ZIP], f"needs lists of the same length ({counts})")
    if both := [path for path in lengths if path in grid.children]:
        raise _error(zipped, name, [ZIP, both[0]], "is also outside zip (allowed: one of them)")
    columns = [[(path, item) for item in each.value] for path, each in zipped.children.items()]
    return [*crossed, list(zip(*columns, strict=True))]


def _with_values(
    model: Node, name: str, values: Mapping[str, Node], targets: Mapping[str, list[list[str]]]
) -> Node:
    """Return ``model`` with the values at a point, by path; ``targets`` are the keys of a path."""
    for path, value in values.items():
        for keys in targets[path]:
            try:
                model = with_value(model, keys, value)
            except ConfigError as error:
                (problem,) = error.problems
                raise _error(value, name, [path], problem.message) from None
    return model


def _targets(model: Node, name: str, path: str, where: Node) -> list[list[str]]:
    """Return the keys of every value that a path stands for."""
    try:
        found = list(_keys(model, path.split(".")))
    except LookupError as error:
        raise _error(where, name, [path], error.args[0]) from None
    if not found:
        raise _error(where, name, [path], "no item of the list has the key after *")
    return found


def _keys(node: Node, keys: Sequence[str]) -> Iterator[list[str]]:
    """Yield the keys of every value below ``node`` that a path stands for.

    Raises:
        LookupError: an item of a list, such as a layer, does not have the next key.
    """
    if not keys:
        yield []
        return
    (first, *rest), is_list = keys, isinstance(node.value, list)
    is_each = is_list and first == "*"
    for key in node.children if is_each else [first]:
        child = node.children.get(key, Node(None, node.where))
        if is_list and key in node.children and rest and rest[0] not in child.children:
            if is_each:
                continue
            hint = did_you_mean(rest[0], child.children)
            raise LookupError(f"item {key} has no {rest[0]} ({hint})")
        yield from ([key, *below] for below in _keys(child, rest))


def _label(path: str, paths: Sequence[str]) -> str:
    """Return the shortest end of ``path`` that no other path has, for the names of points."""
    parts = path.split(".")
    for depth in range(1, len(parts) + 1):
        end = parts[-depth:]
        if not any(other != path and other.split(".")[-depth:] == end for other in paths):
            break
    return _plain(short(".".join(end)))


def _text(value: Any) -> str:
    """Return a value for the name of a point."""
    return _plain(value if isinstance(value, str) else json.dumps(value))


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.+-]+", "_", text).strip("_")[:40] or "_"


def _size(node: Node, most: int) -> int:
    """Return the number of values in ``node``; no more than about ``most`` are counted."""
    size = 1
    for child in node.children.values():
        if size > most:
            break
        size += _size(child, most - size)
    return size


def _error(node: Node, name: str, keys: Sequence[str], message: str) -> ConfigError:
    place = key_path(["models", name, "grid", *keys])
    return ConfigError([Problem(node.where, place, message)])
