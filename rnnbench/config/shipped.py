"""Configs to begin with: those that come with the package, and the starter.

``get("r8")`` is a file; ``starter("mine")`` is a text that explains every section.
"""

import logging
import os
import re
from collections.abc import Iterable
from dataclasses import asdict
from importlib.resources import files
from operator import attrgetter
from pathlib import Path
from textwrap import indent, wrap

import yaml

from rnnbench.config.nodes import to_yaml
from rnnbench.data.sources.files import FILES
from rnnbench.data.sources.tables import (
    READERS,
    TEST,
    Layout,
    has_table_name,
    is_table,
    parts_of,
    sniff,
    without_packing,
)
from rnnbench.data.sources.texts import unclear_column, with_separator
from rnnbench.errors import UserError, did_you_mean
from rnnbench.section import Variant, spell_parameters

log = logging.getLogger(__name__)
STARTER = "starter"
TEXTS = "texts"
MAINTAINERS = "maintainers"
"""The folder of the grids that settings were chosen from, and of wider comparisons."""


def folder() -> Path:
    """Return the folder of the configs: in the package or, in a clone, beside it."""
    installed = Path(__file__).parents[1] / "configs"
    if installed.is_dir():
        return installed
    return Path(__file__).parents[2] / "configs"


def names() -> list[str]:
    """Return the names of all configs, with those of the maintainers."""
    return sorted(file.stem for file in folder().rglob("*.yaml"))


def listed() -> list[str]:
    """Return the names of the configs for users, without those of the maintainers."""
    return sorted(file.stem for file in folder().glob("*.yaml"))


def find(name: str | Path) -> Path | None:
    """Return the config of this name, if there is one.

    It is also found by its path in a clone, such as ``configs/smoke.yaml``. Commands of
    stored runs name configs of the maintainers as if they still were in that folder.
    """
    maintained = folder() / MAINTAINERS
    path = Path(name)
    if path.parent == Path("configs") and path.suffix == ".yaml":
        return find(path.stem)
    if str(name) in listed():
        return folder() / f"{name}.yaml"
    if str(name) in names():
        return maintained / f"{name}.yaml"
    return None


def get(name: str) -> Path:
    """Return the config of this name, or raise ``UserError``."""
    file = find(name)
    if file:
        return file
    if has_table_name(Path(name)):
        raise UserError(f"{name}: no such table of texts")
    hint = f"{did_you_mean(name, names())}; or a folder or table of texts"
    raise UserError(f"no config '{name}' ({hint}: {', '.join(READERS)})")


def summary(file: Path) -> str:
    """Return the first sentence of a config's comments."""
    lines = file.read_text(encoding="utf-8").splitlines()
    comment = " ".join(line.lstrip("# ") for line in lines if line.startswith("#"))
    return re.split(r"(?<=[.?]) ", comment, maxsplit=1)[0]


def new_files(
    config: Path, source: str | None, layout: Layout | None = None
) -> dict[Path, str]:
    """Return the text of a new config, and of a table that it names, by file.

    ``layout`` says what is known of a table of texts.
    """
    if source and is_texts(source):
        return {config: for_texts(Path(source), config.parent, layout or Layout())}
    if layout not in (None, Layout()):
        raise UserError("--text, --label and --group: need --from with texts")
    if not source:
        return {config: starter(config.stem)}
    original = get(source)
    text = original.read_text(encoding="utf-8")
    texts = {config: text}
    data = yaml.safe_load(text).get("data") or {}
    table = data.get("path")
    if table:
        content = (original.parent / table).read_text(encoding="utf-8")
        texts[config.parent / table] = content
    return texts


def is_texts(path: str | Path) -> bool:
    """Return whether a table or a folder of texts is there, to stand for a config."""
    if Path(path).is_dir():
        return find(path) is None and FILES.recognises(Path(path))
    return is_table(Path(path))


def for_texts(path: Path, folder: Path = Path(), layout: Layout | None = None) -> str:
    """Return a config to store in ``folder`` for texts.

    With what is known of the ``layout`` of a table, it has the whole layout.
    """
    data = {"path": os.path.relpath(path, folder)}
    text = get(TEXTS).read_text(encoding="utf-8")
    if layout and layout.group:
        text = _replaced(text, "split: stratified", "split: shuffled")
    elif TEST in map(attrgetter("name"), parts_of(path)):
        text = _replaced(text, "split: stratified", "split: auto")
    if layout and not path.is_dir():
        layout, has_several = with_separator([path], _columns_of(path, layout))
        if has_several:
            text = _replaced(text, "activation: softmax", "activation: sigmoid")
    if layout:
        data |= {key: value for key, value in asdict(layout).items() if value}
    lines = indent(to_yaml(data), "  ")
    name = _valid(without_packing(path.resolve()).stem)
    text = _replaced(text, "name: texts\n", to_yaml({"name": name}))
    return _replaced(text, "  source: files\n", f"  source: files\n{lines}")


def _replaced(text: str, old: str, new: str) -> str:
    if old not in text:
        raise ValueError(f"no {old!r} in the config")
    return text.replace(old, new, 1)


def _columns_of(table: Path, layout: Layout) -> Layout:
    """Return the layout of a table, and say if its labels are not clear."""
    layout = sniff(table, layout)
    if not layout.label:
        log.warning("%s", unclear_column("label", table, layout))
    return layout


def starter(name: str = STARTER) -> str:
    """Return a config with a small example, whose comments explain every section."""
    from rnnbench.models.baselines import BASELINES  # completion goes without them
    from rnnbench.models.layers import LAYERS

    package = files("rnnbench.config")
    text = package.joinpath("starter.yaml").read_text(encoding="utf-8")
    for old, new in {
        "SCHEMA": str(package.joinpath("config.schema.json")),
        f"name: {STARTER}\n": to_yaml({"name": _valid(name)}),
        "#   LAYERS\n": _kinds(LAYERS.usable(), "#   - "),
        "  #   BASELINES\n": _kinds(BASELINES.usable(), "  #   "),
    }.items():
        text = _replaced(text, old, new)
    return text


def _valid(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name).lstrip("_-")[:100] or STARTER


def _kinds(kinds: Iterable[type[Variant]], start: str) -> str:
    """Return the summary and the parameters of each kind, as lines of comments."""
    indent = start.replace("-", " ")
    lines = []
    for kind in kinds:
        values = {}
        for key, field in kind.model_fields.items():
            values[key] = "N" if field.is_required() else field.default
        # In a line that may be broken, \0 stands for a space at which it may not.
        spelled = spell_parameters(values).replace(": ", ":\0")
        after = indent + " " * len(f"{kind.kind}: {{")
        for line in wrap(kind.summary(), 78 - len(indent)):
            lines.append(f"{indent}# {line}")
        text = f"{kind.kind}:\0{{{spelled}}}"
        lines += wrap(text, 80, initial_indent=start, subsequent_indent=after)
    return "".join(f"{line}\n" for line in lines).replace("\0", " ")
