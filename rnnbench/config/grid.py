"""Grids: a model that stands for several, its points, each with values of its own.

The ``grid`` of a model has a list of values for each key path::

    layers.0.lstm.units: [32, 64]
    training: {learning_rate: [0.001, 0.003]} # or training.learning_rate: [...]
    zip: {layers.1.dropout.rate: [0.1, 0.2], training.epochs: [50, 100]}

Each value is combined with each value of all other keys, except that those under
``zip`` change together. A ``*`` in a path stands for every item of a list that has the
next key.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from math import prod

from rnnbench.config import nodes
from rnnbench.config.nodes import ConfigError, Node, Problem, at, config_error, key_path
from rnnbench.errors import did_you_mean
from rnnbench.points import MAX_BRACKETS, POINT, model_of, point_name, short, values_of
from rnnbench.section import spell

MAX_POINTS = 1_000
MAX_PATHS = 100  # the most key paths in one grid; every two of them are compared
ZIP = "zip"


def flattened(root: Node) -> tuple[Node, list[Problem]]:
    """Return ``root`` with every grid as lists by dotted key path, and the problems in
    them.
    """
    problems: list[Problem] = []
    for name, model in models_of(root).items():
        grid, place = at(model, ["grid"]), ["models", name, "grid"]
        if isinstance(grid.value, dict):
            flat = dict(_lists(nodes.without(grid, [ZIP]), [], place, problems))
            if zipped := grid.children.get(ZIP):
                flat[ZIP] = Node(
                    dict(_lists(zipped, [], [*place, ZIP], problems)), zipped.where
                )
            root = nodes.replaced(root, place, Node(flat, grid.where))
        elif grid.value is not None:
            message = (
                f"got {spell(grid.plain)} (should be a mapping of key paths to lists)"
            )
            problems.append(Problem(grid.where, key_path(place), message))
            root = nodes.without(root, place)
    return root, problems


def models_of(root: Node) -> Mapping[str, Node]:
    """Return the models of a config by name, if it has any."""
    models = root.children.get("models")
    return models.value if models and isinstance(models.value, dict) else {}


def _lists(
    node: Node, path: Sequence[str], place: Sequence[str], problems: list[Problem]
) -> Iterator[tuple[str, Node]]:
    """Yield the lists below ``node`` with their dotted paths; everything else is a
    problem.
    """
    if isinstance(node.value, dict) and (node.value or not path):
        for key, child in node.value.items():
            yield from _lists(child, [*path, key], place, problems)
    elif isinstance(node.value, list) and node.value and path:
        yield ".".join(path), node
    else:
        message = f"got {spell(node.plain)} (should be a list of values to try)"
        problems.append(Problem(node.where, key_path([*place, *path]), message))


def _overlap(a: Sequence[str], b: Sequence[str]) -> bool:
    return all(
        one == other or "*" in (one, other) for one, other in zip(a, b, strict=False)
    )


def _paths(model: Node) -> list[str]:
    grid = at(model, ["grid"])
    return [path for path in grid.children if path != ZIP] + list(
        at(grid, [ZIP]).children
    )


def expanded(root: Node) -> tuple[Node, list[Problem]]:
    """Return ``root`` with points for grids, but without ensembles of them; and the
    problems.
    """
    root, problems = flattened(root)  # flags may have set anything
    models = models_of(root)
    with_grid = {name for name, model in models.items() if "grid" in model.children}
    if not with_grid:
        return root, problems
    points: dict[str, Node] = {}
    for name, model in models.items():
        members = at(model, ["ensemble", "of"])
        own = [
            of.value for of in members.children.values() if isinstance(of.value, str)
        ]
        if isinstance(members.value, list) and with_grid.intersection(
            map(model_of, own)
        ):
            continue
        try:
            of_model = _points(name, model)
        except ConfigError as error:
            problems += error.problems
            of_model = {name: nodes.without(model, ["grid"])}
        if twice := [point for point in of_model if point in points]:
            place = key_path(["models", twice[0]])
            problems.append(Problem(model.where, place, "two models have this name"))
        points |= of_model
    return nodes.replaced(
        root, ["models"], Node(points, root.children["models"].where)
    ), problems


def _points(name: str, model: Node) -> dict[str, Node]:
    grid, base = at(model, ["grid"]), nodes.without(model, ["grid"])
    if grid.value is None or not re.fullmatch(POINT, name):
        return {name: base}
    if "[" in name:
        raise _error(grid, name, [], "a point of a grid cannot have a grid of its own")
    axes = _axes(model, name)
    entries = grid.children | at(grid, [ZIP]).children
    lists = {path: entries[path].value for axis in axes for path in axis}
    sizes = [len(lists[axis[0]]) for axis in axes]
    count = prod(sizes)
    if count > MAX_POINTS or count * _size(base) > nodes.MAX_VALUES:
        allowed = f"(allowed: {MAX_POINTS:,}, with {nodes.MAX_VALUES:,} values in all)"
        raise _error(grid, name, [], f"makes {count:,} models {allowed}")
    targets = {
        path: _targets(base, name, path, values[0]) for path, values in lists.items()
    }
    texts = {path: list(_texts(values)) for path, values in lists.items()}
    # A parameter with a single value is in no name.
    labels = _labels([path for path, values in lists.items() if len(values) > 1])
    points: dict[str, Node] = {}
    for place in product(*map(range, sizes)):
        chosen = {path: n for axis, n in zip(axes, place, strict=True) for path in axis}
        spelled = {label: texts[path][chosen[path]] for path, label in labels.items()}
        point = point_name(name, spelled)
        if not re.fullmatch(POINT, point):
            hint = f"allowed: {MAX_BRACKETS} characters in brackets; vary fewer parameters at once"
            raise _error(
                grid, name, [], f"the name {spell(point)} is too long ({hint})"
            )
        if point in points:
            raise _error(
                grid, name, [], f"makes {spell(point)} twice (a list repeats a value)"
            )
        points[point] = base
        for path, n in chosen.items():
            for keys in targets[path]:
                points[point] = nodes.with_value(points[point], keys, lists[path][n])
    return points


def _axes(model: Node, name: str) -> list[list[str]]:
    """Return the key paths of each axis: one, or those under ``zip``; all fit
    together.
    """
    paths, grid = _paths(model), at(model, ["grid"])
    if len(paths) > MAX_PATHS:
        raise _error(
            grid, name, [], f"has {len(paths):,} key paths (allowed: {MAX_PATHS})"
        )
    for one, other in combinations(paths, 2):
        if _overlap(one.split("."), other.split(".")):
            raise _error(
                grid, name, [one], f"overlaps with {other} (allowed: one of them)"
            )
    zipped = at(grid, [ZIP])
    lengths = {path: len(values.value) for path, values in zipped.children.items()}
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{path} has {length}" for path, length in lengths.items())
        raise _error(zipped, name, [ZIP], f"needs lists of the same length ({counts})")
    crossed = [[path] for path in paths if path not in lengths]
    return [*crossed, list(lengths)] if lengths else crossed


def _targets(model: Node, name: str, path: str, value: Node) -> list[list[str]]:
    """Return the keys of every value that a path stands for."""
    found: list[tuple[list[str], Node]] = [([], model)]
    keys = path.split(".")
    for key, below in zip(keys, [*keys[1:], None], strict=True):
        parents, found = found, []
        for place, node in parents:
            is_list, children = isinstance(node.value, list), node.children
            is_every = is_list and key == "*"
            if is_list and not is_every and key not in children:
                message = f"no item {spell(key)} (the list has {len(children)}, counted from 0)"
                raise _error(value, name, [path], message)
            for own in children if is_every else [key]:
                child = at(node, [own])
                if not is_list or below is None or below in child.children:
                    found.append(([*place, own], child))
                elif not is_every:
                    message = f"item {own} has no {below} ({did_you_mean(below, child.children)})"
                    raise _error(value, name, [path], message)
    if not found:
        raise _error(value, name, [path], "no item of the list has the key after *")
    return [place for place, _ in found]


def _size(node: Node) -> int:
    return 1 + sum(map(_size, node.children.values()))


def with_flag(root: Node, keys: Sequence[str], new: Node) -> Node:
    """Return ``root`` with the value of a flag; one of ``training`` replaces that of
    each model.
    """
    match list(keys):
        case ["training", *path]:
            for own in [keys] if path else [["training", key] for key in new.children]:
                for name in models_of(root):
                    without = _without_axis(root, name, own, new)
                    root = nodes.without(without, ["models", name, *own])
            if _is_several(new, path):
                others, models = {"baseline", "ensemble"}, models_of(root).items()
                networks = [
                    name for name, node in models if others.isdisjoint(node.children)
                ]
                if not networks:
                    message = "there is no network to try these values on"
                    raise config_error(new.where, keys, message)
                for name in networks:
                    root = nodes.with_value(
                        root, ["models", name, "grid", ".".join(keys)], new
                    )
                return root
        case ["models", _, "grid", "zip", *path] if path:
            return nodes.with_value(root, [*keys[:4], ".".join(path)], new)
        case ["models", name, "grid", *path] if path:
            return nodes.with_value(root, _axis(root, name, path), new)
        case ["models", name, *path] if path:
            axis = _axis(root, name, path)
            root = _without_axis(root, name, path, new)
            if _is_several(new, path) and not isinstance(at(root, keys).value, list):
                return nodes.with_value(root, axis, new)
            if "*" in path:
                return nodes.with_value(root, axis, Node([new], new.where))
    return nodes.with_value(root, keys, new)


def _is_several(new: Node, path: Sequence[str]) -> bool:
    """Return whether ``new`` is a list for a parameter that takes a single value."""
    if not isinstance(new.value, list) or not new.value or not path:
        return False
    if list(path) in (["ensemble", "of"], ["ensemble", "weights"]):
        return any(isinstance(item.value, list) for item in new.value)
    return path[0] not in ("arguments", "seeds") and list(path) != ["layers"]


def _axis(root: Node, name: str, path: Sequence[str]) -> list[str]:
    """Return the keys of the axis ``path`` in a grid; a new one is crossed with the
    others.
    """
    grid, key = ["models", name, "grid"], ".".join(path)
    return [*grid, ZIP, key] if key in at(root, [*grid, ZIP]).children else [*grid, key]


def _without_axis(root: Node, name: str, path: Sequence[str], new: Node) -> Node:
    model = at(root, ["models", name])
    if _is_in_name(values_of(name), path, at(model, path), new):
        message = "has this value in its name (change the config that has the grid)"
        raise config_error(new.where, ["models", name], message)
    for axis in _paths(model):
        if axis == ".".join(path):
            root = nodes.without(root, _axis(root, name, path))
        elif _overlap(axis.split("."), path):
            message = f"overlaps with {axis} in the grid (set that instead)"
            raise config_error(new.where, ["models", name, *path], message)
    return root


def _is_in_name(
    named: Mapping[str, str], path: Sequence[str], old: Node, new: Node
) -> bool:
    if isinstance(new.value, dict):
        below = new.value.items()
        return any(
            _is_in_name(named, [*path, key], at(old, [key]), own) for key, own in below
        )
    labels = (_label(".".join(path[start:])) for start in range(len(path)))
    return bool(named) and any(named.get(label) == _text(old.plain) for label in labels)


def _error(node: Node, name: str, keys: Sequence[str], message: str) -> ConfigError:
    return config_error(node.where, ["models", name, "grid", *keys], message)


def _texts(values: Sequence[Node]) -> Iterator[str]:
    """Yield values for the names of points; different ones that look alike are
    numbered.
    """
    pairs = [(_text(value.plain), value.plain) for value in values]
    for number, (text, plain) in enumerate(pairs, start=1):
        is_taken = any(
            text == other and plain != its for other, its in pairs[: number - 1]
        )
        yield f"{text}-{number}" if is_taken else text


def _labels(paths: Sequence[str]) -> dict[str, str]:
    """Return for each path the shortest end that no other has, for the names of
    points.
    """
    labels = {path: _label(path) for path in paths}
    for depth in range(max((path.count(".") for path in paths), default=0), 0, -1):
        ends = {path: _label(".".join(path.split(".")[-depth:])) for path in paths}
        found = list(ends.values())
        labels |= {path: end for path, end in ends.items() if found.count(end) == 1}
    return labels


def _label(path: str) -> str:
    return _text(short(path))


def _text(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=spell)
    return re.sub(r"[^A-Za-z0-9_.+-]+", "_", text).strip("_")[:40] or "_"
