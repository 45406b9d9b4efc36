"""From a config file and flags to a typed benchmark, or to everything that is wrong with it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import ValidationError
from yaml.nodes import Node

from rnnbench.config import document as doc
from rnnbench.config.bases import read_with_bases
from rnnbench.config.document import Document
from rnnbench.config.problems import ConfigError, Problem
from rnnbench.config.schema import Benchmark
from rnnbench.config.yaml12 import Dumper
from rnnbench.data.settings import Data
from rnnbench.errors import did_you_mean
from rnnbench.section import Section

_S = TypeVar("_S", bound=Section)


@dataclass(frozen=True)
class Override:
    """A value that a flag puts in the place of the file's.

    Attributes:
        flag: how the user wrote it, for messages: ``--epochs``.
        key: the place in the config: ``training.epochs``.
        value: the value as YAML text.
    """

    flag: str
    key: str
    value: str


def load(path: Path, overrides: Sequence[Override] = ()) -> Benchmark:
    """Return the benchmark in the file ``path`` and those it extends, changed by ``overrides``.

    Raises:
        ConfigError: with every problem found, each with its file and line, or its flag.
    """
    return _validated(Benchmark, read_with_bases(path), overrides)


def load_data(path: Path | None, overrides: Sequence[Override] = ()) -> Data:
    """Return the ``data`` section of a config file, or the defaults without one.

    Raises:
        ConfigError: as ``load``.
    """
    if path is not None:
        return load(path, overrides).data
    return _validated(_DataAlone, Document(doc.empty_mapping()), overrides).data


def select(benchmark: Benchmark, names: Sequence[str], flag: str) -> Benchmark:
    """Return ``benchmark`` with only the models ``names``, in the order of the config.

    Raises:
        ConfigError: there is no such model; the message blames ``flag``.
    """
    unknown = [name for name in names if name not in benchmark.models]
    if unknown or not names:
        wrong = [(name, f"no model '{name}'") for name in unknown] or [("", "names no model")]
        raise ConfigError(
            [
                Problem(flag, "", f"{what} ({did_you_mean(name, benchmark.models)})")
                for name, what in wrong
            ]
        )
    kept = {name: model for name, model in benchmark.models.items() if name in names}
    return benchmark.model_copy(update={"models": kept})


class _DataAlone(Section):
    data: Data = Data()


def _validated(schema: type[_S], document: Document, overrides: Sequence[Override]) -> _S:
    root: Node = document.root
    problems = document.problems
    for override in overrides:
        try:
            value = doc.compose(override.value, override.flag) or doc.compose("~", override.flag)
            problems += doc.duplicates(value)
            root = doc.with_value(root, override.key.split("."), value)
        except ConfigError as error:
            problems += error.problems
    try:
        valid = schema.model_validate(doc.construct(root))
    except ConfigError as error:
        problems += error.problems
    except ValidationError as error:
        problems += [
            Problem(doc.locate(root, item["loc"]), _key(item["loc"]), item["msg"])
            for item in error.errors()
            # What is missing may stand in a base that could not be read; lists are never merged.
            if document.is_whole or item["msg"] != "missing key" or _is_in_list(item["loc"])
        ]
    if problems:
        distinct = dict.fromkeys(problems)
        raise ConfigError(sorted(distinct, key=lambda problem: problem.reading_order))
    return valid


def _is_in_list(loc: Sequence[str | int]) -> bool:
    return any(isinstance(part, int) for part in loc)


def _key(loc: Sequence[str | int]) -> str:
    parts = (str(part) for part in loc)
    return ".".join(part if part and part.isprintable() else repr(part) for part in parts)


def dump(benchmark: Benchmark, folder: Path | None = None) -> str:
    """Return the YAML text of a benchmark, every default written out.

    Args:
        benchmark: what to write.
        folder: where it is going to be read from; ``data.path`` is made relative to it, or
            absolute without it.
    """
    plain = benchmark.model_dump(exclude_none=True)
    if benchmark.data.path is not None:
        path = benchmark.data.path.resolve()
        plain["data"]["path"] = os.path.relpath(path, folder.resolve()) if folder else str(path)
    return yaml.dump(plain, Dumper=Dumper, sort_keys=False, allow_unicode=True)
