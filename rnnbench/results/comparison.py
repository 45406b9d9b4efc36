"""The difference of two models, as ``results.json`` stores it.

``comparison.verdict`` is ``clear``, ``not clear`` or ``too few seeds``.
"""

from typing import Annotated

from rnnbench.section import StoredRecord, formerly
from rnnbench.stats.correctness import ANOVA, Interval

SIGNIFICANT = 0.05  # the p-value below which a difference is clear
DIGITS = 12  # scores that agree to so many decimals are equal; the rest is rounding
# So many seeds give no p-value to rely on: see results/reference/verdicts.md.
TOO_FEW = 2
TOO_FEW_SEEDS = "too few seeds"


class Difference(StoredRecord):
    """The difference of two mean scores on the same test documents."""

    difference: float
    interval: Interval
    """Over other test documents and, with several seeds, over other seeds."""
    p: float
    """P-value of no difference."""
    p_corrected: Annotated[float, formerly("p_holm")]
    """The same, corrected for all comparisons; in results before version 6, by Holm's
    method."""
    method: str
    n_seeds: int | None
    """The fewest seeds of its models that depend on the seed; ``None`` if none does."""

    @property
    def is_clear(self) -> bool:
        """Whether the corrected p-value is below 0.05, and of enough seeds."""
        return self.p_corrected < SIGNIFICANT and not self.has_too_few_seeds

    @property
    def has_too_few_seeds(self) -> bool:
        """Whether no p-value can be relied on: of two seeds, or one against several."""
        return self.n_seeds == TOO_FEW or (self.n_seeds == 1 and self.method == ANOVA)

    @property
    def verdict(self) -> str:
        """Whether the difference is clear, in words."""
        if self.has_too_few_seeds:
            return TOO_FEW_SEEDS
        return "clear" if self.is_clear else "not clear"


class Comparison(Difference):
    """The mean score of model ``a`` minus that of model ``b``."""

    a: str
    b: str

    @property
    def names(self) -> tuple[str, str]:
        """The names of its two models."""
        return self.a, self.b

    def seen_from(self, name: str) -> "Comparison":
        """Return the same comparison with one of its two models as ``a``."""
        if name == self.a:
            return self
        changes = {
            "a": self.b,
            "b": self.a,
            "difference": -self.difference,
            "interval": Interval(low=-self.interval.high, high=-self.interval.low),
        }
        return self.model_copy(update=changes)
