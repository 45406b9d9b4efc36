"""Registries of what people add: layers, metrics, baselines, sources, engines, executors.

Another package adds one by naming it in an entry-point group. It is loaded only when somebody
asks for it by name.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from rnnbench.errors import RnnbenchError, UserError

log = logging.getLogger(__name__)

T = TypeVar("T")


class PluginError(UserError):
    """Code from outside this package failed; the message names it."""


class Registry(Mapping[str, T], Generic[T]):
    """All entries of one kind, by name: the built-in ones first, then those of other packages.

    Iterating gives names and loads nothing. Looking up the name of a plug-in loads it.

    Args:
        what: the word for one entry in messages: ``layer``.
        base: the class that an entry is a subclass of, if ``holds_classes``, or else an instance.
        built_in: the entries of this package.
        key: the attribute that holds an entry's name.
        holds_classes: whether the entries are classes.

    Attributes:
        group: the entry-point group: ``rnnbench.layers`` for layers.
    """

    def __init__(
        self,
        what: str,
        base: type,
        built_in: Iterable[T],
        *,
        key: str = "name",
        holds_classes: bool = False,
    ):
        self.what = what
        self.group = f"rnnbench.{what}s"
        self._base, self._key, self._holds_classes = base, key, holds_classes
        self._usable: dict[str, T] = {getattr(entry, key): entry for entry in built_in}
        self._built_in = tuple(self._usable)

    @cached_property
    def _plugins(self) -> dict[str, EntryPoint]:
        found = entry_points(group=self.group)
        return {each.name: each for each in found if each.name not in self._built_in}

    def __getitem__(self, name: str) -> T:
        """Return the entry called ``name``.

        Raises:
            KeyError: there is none.
            PluginError: it cannot be loaded or used; the message names it and its package.
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
        """Return the entry point that brings ``name``; ``None`` if it is built in or unknown."""
        return self._plugins.get(name)

    def label(self, name: str) -> str:
        """Return how messages name an entry: ``layer 'scale' of the package made-up``."""
        plugin = self.plugin(name)
        package = f" of the package {plugin.dist.name}" if plugin and plugin.dist else ""
        return f"{self.what} '{name}'{package}"

    def refresh(self) -> None:
        """Look for plug-ins anew, as after one was installed; those loaded before are dropped."""
        vars(self).pop("_plugins", None)
        self._usable = {name: self._usable[name] for name in self._built_in}

    @contextmanager
    def blamed(self, name: str) -> Iterator[None]:
        """Turn an error of the plug-in ``name`` in this block into one that names its package.

        An error of a built-in entry is a bug of ours, so it stays as it is.

        Raises:
            PluginError: the plug-in failed.
        """
        try:
            yield
        except RnnbenchError:
            raise
        except Exception as error:
            if name in self._built_in:
                raise
            reason = f"{type(error).__name__}: {error}"
            raise PluginError(f"{self.label(name)} failed: {reason}") from error

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
        try:
            found: Any = plugin.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a module may even end in sys.exit()
            reason = f"{type(error).__name__}: {error}"
            raise PluginError(f"{entry} cannot be loaded from {plugin.value}: {reason}") from error
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
