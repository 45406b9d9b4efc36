"""Two finished runs side by side: how each model changed, and all other differences."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import computed_field

from rnnbench.analysis.comparisons import compare_pairs
from rnnbench.analysis.summary import hits_of
from rnnbench.analysis.variance import Hits
from rnnbench.data.audit import DatasetSummary
from rnnbench.errors import UserError
from rnnbench.points import chosen
from rnnbench.records import Record
from rnnbench.results.run import StoredRun
from rnnbench.results.schema import Comparison, Difference, ModelSummary

Part = Literal["config", "data", "environment"]
DATA_KEYS = (
    "source",
    "origin",
    "fingerprint",
    "split_fingerprint",
    "corpus_fingerprint",
    "train_size",
    "test_size",
    "timesteps",
)
DECIDE_THE_DOCUMENTS = (
    "source",
    "corpus_fingerprint",
    "train_size",
    "test_size",
    "split_fingerprint",
    "data.maxlen",
    "data.split",
    "data.test_split",
    "data.seed",
)
"""Keys of the data and of the config that decide which documents are trained on and tested on."""


class ModelChange(Difference):
    """A model that is in both runs: its accuracy in B minus that in A, as means over its trials."""

    name: str
    a: ModelSummary
    b: ModelSummary
    speed_ratio: float | None
    """Milliseconds per step in A divided by those in B; ``None`` for a model without steps."""

    @computed_field  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def is_clear(self) -> bool:
        """Whether the corrected p-value is below 0.05, and the seeds are enough to rely on it."""
        return super().is_clear


class DifferingFact(Record):
    """A fact that is not the same in both runs."""

    part: Part
    key: str
    """Its path, such as ``training.epochs``."""
    a: Any
    """The value in A; ``None`` if there is none."""
    b: Any


class RunComparison(Record):
    """Two runs on the same documents."""

    a: str
    """The folder of A."""
    b: str
    dataset: DatasetSummary
    """Of A; B may have cut and padded the same documents differently."""
    models: list[ModelChange]
    only_in_a: list[str]
    only_in_b: list[str]
    differences: list[DifferingFact]


def compare_runs(a: StoredRun, b: StoredRun, only: Sequence[str] | None = None) -> RunComparison:
    """Return how the models of ``b`` differ from those of the same name in ``a``.

    Raises:
        UserError: the documents differ, no chosen model is in both runs, or a name in ``only`` is
            in neither.
    """
    _check_same_documents(a, b)
    of_a, of_b = ({model.name: model for model in run.results.models} for run in (a, b))
    names = chosen(list(of_a | of_b), only)
    matched = [name for name in names if name in of_a and name in of_b]
    if not matched:
        which = "no model" if only is None else f"none of {', '.join(only)}"
        raise UserError(
            f"{a.folder}, {b.folder}: {which} is in both runs; models are matched by name "
            f"(A has {', '.join(of_a)}; B has {', '.join(of_b)})"
        )
    tests = _test_all(a, b, matched)
    return RunComparison(
        a=str(a.folder),
        b=str(b.folder),
        dataset=a.results.dataset,
        models=[
            _change(of_a[name], of_b[name], test) for name, test in zip(matched, tests, strict=True)
        ],
        only_in_a=[name for name in names if name not in of_b],
        only_in_b=[name for name in names if name not in of_a],
        differences=find_differences(a, b),
    )


def documents_of(run: StoredRun) -> tuple[str, bytes]:
    """Return the facts that are equal in two runs whose accuracies can be compared."""
    labels = next(iter(run.trials.values()))[0].labels
    return run.results.dataset.split_fingerprint, labels.tobytes()


def _check_same_documents(a: StoredRun, b: StoredRun) -> None:
    """Raise an error, which names the differences, unless two runs had the same documents."""
    if documents_of(a) == documents_of(b):
        return
    why = [
        f"  {each.key}: {_short(each.a)} in A, {_short(each.b)} in B"
        for each in find_differences(a, b)
        if each.key in DECIDE_THE_DOCUMENTS
    ]
    raise UserError(
        "\n".join(
            [
                f"{a.folder}, {b.folder}: not the same documents, so accuracies cannot be compared",
                *(why or ["  the true topics of the test documents differ"]),
                "Run one of them again with the data of the other: the data section of the config, "
                "--data and --path decide which documents are trained on and tested on.",
            ]
        )
    )


def find_differences(a: StoredRun, b: StoredRun) -> list[DifferingFact]:
    """Return every difference in the resolved configs, the data and the environments."""
    data_a, data_b = (run.results.dataset.model_dump(include=set(DATA_KEYS)) for run in (a, b))
    parts: dict[Part, tuple[Any, Any]] = {
        "config": (a.config, b.config),
        "data": (data_a, data_b),
        "environment": (_machine_of(a), _machine_of(b)),
    }
    return [
        DifferingFact(part=part, key=key, a=in_a, b=in_b)
        for part, trees in parts.items()
        for key, in_a, in_b in _differing(*trees)
    ]


def _machine_of(run: StoredRun) -> dict[str, Any]:
    """Return the environment without the date and the packages that cannot change a result."""
    apart = ("installed", "date")
    return {key: value for key, value in run.environment.items() if key not in apart}


def _differing(a: Any, b: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the key path and both values wherever two trees differ."""
    if a == b:
        return
    branches_a, branches_b = branches(a), branches(b)
    if branches_a is None or branches_b is None:
        yield key, a, b
        return
    for part in branches_a | branches_b:
        path = f"{key}.{part}" if key else part
        yield from _differing(branches_a.get(part), branches_b.get(part), path)


def branches(tree: Any) -> dict[str, Any] | None:
    """Return the branches of a tree by key, or by position; ``None`` for a plain value."""
    if isinstance(tree, list) and any(isinstance(item, dict) for item in tree):
        return {str(position): item for position, item in enumerate(tree)}
    return tree if isinstance(tree, dict) else None


def differing_settings(trees: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the plain values in which trees differ, for each tree, by key path.

    A value that a tree does not have is ``None``.
    """
    values = {name: dict(plain_values(tree)) for name, tree in trees.items()}
    first, *others = values.values()
    keys = dict.fromkeys(key for of_tree in values.values() for key in of_tree)
    differing = [key for key in keys if any(each.get(key) != first.get(key) for each in others)]
    return {name: {key: each.get(key) for key in differing} for name, each in values.items()}


def plain_values(tree: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the key path and the value of each plain value in a tree."""
    parts = branches(tree)
    if parts is None:
        yield key, tree
        return
    for part, branch in parts.items():
        yield from plain_values(branch, f"{key}.{part}" if key else part)


def _short(value: Any) -> str:
    """Return a value for a message, cut short: the start of a fingerprint identifies it."""
    return "nothing" if value is None else str(value)[:12]


def _test_all(a: StoredRun, b: StoredRun, names: Sequence[str]) -> list[Comparison]:
    """Return B minus A for each model."""
    hits: dict[str, Hits] = {}
    fixed = set()
    for run, side in ((a, "A"), (b, "B")):
        for model in run.results.models:
            if model.name in names:
                hits[f"{model.name} in {side}"] = hits_of(run.trials[model.name])
                if not model.is_random:
                    fixed.add(f"{model.name} in {side}")
    pairs = [(f"{name} in B", f"{name} in A") for name in names]
    in_order = a.results.dataset.in_order or b.results.dataset.in_order
    return compare_pairs(pairs, hits, fixed, in_order=in_order)


def _change(a: ModelSummary, b: ModelSummary, test: Comparison) -> ModelChange:
    ms_a, ms_b = a.ms_per_step, b.ms_per_step
    ratio = ms_a.mean / ms_b.mean if ms_a and ms_b and ms_b.mean else None
    tested = test.model_dump(include=set(Difference.model_fields))
    return ModelChange(name=a.name, a=a, b=b, speed_ratio=ratio, **tested)
