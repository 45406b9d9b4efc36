"""Two finished runs side by side: how each model changed, and what else differs.

>>> compared = compare_runs(a, b)  # doctest: +SKIP
>>> compared.models[0].is_clear  # doctest: +SKIP
True
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from pydantic import computed_field

from rnnbench.analysis.comparisons import compare_pairs, correctness_by_model
from rnnbench.data.summary import DatasetSummary
from rnnbench.errors import UserError
from rnnbench.labels import form_of
from rnnbench.metrics import MS_PER_STEP
from rnnbench.points import chosen
from rnnbench.results.comparison import Difference
from rnnbench.results.schema import ModelSummary
from rnnbench.results.stored_run import StoredRun
from rnnbench.section import StoredRecord

ComparedPart = Literal["config", "data", "environment"]
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

    part: ComparedPart
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
    pairs: dict[ComparedPart, tuple[object, object]] = {
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
