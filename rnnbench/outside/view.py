"""The output of ``rnnbench verdict``: ``shown({"": judged}, verbose=False)``."""

from collections.abc import Mapping, Sequence
from operator import methodcaller

from pydantic import BaseModel
from rich.console import RenderableType
from rich.text import Text

from rnnbench.analysis.equivalence import equivalences
from rnnbench.analysis.power import power_of_pairs
from rnnbench.outside.judge import Verdict
from rnnbench.outside.tasks import rank_on_tasks, tasks_table
from rnnbench.outside.words import in_one_sentence
from rnnbench.report.table import Table
from rnnbench.report.tables.pairs import equivalence_table
from rnnbench.report.tables.scores import short_table
from rnnbench.results.schema import SUMMARY_VERSION

View = tuple[dict[str, object], list[Table | RenderableType]]
"""A record for JSON, and what is printed instead."""


def shown(
    tasks: Mapping[str, Verdict], *, verbose: bool, points: float | None = None
) -> View:
    """Return the output for one task or several, by name; a sentence comes first.

    It may say which models are surely equal within so many ``points``.
    """
    records = {}
    views: list[Table | RenderableType] = []
    for task, judged in tasks.items():
        sentence = in_one_sentence(judged.results)
        record = judged.results.model_dump(mode="json")
        record["verdict"] = sentence
        record["power"] = dumped(power_of_pairs(judged))
        records[task] = record
        tables = [short_table(judged.results)]
        if verbose:
            tables = judged.tables()
        if points is not None:
            pairs = equivalences(judged, points)
            record["equivalence"] = dumped(pairs)
            tables.append(equivalence_table(pairs, points, judged.results))
        if len(tasks) > 1:
            sentence = f"\n{task}: {sentence}"
        views += [Text(sentence), *tables]
    if len(tasks) == 1:
        return record, views
    on_tasks = rank_on_tasks(tasks)
    first: list[Table | RenderableType] = [
        Text(on_tasks.verdict),
        tasks_table(on_tasks),
    ]
    if not verbose:
        views = []
    elif on_tasks.mean_ranks:
        from rnnbench.report.plots.ranks import ranks_table  # imports Matplotlib

        first.append(ranks_table(on_tasks.mean_ranks))
    ranking = on_tasks.model_dump(mode="json")
    version = {"schema_version": SUMMARY_VERSION}
    return version | ranking | {"tasks": records}, first + views


def dumped(records: Sequence[BaseModel]) -> list[object]:
    """Return records as plain data."""
    return list(map(methodcaller("model_dump", mode="json"), records))
