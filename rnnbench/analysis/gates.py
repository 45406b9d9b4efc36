"""Conditions under which a comparison of two runs fails, as ``accuracy drops 0.01``."""

import math
from dataclasses import dataclass

from pydantic import computed_field

from rnnbench.analysis.compare_runs import ModelChange, RunComparison
from rnnbench.analysis.metrics import check_measure, mean_of
from rnnbench.errors import UserError, did_you_mean
from rnnbench.records import Record

DIRECTIONS = {"drops": -1, "rises": 1}
SIGNIFICANTLY = "significantly"
EXAMPLES = "as 'accuracy drops 0.01', 'ms_per_step rises 10%' or 'accuracy drops significantly'"


@dataclass(frozen=True)
class Gate:
    """What no model may do from A to B.

    Attributes:
        metric: one of ``metrics.MEASURES``.
        direction: ``drops`` or ``rises``.
        amount: what it may move without failing; ``None`` for what is not significant.
        is_relative: whether ``amount`` is a percentage of what A has.
    """

    metric: str
    direction: str
    amount: float | None
    is_relative: bool = False

    def __str__(self) -> str:
        percent = "%" if self.is_relative else ""
        amount = SIGNIFICANTLY if self.amount is None else f"{self.amount!r}".removesuffix(".0")
        return f"{self.metric} {self.direction} {amount}{percent}"

    def is_met_by(self, change: ModelChange) -> bool:
        """Return whether a model, for which both runs have the metric, moved that far."""
        a, b = mean_of(change.a, self.metric), mean_of(change.b, self.metric)
        moved = (b - a) * DIRECTIONS[self.direction]
        if self.amount is None:
            return moved > 0 and change.is_clear
        allowed = self.amount * abs(a) / 100 if self.is_relative else self.amount
        return moved > allowed and not math.isclose(moved, allowed, abs_tol=1e-12)


class Failure(Record):
    """A model that does not pass a gate."""

    model: str
    a: float | None
    """What A has; ``None`` where B lacks the model."""
    b: float | None
    """What B has; ``None`` where it lacks the model, or its metric."""
    p_holm: float | None = None
    """The corrected p-value, where the gate is on significance."""


class Verdict(Record):
    """What became of a gate."""

    gate: str
    checked: list[str]
    """Models whose numbers were compared."""
    unmeasured: list[str]
    """Models for which A has no such number, as the log-loss of an SVM."""
    failures: list[Failure]

    @computed_field
    @property
    def passed(self) -> bool:
        """Whether no model failed."""
        return not self.failures


def parse_gate(text: str) -> Gate:
    """Return the gate in ``METRIC drops|rises AMOUNT[%]`` or ``METRIC drops|rises significantly``.

    Raises:
        UserError: it is not a gate; it says what is allowed.
    """
    words = text.split()
    if len(words) != 3:
        raise _wrong(text, f"should be METRIC drops|rises AMOUNT, {EXAMPLES}")
    metric, direction, amount = words
    check_measure(metric, f"--fail-if '{text}'")
    if direction not in DIRECTIONS:
        raise _wrong(text, f"got '{direction}' ({did_you_mean(direction, DIRECTIONS)})")
    if amount == SIGNIFICANTLY:
        if metric != "accuracy":
            raise _wrong(text, f"only accuracy is tested; give an amount, as '{metric} drops 5%'")
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


def _wrong(text: str, what: str) -> UserError:
    return UserError(f"--fail-if '{text}': {what}")


def judge(gate: Gate, comparison: RunComparison) -> Verdict:
    """Return which models fail a gate.

    What A has and B lacks, a model or its metric, fails.

    Raises:
        UserError: no model has the metric in both runs, so that nothing could be checked.
    """
    has_a = [each for each in comparison.models if mean_of(each.a, gate.metric) is not None]
    checked = [each for each in has_a if mean_of(each.b, gate.metric) is not None]
    names = [each.name for each in comparison.models]
    if not checked:
        raise _wrong(str(gate), f"no model has {gate.metric} in both runs ({', '.join(names)})")
    failed = [each for each in has_a if each not in checked or gate.is_met_by(each)]
    return Verdict(
        gate=str(gate),
        checked=[each.name for each in checked],
        unmeasured=[each.name for each in comparison.models if each not in has_a],
        failures=[
            *(_failure(gate, each) for each in failed),
            *(Failure(model=name, a=None, b=None) for name in comparison.only_in_a),
        ],
    )


def _failure(gate: Gate, change: ModelChange) -> Failure:
    return Failure(
        model=change.name,
        a=mean_of(change.a, gate.metric),
        b=mean_of(change.b, gate.metric),
        p_holm=change.p_holm if gate.amount is None else None,
    )
