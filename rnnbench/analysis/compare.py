"""Two finished runs side by side: how each model changed, and what else differs.

>>> compared = compare_runs(a, b)  # doctest: +SKIP
>>> judge(parse_gate("drops 0.01"), compared).passed  # doctest: +SKIP
True

A gate is a condition under which a comparison fails, such as ``macro_f1 drops 0.01``.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Literal, NamedTuple

from pydantic import computed_field

from rnnbench.analysis.comparisons import compare_pairs, correctness_by_model
from rnnbench.data.summary import DatasetSummary
from rnnbench.errors import UserError, did_you_mean
from rnnbench.labels import form_of
from rnnbench.metrics import MS_PER_STEP, find_quantity
from rnnbench.points import chosen
from rnnbench.results.comparison import Difference
from rnnbench.results.schema import ModelSummary
from rnnbench.results.stored_run import StoredRun
from rnnbench.section import StoredRecord
from rnnbench.stats.not_worse import lower_bound

Part = Literal["config", "data", "environment"]
OF_DOCUMENTS = {
    "source",
    "corpus_fingerprint",
    "train_size",
    "test_size",
    "split_fingerprint",
}
DATA_KEYS = OF_DOCUMENTS | {"origin", "fingerprint", "timesteps"}
DECIDE_THE_DOCUMENTS = OF_DOCUMENTS | {
    "data.maxlen",
    "data.split",
    "data.test_split",
    "data.seed",
    "data.group",
    "data.deduplicate",
    "data.min_per_label",
}
"""Of training and test."""
NO_DIFFERENCE = ("installed", "date")  # in an environment, they cannot change a result
MARGIN = r"(?:(\w+) )?may be worse by ([0-9.]+)( points?)?"
SURELY_POINTS = 0.1
"""A margin from here on without the word is hardly meant as a share."""
DIRECTIONS = {"drops": -1, "rises": 1}
SIGNIFICANTLY = "significantly"
LEAKS = "leaks"
"""A gate on test documents that are copies or near-copies of training documents."""


class Change(Difference):
    """The score of a model in a run minus that in another, as means over its trials."""

    is_clear = computed_field(Difference.is_clear)  # type: ignore[pydantic-field] # it is typed


class ModelChange(Change):
    """A model that is in both runs: B minus A."""

    name: str
    a: ModelSummary
    b: ModelSummary
    speed_ratio: float | None
    """Milliseconds per step in A divided by those in B, if there are any."""


class DifferingFact(StoredRecord):
    """A fact that is not the same in both runs; ``None`` where there is none."""

    part: Part
    key: str  # its path, such as training.epochs
    a: object
    b: object


class ComparedRuns(StoredRecord):
    """Two runs on the same documents, which B may have cut and padded differently."""

    a: str  # the folder of A
    b: str
    dataset: DatasetSummary  # of run A
    models: list[ModelChange]
    only_in_a: list[str]
    only_in_b: list[str]
    differences: list[DifferingFact]


def compare_runs(
    a: StoredRun, b: StoredRun, only: str | Sequence[str] | None = None
) -> ComparedRuns:
    """Return how models of ``b`` differ from those in ``a``.

    Raises:
        UserError: the runs cannot be compared.
    """
    both = f"{a.folder}, {b.folder}"
    differences = find_differences(a, b)
    _check_documents(a, b, differences)
    of_a = a.results.by_name
    of_b = b.results.by_name
    names = chosen(list(of_a | of_b), only)
    of_both = {}
    for name in names:
        if name in of_a and name in of_b:
            of_both[name] = (of_a[name], of_b[name])
    if not of_both:
        which = "no model"
        if only is not None:
            which = f"none of {', '.join(only)}"
        names_of = f"A has {', '.join(of_a)}; B has {', '.join(of_b)}"
        raise UserError(
            f"{both}: {which} is in both runs; models are matched by name ({names_of})"
        )
    return ComparedRuns(
        a=str(a.folder),
        b=str(b.folder),
        dataset=a.results.dataset,
        models=_changes(a, b, of_both),
        only_in_a=[name for name in names if name not in of_b],
        only_in_b=[name for name in names if name not in of_a],
        differences=differences,
    )


def _check_documents(
    a: StoredRun, b: StoredRun, differences: Sequence[DifferingFact]
) -> None:
    """Raise ``UserError`` if two runs are not about the same task and documents."""
    both = f"{a.folder}, {b.folder}"
    task = a.results.dataset.task
    other = b.results.dataset.task
    if task != other:
        kinds = f"{task} in A, {other} in B"
        raise UserError(
            f"{both}: runs of different kinds of task cannot be compared ({kinds})"
        )
    if documents_of(a) == documents_of(b):
        return
    lines = [f"{both}: not the same documents, so they cannot be compared"]
    for fact in differences:
        if fact.key in DECIDE_THE_DOCUMENTS:
            in_a = _in_short(fact.a)
            lines.append(f"  {fact.key}: {in_a} in A, {_in_short(fact.b)} in B")
    if len(lines) == 1:
        lines.append("  the true topics of the test documents differ")
    lines.append(
        "Run one of them again with the data of the other: the data section of the "
        "config, --data and --path decide which documents are trained on and tested on."
    )
    raise UserError("\n".join(lines))


def _in_short(fact: object) -> str:
    """Return a fact in words; twelve characters are enough of a fingerprint."""
    if fact is None:
        return "nothing"
    return str(fact)[:12]


def documents_of(run: StoredRun) -> tuple[str, bytes]:
    """Return the facts that are equal in two runs whose scores can be compared."""
    labels = run.labels
    used = form_of(labels).without_unused(labels)
    return run.results.dataset.split_fingerprint, used.tobytes()


def find_differences(a: StoredRun, b: StoredRun) -> list[DifferingFact]:
    """Return all differences in the resolved configs, the data and the environments."""
    pairs: dict[Part, tuple[object, object]] = {
        "config": (a.config, b.config),
        "data": (_data_of(a), _data_of(b)),
        "environment": (a.environment, b.environment),
    }
    differences = []
    for part, pair in pairs.items():
        for key, in_a, in_b in _differing(*pair):
            first_key = key.partition(".")[0]
            if part != "environment" or first_key not in NO_DIFFERENCE:
                differing = DifferingFact(part=part, key=key, a=in_a, b=in_b)
                differences.append(differing)
    return differences


def _data_of(run: StoredRun) -> dict[str, object]:
    """Return the facts about the data of a run that a comparison names."""
    return run.results.dataset.model_dump(include=DATA_KEYS)


def _differing(
    a: object, b: object, key: str = ""
) -> Iterator[tuple[str, object, object]]:
    """Yield the key path and both values wherever two trees differ."""
    of_a = branches(a)
    of_b = branches(b)
    if of_a is not None and of_b is not None:
        for part in of_a | of_b:
            yield from _differing(of_a.get(part), of_b.get(part), _below(key, part))
    elif a != b:
        yield key, a, b


def _below(key: str, part: str) -> str:
    """Return the path of a part of what has a key path, which is empty at the top."""
    return f"{key}.{part}".lstrip(".")


def branches(tree: object) -> dict[str, object] | None:
    """Return the branches of a tree by key or position; ``None`` for a plain value."""
    match tree:
        case dict():
            return tree
        case list() if any(isinstance(item, dict) for item in tree):
            return {str(position): item for position, item in enumerate(tree)}
    return None


def differing_settings(
    trees: Mapping[str, object],
) -> dict[str, dict[str, object]]:
    """Return the plain values in which trees differ, for each tree, by key path.

    A tree without a key has ``None``.
    """
    values = {name: dict(plain_values(tree)) for name, tree in trees.items()}
    first, *others = values.values()
    keys: dict[str, None] = {}
    for of_tree in values.values():
        keys |= dict.fromkeys(of_tree)
    differing = []
    for key in keys:
        if any(of_tree.get(key) != first.get(key) for of_tree in others):
            differing.append(key)
    return {
        name: {key: of_tree.get(key) for key in differing}
        for name, of_tree in values.items()
    }


def plain_values(tree: object, key: str = "") -> Iterator[tuple[str, object]]:
    """Yield the key path and the value of each plain value in a tree."""
    parts = branches(tree)
    if parts is None:
        yield key, tree
        return
    for part, branch in parts.items():
        yield from plain_values(branch, _below(key, part))


def _changes(
    a: StoredRun, b: StoredRun, of_both: Mapping[str, tuple[ModelSummary, ModelSummary]]
) -> list[ModelChange]:
    """Return how each model that is in both runs changed."""
    correctness = {}
    for run_name, run in (("A", a), ("B", b)):
        for name, of_model in correctness_by_model(run).items():
            correctness[f"{name} in {run_name}"] = of_model
    pairs = [(f"{name} in B", f"{name} in A") for name in of_both]
    tests = compare_pairs(pairs, correctness)
    changes = []
    for (name, (in_a, in_b)), test in zip(of_both.items(), tests, strict=True):
        change = ModelChange(
            name=name,
            a=in_a,
            b=in_b,
            speed_ratio=_speed_ratio(in_a, in_b),
            difference=test.difference,
            interval=test.interval,
            p=test.p,
            p_corrected=test.p_corrected,
            method=test.method,
            n_seeds=test.n_seeds,
        )
        changes.append(change)
    return changes


def _speed_ratio(a: ModelSummary, b: ModelSummary) -> float | None:
    """Return the milliseconds per step of ``a`` divided by those of ``b``."""
    ms_a = a.mean_of(MS_PER_STEP.name)
    ms_b = b.mean_of(MS_PER_STEP.name)
    if ms_a is None or not ms_b:
        return None
    return ms_a / ms_b


class Gate(NamedTuple):
    """A change from A to B that no model may make."""

    text: str
    metric: str | None
    """A metric or a cost, by name; ``None`` for the main metric."""
    direction: str
    amount: float | None
    """How far it may move; ``None`` if only a significant move fails."""
    is_relative: bool = False
    """Whether ``amount`` is a percentage of the value in A."""
    margin: float | None = None
    """By how much the main metric must surely not drop, if that is the gate."""


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
    """Of B - A, one-sided at 5 %, for a gate on what may be."""


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
    """Return the gate ``[METRIC] drops|rises AMOUNT``, or ``leaks > AMOUNT``.

    The amount is N, N% or, of a metric, ``significantly``.
    """
    words = text.replace(">", " > ").split()
    where = f"--fail-if '{text}'"
    if "may" in words:
        return _parse_margin(words, where)
    if words[:1] == [LEAKS]:
        sign, amount = [*words[1:], "", ""][:2]
        number = _number(amount)
        if sign != ">" or len(words) != 3 or math.isnan(number):
            raise UserError(f"{where}: should be '{LEAKS} > N' or '{LEAKS} > N%'")
        if amount.endswith("%") and number >= 100:
            raise UserError(f"{where}: no share exceeds {amount}")
        return Gate(" ".join(words), LEAKS, sign, number, amount.endswith("%"))
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
    if amount == SIGNIFICANTLY:
        return Gate(" ".join(words), metric, direction, None)
    number = _number(amount)
    if math.isnan(number):
        allowed = f"allowed: a number from 0, a percentage of A, {SIGNIFICANTLY}"
        raise UserError(f"{where}: got '{amount}' ({allowed})")
    return Gate(" ".join(words), metric, direction, number, amount.endswith("%"))


def _parse_margin(words: Sequence[str], where: str) -> Gate:
    """Return the gate ``[METRIC] may be worse by N [points]``."""
    form = re.fullmatch(MARGIN, " ".join(words))
    margin = _number(form[2]) if form else math.nan
    if form is None or not margin > 0:
        example = "'accuracy may be worse by 0.5 points', or by 0.005"
        raise UserError(
            f"{where}: should be METRIC may be worse by N, such as {example}"
        )
    if form[1]:
        find_quantity(form[1], where)
    if form[3]:
        margin /= 100
    elif margin >= SURELY_POINTS:
        hint = f"'by {form[2]} points', or 'by {100 * margin:g} points'"
        raise UserError(f"{where}: {form[2]} is {100 * margin:g} points (write {hint})")
    return Gate(" ".join(words), form[1], "drops", None, margin=margin)


def _number(amount: str) -> float:
    """Return a number from 0 or its percentage; NaN for anything else."""
    with suppress(ValueError):
        number = float(amount.removesuffix("%"))
        if 0 <= number < math.inf:
            return number
    return math.nan


def judge_leaks(gate: Gate, dataset: DatasetSummary) -> GateVerdict:
    """Return whether too many test documents are copies or near-copies of training
    documents.

    Raises:
        UserError: near-copies are not known.
    """
    if gate.metric != LEAKS:
        raise UserError(f"--fail-if '{gate.text}': needs RUN_B")
    if dataset.near_copies is None:
        hint = "run it again with this version; nothing is trained again"
        raise UserError(f"--fail-if '{gate.text}': near-copies are not known ({hint})")
    n = len(dataset.leaks)
    share = 100 * n / dataset.test_size
    what = "copies or near-copies of training documents"
    subject = "test documents"
    failures = []
    if (share if gate.is_relative else n) > (gate.amount or 0):
        failures = [Failure(model=subject, a=None, b=None)]
    return GateVerdict(
        gate=gate.text,
        checked=[subject],
        unmeasured=[],
        failures=failures,
        reason=f"{n:,} of {dataset.test_size:,} ({share:.3g}%) are {what}",
    )


def bounds_of_runs(a: StoredRun, b: StoredRun) -> dict[str, float]:
    """Return the lower bound of B - A of each model that is in both runs."""
    old = correctness_by_model(a)
    bounds = {}
    for name, new in correctness_by_model(b).items():
        if name in old:
            bounds[name] = lower_bound(new, old[name])
    return bounds


def judge(
    gate: Gate, comparison: ComparedRuns, bounds: Mapping[str, float] | None = None
) -> GateVerdict:
    """Return which models fail a gate; one fails, too, if B lacks it or its metric.

    ``bounds`` are the lower bounds of B - A, which a gate with a margin needs.

    Raises:
        UserError: the gate cannot be applied to these runs.
    """
    if gate.metric == LEAKS:
        return judge_leaks(gate, comparison.dataset)
    changes = comparison.models
    metric = gate.metric or comparison.dataset.kind.main
    values = {
        change.name: (change.a.mean_of(metric), change.b.mean_of(metric))
        for change in changes
    }
    checked = [
        name for name, (a, b) in values.items() if a is not None and b is not None
    ]
    _check_gate(gate, metric, comparison, checked)
    failures = []
    for change in changes:
        a, b = values[change.name]
        p_corrected = None
        bound = None
        if gate.margin is not None:
            bound = (bounds or {})[change.name]
            is_failed = bound <= -gate.margin
        elif b is not None and a is not None:
            is_failed = _is_failed(gate, change.is_clear, a, b)
            if gate.amount is None:
                p_corrected = change.p_corrected
        if a is not None and (b is None or is_failed):
            failure = Failure(
                model=change.name, a=a, b=b, p_corrected=p_corrected, bound=bound
            )
            failures.append(failure)
    failures += [Failure(model=name, a=None, b=None) for name in comparison.only_in_a]
    unmeasured = [name for name, (a, _) in values.items() if a is None]
    return GateVerdict(
        gate=gate.text, checked=checked, unmeasured=unmeasured, failures=failures
    )


def _check_gate(
    gate: Gate, metric: str, comparison: ComparedRuns, checked: Sequence[str]
) -> None:
    """Raise ``UserError`` if a gate on a metric cannot be applied to two runs."""
    where = f"--fail-if '{gate.text}'"
    main = comparison.dataset.kind.main
    if gate.amount is None and metric != main:
        example = f"give an amount, such as '{metric} {gate.direction} 5%'"
        raise UserError(f"{where}: only {main} is tested for significance; {example}")
    if not checked:
        names = ", ".join(change.name for change in comparison.models)
        raise UserError(f"{where}: no model has {metric} in both runs ({names})")
    undecided = [
        change.name for change in comparison.models if change.has_too_few_seeds
    ]
    if gate.amount is None and undecided:
        hint = "use 3 or more in both runs, or a gate with an amount"
        raise UserError(
            f"{where}: {', '.join(undecided)}: too few seeds to tell ({hint})"
        )


def _is_failed(gate: Gate, is_clear: bool, a: float, b: float) -> bool:
    """Return whether a value moved too far from A to B."""
    moved = (b - a) * DIRECTIONS[gate.direction]
    if gate.amount is None:
        return moved > 0 and is_clear
    allowed = gate.amount
    if gate.is_relative:
        allowed = gate.amount * abs(a) / 100
    return moved > allowed and not math.isclose(moved, allowed, abs_tol=1e-12)
