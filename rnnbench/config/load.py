"""From a config and flags to a typed benchmark, or to a list of every problem."""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from rnnbench.config.grid import expanded, models_of
from rnnbench.config.merge import Override, Tree, tree_of
from rnnbench.config.nodes import ConfigError, Problem, config_error, key_path, to_yaml
from rnnbench.config.schema import Benchmark
from rnnbench.data.settings import PATHS, Data
from rnnbench.errors import did_you_mean
from rnnbench.points import model_of
from rnnbench.section import Loc, Section, spell
from rnnbench.text import listed

__all__ = ["Override", "dump", "load", "load_data", "select"]

_S = TypeVar("_S", bound=Section)


def load(config: Path | str | Mapping[str, Any], overrides: Sequence[Override] = ()) -> Benchmark:
    """Return the benchmark that a YAML file, or a mapping with the same keys, describes.

    Overrides replace its values; if two have the same key, the last one counts.

    Raises:
        ConfigError: the config is wrong; the message lists every problem, with its file and line,
            or its flag.
    """
    return _validated(Benchmark, tree_of(config, overrides))


def load_data(
    config: Path | str | Mapping[str, Any] | None, overrides: Sequence[Override] = ()
) -> Data:
    """Return the ``data`` section of a config, or the default one without a config.

    A mapping may consist of its ``data`` section alone.

    Raises:
        ConfigError: as ``load``.
    """
    if config is None or (isinstance(config, Mapping) and set(config) <= {"data"}):
        return _validated(_OnlyData, tree_of(config or {}, overrides)).data
    return load(config, overrides).data


def select(benchmark: Benchmark, names: Sequence[str], flag: str) -> Benchmark:
    """Return ``benchmark`` with only the models ``names``, in the order of the config.

    The name of a model with a grid stands for all its points.

    Raises:
        ConfigError: there is no such model; the message blames ``flag``.
    """
    known, wanted = {*benchmark.models, *map(model_of, benchmark.models)}, set(names)
    wrong = [name for name in dict.fromkeys(names) if name not in known]
    if wrong or not names:
        fault = f"no model {listed(list(map(spell, wrong)))}" if wrong else "names no model"
        hint = did_you_mean((*wrong, "")[0], benchmark.models)
        raise config_error(flag, (), f"{fault} ({hint})")
    kept = {
        name: model
        for name, model in benchmark.models.items()
        if name in wanted or model_of(name) in wanted
    }
    return benchmark.model_copy(update={"models": kept})


def dump(benchmark: Benchmark, folder: Path | None = None) -> str:
    """Return a benchmark as YAML, with every default written out.

    Paths in ``data`` become relative to ``folder``, where the text will be stored, or absolute.
    """
    plain = benchmark.model_dump(exclude_none=True)
    for key in set(PATHS) & set(plain["data"]):
        path = plain["data"][key].resolve()
        plain["data"][key] = os.path.relpath(path, folder.resolve()) if folder else str(path)
    return to_yaml(plain)


class _OnlyData(Section):
    data: Data = Data()


def _validated(schema: type[_S], tree: Tree) -> _S:
    root, of_grids = expanded(tree.root)
    problems = [*tree.problems, *of_grids]
    try:
        valid = schema.model_validate(root.plain)
    except ValidationError as error:
        problems += _located(error, replace(tree, root=root), models_of(tree.root))
    if problems:
        distinct = dict.fromkeys(problems)
        raise ConfigError(sorted(distinct, key=lambda problem: problem.reading_order))
    return valid


def _located(error: ValidationError, tree: Tree, written: Collection[str]) -> Iterator[Problem]:
    """Yield the problems in ``error``, each with the place of its key or of the nearest parent.

    If a file could not be read, a missing key may be in that file, so it is not reported, except
    in a list: lists are never merged.
    """
    for item in error.errors():
        keys = item["loc"]
        is_in_list = any(isinstance(key, int) for key in keys)
        if item["msg"] == "missing key" and not (tree.is_whole or is_in_list):
            continue
        node = tree.root
        for key in keys:
            if str(key) not in node.children:
                break
            node = node.children[str(key)]
        yield Problem(node.where, key_path(_as_written(keys, written)), item["msg"])


def _as_written(keys: Loc, models: Collection[str]) -> Loc:
    """Return ``keys`` with the name of a model in place of a point that its grid made."""
    match keys:
        case ("models", str(name), *below) if name not in models:
            return ("models", model_of(name), *below)
    return keys
