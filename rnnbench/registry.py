"""Registries of entries of all kinds, ours and those of other packages."""

import importlib
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from traceback import extract_tb
from typing import Any, Generic, TypeVar

from rnnbench.errors import RnnbenchError, UserError, first_fault

log = logging.getLogger(__name__)
T = TypeVar("T")


class PluginError(UserError):
    """Code from outside this package failed; the message names it."""


@contextmanager
def blame(name: str, failure: str = "failed") -> Iterator[None]:
    """Turn any error of code from outside, even ``SystemExit``, into a
    ``PluginError``.
    """
    try:
        yield
    except (KeyboardInterrupt, GeneratorExit, RnnbenchError):
        raise
    except BaseException as error:
        import pydantic  # slow, and not needed to list commands

        files = (__file__, importlib.__file__, pydantic.__file__)
        ours = ("<frozen", *(f"{Path(file).parent}{os.sep}" for file in files))
        frames = [
            it
            for it in extract_tb(error.__traceback__)
            if not it.filename.startswith(ours)
        ]
        place = (
            f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})"
            if frames
            else ""
        )
        reason = (
            first_fault(error) if isinstance(error, pydantic.ValidationError) else error
        )
        raise PluginError(
            f"{name} {failure}: {type(error).__name__}: {reason}{place}"
        ) from error


class Registry(Mapping[str, T], Generic[T]):
    """All entries of one kind by name, ours first; a plug-in is loaded when it is
    looked up.
    """

    def __init__(
        self,
        # of an entry in messages; the entry-point group is ``rnnbench.WORDs``
        word: str,
        base: type,  # the class of the entries, or their base class
        built_in: Iterable[T] = (),  # those that are not among the plug-ins
        *,
        key: str = "name",  # the attribute that holds an entry's name
        holds_classes: bool = False,
    ):
        self.word = word
        self.group = f"rnnbench.{word}s"
        self._base, self._key, self._holds_classes = base, key, holds_classes
        self._usable: dict[str, T] = {getattr(entry, key): entry for entry in built_in}
        self._built_in = tuple(self._usable)

    @cached_property
    def plugins(self) -> dict[str, EntryPoint]:
        """The entry points of the plug-ins, by name."""
        found: dict[str, EntryPoint] = {}
        # Ours come first. Installers store plug-ins in different orders.
        plugins = entry_points(group=self.group)
        for plugin in sorted(
            plugins, key=lambda found: (not _is_ours(found), found.name)
        ):
            if plugin.name not in self._built_in:
                found.setdefault(plugin.name, plugin)
        return found

    def __getitem__(self, name: str) -> T:
        """Return the entry called ``name``; a plug-in that fails raises
        ``PluginError``.
        """
        if name not in self._usable:
            self._usable[name] = self._load(self.plugins[name])
        return self._usable[name]

    def __iter__(self) -> Iterator[str]:
        return iter([*self._built_in, *self.plugins])

    def __len__(self) -> int:
        return len(self._built_in) + len(self.plugins)

    def __contains__(self, name: object) -> bool:
        return name in self._built_in or name in self.plugins

    def label(self, name: str) -> str:
        """Return a name for messages, such as ``layer 'scale' of the package
        made-up``.
        """
        plugin = None if self._is_own(name) else self.plugins.get(name)
        package = (
            f" of the package {plugin.dist.name}" if plugin and plugin.dist else ""
        )
        return f"{self.word} '{name}'{package}"

    @contextmanager
    def blamed(self, name: str, failure: str = "failed") -> Iterator[None]:
        """Turn an error of a plug-in in this block into a ``PluginError``; one of ours
        is a bug.
        """
        with nullcontext() if self._is_own(name) else blame(self.label(name), failure):
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
        return name in self._built_in or (
            name in self.plugins and _is_ours(self.plugins[name])
        )

    def _load(self, plugin: EntryPoint) -> T:
        with self.blamed(plugin.name, f"cannot be loaded from {plugin.value}"):
            found: Any = plugin.load()
        base, own = self._base, getattr(found, self._key, None)
        misfit = f"has the {self._key} {own!r}, not {plugin.name!r}"
        is_class = isinstance(found, type) and issubclass(found, base)
        if not (is_class if self._holds_classes else isinstance(found, base)):
            kind = "a subclass" if self._holds_classes else "an instance"
            misfit = f"is not {kind} of {base.__module__}.{base.__qualname__}"
        elif own == plugin.name:
            return found  # type: ignore[no-any-return]
        raise PluginError(f"{self.label(plugin.name)}: {plugin.value} {misfit}")


def _is_ours(plugin: EntryPoint) -> bool:
    return plugin.dist is not None and plugin.dist.name == "rnnbench"
