"""Trackers, by name, and the ``tracking`` key of a config.

``tracking: [mlflow]`` has the tracker of this name record a run while it goes on.
"""

from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import BeforeValidator

from rnnbench.errors import UserError
from rnnbench.registry import Registry
from rnnbench.section import one_of, problem, spell

if TYPE_CHECKING:
    import rnnbench.plugin  # by whose names those who write a tracker know its types


class Tracker:
    """Records a run while it goes on: in files, or in a tool that compares experiments.

    Another package adds a subclass by the entry-point group ``rnnbench.trackers``. It
    writes the methods that it needs; those of this class do nothing.

    It is called in a thread of its own, one call after the other. What this thread
    prints goes to ``NAME.log`` in its folder. After an exception it is named in a
    warning and not called again. At the end of a run it has a minute to finish.

    Attributes:
        name: by which ``--track`` and ``tracking`` in a config find it.
        modules: those that must be installed. A run is refused where one is missing.
        install: the command that installs them, for the message.
    """

    name: ClassVar[str]
    modules: ClassVar[tuple[str, ...]] = ()
    install: ClassVar[str] = ""

    def start(
        self,
        folder: Path,
        benchmark: "rnnbench.Benchmark",
        trials: Sequence["rnnbench.plugin.Trial"],
    ) -> None:
        """Begin to record the trials of a run that are to be trained, not stored ones.

        The ``folder`` is ``tracking`` in that of the run; it exists, perhaps with
        earlier files.
        """

    def trial_started(self, trial: "rnnbench.plugin.Trial") -> None:
        """Begin to record a trial; several may be running.

        It is called again if the process of a trial died.
        """

    def epoch_ended(
        self, trial: "rnnbench.plugin.Trial", epoch: int, loss: float, score: float
    ) -> None:
        """Record an epoch, counted from 1, with its loss and score in training."""

    def trial_finished(
        self,
        trial: "rnnbench.plugin.Trial",
        result: "rnnbench.plugin.TrialResult",
        metrics: dict[str, float],
    ) -> None:
        """Record the end of a trial, all of whose epochs have been recorded.

        ``result.record.history`` also holds the loss and score on the validation
        documents. The ``metrics``, by name, are those on the test documents.
        """

    def trial_failed(self, trial: "rnnbench.plugin.Trial", reason: str) -> None:
        """Record that a trial failed."""

    def close(self) -> None:
        """End: trials that neither finished nor failed were interrupted."""


TRACKERS: Registry[type[Tracker]] = Registry("tracker", Tracker, holds_classes=True)


def _names(value: object) -> tuple[str, ...]:
    """Return the value of ``tracking``, a name or a list of them, as names."""
    match value:
        case str():
            return (one_of(value, TRACKERS),)
        case list() | tuple():
            return tuple(dict.fromkeys(one_of(name, TRACKERS) for name in value))
    hint = "allowed: a tracker, or a list such as [mlflow]"
    raise problem(f"got {spell(value)}", hint)


TrackerNames = Annotated[tuple[str, ...], BeforeValidator(_names)]


def check_trackers(names: Iterable[str]) -> None:
    """Make sure that trackers can be used.

    Raises:
        PluginError: the tracker of another package cannot be loaded.
        UserError: a module that a tracker needs is not installed.
    """
    for name in names:
        tracker = TRACKERS[name]
        missing = [module for module in tracker.modules if not _is_installed(module)]
        if missing:
            message = f"{TRACKERS.label(name)} needs {', '.join(missing)}"
            if tracker.install:
                message += f": {tracker.install}"
            raise UserError(message)


def _is_installed(module: str) -> bool:
    """Return whether a module is there, and no folder that a tool left behind."""
    specification = find_spec(module)
    return specification is not None and bool(specification.origin)
