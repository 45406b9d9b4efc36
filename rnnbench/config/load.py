"""From a config file and flags to a typed benchmark, or to everything that is wrong with it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

import yaml
from pydantic import ValidationError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from rnnbench.config import document as doc
from rnnbench.config.document import Document
from rnnbench.config.problems import ConfigError, Problem
from rnnbench.config.schema import Benchmark, Data
from rnnbench.config.section import Section
from rnnbench.config.yaml12 import TAG, Dumper, text
from rnnbench.errors import did_you_mean

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
    return _validated(Benchmark, _read_with_bases(path, ()), overrides)


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
    for override in overrides:
        value = doc.compose(override.value, override.flag) or doc.compose("null", override.flag)
        root = doc.with_value(root, override.key.split("."), value)
    problems = document.problems
    is_whole = not any(problem.key == "extends" for problem in problems)
    try:
        valid = schema.model_validate(doc.construct(root))
    except ValidationError as error:
        for item in error.errors():
            # What is missing may stand in the file that could not be read.
            if is_whole or item["msg"] != "missing key":
                key = ".".join(str(part) or "''" for part in item["loc"])
                problems.append(Problem(doc.locate(root, item["loc"]), key, item["msg"]))
    if problems:
        raise ConfigError(sorted(set(problems), key=lambda problem: problem.reading_order))
    return valid


def dump(benchmark: Benchmark, folder: Path) -> str:
    """Return the YAML text of a benchmark, every default written out.

    Args:
        benchmark: what to write.
        folder: where it is going to be read from; ``data.path`` is made relative to it.
    """
    plain = benchmark.model_dump(mode="json", exclude_none=True)
    if benchmark.data.path is not None:
        plain["data"]["path"] = os.path.relpath(benchmark.data.path, folder)
    return yaml.dump(plain, Dumper=Dumper, sort_keys=False, allow_unicode=True)


def _read_with_bases(path: Path, above: tuple[Path, ...]) -> Document:
    """Return the tree of ``path`` merged over those of the files that it extends."""
    document = doc.read(path)
    document.root = _with_data_path_from(path.parent, document.root)
    entry = doc.child(document.root, "extends")
    if entry is None:
        return document
    bases = entry[1].value if isinstance(entry[1], SequenceNode) else [entry[1]]
    root = doc.empty_mapping()
    for base in bases or [entry[1]]:
        try:
            below = _base(base, path, (*above, path))
        except ConfigError as error:
            document.problems += error.problems
        else:
            document.problems += below.problems
            root = doc.merged(root, below.root)
    return Document(doc.merged(root, doc.without(document.root, "extends")), document.problems)


def _base(node: Node, path: Path, above: tuple[Path, ...]) -> Document:
    """Return the tree of the file that ``node`` of ``path`` names."""
    if not (isinstance(node, ScalarNode) and node.tag == f"{TAG}str" and node.value.isprintable()):
        message = "should name a config file, or a list of them (relative to this file)"
        raise ConfigError([Problem(doc.where(node), "extends", message)])
    base = path.parent / node.value
    if base.resolve() in [file.resolve() for file in above]:
        chain = " -> ".join(str(file) for file in (*above, base))
        raise ConfigError([Problem(doc.where(node), "extends", f"cycle: {chain}")])
    if not base.is_file():
        others = sorted(other.name for other in base.parent.glob("*.y*ml") if other != path)
        message = f"no such file: {node.value} ({did_you_mean(base.name, others)})"
        raise ConfigError([Problem(doc.where(node), "extends", message)])
    return _read_with_bases(base, above)


def _with_data_path_from(folder: Path, root: MappingNode) -> MappingNode:
    """Return ``root`` with ``data.path``, where it has one, taken relative to ``folder``."""
    data = doc.child(root, "data")
    entry = doc.child(data[1], "path") if data else None
    if not (entry and isinstance(entry[1], ScalarNode) and entry[1].tag == f"{TAG}str"):
        return root
    path = entry[1].value
    if not path or path.startswith("~"):
        return root
    resolved = text(str(folder / path), like=entry[1])
    return cast("MappingNode", doc.with_value(root, ["data", "path"], resolved))
