"""The record of a command, which ``rnnbench --help`` can show without importing what it does."""

from dataclasses import dataclass

TRAIN, RESULTS, LEARN, PARTS = (
    "Train and choose",
    "Look at results",
    "Learn and check",
    "Configs, models and data",
)
"""The groups of commands in ``rnnbench --help``."""


@dataclass(frozen=True)
class Command:
    """A command of ``rnnbench``.

    Another package adds one by naming it in the entry-point group ``rnnbench.commands``. All of
    these are loaded for ``rnnbench --help``, so the module that holds it should import little.

    Attributes:
        name: of the command.
        target: ``module:function``, imported when the command runs or shows its own help. Typer
            makes a command of the function; ``EXAMPLES`` in its module, if any, end its help. In
            the place of a function, a Typer app that has a command of this name gives that
            command, and any other is a group of commands.
        summary: its line in ``rnnbench --help``.
        group: the heading that it stands under.
    """

    name: str
    target: str
    summary: str
    group: str = "Plug-ins"
