"""The phases of a trial: the code that carries it out announces each phase.

The listener is not an argument, so that engines and tasks of other packages need not pass it on.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

OnPhase = Callable[[str], None]
"""Called with the name of a phase when it begins."""

TRAINING = "training"
"""The phase of the epochs, unless the first epoch has to compile something."""


def _ignore(phase: str) -> None:
    """Do nothing when a phase begins."""


_on_phase: ContextVar[OnPhase] = ContextVar("on_phase", default=_ignore)


def begin(phase: str) -> None:
    """Announce that a phase of the trial in progress begins."""
    _on_phase.get()(phase)


@contextmanager
def report_phases_to(on_phase: OnPhase) -> Iterator[None]:
    """Call ``on_phase`` for each phase that begins in the block."""
    token = _on_phase.set(on_phase)
    try:
        yield
    finally:
        _on_phase.reset(token)
