"""Registries of layers, metrics, baselines, sources, engines, executors and trackers.

Another package adds an entry by naming it in an entry-point group. It is loaded only when somebody
asks for it by name.
"""

import importlib
import logging
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Generic, TypeVar

import pydantic

from rnnbench.errors import RnnbenchError, UserError, first_fault

log = logging.getLogger(__name__)

T = TypeVar("T")

NOT_TO_BLAME = [Path(file).parent for file in (__file__, importlib.__file__, pydantic.__file__)]
"""The folders of this package, of Python's import system, and of the library that validates."""


class PluginError(UserError):
    """Code from outside this package failed; the message names it."""


@contextmanager
def blame(name: str, failure: str = "failed") -> Iterator[None]:
    """Run code from outside, which may raise anything: a script may even end in ``sys.exit()``.

    Raises:
        PluginError: it failed; the message begins with ``name`` and ``failure``, and gives the
            line of the code from outside.
    """
    try:
        yield
    except (KeyboardInterrupt, GeneratorExit, RnnbenchError):
        raise
    except BaseException as error:
        raise PluginError(f"{name} {failure}: {type(error).__name__}: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<frozen")
        and not any(map(Path(frame.filename).is_relative_to, NOT_TO_BLAME))
    ]
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{first_fault(error) if isinstance(error, pydantic.ValidationError) else error}{place}"


class Registry(Mapping[str, T], Generic[T]):
    """All entries of one kind, by name: the built-in ones first, then those of other packages.

    Iterating gives names and loads nothing. Looking up the name of a plug-in loads it.

    Args:
        word: names one entry in messages, such as ``layer``; the entry-point group is then
            ``rnnbench.layers``.
        base: the class of the entries, or their base class if ``holds_classes``.
        built_in: the entries of this package.
        key: the attribute that holds an entry's name.
        holds_classes: whether the entries are classes.
    """

    def __init__(
        self,
        word: str,
        base: type,
        built_in: Iterable[T],
        *,
        key: str = "name",
        holds_classes: bool = False,
    ):
        self.word = word
        self.group = f"rnnbench.{word}s"
        self._base, self._key, self._holds_classes = base, key, holds_classes
        self._usable: dict[str, T] = {getattr(entry, key): entry for entry in built_in}
        self._built_in = tuple(self._usable)

    @cached_property
    def _plugins(self) -> dict[str, EntryPoint]:
        found = entry_points(group=self.group)
        return {plugin.name: plugin for plugin in found if plugin.name not in self._built_in}

    def __getitem__(self, name: str) -> T:
        """Return the entry called ``name``.

        Raises:
            KeyError: there is none.
            PluginError: it cannot be loaded or used; the message names its package.
        """
        if name not in self._usable:
            self._usable[name] = self._load(self._plugins[name])
        return self._usable[name]

    def __iter__(self) -> Iterator[str]:
        return iter([*self._built_in, *self._plugins])

    def __len__(self) -> int:
        return len(self._built_in) + len(self._plugins)

    def __contains__(self, name: object) -> bool:
        return name in self._built_in or name in self._plugins

    def plugin(self, name: str) -> EntryPoint | None:
        """Return the entry point of the plug-in ``name``; ``None`` if it is not a plug-in."""
        return self._plugins.get(name)

    def label(self, name: str) -> str:
        """Return a name for messages, such as ``layer 'scale' of the package made-up``."""
        plugin = self.plugin(name)
        package = f" of the package {plugin.dist.name}" if plugin and plugin.dist else ""
        return f"{self.word} '{name}'{package}"

    def refresh(self) -> None:
        """Look for plug-ins again, as after an installation, and drop those loaded so far."""
        vars(self).pop("_plugins", None)
        self._usable = {name: self._usable[name] for name in self._built_in}

    @contextmanager
    def blamed(self, name: str) -> Iterator[None]:
        """Turn an error of the plug-in ``name`` in this block into one that names its package.

        An error of a built-in entry is a bug of ours, so it stays as it is.

        Raises:
            PluginError: the plug-in failed.
        """
        with nullcontext() if name in self._built_in else blame(self.label(name)):
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

    def _load(self, plugin: EntryPoint) -> T:
        entry = self.label(plugin.name)
        with blame(entry, f"cannot be loaded from {plugin.value}"):
            found: Any = plugin.load()
        if misfit := self._misfit(found, plugin.name):
            raise PluginError(f"{entry}: {plugin.value} {misfit}")
        return found  # type: ignore[no-any-return]

    def _misfit(self, found: Any, name: str) -> str | None:
        base = f"{self._base.__module__}.{self._base.__qualname__}"
        if self._holds_classes:
            if not (isinstance(found, type) and issubclass(found, self._base)):
                return f"is not a subclass of {base}"
        elif not isinstance(found, self._base):
            return f"is not an instance of {base}"
        own = getattr(found, self._key, None)
        return None if own == name else f"has the {self._key} {own!r}, not {name!r}"
