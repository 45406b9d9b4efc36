"""The documents and the seeds that tell models apart: ``plan_by_numbers(500, 0.9)``."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from operator import attrgetter

import numpy as np

from rnnbench.analysis.compare import compare_runs
from rnnbench.analysis.comparisons import compare_pairs, correctness_by_model
from rnnbench.errors import UserError
from rnnbench.report.table import MISSING, Columns, Table, table_of
from rnnbench.report.words import number_text
from rnnbench.results.comparison import SIGNIFICANT, TOO_FEW_SEEDS
from rnnbench.results.stored_run import StoredRun
from rnnbench.section import StoredRecord
from rnnbench.stats.correctness import Correctness
from rnnbench.stats.intervals import mean_squares
from rnnbench.stats.paired import MCNEMAR
from rnnbench.stats.planning import mcnemar_detectable, mcnemar_documents
from rnnbench.stats.power import (
    MOST_DOCUMENTS,
    detectable,
    documents_needed,
    seeds_needed,
)
from rnnbench.text import counted, either, number_in

POINT = 0.01
POINTS = (0.5, 1, 2, 5)
"""The differences whose documents are counted."""
TWO = "two models"
FEWEST = 8
"""Models must differ on at least this many documents: an exact test finds fewer in less
than 80 % of cases, even if the worse model is never the only one that is right."""


class PairPlan(StoredRecord):
    """The documents that tell two models apart in 80 % of cases (p below 0.05)."""

    models: list[str]
    """Their names, if they have any."""
    agree: float | None = None
    """The share of documents on which both are right or both are wrong; ``None`` for
    several trainings, for scores, or if documents depend on each other."""
    documents: int
    seeds: int | None = None
    """Of each model; ``None`` if none depends on the seed."""
    method: str
    smallest: float | None = None
    """The smallest difference that is found; ``None`` if none is."""
    documents_needed: dict[str, int | None] = {}
    """By the difference in points."""
    seeds_needed: int | None = None
    """On these documents, for a difference of one point."""
    has_too_few_seeds: bool = False
    """Whether there are too few seeds to say anything."""


def in_words(plans: Sequence[PairPlan]) -> str:
    """Return what documents find, and what a difference of one point needs."""
    first = plans[0]
    models = " and ".join(first.models) or TWO
    if len(plans) > 1:
        models = f"{len(plans)} pairs of models"
    elif first.agree is not None:
        differ = float(f"{100 * (1 - first.agree):.3g}")  # so 99.9999 % is not 100 %
        models += f" that are both right or both wrong on {100 - differ:.10g} %"
    smallest = _range([plan.smallest for plan in plans], _points)
    told = "cannot be told apart in 80 % of cases, however much they differ"
    if first.has_too_few_seeds:
        told = f"have {TOO_FEW_SEEDS} to be told apart (use 3 or more of each)"
    if smallest:
        by_points = f"by {smallest} points"
        told = f"are told apart in 80 % of cases if they truly differ {by_points}"
    needs = []
    documents = _range([plan.documents_needed.get("1") for plan in plans], _count)
    if documents:
        needs.append(f"{documents} documents")
    seeds = _range([plan.seeds_needed for plan in plans], _count)
    if seeds:
        needs.append(f"{seeds} seeds")
    last = "No number of documents finds a difference of one point."
    if needs:
        last = f"A difference of one point needs {either(needs)}."
    return f"On {counted(first.documents, 'document')}, {models} {told}. {last}"


def _range(values: Sequence[float | None], spell: Callable[[float | None], str]) -> str:
    """Return the lowest and the highest of the values that there are; else nothing."""
    numbers = list(filter(None, values))
    if not numbers:
        return ""
    low = spell(min(numbers))
    high = spell(max(numbers))
    if low == high:
        return low
    return f"{low} to {high}"


def plan_by_numbers(
    documents: int, agree: float, models: Sequence[str] = ()
) -> PairPlan:
    """Return the plan of two single trainings, by McNemar's exact test."""
    needed = {}
    for points in POINTS:
        needed[f"{points:g}"] = mcnemar_documents(agree, points * POINT)
    return PairPlan(
        models=list(models),
        agree=agree,
        documents=documents,
        method=MCNEMAR,
        smallest=mcnemar_detectable(documents, agree),
        documents_needed=needed,
    )


def parse_share(text: str) -> float:
    """Return the share of documents that models agree on, or raise ``UserError``."""
    share = number_in(text)
    if not 0 <= share < 1:
        raise UserError(f"--agree {text}: should be a share such as 90% or 0.9")
    return share


def plan_with_best(
    runs: Collection[StoredRun], documents: int | None
) -> list[PairPlan]:
    """Return the plans of the best model of each run with each other model.

    ``documents`` is by default the number of documents of the run.
    """
    plans = []
    for run in runs:
        best = run.results.best.name
        models = correctness_by_model(run)
        for name in models:
            if name != best:
                plans.append(_plan(models, (best, name), documents))
    if not plans:
        raise UserError("--plan: only one model (should be two or more)")
    return plans


def plan_runs(runs: Sequence[StoredRun], documents: int | None) -> list[PairPlan]:
    """Return the plans of two runs by their common models, or of each run alone."""
    if len(runs) == 2:
        return plan_two_runs(runs[0], runs[1], documents)
    return plan_with_best(runs, documents)


def plan_two_runs(a: StoredRun, b: StoredRun, documents: int | None) -> list[PairPlan]:
    """Return the plans of the models that are in both runs."""
    models = {}
    for run in (a, b):
        for name, correctness in correctness_by_model(run).items():
            models[f"{name} in {run.folder}"] = correctness
    plans = []
    for change in compare_runs(a, b).models:
        pair = (f"{change.name} in {a.folder}", f"{change.name} in {b.folder}")
        plans.append(_plan(models, pair, documents))
    return plans


def _plan(
    models: Mapping[str, Correctness], pair: tuple[str, str], documents: int | None
) -> PairPlan:
    """Return the plan of two models that answered the same documents."""
    a, b = map(models.__getitem__, pair)
    n_measured = a.parts.shape[-1]
    n_documents = documents or n_measured
    (comparison,) = compare_pairs([pair], models)
    if comparison.method == MCNEMAR:
        agree = float(np.mean(a.parts[0] == b.parts[0]))
        return plan_by_numbers(n_documents, agree, pair)
    squares = mean_squares(a, b).with_documents(n_documents / n_measured)
    seeds = None
    if comparison.n_seeds != 1:
        seeds = seeds_needed(squares, SIGNIFICANT, POINT)
    plan = PairPlan(
        models=list(pair),
        documents=n_documents,
        seeds=comparison.n_seeds,
        method=comparison.method,
        seeds_needed=seeds,
        has_too_few_seeds=comparison.has_too_few_seeds,
    )
    if plan.has_too_few_seeds:
        return plan
    needed = {}
    for points in POINTS:
        n = documents_needed(squares, SIGNIFICANT, points * POINT, n_documents)
        if n is not None:
            n = max(n, round(FEWEST / points / POINT))
        needed[f"{points:g}"] = n
    smallest = detectable(squares, SIGNIFICANT)
    return plan.model_copy(update={"smallest": smallest, "documents_needed": needed})


def plans_table(plans: Sequence[PairPlan]) -> Table:
    """Return the smallest difference of each plan, and what smaller ones need."""
    columns: Columns[PairPlan] = {
        "models": lambda plan: " - ".join(plan.models) or TWO,
        "documents": lambda plan: f"{plan.documents:,}",
        "points found": lambda plan: _points(plan.smallest),
    }
    for points in POINTS:
        columns[f"for {points:g}"] = partial(_documents, f"{points:g}")
    if any(map(attrgetter("seeds"), plans)):
        columns["seeds for 1"] = lambda plan: _count(plan.seeds_needed)
    methods = either(sorted(set(map(attrgetter("method"), plans))))
    caption = (
        "Points found: the smallest true difference that is found in 80 % of cases (p "
        f"below {SIGNIFICANT}, {methods}, not corrected). For 0.5: how many documents "
        f"find 0.5 points; '-' if even {MOST_DOCUMENTS:,} do not."
    )
    return table_of(plans, columns, caption)


def _documents(points: str, plan: PairPlan) -> str:
    return _count(plan.documents_needed.get(points))


def _count(number: float | None) -> str:
    return number_text(number, ",")


def _points(difference: float | None) -> str:
    """Return a difference in points; it is rounded up, so that it is surely found."""
    if difference is None:
        return MISSING
    return f"{math.ceil(round(100 * difference / POINT, 6)) / 100:g}"
