"""A metric over stored runs, and the changes of accuracy from one run to the next."""

from collections.abc import Sequence

from pydantic import computed_field

from rnnbench.analysis.compare_runs import compare_runs, documents_of
from rnnbench.analysis.leaderboard import distinct_names
from rnnbench.data.audit import DatasetSummary
from rnnbench.records import Record
from rnnbench.results.run import StoredRun
from rnnbench.results.schema import Difference, Statistic

ACCURACY = "accuracy"
"""The only metric whose changes are tested."""


class Change(Difference):
    """The accuracy of a model minus that in the run before."""

    @computed_field  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def is_clear(self) -> bool:
        """Whether the corrected p-value is below 0.05, and the seeds are enough to rely on it."""
        return super().is_clear


class Entry(Record):
    """A run in a history."""

    run: str
    date: str | None
    """When its last trials were trained: UTC, as ISO 8601; ``None`` for older runs."""
    commit: str | None
    """The commit of rnnbench; ``None`` if it was installed from elsewhere."""
    version: str
    """The version of rnnbench."""
    values: dict[str, Statistic | None]
    """The metric of each model over its seeds; ``None`` for a model without it."""
    changes: dict[str, Change]
    """By model, if it was in the run before, too; empty for other metrics than accuracy."""


class History(Record):
    """The runs that were tested on the same documents, the oldest first."""

    metric: str
    dataset: DatasetSummary
    """Of the first run; others may have cut and padded the same documents differently."""
    models: list[str]
    entries: list[Entry]


def trace_runs(
    runs: Sequence[StoredRun], metric: str = ACCURACY, names: Sequence[str] | None = None
) -> list[History]:
    """Return one history for each set of documents, in the order of the runs.

    Runs of versions that stored no date come first, in their own order. ``names`` are those of the
    runs; by default, their folders tell them apart.
    """
    names = names or distinct_names([run.folder for run in runs])
    groups: dict[tuple[str, bytes], list[tuple[str, StoredRun]]] = {}
    for name, run in zip(names, runs, strict=True):
        groups.setdefault(documents_of(run), []).append((name, run))
    return [
        _history(sorted(group, key=lambda each: _date(each[1])), metric)
        for group in groups.values()
    ]


def _date(run: StoredRun) -> str:
    return run.environment.get("date") or ""


def _history(named: Sequence[tuple[str, StoredRun]], metric: str) -> History:
    runs = [run for _, run in named]
    befores = [None, *runs[:-1]]
    return History(
        metric=metric,
        dataset=runs[0].results.dataset,
        models=list(dict.fromkeys(model.name for run in runs for model in run.results.models)),
        entries=[
            _entry(name, run, before, metric)
            for (name, run), before in zip(named, befores, strict=True)
        ],
    )


def _entry(name: str, run: StoredRun, before: StoredRun | None, metric: str) -> Entry:
    return Entry(
        run=name,
        date=_date(run) or None,
        commit=run.environment["git_commit"],
        version=run.environment["versions"]["rnnbench"],
        values={model.name: model.statistic(metric) for model in run.results.models},
        changes=_changes(before, run) if before and metric == ACCURACY else {},
    )


def _changes(before: StoredRun, after: StoredRun) -> dict[str, Change]:
    """Return how the accuracies of the models that are in both runs changed."""
    if not before.trials.keys() & after.trials.keys():
        return {}
    keys = set(Difference.model_fields)
    return {
        each.name: Change(**each.model_dump(include=keys))
        for each in compare_runs(before, after).models
    }
