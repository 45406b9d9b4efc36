"""``extends``: a file merged over the files that it names."""

import os.path
from pathlib import Path
from typing import cast

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from rnnbench.config import document as doc
from rnnbench.config.document import Document
from rnnbench.config.problems import ConfigError, Problem
from rnnbench.config.yaml12 import TAG, text
from rnnbench.errors import did_you_mean


def read_with_bases(path: Path, above: tuple[Path, ...] = ()) -> Document:
    """Return the tree of ``path`` merged over those of the files that it extends.

    Args:
        path: the file.
        above: the files that led to it by ``extends``.
    """
    document = doc.read(path)
    document.root = _with_data_path_from(path.parent, document.root)
    entry = doc.child(document.root, "extends")
    if entry is None:
        return document
    named = entry[1].value if isinstance(entry[1], SequenceNode) else [entry[1]]
    root = doc.empty_mapping()
    for name in named or [entry[1]]:
        try:
            base = read_with_bases(_file(name, path, (*above, path)), (*above, path))
        except ConfigError as error:
            document.problems += error.problems
            document.is_whole = False
        else:
            document.problems += base.problems
            document.is_whole &= base.is_whole
            root = doc.merged(root, base.root)
    document.root = doc.merged(root, doc.without(document.root, "extends"))
    return document


def _file(node: Node, path: Path, above: tuple[Path, ...]) -> Path:
    """Return the file that ``node`` of ``path`` names."""

    def refuse(message: str) -> ConfigError:
        return ConfigError([Problem(doc.where(node), "extends", message)])

    is_text = isinstance(node, ScalarNode) and node.tag == f"{TAG}str"
    if not (is_text and node.value and node.value.isprintable()):
        raise refuse("should name a config file, or a list of them (relative to this file)")
    base = path.parent / node.value
    if os.path.realpath(base) in [os.path.realpath(file) for file in above]:
        raise refuse(f"cycle: {' -> '.join(str(file) for file in (*above, base))}")
    if not os.path.isfile(base):  # noqa: PTH113 - unlike Path's, false for impossible names
        others = sorted(other for other in base.parent.glob("*.y*ml") if other not in above)
        names = [str(Path(node.value).parent / other.name) for other in others]
        raise refuse(f"no such file: {node.value} ({did_you_mean(node.value, names)})")
    return base


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
