"""What is wrong with a config, and where."""

from collections.abc import Sequence
from dataclasses import dataclass

from rnnbench.errors import UserError


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        where: ``file:line``, or the flag that it came from.
        key: the key path that it is about, or nothing.
        message: what is wrong, and what is allowed.
    """

    where: str
    key: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.key, self.message) if part)

    @property
    def reading_order(self) -> tuple[str, int, str]:
        """Sorts problems as a reader meets them: by file, line, key."""
        file, _, line = self.where.rpartition(":")
        return (file, int(line), self.key) if line.isdecimal() else (self.where, 0, self.key)


class ConfigError(UserError):
    """A config that cannot be used, with every problem that was found in it."""

    def __init__(self, problems: Sequence[Problem]):
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)
