"""The record of a command, which ``rnnbench --help`` can show without importing what it
does.
"""

from dataclasses import dataclass

TRAIN, RESULTS = "Train and choose", "Look at results"
LEARN, PARTS = (
    "Learn and check",
    "Configs, models and data",
)  # groups in ``rnnbench --help``


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
