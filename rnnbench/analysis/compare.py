"""Two finished runs side by side: how each model changed, all other differences, and
gates.

A gate is a condition under which a comparison fails, such as ``macro_f1 drops 0.01``.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, NamedTuple

from pydantic import computed_field

from rnnbench.analysis.comparisons import compare_pairs, correctness_by_model
from rnnbench.data.audit import DatasetSummary
from rnnbench.errors import UserError, did_you_mean
from rnnbench.labels import form_of
from rnnbench.metrics import find_quantity
from rnnbench.points import chosen
from rnnbench.results.run import StoredRun
from rnnbench.results.schema import Difference, ModelSummary
from rnnbench.section import StoredRecord

Part = Literal["config", "data", "environment"]
OF_DOCUMENTS = {
    "source",
    "corpus_fingerprint",
    "train_size",
    "test_size",
    "split_fingerprint",
}
DATA_KEYS = OF_DOCUMENTS | {"origin", "fingerprint", "timesteps"}
_KEYS = (
    "maxlen",
    "split",
    "test_split",
    "seed",
    "group",
    "deduplicate",
    "min_per_label",
)
DECIDE_THE_DOCUMENTS = OF_DOCUMENTS | {
    f"data.{key}" for key in _KEYS
}  # of training and test
NO_DIFFERENCE = ("installed", "date")  # in an environment, they cannot change a result
DIRECTIONS = {"drops": -1, "rises": 1}
SIGNIFICANTLY = "significantly"


class Change(Difference):
    """The score of a model in a run minus that in another, as means over its trials."""

    is_clear = computed_field(Difference.is_clear)  # type: ignore[pydantic-field] # it is typed


class ModelChange(Change):
    """A model that is in both runs: B minus A."""

    name: str
    a: ModelSummary
    b: ModelSummary
    speed_ratio: (
        float | None
    )  # milliseconds per step in A divided by those in B, if there are any


class DifferingFact(StoredRecord):
    """A fact that is not the same in both runs; ``None`` where there is none."""

    part: Part
    key: str  # its path, such as training.epochs
    a: Any
    b: Any


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
    a: StoredRun, b: StoredRun, only: Sequence[str] | None = None
) -> ComparedRuns:
    """Return how models of ``b`` differ from those in ``a``, or raise why it cannot be
    told.
    """
    differences, both = find_differences(a, b), f"{a.folder}, {b.folder}"
    task, other = a.results.dataset.task, b.results.dataset.task
    if task != other:
        kinds = f"{task} in A, {other} in B"
        raise UserError(
            f"{both}: runs of different kinds of task cannot be compared ({kinds})"
        )
    if documents_of(a) != documents_of(b):
        why = []
        for fact in (fact for fact in differences if fact.key in DECIDE_THE_DOCUMENTS):
            # Twelve characters are enough of a fingerprint.
            pair = [
                "nothing" if of is None else str(of)[:12] for of in (fact.a, fact.b)
            ]
            why.append("  {}: {} in A, {} in B".format(fact.key, *pair))
        why = why or ["  the true topics of the test documents differ"]
        raise UserError(
            "\n".join(
                [f"{both}: not the same documents, so they cannot be compared", *why]
            )
            + "\nRun one of them again with the data of the other: the data section of the config, "
            "--data and --path decide which documents are trained on and tested on."
        )
    of_a, of_b = ({model.name: model for model in run.results.models} for run in (a, b))
    names = chosen(list(of_a | of_b), only)
    of_both = {
        name: (of_a[name], of_b[name])
        for name in names
        if name in of_a and name in of_b
    }
    if not of_both:
        which = "no model" if only is None else f"none of {', '.join(only)}"
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


def documents_of(run: StoredRun) -> tuple[str, bytes]:
    """Return the facts that are equal in two runs whose scores can be compared."""
    labels = next(iter(run.trials.values()))[0].labels
    used = form_of(labels).without_unused(labels)
    return run.results.dataset.split_fingerprint, used.tobytes()


def find_differences(a: StoredRun, b: StoredRun) -> list[DifferingFact]:
    """Return every difference in the resolved configs, the data and the
    environments.
    """
    trees: dict[Part, list[Any]] = {
        "config": [run.config for run in (a, b)],
        "data": [run.results.dataset.model_dump(include=DATA_KEYS) for run in (a, b)],
        "environment": [run.environment for run in (a, b)],
    }
    return [
        DifferingFact(part=part, key=key, a=in_a, b=in_b)
        for part, pair in trees.items()
        for key, in_a, in_b in _differing(*pair)
        if not (part == "environment" and key.partition(".")[0] in NO_DIFFERENCE)
    ]


def _differing(a: Any, b: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    of_a, of_b = branches(a), branches(b)
    if of_a is not None and of_b is not None:
        for part in of_a | of_b:
            yield from _differing(
                of_a.get(part), of_b.get(part), f"{key}.{part}" if key else part
            )
    elif a != b:
        yield key, a, b


def branches(tree: Any) -> dict[str, Any] | None:
    """Return the branches of a tree by key, or by position; ``None`` for a plain
    value.
    """
    if isinstance(tree, list) and any(isinstance(item, dict) for item in tree):
        return {str(position): item for position, item in enumerate(tree)}
    return tree if isinstance(tree, dict) else None


def differing_settings(trees: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the plain values in which trees differ, for each tree, by key path; or
    ``None``.
    """
    values = {name: dict(plain_values(tree)) for name, tree in trees.items()}
    first, *others = values.values()
    keys = dict.fromkeys(key for of_tree in values.values() for key in of_tree)
    differing = [
        key for key in keys if any(tree.get(key) != first.get(key) for tree in others)
    ]
    return {
        name: {key: tree.get(key) for key in differing} for name, tree in values.items()
    }


def plain_values(tree: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the key path and the value of each plain value in a tree."""
    if (parts := branches(tree)) is None:
        yield key, tree
    for part, branch in (parts or {}).items():
        yield from plain_values(branch, f"{key}.{part}" if key else part)


def _changes(
    a: StoredRun, b: StoredRun, of_both: Mapping[str, tuple[ModelSummary, ModelSummary]]
) -> list[ModelChange]:
    hits = {
        f"{name} in A": of_model for name, of_model in correctness_by_model(a).items()
    }
    hits |= {
        f"{name} in B": of_model for name, of_model in correctness_by_model(b).items()
    }
    tests = compare_pairs([(f"{name} in B", f"{name} in A") for name in of_both], hits)
    changes = []
    for (name, (of_a, of_b)), test in zip(of_both.items(), tests, strict=True):
        ms_a, ms_b = of_a.mean_of("ms_per_step"), of_b.mean_of("ms_per_step")
        ratio = ms_a / ms_b if ms_a is not None and ms_b else None
        tested = test.model_dump(include=set(Change.model_fields))
        changes.append(
            ModelChange(name=name, a=of_a, b=of_b, speed_ratio=ratio, **tested)
        )
    return changes


class Gate(NamedTuple):
    """A change from A to B that no model may make."""

    text: str
    metric: str | None  # a metric or a cost, by name; None for the main metric
    direction: str
    amount: float | None  # how far it may move; None if only a significant move fails
    is_relative: bool = False  # whether amount is a percentage of the value in A


class Failure(StoredRecord):
    """A failing model; if only ``b`` is ``None``, B lacks its metric; if both are, the
    model.
    """

    model: str
    a: float | None
    b: float | None
    p_corrected: float | None = (
        None  # the corrected p-value, for a gate on significance
    )


class GateVerdict(StoredRecord):
    """The outcome of a gate."""

    gate: str
    checked: list[str]  # models whose values were compared
    unmeasured: list[
        str
    ]  # models that have no such value in A, such as the log-loss of an SVM
    failures: list[Failure]

    @computed_field  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def passed(self) -> bool:
        """Whether no model failed."""
        return not self.failures


def parse_gate(text: str) -> Gate:
    """Return the gate ``[METRIC] drops|rises AMOUNT``, which is N, N% or
    ``significantly``.
    """
    words, where = text.split(), f"--fail-if '{text}'"
    if len(words) not in (2, 3):
        examples = (
            "'accuracy drops 0.01', 'ms_per_step rises 10%' or 'drops significantly'"
        )
        raise UserError(
            f"{where}: should be METRIC drops|rises AMOUNT, such as {examples}"
        )
    direction, amount = words[-2:]
    metric = words[0] if len(words) == 3 else None
    if metric is not None:
        find_quantity(metric, where)
    if direction not in DIRECTIONS:
        raise UserError(
            f"{where}: got '{direction}' ({did_you_mean(direction, DIRECTIONS)})"
        )
    if amount == SIGNIFICANTLY:
        return Gate(" ".join(words), metric, direction, None)
    number = math.nan
    with suppress(ValueError):
        number = float(amount.removesuffix("%"))
    if not 0 <= number < math.inf:
        allowed = f"allowed: a number from 0, a percentage of A, {SIGNIFICANTLY}"
        raise UserError(f"{where}: got '{amount}' ({allowed})")
    return Gate(" ".join(words), metric, direction, number, amount.endswith("%"))


def judge(gate: Gate, comparison: ComparedRuns) -> GateVerdict:
    """Return which models fail a gate; a model fails, too, if B lacks it or its
    metric.
    """
    changes, main = comparison.models, comparison.dataset.kind.main
    metric, where = gate.metric or main, f"--fail-if '{gate.text}'"
    if gate.amount is None and metric != main:
        example = f"give an amount, such as '{metric} {gate.direction} 5%'"
        raise UserError(f"{where}: only {main} is tested for significance; {example}")
    values = {
        one.name: (one.a.mean_of(metric), one.b.mean_of(metric)) for one in changes
    }
    checked = [
        name for name, (a, b) in values.items() if a is not None and b is not None
    ]
    if not checked:
        raise UserError(
            f"{where}: no model has {metric} in both runs ({', '.join(values)})"
        )
    undecided = [change.name for change in changes if change.has_too_few_seeds]
    if gate.amount is None and undecided:
        hint = "use 3 or more in both runs, or a gate with an amount"
        raise UserError(
            f"{where}: {', '.join(undecided)}: too few seeds to tell ({hint})"
        )
    failures = []
    for change in changes:
        (a, b), p = (
            values[change.name],
            change.p_corrected if gate.amount is None else None,
        )
        if a is not None and (b is None or _is_failed(gate, change.is_clear, a, b)):
            failures.append(Failure(model=change.name, a=a, b=b, p_corrected=p))
    failures += [Failure(model=name, a=None, b=None) for name in comparison.only_in_a]
    unmeasured = [name for name, (a, _) in values.items() if a is None]
    return GateVerdict(
        gate=gate.text, checked=checked, unmeasured=unmeasured, failures=failures
    )


def _is_failed(gate: Gate, is_clear: bool, a: float, b: float) -> bool:
    moved = (b - a) * DIRECTIONS[gate.direction]
    if gate.amount is None:
        return moved > 0 and is_clear
    allowed = gate.amount * abs(a) / 100 if gate.is_relative else gate.amount
    return moved > allowed and not math.isclose(moved, allowed, abs_tol=1e-12)
