"""Registries of entries of one kind by name: ours, and those of other packages.

>>> from rnnbench.metrics import METRICS
>>> METRICS["accuracy"].name
'accuracy'
"""

import importlib
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from traceback import extract_tb
from typing import Generic, TypeVar

from rnnbench.errors import RnnbenchError, UserError, first_fault

log = logging.getLogger(__name__)
T = TypeVar("T")


class PluginError(UserError):
    """Code from outside this package failed; the message names it."""


@contextmanager
def blame(name: str, failure: str = "failed") -> Iterator[None]:
    """Turn an error of code from outside, even ``SystemExit``, into ``PluginError``."""
    try:
        yield
    except (KeyboardInterrupt, GeneratorExit, RnnbenchError):
        raise
    except BaseException as error:
        import pydantic  # slow, and not needed to list commands

        reason: object = error
        if isinstance(error, pydantic.ValidationError):
            reason = first_fault(error)
        kind = type(error).__name__
        message = f"{name} {failure}: {kind}: {reason}{_place_of(error)}"
        raise PluginError(message) from error


def _place_of(error: BaseException) -> str:
    """Return the file and the line of code from outside where an error arose."""
    import pydantic

    not_outside = ["<frozen"]
    for file in (__file__, importlib.__file__, pydantic.__file__):
        not_outside.append(f"{Path(file).parent}{os.sep}")
    place = ""
    for frame in extract_tb(error.__traceback__):
        if not frame.filename.startswith(tuple(not_outside)):
            place = f" ({Path(frame.filename).name}, line {frame.lineno})"
    return place


class Registry(Mapping[str, T], Generic[T]):
    """All entries of one kind by name, ours first; others load when they are needed.

    Args:
        word: an entry in messages; the entry-point group is ``rnnbench.WORDs``.
        base: the class of the entries, or their base class.
        built_in: those of our entries that are not among the plug-ins.
        key: the attribute that holds the name of an entry.
        holds_classes: whether entries are subclasses of ``base``, or else instances.
    """

    def __init__(
        self,
        word: str,
        base: type,
        built_in: Iterable[T] = (),
        *,
        key: str = "name",
        holds_classes: bool = False,
    ):
        self.word = word
        self.group = f"rnnbench.{word}s"
        self._base = base
        self._key = key
        self._holds_classes = holds_classes
        self._loaded: dict[str, T] = {getattr(entry, key): entry for entry in built_in}
        self._built_in = tuple(self._loaded)

    @cached_property
    def plugins(self) -> dict[str, EntryPoint]:
        """The entry points of the plug-ins, by name."""
        plugins: dict[str, EntryPoint] = {}
        # Ours come first. Installers store plug-ins in different orders.
        in_order = sorted(
            entry_points(group=self.group),
            key=lambda plugin: (not _is_ours(plugin), plugin.name),
        )
        for plugin in in_order:
            if plugin.name not in self._built_in:
                plugins.setdefault(plugin.name, plugin)
        return plugins

    def __getitem__(self, name: str) -> T:
        """Return the entry called ``name``; ``PluginError`` if it cannot be loaded."""
        if name not in self._loaded:
            self._loaded[name] = self._load(self.plugins[name])
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._built_in
        yield from self.plugins

    def __len__(self) -> int:
        return len(self._built_in) + len(self.plugins)

    def __contains__(self, name: object) -> bool:
        return name in self._built_in or name in self.plugins

    @contextmanager
    def override(self, name: str, entry: T) -> Iterator[None]:
        """Have ``entry`` under a name for the block, as a new one or for another.

        >>> with METRICS.override("accuracy", METRICS["macro_f1"]):
        ...     METRICS["accuracy"].name
        'macro_f1'
        """
        replaced = self._loaded.get(name)
        built_in = self._built_in
        if name not in self:
            self._built_in = (*built_in, name)
        self._loaded[name] = entry
        try:
            yield
        finally:
            self._built_in = built_in
            self._loaded.pop(name, None)
            if replaced is not None:
                self._loaded[name] = replaced

    def forget_plugins(self) -> None:
        """Look for plug-ins again when one is needed; packages may have changed."""
        vars(self).pop("plugins", None)
        for name in list(self._loaded):
            if name not in self._built_in:
                del self._loaded[name]

    def label(self, name: str) -> str:
        """Return a name for messages: ``layer 'scale' of the package made-up``."""
        label = f"{self.word} '{name}'"
        plugin = self.plugins.get(name)
        if self._is_own(name) or plugin is None or plugin.dist is None:
            return label
        return f"{label} of the package {plugin.dist.name}"

    @contextmanager
    def blamed(self, name: str, failure: str = "failed") -> Iterator[None]:
        """Turn an error in this block into ``PluginError``, unless it is ours."""
        if self._is_own(name):
            yield
            return
        with blame(self.label(name), failure):
            yield

    def usable(self) -> list[T]:
        """Return every entry; a plug-in that fails is left out with a warning."""
        entries = []
        for name in self:
            try:
                entries.append(self[name])
            except PluginError as error:
                log.warning("%s; it is left out", error)
        return entries

    def _is_own(self, name: str) -> bool:
        if name in self._built_in:
            return True
        return name in self.plugins and _is_ours(self.plugins[name])

    def _load(self, plugin: EntryPoint) -> T:
        with self.blamed(plugin.name, f"cannot be loaded from {plugin.value}"):
            entry = plugin.load()
        base = f"{self._base.__module__}.{self._base.__qualname__}"
        name = getattr(entry, self._key, None)
        if self._holds_classes:
            fault = f"is not a subclass of {base}"
            fits = isinstance(entry, type) and issubclass(entry, self._base)
        else:
            fault = f"is not an instance of {base}"
            fits = isinstance(entry, self._base)
        if fits and name == plugin.name:
            return entry  # type: ignore[no-any-return]
        if fits:
            fault = f"has the {self._key} {name!r}, not {plugin.name!r}"
        raise PluginError(f"{self.label(plugin.name)}: {plugin.value} {fault}")


def _is_ours(plugin: EntryPoint) -> bool:
    return plugin.dist is not None and plugin.dist.name == "rnnbench"
