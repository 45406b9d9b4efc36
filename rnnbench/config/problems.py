"""Problems in a config, each with its place."""

from collections.abc import Sequence
from dataclasses import dataclass

from rnnbench.errors import UserError, shortened

LONGEST = 2_000
"""The most characters that are shown of one problem."""
MOST = 100
"""The most problems that are shown of one config."""


@dataclass(frozen=True)
class Problem:
    """One mistake in a config."""

    where: str
    """``file:line``, or the flag that the value came from; empty if the config is a mapping."""
    key: str
    """Path of the key, ``training.epochs``; empty if the problem is in the whole file."""
    message: str
    """The mistake, and the allowed values."""

    def __str__(self) -> str:
        text = ": ".join(part for part in (self.where, self.key, self.message) if part)
        return shortened(text, LONGEST)

    @property
    def reading_order(self) -> tuple[str, int, str]:
        """Sort key: file, line, key."""
        file, _, line = self.where.rpartition(":")
        is_line = line.isdecimal() and len(line) < 10  # flags may end in any number of digits
        return (file, int(line), self.key) if is_line else (self.where, 0, self.key)


class ConfigError(UserError):
    """A config that cannot be used, with every problem that was found in it."""

    def __init__(self, problems: Sequence[Problem]):
        more = len(problems) - MOST
        rest = [f"... and {more:,} more problems"] if more > 0 else []
        super().__init__("\n".join([*map(str, problems[:MOST]), *rest]))
        self.problems = tuple(problems)


def key_path(keys: Sequence[str | int]) -> str:
    """Return ``keys`` joined by dots; an empty or unprintable key is quoted."""
    parts = (str(key) for key in keys)
    return ".".join(part if part and part.isprintable() else repr(part) for part in parts)
