"""Trainings that are killed when they write a checkpoint."""

from contextlib import contextmanager

import pytest

from rnnbench.training import checkpoints
from rnnbench.training.checkpoints import Checkpoint
from rnnbench.training.epochs import keep_checkpoint

IDENTITY = "0" * 64


class Killed(BaseException):
    """Ends a training as a signal does."""


@contextmanager
def killing_after(n_saved):
    """Kill a training after so many checkpoints; one is written whenever it can be."""

    def save(self, state):
        nonlocal n_saved
        write(self, state)
        n_saved -= 1
        if not n_saved:
            raise Killed

    write = Checkpoint.save
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoint, "save", save)
        patch.setattr(checkpoints, "SECONDS", 0.0)
        yield


def train_with_kills(file, n_saved, fit):
    """Call ``fit`` until nothing is left to do; it is killed after each few checkpoints.

    Its result and the number of kills are returned.
    """
    n_kills = 0
    while True:
        try:
            with killing_after(n_saved), keep_checkpoint(Checkpoint(file, IDENTITY)):
                return fit(), n_kills
        except Killed:
            n_kills += 1
