"""From a config, the files that it ``extends``, and flags to a typed benchmark.

``load("configs/all.yaml", [Override("--epochs", "training.epochs", "5")])``
"""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from rnnbench.config import nodes, shipped
from rnnbench.config.grid import expanded, flattened, models_of, with_flag
from rnnbench.config.nodes import ConfigError, Node, Problem, at, config_error, key_path
from rnnbench.config.schema import Benchmark
from rnnbench.data.config import PATHS, Data
from rnnbench.data.sources.files import FILES
from rnnbench.data.sources.tables import (
    READERS,
    has_table_name,
    is_table,
    parts_of,
    sniff,
)
from rnnbench.data.sources.texts import with_separator
from rnnbench.errors import UserError, did_you_mean
from rnnbench.models.descriptions import with_members
from rnnbench.points import chosen, model_of, split_keys
from rnnbench.section import ConfigModel
from rnnbench.storage import read_file

log = logging.getLogger(__name__)
MAX_CONFIG = 2**20  # the size of the largest config that is read, in bytes
MAX_FILES = 100  # the most files that a config may extend, directly and through others
ConfigSource = Path | str | Mapping[str, Any] | Benchmark
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
    files: list[Path] = field(default_factory=list)
    """The file of the config, and those that it extends."""
    is_whole: bool = True
    """False if a file that it extends could not be read."""
    is_texts: bool = False
    """Whether a table or a folder of texts stands for the config."""


@dataclass(frozen=True)
class LoadedConfig:
    """A config that was read and validated once: its benchmark and its files."""

    benchmark: Benchmark
    files: tuple[Path, ...]
    """Its own file, if it has one, and those that it extends."""

    @property
    def inputs(self) -> list[Path]:
        """Its files, and the files and folders of its data."""
        inputs = list(self.files)
        for key in PATHS:
            path = getattr(self.benchmark.data, key)
            if path:
                inputs.append(path)
        return inputs


def load(config: object, overrides: Sequence[Override] = ()) -> Benchmark:
    """Return the benchmark of a file, a mapping or texts.

    ``ConfigError`` lists all problems.
    """
    return load_with_files(config, overrides).benchmark


def load_written(file: Path, overrides: Sequence[Override]) -> Benchmark:
    """Return the benchmark of a file that ``config_text`` made; see ``load``."""
    tree = Tree(Node({}, ""))
    tree.root = _read(tree, file, (), nodes.parse_written)
    _set_values(tree, overrides)
    return _validated(Benchmark, tree)


def load_with_files(config: object, overrides: Sequence[Override] = ()) -> LoadedConfig:
    """Return the same with the files that the config was read from."""
    tree = tree_of(config, overrides)
    benchmark = _validated(Benchmark, tree)
    if tree.is_texts:
        benchmark = with_columns(benchmark)
    return LoadedConfig(benchmark, tuple(tree.files))


def load_data(config: object, overrides: Sequence[Override] = ()) -> Data:
    """Return the ``data`` of a config, or the default; a mapping needs nothing else."""
    if config is None:
        config = {}
    if isinstance(config, Mapping) and set(config) <= {"data"}:
        return _validated(_OnlyData, tree_of(config, overrides)).data
    return load(config, overrides).data


def select(
    benchmark: Benchmark, names: str | Sequence[str] | None, flag: str
) -> Benchmark:
    """Return a benchmark with some models, and their points and members.

    Errors blame ``flag``.
    """
    needed = with_members(chosen([*benchmark.models], names, flag), benchmark.models)
    models = {name: model for name, model in benchmark.models.items() if name in needed}
    return benchmark.model_copy(update={"models": models})


def dump(benchmark: Benchmark, folder: Path | None = None) -> str:
    """Return a benchmark as YAML with all defaults.

    Its paths are absolute, or relative to a folder.
    """
    plain = benchmark.model_dump(exclude_none=True)
    data = plain["data"]
    for key in PATHS:
        if key not in data:
            continue
        path = data[key].resolve()
        if folder:
            data[key] = os.path.relpath(path, folder.resolve())
        else:
            data[key] = str(path)
    return nodes.to_yaml(plain)


def config_text(benchmark: Benchmark, folder: Path) -> str:
    """Return the config of results in a folder, which can be read again.

    ``UserError`` is raised if it would be too large for that.
    """
    text = dump(benchmark, folder)
    size = len(text.encode())
    if size > MAX_CONFIG:
        message = f"its config.yaml would have {size:,} bytes (allowed: {MAX_CONFIG:,})"
        raise UserError(f"{benchmark.name}: {message}; make its grids smaller")
    return text


def with_columns(benchmark: Benchmark) -> Benchmark:
    """Return a benchmark that names the columns of its table, if it has one.

    The last layers of its networks suit texts with one label each, or with several.
    """
    data = benchmark.data
    if data.path is None:
        return benchmark
    if data.source != FILES.name and not has_table_name(data.path):
        return benchmark  # a collection that another source reads
    tables = list(map(attrgetter("path"), parts_of(data.path)))
    if not all(map(is_table, tables)):
        return benchmark
    layout = sniff(tables[0], data.layout)
    has_several = False
    if layout.label is not None:  # or reading will say that it is not clear
        layout, has_several = with_separator(tables, layout)
    models = dict(benchmark.models)
    if has_several:
        for name, model in models.items():
            models[name] = model.for_several_topics()
    data = data.model_copy(update=asdict(layout))
    return benchmark.model_copy(update={"data": data, "models": models})


class _OnlyData(ConfigModel):
    data: Data = Data()


def _validated(schema: type[_S], tree: Tree) -> _S:
    """Return what a tree describes, or raise every problem with its place."""
    root, of_grids = expanded(tree.root)
    problems = [*tree.problems, *of_grids]
    try:
        valid = schema.model_validate(root.plain)
    except ValidationError as error:
        for item in error.errors():
            if not _may_be_elsewhere(item, tree):
                problems.append(_problem(item, root, tree))
    if problems:
        raise ConfigError(sorted(dict.fromkeys(problems), key=Problem.reading_order))
    return valid


def _may_be_elsewhere(item: ErrorDetails, tree: Tree) -> bool:
    """Return whether a missing key may be in a file that could not be read."""
    is_in_list = any(isinstance(key, int) for key in item["loc"])  # never merged
    return item["msg"] == "missing key" and not tree.is_whole and not is_in_list


def _problem(item: ErrorDetails, root: Node, tree: Tree) -> Problem:
    """Return a validation error as a problem; it names the model, not its point."""
    keys = item["loc"]
    where = at(root, list(map(str, keys))).where  # for a missing key, its mapping's
    match keys:
        case ("models", str(name), *below) if name not in models_of(tree.root):
            keys = ("models", model_of(name), *below)
    return Problem(where, key_path(keys), item["msg"])


def tree_of(config: object, overrides: Sequence[Override] = ()) -> Tree:
    """Return the tree of a config, with values of flags."""
    tree = _read_tree(config)
    keys = [override.key for override in overrides]
    is_stratified = at(tree.root, ["data", "split"]).value == "stratified"
    if is_stratified and "data.group" in keys and "data.split" not in keys:
        log.warning("data.group needs a shuffled split, so data.split is shuffled")
        _set_values(tree, [Override("", "data.split", "shuffled")])
    _set_values(tree, overrides)
    return tree


def _read_tree(config: object) -> Tree:
    """Return the tree of a ``ConfigSource``; anything else raises ``UserError``."""
    tree = Tree(Node({}, ""))
    match config:
        case Mapping() | Benchmark():
            tree.root = _extended(tree, _node(config), Path(), ())
        case str() | Path() if shipped.is_texts(config):
            tree.is_texts = True
            text = shipped.for_texts(Path(config))
            root, _ = nodes.parse(text, str(Path(config)))
            tree.root = _extended(tree, root or tree.root, Path(), ())
        case str() | Path():
            file = Path(config)
            if not file.is_file():
                file = shipped.find(config) or file
            tree.root = _read(tree, file, ())
        case _:
            kind = type(config).__name__
            raise UserError(f"config: got {kind} (should be a file or a mapping)")
    return tree


def _set_values(tree: Tree, overrides: Sequence[Override]) -> None:
    """Set the values of flags in a tree; what is wrong with them joins its problems."""
    for override in overrides:
        keys = split_keys(override.key)
        try:
            value, duplicates = nodes.parse(
                override.value, override.flag, has_lines=False
            )
            if len(keys) > nodes.MAX_DEPTH:
                message = f"a path of {len(keys):,} keys (allowed: {nodes.MAX_DEPTH})"
                raise config_error(override.flag, (), message)
            value = value or Node(None, override.flag)
            tree.root = with_flag(tree.root, keys, value)
            tree.problems += duplicates
        except ConfigError as error:
            tree.problems += error.problems


def _node(value: object, depth: int = 0) -> Node:
    """Return plain data, in which config models may be, as a tree."""
    if depth > nodes.MAX_DEPTH:
        message = f"nested too deeply (allowed: {nodes.MAX_DEPTH} levels)"
        raise config_error("", (), message)
    match value:
        case ConfigModel():
            return _node(value.model_dump(exclude_none=True), depth)
        case Mapping():
            children = {
                str(key): _node(child, depth + 1) for key, child in value.items()
            }
            return Node(children, "")
        case list() | tuple():
            return Node([_node(item, depth + 1) for item in value], "")
    return Node(value, "")


# Several files may extend the same one.
_parse = lru_cache(maxsize=MAX_FILES)(nodes.parse)


def _read(
    tree: Tree,
    path: Path,
    above: tuple[Path, ...],
    parse: Callable[[str, str], tuple[Node | None, list[Problem]]] = _parse,
) -> Node:
    """Return the values of a file over those of the files that it extends."""
    tree.files.append(path)
    root, duplicates = parse(_text_of(path), str(path))
    if root is None:
        raise config_error(str(path), (), "the file is empty (needs: name, models)")
    if not root.is_mapping:
        tables = f"; a table of texts ends in {', '.join(READERS)}"
        message = f"should be a mapping, such as `name: all`{tables}"
        raise config_error(root.where, (), message)
    tree.problems += duplicates
    return _extended(tree, root, path.parent, (*above, path))


def _text_of(path: Path) -> str:
    try:
        return read_file(path, MAX_CONFIG).decode("utf-8-sig")
    except FileNotFoundError:
        message = "no such file"
        names = _names_beside(path)
        if names:
            message += f" ({did_you_mean(path.name, names)})"
    except IsADirectoryError:
        message = (
            "is a folder (should be a config file, or a folder with a subfolder of"
            " texts for each label)"
        )
    except UnicodeDecodeError as error:
        line = len((error.object[: error.start] + b".").splitlines())
        raise config_error(f"{path}:{line}", (), "is not UTF-8") from None
    except (OSError, ValueError) as error:
        message = f"cannot be read: {getattr(error, 'strerror', None) or error}"
    raise config_error(str(path), (), message)


def _names_beside(path: Path) -> list[str]:
    """Return the names of files that may have been meant by one that does not exist."""
    endings: Sequence[str] = (".yaml", ".yml")
    if has_table_name(path):
        endings = list(READERS)
    names = []
    for file in path.parent.glob("*.*"):
        if file.suffix.lower() in endings:
            names.append(file.name)
    names.sort()
    if not path.suffix:
        names += shipped.names()
    return names


def _extended(tree: Tree, root: Node, folder: Path, above: tuple[Path, ...]) -> Node:
    """Return ``root`` over the files that it extends.

    It is in ``folder``, in the last file of ``above``, or in no file.
    """
    root, problems = flattened(_with_paths_from(folder, root))
    tree.problems += problems
    if "extends" not in root.value:
        return root
    extends = root.value["extends"]
    names = [extends]
    if extends.is_list and extends.value:
        names = extends.value
    below = Node({}, root.where)
    for name in names:
        try:
            if len(tree.files) > MAX_FILES:
                message = f"too many files (allowed: {MAX_FILES})"
                raise config_error(name.where, ["extends"], message)
            file = _file(name, folder, above)
            below = nodes.merged(below, _read(tree, file, above))
        except ConfigError as error:
            tree.problems += error.problems
            tree.is_whole = False
    return nodes.merged(below, nodes.without(root, ["extends"]))


def _with_paths_from(folder: Path, root: Node) -> Node:
    """Return values whose relative paths of data begin with ``folder``."""
    for key in PATHS:
        path = at(root, ["data", key])
        if isinstance(path.value, str) and path.value and path.value[0] != "~":
            joined = Node(str(folder / path.value), path.where)
            root = nodes.with_value(root, ["data", key], joined)
    return root


def _file(name: Node, folder: Path, above: tuple[Path, ...]) -> Path:
    """Return the file that ``extends`` names.

    It is in ``folder``, perhaps without its ``.yaml``, or a shipped config.
    """
    value = name.value
    is_path = isinstance(value, str | Path) and str(value) and str(value).isprintable()
    if not is_path:
        message = "should name a config file, or a list of them (relative to this file)"
        raise config_error(name.where, ["extends"], message)
    base = folder / value
    if os.path.realpath(base) in [os.path.realpath(file) for file in above]:
        message = f"cycle: {' -> '.join(map(str, (*above, base)))}"
        raise config_error(name.where, ["extends"], message)
    for file in (base, folder / f"{value}.yaml", shipped.find(value)):
        # Unlike Path.is_file, this is false for impossible names.
        if file and os.path.isfile(file) and file not in above:  # noqa: PTH113
            return file
    others = sorted(other for other in base.parent.glob("*.y*ml") if other not in above)
    names = [str(Path(value).parent / other.name) for other in others]
    if not base.suffix:
        names += shipped.names()
    message = f"no such file: {value} ({did_you_mean(str(value), names)})"
    raise config_error(name.where, ["extends"], message)
