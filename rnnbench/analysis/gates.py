"""Gates: conditions under which a comparison fails.

>>> gate = parse_gate("macro_f1 drops 0.01")
>>> judge(gate, compare_runs(a, b)).passed  # doctest: +SKIP
True
"""

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType

from pydantic import computed_field

from rnnbench.analysis.compare import ComparedRuns, ModelChange
from rnnbench.analysis.comparisons import correctness_by_model
from rnnbench.data.summary import DatasetSummary
from rnnbench.errors import UserError, did_you_mean
from rnnbench.metrics import find_quantity
from rnnbench.results.stored_run import StoredRun
from rnnbench.section import StoredRecord
from rnnbench.stats.not_worse import lower_bound

DIRECTIONS = {"drops": -1, "rises": 1}
SIGNIFICANTLY = "significantly"
MARGIN = re.compile(r"(?:(\w+) )?may be worse by (\d*\.?\d+)( points?)?")
LEAKS = re.compile(r"leaks > (\d*\.?\d+)(%?)")
SURELY_POINTS = 0.1
"""A margin from here on without the word is hardly meant as a share."""
TESTS = "test documents"
"""Stands for a model in the verdict of a gate on leaks."""
NO_BOUNDS: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class Gate:
    """A condition that lets a comparison fail."""

    text: str

    @property
    def where(self) -> str:
        """How messages name it."""
        return f"--fail-if '{self.text}'"


@dataclass(frozen=True)
class ChangeGate(Gate):
    """A change from A to B that no model may make."""

    metric: str | None
    """A metric or a cost, by name; ``None`` for the main metric."""
    direction: str
    amount: float | None
    """How far it may move; ``None`` if only a significant move fails."""
    is_relative: bool
    """Whether ``amount`` is a percentage of the value in A."""


@dataclass(frozen=True)
class MarginGate(Gate):
    """A drop of the main metric from A to B that must surely not be as large."""

    metric: str | None
    margin: float


@dataclass(frozen=True)
class LeakGate(Gate):
    """A number of test documents that are copies or near-copies of training ones."""

    amount: float
    is_relative: bool
    """Whether ``amount`` is a percentage of the test documents."""


class Failure(StoredRecord):
    """A failing model.

    If only ``b`` is ``None``, B lacks its metric; if both are, the model.
    """

    model: str
    a: float | None
    b: float | None
    p_corrected: float | None = None
    """For a gate on significance."""
    bound: float | None = None
    """Of B - A, one-sided at 5 %, for a gate with a margin."""


class GateVerdict(StoredRecord):
    """The outcome of a gate."""

    gate: str
    checked: list[str]
    """Models whose values were compared."""
    unmeasured: list[str]
    """Models that have no such value in A, such as the log-loss of an SVM."""
    failures: list[Failure]
    reason: str = ""
    """The evidence, if it is about the documents and not about models."""

    @computed_field  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def passed(self) -> bool:
        """Whether no model failed."""
        return not self.failures


def parse_gate(text: str) -> Gate:
    """Return the gate that a text describes, or raise ``UserError``.

    It is ``[METRIC] drops|rises AMOUNT``, where the amount is N, N% or
    ``significantly``; or ``[METRIC] may be worse by N [points]``, or ``leaks > N[%]``.
    """
    words = text.replace(">", " > ").split()
    if "may" in words:
        return _margin_gate(Gate(" ".join(words)))
    if words[:1] == ["leaks"]:
        return _leak_gate(Gate(" ".join(words)))
    where = Gate(text).where
    if len(words) not in (2, 3):
        examples = (
            "'accuracy drops 0.01', 'ms_per_step rises 10%' or 'drops significantly'"
        )
        raise UserError(
            f"{where}: should be METRIC drops|rises AMOUNT, such as {examples}"
        )
    direction, amount = words[-2:]
    metric = None
    if len(words) == 3:
        metric = words[0]
        find_quantity(metric, where)
    if direction not in DIRECTIONS:
        raise UserError(
            f"{where}: got '{direction}' ({did_you_mean(direction, DIRECTIONS)})"
        )
    number = None
    if amount != SIGNIFICANTLY:
        number = _number(amount, where)
    is_relative = amount.endswith("%")
    return ChangeGate(" ".join(words), metric, direction, number, is_relative)


def _number(amount: str, where: str) -> float:
    with suppress(ValueError):
        number = float(amount.removesuffix("%"))
        if 0 <= number < math.inf:
            return number
    allowed = f"allowed: a number from 0, a percentage of A, {SIGNIFICANTLY}"
    raise UserError(f"{where}: got '{amount}' ({allowed})")


def _margin_gate(gate: Gate) -> MarginGate:
    form = MARGIN.fullmatch(gate.text)
    if form is None or not float(form[2]):
        example = "'accuracy may be worse by 0.5 points', or by 0.005"
        raise UserError(
            f"{gate.where}: should be METRIC may be worse by N, such as {example}"
        )
    metric, number, points = form.groups()
    if metric:
        find_quantity(metric, gate.where)
    margin = float(number)
    if points:
        margin /= 100
    elif margin >= SURELY_POINTS:
        in_points = f"{100 * margin:g} points"
        hint = f"write 'by {number} points', or 'by {in_points}'"
        raise UserError(f"{gate.where}: {number} is {in_points} ({hint})")
    return MarginGate(gate.text, metric, margin)


def _leak_gate(gate: Gate) -> LeakGate:
    form = LEAKS.fullmatch(gate.text)
    if form is None:
        raise UserError(f"{gate.where}: should be 'leaks > N' or 'leaks > N%'")
    number, percent = form.groups()
    if percent and float(number) >= 100:
        raise UserError(f"{gate.where}: no share exceeds {number}%")
    return LeakGate(gate.text, float(number), bool(percent))


def bounds_of_runs(a: StoredRun, b: StoredRun) -> dict[str, float]:
    """Return the lower bound of B - A of each model that is in both runs."""
    old = correctness_by_model(a)
    bounds = {}
    for name, new in correctness_by_model(b).items():
        if name in old:
            bounds[name] = lower_bound(new, old[name])
    return bounds


def judge(
    gate: Gate, comparison: ComparedRuns, bounds: Mapping[str, float] = NO_BOUNDS
) -> GateVerdict:
    """Return which models fail a gate; one fails, too, if B lacks it or its metric.

    ``bounds`` are the lower bounds of B - A, which a gate with a margin needs.

    Raises:
        UserError: the gate cannot be applied to these runs.
    """
    match gate:
        case ChangeGate():
            return _judge_changes(gate, comparison)
        case MarginGate():
            return _judge_bounds(gate, comparison, bounds)
    return judge_alone(gate, comparison.dataset)


def judge_alone(gate: Gate, dataset: DatasetSummary) -> GateVerdict:
    """Return whether a single run fails a gate on its documents.

    Raises:
        UserError: near-copies are not known, or the gate needs two runs.
    """
    match gate:
        case LeakGate():
            return _judge_leaks(gate, dataset)
    raise UserError(f"{gate.where}: needs RUN_B")


def _judge_leaks(gate: LeakGate, dataset: DatasetSummary) -> GateVerdict:
    if dataset.near_copies is None:
        hint = "run it again with this version; nothing is trained again"
        raise UserError(f"{gate.where}: near-copies are not known ({hint})")
    n = len(dataset.leaks)
    share = 100 * n / dataset.test_size
    measured: float = n
    if gate.is_relative:
        measured = share
    failures = []
    if measured > gate.amount:
        failures = [Failure(model=TESTS, a=None, b=None)]
    of_all = f"{n:,} of {dataset.test_size:,} ({share:.3g}%)"
    return GateVerdict(
        gate=gate.text,
        checked=[TESTS],
        unmeasured=[],
        failures=failures,
        reason=f"{of_all} are copies or near-copies of training documents",
    )


def _judge_bounds(
    gate: MarginGate, comparison: ComparedRuns, bounds: Mapping[str, float]
) -> GateVerdict:
    main = comparison.dataset.kind.main
    if gate.metric not in (None, main):
        example = f"'{gate.metric} drops 0.01'"
        raise UserError(f"{gate.where}: only {main} can have a margin (use {example})")
    _check_seeds(gate, comparison)
    checked = []
    failures = []
    for change in comparison.models:
        checked.append(change.name)
        bound = bounds[change.name]
        if bound <= -gate.margin:
            a = change.a.mean_of(main)
            b = change.b.mean_of(main)
            failures.append(Failure(model=change.name, a=a, b=b, bound=bound))
    return GateVerdict(
        gate=gate.text,
        checked=checked,
        unmeasured=[],
        failures=failures + _missing(comparison),
    )


def _judge_changes(gate: ChangeGate, comparison: ComparedRuns) -> GateVerdict:
    main = comparison.dataset.kind.main
    metric = gate.metric or main
    if gate.amount is None:
        if metric != main:
            example = f"give an amount, such as '{metric} {gate.direction} 5%'"
            raise UserError(
                f"{gate.where}: only {main} is tested for significance; {example}"
            )
        _check_seeds(gate, comparison)
    checked = []
    unmeasured = []
    failures = []
    for change in comparison.models:
        a = change.a.mean_of(metric)
        b = change.b.mean_of(metric)
        if a is None:
            unmeasured.append(change.name)
        elif b is None:
            failures.append(Failure(model=change.name, a=a, b=None))
        else:
            checked.append(change.name)
            if _is_too_far(gate, change, a, b):
                p = None
                if gate.amount is None:
                    p = change.p_corrected
                failure = Failure(model=change.name, a=a, b=b, p_corrected=p)
                failures.append(failure)
    if not checked:
        names = ", ".join(change.name for change in comparison.models)
        raise UserError(f"{gate.where}: no model has {metric} in both runs ({names})")
    return GateVerdict(
        gate=gate.text,
        checked=checked,
        unmeasured=unmeasured,
        failures=failures + _missing(comparison),
    )


def _missing(comparison: ComparedRuns) -> list[Failure]:
    """Return the models that B lacks, which fail every gate."""
    return [Failure(model=name, a=None, b=None) for name in comparison.only_in_a]


def _check_seeds(gate: Gate, comparison: ComparedRuns) -> None:
    """Raise ``UserError`` if models have too few seeds for a test or a bound."""
    undecided = [
        change.name for change in comparison.models if change.has_too_few_seeds
    ]
    if undecided:
        hint = "use 3 or more in both runs, or a gate with an amount"
        names = ", ".join(undecided)
        raise UserError(f"{gate.where}: {names}: too few seeds to tell ({hint})")


def _is_too_far(gate: ChangeGate, change: ModelChange, a: float, b: float) -> bool:
    """Return whether a value moved too far from A to B."""
    moved = (b - a) * DIRECTIONS[gate.direction]
    if gate.amount is None:
        return moved > 0 and change.is_clear
    allowed = gate.amount
    if gate.is_relative:
        allowed = gate.amount * abs(a) / 100
    return moved > allowed and not math.isclose(moved, allowed, abs_tol=1e-12)
