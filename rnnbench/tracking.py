"""Trackers, by name, and the ``tracking`` key of a config: they record a run while it goes on."""

from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BeforeValidator

from rnnbench.errors import UserError, did_you_mean
from rnnbench.registry import Registry
from rnnbench.section import problem, spell

if TYPE_CHECKING:
    from rnnbench.config.schema import Benchmark
    from rnnbench.training.outcome import TrialResult
    from rnnbench.training.trial import Trial


class Tracker:
    """Records a run while it goes on: in files, or in a tool that compares experiments.

    Another package adds a tracker by naming a subclass in the entry-point group
    ``rnnbench.trackers``. It writes the methods that it needs; those of this class do nothing.

    A tracker is made and called in a thread of its own, one call after the other, so it may take
    its time. What this thread prints goes to ``NAME.log`` in its folder. If it raises an exception,
    it is named in a warning and not called again, and the run goes on. At the end of a run it has
    a minute to finish.

    Attributes:
        name: by which ``--track`` and ``tracking`` in a config find it.
        modules: those that must be installed. A run is refused where one is missing.
        install: the command that installs them, for the message.
    """

    name: ClassVar[str]
    modules: ClassVar[tuple[str, ...]] = ()
    install: ClassVar[str] = ""

    def start(self, folder: Path, benchmark: "Benchmark", trials: Sequence["Trial"]) -> None:
        """Begin to record a run.

        Args:
            folder: ``tracking`` in the folder of the run. It exists; earlier runs may have left
                files there.
            benchmark: the config.
            trials: those that are to be trained. Trials that were found stored are not tracked.
        """

    def trial_started(self, trial: "Trial") -> None:
        """Begin to record a trial; several may be running.

        It is called again for a trial that starts anew because its process has died.
        """

    def epoch_ended(self, trial: "Trial", epoch: int, loss: float, score: float) -> None:
        """Record an epoch, counted from 1, with its loss and score in training."""

    def trial_finished(
        self, trial: "Trial", result: "TrialResult", metrics: Mapping[str, float]
    ) -> None:
        """Record the end of a trial.

        Args:
            trial: all of its epochs have been recorded.
            result: its result. ``result.record.history`` holds the loss and score on the
                validation documents by epoch, which are not known before.
            metrics: on the test documents, by the names in ``rnnbench.metrics``.
        """

    def trial_failed(self, trial: "Trial", reason: str) -> None:
        """Record that a trial failed."""

    def close(self) -> None:
        """End: trials that have started, but neither finished nor failed, were interrupted."""


TRACKERS: Registry[type[Tracker]] = Registry("tracker", Tracker, holds_classes=True)


def _names(value: Any) -> Any:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise problem(f"got {spell(value)}", "allowed: a tracker, or a list such as [mlflow]")
    for name in names:
        if name not in TRACKERS:
            raise problem(f"no tracker {spell(name)}", did_you_mean(name, TRACKERS))
    return tuple(dict.fromkeys(names))


TrackerNames = Annotated[tuple[str, ...], BeforeValidator(_names)]
"""The names of trackers; in a config a single name will do."""


def check_trackers(names: Iterable[str]) -> None:
    """Make sure that trackers can be used, or raise ``PluginError`` or ``UserError``."""
    for name in names:
        tracker = TRACKERS[name]
        found = {module: find_spec(module) for module in tracker.modules}
        # A folder of that name, which tools leave in the working folder, has no origin.
        if missing := [name for name, spec in found.items() if not (spec and spec.origin)]:
            hint = f": {tracker.install}" if tracker.install else ""
            raise UserError(f"{TRACKERS.label(name)} needs {', '.join(missing)}{hint}")
