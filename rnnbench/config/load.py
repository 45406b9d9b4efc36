"""From a config, the files that it ``extends``, and flags to a typed benchmark."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from rnnbench.config import nodes, shipped
from rnnbench.config.grid import expanded, flattened, models_of, with_flag
from rnnbench.config.nodes import ConfigError, Node, Problem, at, config_error, key_path
from rnnbench.config.schema import Benchmark
from rnnbench.data.config import PATHS, Data
from rnnbench.data.sources.tables import READERS, Layout, sniff
from rnnbench.errors import did_you_mean
from rnnbench.models.descriptions import with_members
from rnnbench.points import chosen, model_of, split_keys
from rnnbench.section import ConfigModel
from rnnbench.storage import read_file

MAX_CONFIG = 2**20  # the size of the largest config that is read, in bytes
MAX_FILES = 100  # the most files that a config may extend, directly and through others
ConfigSource = Path | str | Mapping[str, Any]
"""A file, the name of a shipped config, a table or a folder of texts, or a config's
content."""
_S = TypeVar("_S", bound=ConfigModel)


@dataclass(frozen=True)
class Override:
    """A value that a flag sets in place of the file's."""

    flag: str  # as the user wrote it, for messages: --epochs
    key: str  # in the config: training.epochs
    value: str  # as YAML text


@dataclass
class Tree:
    """The values of a config, and how it was read."""

    root: Node
    problems: list[Problem] = field(default_factory=list)
    files: list[Path] = field(
        default_factory=list
    )  # of the config, and those that it extends
    is_whole: bool = True  # false if a file that it extends could not be read


def load(config: ConfigSource, overrides: Sequence[Override] = ()) -> Benchmark:
    """Return the benchmark of a file, a mapping or texts; ``ConfigError`` lists all
    problems.
    """
    found = _validated(Benchmark, tree_of(config, overrides))
    path = found.data.path  # a flag may name another file
    if isinstance(config, Mapping) or not shipped.is_texts(config):
        return found
    if path is None or not shipped.is_table(path):
        return found
    given = Layout(**found.data.model_dump(include={*asdict(Layout())}))
    data = found.data.model_copy(update=asdict(sniff(path, given)))
    return found.model_copy(update={"data": data})


def load_data(config: ConfigSource | None, overrides: Sequence[Override] = ()) -> Data:
    """Return the ``data`` section of a config, or the default one; a mapping may have
    no other.
    """
    if config is None or (isinstance(config, Mapping) and set(config) <= {"data"}):
        return _validated(_OnlyData, tree_of(config or {}, overrides)).data
    return load(config, overrides).data


def select(benchmark: Benchmark, names: Sequence[str] | None, flag: str) -> Benchmark:
    """Return a benchmark with some models, and their points and members; errors blame
    ``flag``.
    """
    needed = with_members(chosen([*benchmark.models], names, flag), benchmark.models)
    kept = {name: model for name, model in benchmark.models.items() if name in needed}
    return benchmark.model_copy(update={"models": kept})


def dump(benchmark: Benchmark, folder: Path | None = None) -> str:
    """Return a benchmark as YAML with all defaults; paths are absolute, or relative to
    a folder.
    """
    plain = benchmark.model_dump(exclude_none=True)
    for key in set(PATHS) & set(plain["data"]):
        path = plain["data"][key].resolve()
        plain["data"][key] = (
            os.path.relpath(path, folder.resolve()) if folder else str(path)
        )
    return nodes.to_yaml(plain)


class _OnlyData(ConfigModel):
    data: Data = Data()


def _validated(schema: type[_S], tree: Tree) -> _S:
    """Return the section in a tree, or raise every problem with the place of its key or
    parent.
    """
    root, of_grids = expanded(tree.root)
    problems = [*tree.problems, *of_grids]
    try:
        valid = schema.model_validate(root.plain)
    except ValidationError as error:
        for item in error.errors():
            keys = item["loc"]
            # If a file could not be read, a missing key may be in it; lists are never
            # merged.
            is_in_list = any(isinstance(key, int) for key in keys)
            if item["msg"] == "missing key" and not (tree.is_whole or is_in_list):
                continue
            where = at(
                root, list(map(str, keys))
            ).where  # for a missing key, its mapping's
            match keys:  # a point of a grid is called by its model
                case ("models", str(name), *below) if name not in models_of(tree.root):
                    keys = ("models", model_of(name), *below)
            problems.append(Problem(where, key_path(keys), item["msg"]))
    if problems:
        raise ConfigError(sorted(dict.fromkeys(problems), key=Problem.reading_order))
    return valid


def tree_of(config: ConfigSource, overrides: Sequence[Override] = ()) -> Tree:
    """Return the tree of a file, a shipped config, texts or a mapping, with values of
    flags.
    """
    tree = Tree(Node({}, ""))
    if isinstance(config, Mapping):
        tree.root = _extended(tree, _node(config), Path(), ())
    elif shipped.is_texts(config):
        root, _ = nodes.parse(
            shipped.for_texts(Path(config), is_open=True), str(config)
        )
        tree.root = _extended(tree, root or Node({}, ""), Path(), ())
    else:
        found = None if Path(config).is_file() else shipped.find(config)
        tree.root = _read(tree, found or Path(config), ())
    for override in overrides:
        flag, keys = override.flag, split_keys(override.key)
        try:
            value, duplicates = nodes.parse(override.value, flag, has_lines=False)
            if len(keys) > nodes.MAX_DEPTH:
                message = f"a path of {len(keys):,} keys (allowed: {nodes.MAX_DEPTH})"
                raise config_error(flag, (), message)
            tree.root = with_flag(tree.root, keys, value or Node(None, flag))
            tree.problems += duplicates
        except ConfigError as error:
            tree.problems += error.problems
    return tree


def _node(value: Any, depth: int = 0) -> Node:
    if depth > nodes.MAX_DEPTH:
        raise config_error(
            "", (), f"nested too deeply (allowed: {nodes.MAX_DEPTH} levels)"
        )
    if isinstance(value, ConfigModel):
        value = value.model_dump(exclude_none=True)
    if isinstance(value, Mapping):
        return Node(
            {str(key): _node(below, depth + 1) for key, below in value.items()}, ""
        )
    if isinstance(value, list | tuple):
        return Node([_node(item, depth + 1) for item in value], "")
    return Node(value, "")


def _read(tree: Tree, path: Path, above: tuple[Path, ...]) -> Node:
    """Return the values of a file over those of the files that it extends; see
    ``_extended``.
    """
    tree.files.append(path)
    root, duplicates = _parse(_text_of(path), str(path))
    if root is None:
        raise config_error(str(path), (), "the file is empty (needs: name, models)")
    if not isinstance(root.value, dict):
        tables = f"; a table of texts ends in {', '.join(READERS)}"
        raise config_error(
            root.where, (), f"should be a mapping, such as `name: all`{tables}"
        )
    tree.problems += duplicates
    return _extended(tree, root, path.parent, (*above, path))


def _text_of(path: Path) -> str:
    try:
        return read_file(path, MAX_CONFIG).decode("utf-8-sig")
    except FileNotFoundError:
        endings = READERS if path.suffix.lower() in READERS else (".yaml", ".yml")
        found = (
            other.name
            for other in path.parent.glob("*.*")
            if other.suffix.lower() in endings
        )
        names = sorted(found) + ([] if path.suffix else shipped.names())
        message = (
            f"no such file ({did_you_mean(path.name, names)})"
            if names
            else "no such file"
        )
    except IsADirectoryError:
        kinds = (
            "a config file, or a folder with a subfolder of .txt files for each label"
        )
        message = f"is a folder (should be {kinds})"
    except UnicodeDecodeError as error:
        line = len((error.object[: error.start] + b".").splitlines())
        raise config_error(f"{path}:{line}", (), "is not UTF-8") from None
    except (OSError, ValueError) as error:
        message = f"cannot be read: {getattr(error, 'strerror', None) or error}"
    raise config_error(str(path), (), message)


_parse = lru_cache(maxsize=MAX_FILES)(
    nodes.parse
)  # several files may extend the same one


def _extended(tree: Tree, own: Node, folder: Path, above: tuple[Path, ...]) -> Node:
    """Return ``own``, of the last file ``above``, over the files that it extends, in
    ``folder``.
    """
    for keys in (["data", key] for key in PATHS):
        path = at(own, keys)
        if isinstance(path.value, str) and path.value and path.value[0] != "~":
            own = nodes.with_value(
                own, keys, Node(str(folder / path.value), path.where)
            )
    own, problems = flattened(own)
    tree.problems += problems
    if "extends" not in own.value:
        return own
    extends, below = own.value["extends"], Node({}, own.where)
    names = extends.value if isinstance(extends.value, list) else []
    for name in names or [extends]:
        try:
            if len(tree.files) > MAX_FILES:
                message = f"too many files (allowed: {MAX_FILES})"
                raise config_error(name.where, ["extends"], message)
            below = nodes.merged(below, _read(tree, _file(name, folder, above), above))
        except ConfigError as error:
            tree.problems += error.problems
            tree.is_whole = False
    return nodes.merged(below, nodes.without(own, ["extends"]))


def _file(name: Node, folder: Path, above: tuple[Path, ...]) -> Path:
    """Return the file that ``extends`` names: in ``folder``, with ``.yaml``, or of the
    package.
    """
    value, fault = name.value, partial(config_error, name.where, ["extends"])
    if (
        not isinstance(value, str | Path)
        or not str(value)
        or not str(value).isprintable()
    ):
        raise fault(
            "should name a config file, or a list of them (relative to this file)"
        )
    base = folder / value
    if os.path.realpath(base) in [os.path.realpath(file) for file in above]:
        raise fault(f"cycle: {' -> '.join(map(str, (*above, base)))}")
    for found in filter(None, (base, folder / f"{value}.yaml", shipped.find(value))):
        # Unlike Path.is_file, this is false for impossible names.
        if os.path.isfile(found) and found not in above:  # noqa: PTH113
            return found
    others = sorted(other for other in base.parent.glob("*.y*ml") if other not in above)
    names = [str(Path(value).parent / other.name) for other in others]
    names += [] if base.suffix else shipped.names()
    raise fault(f"no such file: {value} ({did_you_mean(str(value), names)})")
