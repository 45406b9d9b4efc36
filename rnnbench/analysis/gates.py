"""Conditions under which a comparison of two runs fails, such as ``accuracy drops 0.01``."""

import math
from dataclasses import dataclass

from pydantic import computed_field

from rnnbench.analysis.compare_runs import ModelChange, RunComparison
from rnnbench.errors import UserError, did_you_mean
from rnnbench.metrics import find_quantity
from rnnbench.records import Record

DIRECTIONS = {"drops": -1, "rises": 1}
SIGNIFICANTLY = "significantly"
EXAMPLES = (
    "such as 'accuracy drops 0.01', 'ms_per_step rises 10%' or 'accuracy drops significantly'"
)


@dataclass(frozen=True)
class Gate:
    """A change from A to B that no model may make.

    Attributes:
        metric: a metric or a cost, by name.
        direction: ``drops`` or ``rises``.
        amount: how far it may move without failing; ``None`` if only a significant move fails.
        is_relative: whether ``amount`` is a percentage of the value in A.
    """

    metric: str
    direction: str
    amount: float | None
    is_relative: bool = False

    def __str__(self) -> str:
        percent = "%" if self.is_relative else ""
        amount = SIGNIFICANTLY if self.amount is None else f"{self.amount!r}".removesuffix(".0")
        return f"{self.metric} {self.direction} {amount}{percent}"

    def is_failed_by(self, change: ModelChange) -> bool:
        """Return whether a model moved too far, or lost a metric that it had in A."""
        a, b = change.a.mean_of(self.metric), change.b.mean_of(self.metric)
        if a is None or b is None:
            return a is not None
        moved = (b - a) * DIRECTIONS[self.direction]
        if self.amount is None:
            return moved > 0 and change.is_clear
        allowed = self.amount * abs(a) / 100 if self.is_relative else self.amount
        return moved > allowed and not math.isclose(moved, allowed, abs_tol=1e-12)


class Failure(Record):
    """A model that fails a gate."""

    model: str
    a: float | None
    """The value in A; ``None`` if B lacks the model."""
    b: float | None
    """The value in B; ``None`` if B lacks the model or its metric."""
    p_holm: float | None = None
    """The corrected p-value, for a gate on significance."""


class Verdict(Record):
    """The outcome of a gate."""

    gate: str
    checked: list[str]
    """Models whose values were compared."""
    unmeasured: list[str]
    """Models that have no such value in A, such as the log-loss of an SVM."""
    failures: list[Failure]

    @computed_field  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def passed(self) -> bool:
        """Whether no model failed."""
        return not self.failures


def parse_gate(text: str) -> Gate:
    """Return the gate in ``METRIC drops|rises AMOUNT[%]`` or ``METRIC drops|rises significantly``.

    Raises:
        UserError: it is not a gate; the message lists the allowed values.
    """
    words = text.split()
    if len(words) != 3:
        raise _wrong(text, f"should be METRIC drops|rises AMOUNT, {EXAMPLES}")
    metric, direction, amount = words
    find_quantity(metric, f"--fail-if '{text}'")
    if direction not in DIRECTIONS:
        raise _wrong(text, f"got '{direction}' ({did_you_mean(direction, DIRECTIONS)})")
    if amount == SIGNIFICANTLY:
        if metric != "accuracy":
            example = f"give an amount, such as '{metric} {direction} 5%'"
            raise _wrong(text, f"only accuracy is tested for significance; {example}")
        return Gate(metric, direction, None)
    return Gate(metric, direction, _number(text, amount), amount.endswith("%"))


def _number(text: str, amount: str) -> float:
    try:
        number = float(amount.removesuffix("%"))
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise _wrong(
            text, f"got '{amount}' (allowed: a number from 0, a percentage of A, {SIGNIFICANTLY})"
        )
    return number


def _wrong(text: str, reason: str) -> UserError:
    return UserError(f"--fail-if '{text}': {reason}")


def judge(gate: Gate, comparison: RunComparison) -> Verdict:
    """Return which models fail a gate; a model or metric that only A has fails it.

    Raises:
        UserError: no model has the metric in both runs, so that nothing could be checked, or the
            gate is on significance and a model has too few seeds for it.
    """
    unmeasured = [each.name for each in comparison.models if each.a.mean_of(gate.metric) is None]
    checked = [
        each.name
        for each in comparison.models
        if each.name not in unmeasured and each.b.mean_of(gate.metric) is not None
    ]
    if not checked:
        names = ", ".join(each.name for each in comparison.models)
        raise _wrong(str(gate), f"no model has {gate.metric} in both runs ({names})")
    undecided = [each.name for each in comparison.models if each.has_too_few_seeds]
    if gate.amount is None and undecided:
        raise _wrong(
            str(gate),
            f"{', '.join(undecided)}: too few seeds to tell (use 3 or more in both runs, or a gate "
            "with an amount)",
        )
    failures = [
        Failure(
            model=each.name,
            a=each.a.mean_of(gate.metric),
            b=each.b.mean_of(gate.metric),
            p_holm=each.p_holm if gate.amount is None else None,
        )
        for each in comparison.models
        if gate.is_failed_by(each)
    ]
    failures += [Failure(model=name, a=None, b=None) for name in comparison.only_in_a]
    return Verdict(gate=str(gate), checked=checked, unmeasured=unmeasured, failures=failures)
