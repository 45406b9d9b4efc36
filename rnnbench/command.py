"""The record of a command, for ``rnnbench --help`` to show without importing it."""

from dataclasses import dataclass

# The groups of commands in ``rnnbench --help``.
TRAIN = "Train and choose"
RESULTS = "Look at results"
LEARN = "Learn and check"
PARTS = "Configs, models and data"


@dataclass(frozen=True)
class Command:
    """A command of ``rnnbench``.

    Another package adds one by the entry-point group ``rnnbench.commands``. All of
    these are loaded for ``rnnbench --help``, so the module that holds it should import
    little.
    """

    name: str
    target: str
    """``module:function``, imported when the command runs or shows its own help, which
    ends with the module's ``EXAMPLES``. It may also name a Typer app: if this has a
    command of the same name, that one is used; otherwise, the app is a group of
    commands."""
    summary: str
    group: str = "Plug-ins"
    """The heading that it stands under in ``rnnbench --help``."""
