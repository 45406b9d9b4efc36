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
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, combinations, product
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
    """Return ``root`` with grids as lists by dotted key path; and problems in them."""
    problems: list[Problem] = []
    for name, model in models_of(root).items():
        grid = at(model, ["grid"])
        place = ["models", name, "grid"]
        if grid.is_mapping:
            axes = dict(_lists(nodes.without(grid, [ZIP]), [], place, problems))
            zipped = grid.children.get(ZIP)
            if zipped:
                together = dict(_lists(zipped, [], [*place, ZIP], problems))
                axes[ZIP] = Node(together, zipped.where)
            root = nodes.replaced(root, place, Node(axes, grid.where))
        elif grid.value is not None:
            hint = "should be a mapping of key paths to lists"
            message = f"got {spell(grid.plain)} ({hint})"
            problems.append(Problem(grid.where, key_path(place), message))
            root = nodes.without(root, place)
    return root, problems


def models_of(root: Node) -> Mapping[str, Node]:
    """Return the models of a config by name, if it has any."""
    models = at(root, ["models"])
    if models.is_mapping:
        return models.children
    return {}


def _lists(
    node: Node, path: Sequence[str], place: Sequence[str], problems: list[Problem]
) -> Iterator[tuple[str, Node]]:
    """Yield the lists below ``node``, with dotted paths; all else is a problem."""
    if node.is_mapping and (node.value or not path):
        for key, child in node.value.items():
            yield from _lists(child, [*path, key], place, problems)
    elif node.is_list and node.value and path:
        yield ".".join(path), node
    else:
        message = f"got {spell(node.plain)} (should be a list of values to try)"
        problems.append(Problem(node.where, key_path([*place, *path]), message))


def expanded(root: Node) -> tuple[Node, list[Problem]]:
    """Return ``root`` with points for grids, without their ensembles; and problems."""
    root, problems = flattened(root)  # flags may have set anything
    models = models_of(root)
    with_grid = {name for name, model in models.items() if "grid" in model.children}
    if not with_grid:
        return root, problems
    points: dict[str, Node] = {}
    for name, model in models.items():
        if _has_members_among(with_grid, model):
            continue
        grid = _Grid(name, model)
        try:
            points_of_model = grid.points()
        except ConfigError as error:
            problems += error.problems
            points_of_model = {name: grid.base}
        twice = [point for point in points_of_model if point in points]
        if twice:
            place = key_path(["models", twice[0]])
            problems.append(Problem(model.where, place, "two models have this name"))
        points |= points_of_model
    models_node = Node(points, root.children["models"].where)
    return nodes.replaced(root, ["models"], models_node), problems


def _has_members_among(with_grid: set[str], model: Node) -> bool:
    """Return whether a model is an ensemble of points of a grid."""
    members = at(model, ["ensemble", "of"])
    if not members.is_list:
        return False
    names = [item.value for item in members.value if isinstance(item.value, str)]
    return any(model_of(name) in with_grid for name in names)


@dataclass(frozen=True)
class _Grid:
    """A model and its grid, whose key paths are flat."""

    name: str
    model: Node

    @cached_property
    def node(self) -> Node:
        return at(self.model, ["grid"])

    @property
    def zipped(self) -> Node:
        return at(self.node, [ZIP])

    @cached_property
    def base(self) -> Node:
        """The model without its grid."""
        return nodes.without(self.model, ["grid"])

    @property
    def paths(self) -> list[str]:
        crossed = [path for path in self.node.children if path != ZIP]
        return [*crossed, *self.zipped.children]

    def points(self) -> dict[str, Node]:
        """Return every point by its name; the model itself, if it has no grid.

        What is wrong with the grid raises ``ConfigError``.
        """
        if self.node.value is None or not re.fullmatch(POINT, self.name):
            return {self.name: self.base}
        if "[" in self.name:
            raise self._error("a point of a grid cannot have a grid of its own")
        axes = self._axes()
        entries = self.node.children | self.zipped.children
        values = {path: entries[path].value for axis in axes for path in axis}
        self._check_count(prod(len(values[axis[0]]) for axis in axes))
        targets = {path: self._targets(path, values[path][0]) for path in values}
        texts = {path: _texts(values[path]) for path in values}
        # A parameter with a single value is in no name.
        labels = _labels([path for path in values if len(values[path]) > 1])
        steps = []  # of each axis: for each of its paths, a value and its text
        for axis in axes:
            pairs = [zip(values[path], texts[path], strict=True) for path in axis]
            steps.append(zip(*pairs, strict=True))
        points: dict[str, Node] = {}
        for combination in product(*steps):
            pair_of = dict(zip(values, chain(*combination), strict=True))
            spelled = {label: pair_of[path][1] for path, label in labels.items()}
            point = point_name(self.name, spelled)
            self._check_name(point, points)
            model = self.base
            for path, (value, _) in pair_of.items():
                for keys in targets[path]:
                    model = nodes.with_value(model, keys, value)
            points[point] = model
        return points

    def _axes(self) -> list[list[str]]:
        """Return the key paths of each axis: one, or those under ``zip``."""
        paths = self.paths
        if len(paths) > MAX_PATHS:
            raise self._error(f"has {len(paths):,} key paths (allowed: {MAX_PATHS})")
        for path, other in combinations(paths, 2):
            if _overlap(path.split("."), other.split(".")):
                message = f"overlaps with {other} (allowed: one of them)"
                raise self._error(message, [path])
        zipped = self.zipped.children
        lengths = {path: len(values.value) for path, values in zipped.items()}
        if len(set(lengths.values())) > 1:
            counts = ", ".join(f"{path} has {n}" for path, n in lengths.items())
            message = f"needs lists of the same length ({counts})"
            raise self._error(message, [ZIP], self.zipped)
        axes = [[path] for path in paths if path not in zipped]
        if zipped:
            axes.append(list(zipped))
        return axes

    def _check_count(self, n_points: int) -> None:
        n_values = n_points * _size(self.base)
        if n_points > MAX_POINTS or n_values > nodes.MAX_VALUES:
            limit = f"{MAX_POINTS:,}, with {nodes.MAX_VALUES:,} values in all"
            raise self._error(f"makes {n_points:,} models (allowed: {limit})")

    def _check_name(self, point: str, others: Mapping[str, Node]) -> None:
        if not re.fullmatch(POINT, point):
            hint = (
                f"allowed: {MAX_BRACKETS} characters in brackets;"
                " vary fewer parameters at once"
            )
            raise self._error(f"the name {spell(point)} is too long ({hint})")
        if point in others:
            message = f"makes {spell(point)} twice (a list repeats a value)"
            raise self._error(message)

    def _targets(self, path: str, value: Node) -> list[list[str]]:
        """Return the keys of everything that a path stands for."""
        places: list[tuple[list[str], Node]] = [([], self.base)]
        keys = path.split(".")
        for key, next_key in zip(keys, [*keys[1:], None], strict=True):
            deeper = []
            for place, node in places:
                for child_key in self._child_keys(path, value, node, key, next_key):
                    deeper.append(([*place, child_key], at(node, [child_key])))
            places = deeper
        if not places:
            message = "no item of the list has the key after *"
            raise self._error(message, [path], value)
        return [place for place, _ in places]

    def _child_keys(
        self, path: str, value: Node, node: Node, key: str, next_key: str | None
    ) -> list[str]:
        """Return the keys of ``node`` that a key of a path stands for."""
        if not node.is_list:
            return [key]
        items = node.children
        if key == "*":
            if next_key is None:
                return list(items)
            return [name for name in items if next_key in items[name].children]
        if key not in items:
            message = (
                f"no item {spell(key)} (the list has {len(items)}, counted from 0)"
            )
            raise self._error(message, [path], value)
        allowed = items[key].children
        if next_key is not None and next_key not in allowed:
            hint = did_you_mean(next_key, allowed)
            raise self._error(f"item {key} has no {next_key} ({hint})", [path], value)
        return [key]

    def _error(
        self, message: str, keys: Sequence[str] = (), node: Node | None = None
    ) -> ConfigError:
        place = ["models", self.name, "grid", *keys]
        return config_error((node or self.node).where, place, message)


def _overlap(path: Sequence[str], other: Sequence[str]) -> bool:
    """Return whether one key path is that of the other, or leads to it."""
    for key, other_key in zip(path, other, strict=False):
        if key != other_key and "*" not in (key, other_key):
            return False
    return True


def _size(node: Node) -> int:
    """Return the number of values in a tree."""
    return 1 + sum(map(_size, node.children.values()))


def with_flag(root: Node, keys: Sequence[str], new: Node) -> Node:
    """Return ``root`` with the value of a flag.

    One of ``training`` replaces that of each model.
    """
    match list(keys):
        case ["training", *path]:
            return _with_training(root, path, new)
        case ["models", name, "grid", "zip", *path] if path:
            return nodes.with_value(
                root, ["models", name, "grid", ZIP, ".".join(path)], new
            )
        case ["models", name, "grid", *path] if path:
            return nodes.with_value(root, _axis(root, name, path), new)
        case ["models", name, *path] if path:
            return _with_parameter(root, name, path, new)
    return nodes.with_value(root, keys, new)


def _with_training(root: Node, path: Sequence[str], new: Node) -> Node:
    """Return ``root`` with a value of ``training``, or several for each network."""
    settings = [path] if path else [[key] for key in new.children]
    names = list(models_of(root))
    for setting in settings:
        for name in names:
            keys = ["training", *setting]
            root = _without_axis(root, name, keys, new)
            root = nodes.without(root, ["models", name, *keys])
    keys = ["training", *path]
    if not _is_several(new, path):
        return nodes.with_value(root, keys, new)
    networks = []
    for name, model in models_of(root).items():
        if not {"baseline", "ensemble"} & model.children.keys():
            networks.append(name)
    if not networks:
        message = "there is no network to try these values on"
        raise config_error(new.where, keys, message)
    for name in networks:
        axis = ["models", name, "grid", ".".join(keys)]
        root = nodes.with_value(root, axis, new)
    return root


def _with_parameter(root: Node, name: str, path: Sequence[str], new: Node) -> Node:
    """Return ``root`` with a value of a model, or with several as an axis of a grid."""
    axis = _axis(root, name, path)
    keys = ["models", name, *path]
    root = _without_axis(root, name, path, new)
    if _is_several(new, path) and not at(root, keys).is_list:
        return nodes.with_value(root, axis, new)
    if "*" in path:
        return nodes.with_value(root, axis, Node([new], new.where))
    return nodes.with_value(root, keys, new)


def _is_several(new: Node, path: Sequence[str]) -> bool:
    """Return whether ``new`` is a list for a parameter that takes a single value."""
    if not new.is_list or not new.value or not path:
        return False
    if list(path) in (["ensemble", "of"], ["ensemble", "weights"]):
        return any(item.is_list for item in new.value)
    return path[0] not in ("arguments", "seeds") and list(path) != ["layers"]


def _axis(root: Node, name: str, path: Sequence[str]) -> list[str]:
    """Return the keys of the axis ``path`` in a grid; a new one is crossed."""
    grid = ["models", name, "grid"]
    key = ".".join(path)
    if key in at(root, [*grid, ZIP]).children:
        return [*grid, ZIP, key]
    return [*grid, key]


def _without_axis(root: Node, name: str, path: Sequence[str], new: Node) -> Node:
    """Return ``root`` without the axis of a grid that a value of a model replaces."""
    model = at(root, ["models", name])
    if _is_in_name(values_of(name), path, at(model, path), new):
        message = "has this value in its name (change the config that has the grid)"
        raise config_error(new.where, ["models", name], message)
    for axis in _Grid(name, model).paths:
        if axis == ".".join(path):
            root = nodes.without(root, _axis(root, name, path))
        elif _overlap(axis.split("."), path):
            message = f"overlaps with {axis} in the grid (set that instead)"
            raise config_error(new.where, ["models", name, *path], message)
    return root


def _is_in_name(
    values: Mapping[str, str], path: Sequence[str], old: Node, new: Node
) -> bool:
    """Return whether a value to be replaced is one of those in the name of a point."""
    if new.is_mapping:
        for key, child in new.value.items():
            if _is_in_name(values, [*path, key], at(old, [key]), child):
                return True
        return False
    if not values:
        return False
    text = _text(old.plain)
    for start in range(len(path)):
        label = _label(".".join(path[start:]))
        if values.get(label) == text:
            return True
    return False


def _texts(values: Sequence[Node]) -> Iterator[str]:
    """Yield values for the names of points; those that look alike are numbered."""
    earlier: list[tuple[str, object]] = []
    for number, value in enumerate(values, start=1):
        plain = value.plain
        text = _text(plain)
        is_taken = any(text == other and plain != its for other, its in earlier)
        earlier.append((text, plain))
        yield f"{text}-{number}" if is_taken else text


def _labels(paths: Sequence[str]) -> dict[str, str]:
    """Return for each path the shortest end that no other has, for names of points."""
    labels = {path: _label(path) for path in paths}
    deepest = max((path.count(".") for path in paths), default=0)
    for depth in range(deepest, 0, -1):
        ends = {path: _label(".".join(path.split(".")[-depth:])) for path in paths}
        counts = Counter(ends.values())
        labels |= {path: end for path, end in ends.items() if counts[end] == 1}
    return labels


def _label(path: str) -> str:
    return _text(short(path))


def _text(value: object) -> str:
    """Return a value with the characters that names of points may have."""
    text = value if isinstance(value, str) else json.dumps(value, default=spell)
    return re.sub(r"[^A-Za-z0-9_.+-]+", "_", text).strip("_")[:40] or "_"
