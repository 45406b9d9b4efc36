"""One tree of values from a config, the files that it ``extends``, and flags."""

import os.path
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from rnnbench.config import grid, shipped
from rnnbench.config.flags import with_flag
from rnnbench.config.nodes import Node, merged, with_value
from rnnbench.config.problems import ConfigError, Problem
from rnnbench.config.yaml12 import MAX_DEPTH, parse
from rnnbench.data.settings import PATHS
from rnnbench.errors import did_you_mean, line_of
from rnnbench.points import split_keys
from rnnbench.section import Section
from rnnbench.storage import read_file

MAX_CONFIG = 2**20
"""The size of the largest config that is read, in bytes."""
MAX_FILES = 100
"""The most files that a config may extend, directly and through others."""


@dataclass(frozen=True)
class Override:
    """A value that a flag sets in place of the file's."""

    flag: str
    """The flag as the user wrote it, for messages: ``--epochs``."""
    key: str
    """The key in the config: ``training.epochs``."""
    value: str
    """The value as YAML text."""


@dataclass
class Tree:
    """The values of a config, and the problems found so far."""

    root: Node
    problems: list[Problem]
    is_whole: bool = True
    """False if a file that it extends could not be read."""


def files_of(config: Path | str | Mapping[str, Any]) -> list[Path]:
    """Return the files that a config is read from: its own, and those that it extends.

    Raises:
        ConfigError: as ``tree_of``.
    """
    files: list[Path] = []
    tree_of(config, (), files)
    return files


def tree_of(
    config: Path | str | Mapping[str, Any],
    overrides: Sequence[Override],
    files: list[Path] | None = None,
) -> Tree:
    """Return the tree of a file or a mapping, with the values of flags.

    A file that does not exist may be the name of a config that comes with the package. Paths in a
    mapping are relative to the working folder. The files that are read are added to ``files``.

    Raises:
        ConfigError: the file cannot be read, or the mapping contains itself.
    """
    files = [] if files is None else files
    if isinstance(config, Mapping):
        tree = _extended(Tree(_node(config), []), Path(), (), files)
    else:
        path = Path(config)
        found = None if path.is_file() else shipped.find(path)
        tree = read(found or path, (), files)
    for override in overrides:
        try:
            value, duplicates = parse(override.value, override.flag, has_lines=False)
            new = value or Node(None, override.flag)
            tree.root = with_flag(tree.root, _keys_of(override), new)
            tree.problems += duplicates
        except ConfigError as error:
            tree.problems += error.problems
    return tree


def _keys_of(override: Override) -> list[str]:
    keys = split_keys(override.key)
    if len(keys) > MAX_DEPTH:
        message = f"a path of {len(keys):,} keys (allowed: {MAX_DEPTH})"
        raise ConfigError([Problem(override.flag, "", message)])
    return keys


def read(path: Path, above: tuple[Path, ...], read_before: list[Path]) -> Tree:
    """Return the tree of a file, merged over those of the files that it extends.

    ``above`` are the files that led to it by ``extends``. The file is added to ``read_before``.

    Raises:
        ConfigError: there is no such file, or it does not hold a mapping.
    """
    read_before.append(path)
    root, problems = _parse(_text_of(path), str(path))
    if root is None:
        raise ConfigError([Problem(str(path), "", "the file is empty (needs: name, models)")])
    if not isinstance(root.value, dict):
        raise ConfigError([Problem(root.where, "", "should be a mapping, such as `name: all`")])
    return _extended(Tree(root, list(problems)), path.parent, (*above, path), read_before)


_parse = lru_cache(maxsize=MAX_FILES)(parse)
"""Several files may extend the same one, and PyYAML is slow."""


def _node(value: Any, depth: int = 0) -> Node:
    """Return a Python value as a node without a place."""
    if depth > MAX_DEPTH:
        message = f"nested too deeply (allowed: {MAX_DEPTH} levels)"
        raise ConfigError([Problem("", "", message)])
    if isinstance(value, Section):
        value = value.model_dump(exclude_none=True)
    if isinstance(value, Mapping):
        return Node({str(key): _node(below, depth + 1) for key, below in value.items()}, "")
    if isinstance(value, list | tuple):
        return Node([_node(item, depth + 1) for item in value], "")
    return Node(value, "")


def _text_of(path: Path) -> str:
    try:
        return read_file(path, MAX_CONFIG).decode("utf-8-sig")
    except FileNotFoundError:
        neighbours = sorted(other.name for other in path.parent.glob("*.y*ml"))
        neighbours += [] if path.suffix else shipped.names()
        message = f"no such file ({did_you_mean(path.name, neighbours)})"
    except IsADirectoryError:
        message = "is a folder (should be a config file)"
    except UnicodeDecodeError as error:
        raise ConfigError([Problem(f"{path}:{line_of(error)}", "", "is not UTF-8")]) from None
    except (OSError, ValueError) as error:
        message = f"cannot be read: {getattr(error, 'strerror', None) or error}"
    raise ConfigError([Problem(str(path), "", message)])


def _extended(tree: Tree, folder: Path, above: tuple[Path, ...], read_before: list[Path]) -> Tree:
    """Return ``tree`` merged over the files that it extends; its paths are relative to ``folder``.

    ``above`` are the files that led to it by ``extends``; the last one is that of ``tree``.
    """
    own = tree.root
    for key in PATHS:
        own = _with_data_path_from(folder, own, key)
    own, of_grids = grid.flattened(own)
    tree.problems += of_grids
    if "extends" not in own.value:
        return Tree(own, tree.problems)
    extends = own.value["extends"]
    names = extends.value if isinstance(extends.value, list) else []
    below = Tree(Node({}, own.where), tree.problems)
    for name in names or [extends]:
        try:
            if len(read_before) > MAX_FILES:
                message = f"too many files (allowed: {MAX_FILES})"
                raise ConfigError([Problem(name.where, "extends", message)])
            base = read(_file(name, folder, above), above, read_before)
        except ConfigError as error:
            base = Tree(Node({}, own.where), list(error.problems), is_whole=False)
        below = Tree(
            merged(below.root, base.root),
            [*below.problems, *base.problems],
            below.is_whole and base.is_whole,
        )
    without_extends = {key: node for key, node in own.value.items() if key != "extends"}
    below.root = merged(below.root, Node(without_extends, own.where))
    return below


def _file(name: Node, folder: Path, above: tuple[Path, ...]) -> Path:
    """Return the file that ``extends`` names: in ``folder``, or else one of the package.

    A name without an ending is that of a ``.yaml`` file.
    """
    base: Path | None = folder / name.value if _is_path(name.value) else None
    if base is None:
        message = "should name a config file, or a list of them (relative to this file)"
    elif os.path.realpath(base) in [os.path.realpath(file) for file in above]:
        message = f"cycle: {' -> '.join(str(file) for file in (*above, base))}"
    elif not os.path.isfile(base):  # noqa: PTH113 - unlike Path's, false for impossible names
        for found in filter(None, (folder / f"{name.value}.yaml", shipped.find(name.value))):
            if os.path.isfile(found) and found not in above:  # noqa: PTH113
                return found
        others = sorted(other for other in base.parent.glob("*.y*ml") if other not in above)
        names = [str(Path(name.value).parent / other.name) for other in others]
        names += [] if base.suffix else shipped.names()
        message = f"no such file: {name.value} ({did_you_mean(str(name.value), names)})"
    else:
        return base
    raise ConfigError([Problem(name.where, "extends", message)])


def _is_path(value: Any) -> bool:
    return isinstance(value, str | Path) and str(value) != "" and str(value).isprintable()


def _with_data_path_from(folder: Path, root: Node, key: str) -> Node:
    """Return ``root`` with a path in ``data``, if it has one, taken relative to ``folder``."""
    data = root.children.get("data")
    path = data.children.get(key) if data else None
    if not path or not isinstance(path.value, str) or not path.value or path.value[0] == "~":
        return root
    return with_value(root, ["data", key], Node(str(folder / path.value), path.where))
