"""Run commands that train, and print their results, or partial results if they end early."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from rnnbench.terminal import console

if TYPE_CHECKING:
    from rnnbench.api import Run
    from rnnbench.choice.choose import Choice

R = TypeVar("R", bound="Run | Choice")


def carry_out(
    job: Callable[[], R],
    *,
    quiet: bool,
    as_json: bool,
    closing: Callable[[R, float], Sequence[str]],
) -> R:
    """Return the result of ``job`` after printing it.

    Args:
        job: trains, and returns what came of it.
        quiet: whether nothing is said besides the result.
        as_json: whether the result is printed as JSON.
        closing: from the result and the seconds that it took, returns sentences to end with, and a
            last line for copying, which is never wrapped.

    Raises:
        FailedTrialsError: trials have no result; that of the others was printed.
        InterruptedRunError: Ctrl-C ended the job; the result so far was printed.
    """
    from rnnbench.job import FailedTrialsError, InterruptedRunError

    start = time.monotonic()
    try:
        finished = job()
    except (FailedTrialsError, InterruptedRunError) as error:
        if isinstance(error, FailedTrialsError) and not quiet:
            error.args = (error.summary,)  # each failure was shown when it happened
        try:
            if error.run is not None:
                console.print_record(error.run.results, *error.run.tables(), as_json=as_json)
        finally:
            raise error  # even if the terminal has been closed
    console.print_record(finished.results, *finished.tables(), as_json=as_json)
    if not quiet:
        *sentences, last = closing(finished, time.monotonic() - start)
        for sentence in sentences:
            console.err.print(sentence, soft_wrap=not console.err.is_terminal)
        console.err.print(last, soft_wrap=True)
    return finished
