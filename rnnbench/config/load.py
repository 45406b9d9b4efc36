"""From a config file and flags to a typed benchmark, or to everything that is wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from rnnbench.config import document as doc
from rnnbench.config.document import ConfigError, Document, Problem
from rnnbench.config.schema import Benchmark, Data
from rnnbench.config.section import Section
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
        raise ConfigError(
            [
                Problem(flag, "", f"no model '{name}' ({did_you_mean(name, benchmark.models)})")
                for name in unknown or [""]
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
    try:
        valid = schema.model_validate(doc.construct(root))
    except ValidationError as error:
        problems += [_explain(root, item) for item in error.errors()]
    if problems:
        raise ConfigError(sorted(set(problems), key=_reading_order))
    return valid


def dump(benchmark: Benchmark) -> str:
    """Return the YAML text of a benchmark, every default written out."""
    plain = benchmark.model_dump(mode="json", exclude_none=True)
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True)


def _read_with_bases(path: Path, above: tuple[Path, ...]) -> Document:
    """Return the tree of ``path`` merged over those of the files that it extends."""
    document = doc.read(path)
    _resolve_data_path(document.root)
    entry = doc.child(document.root, "extends")
    if entry is None:
        return document
    name, value = entry
    bases = value.value if isinstance(value, SequenceNode) else [value]
    own_entries = [(k, v) for k, v in document.root.value if k is not name]
    merged: Node = MappingNode(document.root.tag, [], name.start_mark, name.end_mark)
    for base in bases:
        try:
            below = _base(base, path, (*above, path))
        except ConfigError as error:
            document.problems += error.problems
        else:
            document.problems += below.problems
            merged = doc.merged(merged, below.root)
    start, end = document.root.start_mark, document.root.end_mark
    own = MappingNode(document.root.tag, own_entries, start, end)
    result = doc.merged(merged, own)
    assert isinstance(result, MappingNode)  # noqa: S101 - both sides are mappings
    return Document(result, document.problems)


def _base(node: Node, path: Path, above: tuple[Path, ...]) -> Document:
    if not isinstance(node, ScalarNode) or not node.value:
        message = "should name a config file, or a list of them (relative to this file)"
        raise ConfigError([Problem(doc.where(node), "extends", message)])
    base = path.parent / node.value
    if base.resolve() in [file.resolve() for file in above]:
        chain = " -> ".join(str(file) for file in (*above, base))
        raise ConfigError([Problem(doc.where(node), "extends", f"cycle: {chain}")])
    if not base.is_file():
        others = sorted(other.name for other in path.parent.glob("*.y*ml") if other != path)
        message = f"no such file: {node.value} ({did_you_mean(node.value, others)})"
        raise ConfigError([Problem(doc.where(node), "extends", message)])
    return _read_with_bases(base, above)


def _resolve_data_path(root: MappingNode) -> None:
    """Make ``data.path``, which is relative to its own file, relative to the working folder."""
    data = doc.child(root, "data")
    path = doc.child(data[1], "path") if data else None
    if path and isinstance(path[1], ScalarNode) and path[1].tag.endswith(":str"):
        file = doc.origin(path[1])
        if file:
            path[1].value = str(file.parent / Path(path[1].value).expanduser())


def _explain(root: Node, item: Any) -> Problem:
    loc = [part for part in item["loc"] if part != "[key]"]
    if item["type"] == "missing":
        *loc, key = loc
        return Problem(doc.locate(root, loc), ".".join(map(str, [*loc, key])), "missing key")
    return Problem(doc.locate(root, loc), ".".join(map(str, loc)), _message(item))


def _message(item: Any) -> str:
    got, ctx = item["input"], item.get("ctx", {})
    match item["type"]:
        case "problem":
            return item["msg"]
        case "literal_error":
            allowed = [part.strip("' ") for part in ctx["expected"].replace(" or ", ",").split(",")]
            return f"got {_short(got)} ({did_you_mean(str(got), allowed)})"
        case "string_pattern_mismatch":
            return f"got {_short(got)} (should match {ctx['pattern']})"
    wanted = item["msg"].replace("Input should", "should")
    return f"got {_short(got)} ({wanted[0].lower()}{wanted[1:]})"


def _short(value: Any) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _reading_order(problem: Problem) -> tuple[str, int, str]:
    file, _, line = problem.where.rpartition(":")
    return (file, int(line), problem.key) if line.isdecimal() else (problem.where, 0, problem.key)
