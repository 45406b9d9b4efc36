"""The tables of a run and of several runs, for the terminal, pages and files; and JUnit
XML.
"""

import csv
import io
import json
import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from rnnbench.analysis.boards import Board, RankedModel, RunHistory
from rnnbench.analysis.compare import (
    Change,
    ComparedRuns,
    DifferingFact,
    GateVerdict,
    ModelChange,
    branches,
)
from rnnbench.analysis.comparisons import PairPower
from rnnbench.analysis.uneven import scores_of, uneven_models
from rnnbench.metrics import (
    COSTS,
    FIT_SECONDS,
    METRICS,
    MS_PER_STEP,
    Quantity,
    find_quantity,
)
from rnnbench.points import model_of, short, values_of
from rnnbench.report import words
from rnnbench.report.table import (
    MISSING,
    Columns,
    Table,
    find_template,
    table_of,
    to_markdown,
    with_points,
)
from rnnbench.results.schema import (
    TOO_FEW_SEEDS,
    Comparison,
    ModelSummary,
    PublishedScore,
    Results,
)
from rnnbench.section import call
from rnnbench.stats.power import MOST
from rnnbench.tasks import TaskKind
from rnnbench.text import (
    counted,
    either,
    for_markdown,
    listed,
    numbers,
    plural,
    sentences,
    visible,
)
from rnnbench.training.decision import AT_HALF

SHORT = 12  # characters shown of a commit or a fingerprint
LONGEST = 76  # the most characters that are shown of a value that differs
# The characters that XML 1.0 does not have, not even escaped:
NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
PASSED, FAILED, UNMEASURED = "passed", "failed", "not measured"  # the outcomes of gates
CORRECTED = "p (corrected)"
CAVEAT = "*"  # the mark of a published score with a caveat; the caption has the caveat
ABOUT_DECISIONS = (
    "decision: the threshold that a topic has to reach; 'else best': if none does, the best topic "
    "is given, which usually raises the score. at 0.5: the score with the decision 0.5."
)
ON_THE_SAME = "Only results on the same documents are shown."
RESERVED = [
    "source",
    "model",
    "params",
    "trials",
]  # columns that no parameter must replace


def result_tables(results: Results) -> list[Table]:
    """Return the tables of a run: accuracies, published ones, other metrics, costs."""
    metrics = [metrics_table(results)] if words.metrics_of(results.models) else []
    costs = [cost_table(results)] if results.is_trained_here else []
    return [score_table(results), *published_tables(results), *metrics, *costs]


def table_files(results: Results) -> dict[str, str]:
    """Return the tables of a run as text, without control characters, by the names of
    files.
    """
    text, rows = io.StringIO(), summary_rows(results)
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    markdown = "\n".join(map(to_markdown, result_tables(results)))
    return {"table.md": markdown, "table.csv": visible(text.getvalue())}


def score_table(results: Results, *, is_wide: bool = False) -> Table:
    """Return the scores and verdicts; for a page, also without duplicates, and a short
    caption.
    """
    dataset, n, spread = (
        results.dataset,
        len(results.seeds_used),
        words.mean_and_interval,
    )
    rest = results.without_duplicates
    columns: Columns[ModelSummary] = {
        "model": lambda model: model.name,
        f"{dataset.score_name} ({_over(n)})": partial(
            _over_its_seeds, results, dataset.kind.main
        ),
        f"95 % interval {words.scope(n)}": lambda model: f"{model.interval:.4f}",
    }
    if any(model.at_half for model in results.models):
        columns["at 0.5"] = lambda model: spread(model.at_half)
        columns["below"] = lambda model: words.number(model.below, ".4g")
    columns["no clear difference from"] = partial(words.unclear_from, results)
    always = [dataset.majority_name, f"{dataset.majority_score:.4f}"]
    always += [MISSING] * (len(columns) - 2)
    caption = sentences(
        words.no_clear_difference(results),
        words.condition(results.comparisons),
        words.smallest_p(dataset, results.comparisons, results.n_corrected_for),
        uneven_in_words(results),
    )
    if not is_wide:
        found = f"{dataset.duplicates_in_words()}." * bool(dataset.duplicates.positions)
        others = (
            f"On the other {rest.test_size:,}, {verdicts_without(results)}."
            if rest
            else ""
        )
        caption = sentences(trained_on(results), caption, found, others)
    elif rest:
        columns["without duplicates"] = lambda model: spread(rest.scores[model.name])
        always.append(f"{rest.majority_score:.4f}")
    table = table_of(results.models, columns, caption)
    without = []
    for name, trial in results.missing_models.items():
        reason = trial.reason
        if trial.error is not None:  # the caption has all of it
            innermost = trial.error.rpartition(" failed: ")[2]
            reason = f"failed: {textwrap.shorten(innermost, 40, placeholder='...')}"
        without.append([name, reason, *[MISSING] * (len(columns) - 2)])
    rows = [*table.rows, *without, always]
    return with_points(replace(table, rows=rows, is_last_apart=True))


def short_table(results: Results) -> Table:
    """Return the scores, and only the facts without which they would be misread."""
    caption = sentences(_about_data(results, in_short=True), uneven_in_words(results))
    return replace(score_table(results), caption=caption)


def uneven_in_words(results: Results) -> str:
    """Return a warning about models whose mean over seeds can mislead; empty if there
    are none.
    """
    ranges = []
    for model in uneven_models(results):
        scores = scores_of(model)
        ranges.append(f"{model.name} ({min(scores):.4f} to {max(scores):.4f})")
    if not ranges:
        return ""
    return (
        f"Uneven seeds: {listed(ranges)}. These seeds do not look like one normal group (Anderson "
        "and Darling's test, p below 0.01), so means and intervals can mislead: look at single "
        "seeds."
    )


def metrics_table(results: Results) -> Table:
    """Return the other metrics of each model."""
    metrics, n_seeds = words.metrics_of(results.models), len(results.seeds_used)
    noun, n_labels = results.dataset.noun, len(results.dataset.topics)
    metrics = [
        metric for metric in metrics if metric.name != "top3_accuracy" or n_labels > 3
    ]
    columns: Columns[ModelSummary] = {"model": lambda model: model.name}
    for metric in metrics:
        if metric.name == results.dataset.kind.second:
            header = f"{metric.header} ({_over(n_seeds)})"
            columns[header] = partial(_over_its_seeds, results, metric.name)
        else:
            columns[metric.header] = partial(words.mean_text, metric)
    columns[f"{noun}s missed"] = lambda model: str(len(model.topics_never_predicted))
    in_test = sum(count.test > 0 for count in results.dataset.topics)
    caption = sentences(
        *_explained(metrics, results),
        f"topics missed: how many of the {in_test} topics in the test set no seed ever predicted.",
    ).replace("topic", noun)
    return with_points(table_of(results.models, columns, caption))


def cost_table(results: Results) -> Table:
    """Return what each model costs: settings tried, size, times and memory."""
    columns: Columns[ModelSummary] = {
        "model": lambda model: model.name,
        "params": lambda model: words.number(model.params, ","),
        **{cost.header: partial(words.mean_text, cost) for cost in COSTS.values()},
    }
    caption = sentences(*_explained(COSTS.values(), results), words.cheapest(results))
    if any(model.chosen_from for model in results.models):
        columns["chosen from"] = lambda model: f"{model.chosen_from or MISSING}"
        caption += (
            " chosen from: how many settings were tried in the last choice on training "
        )
        caption += "documents; earlier ones are not counted."
    return with_points(table_of(results.models, columns, caption))


def _explained(quantities: Iterable[Quantity], results: Results) -> list[str]:
    described = [
        f"{of.header}: {of.description}." for of in quantities if of.description
    ]
    return ["Means over seeds."] * (len(results.seeds_used) > 1) + described


def comparisons_table(results: Results) -> Table:
    """Return the differences of pairs of models, and of each model and the majority."""
    comparisons = results.comparisons
    columns: Columns[Comparison] = {
        f"{results.dataset.kind.score_name} of": lambda pair: f"{pair.a} - {pair.b}",
        "difference": lambda pair: f"{pair.difference:+z.4f}",
        f"95 % interval {words.scope_of(comparisons)}": lambda pair: (
            f"{pair.interval:+z.4f}"
        ),
        "p": lambda pair: words.short_p(pair.p),
        CORRECTED: lambda pair: words.short_p(pair.p_corrected),
        "verdict": lambda pair: pair.verdict,
    }
    methods = "; ".join(sorted({pair.method for pair in comparisons}))
    n_comparisons = counted(results.n_corrected_for, "comparison")
    caption = sentences(
        f"p-values: {methods}; before and after the correction for {n_comparisons}.",
        "Whether a model could be the best is another question, which the first table answers."
        if len(results.models) > 2
        else "",
        words.smallest_p(results.dataset, comparisons, results.n_corrected_for),
    )
    return table_of(
        comparisons, columns, caption, models=[(of.a, of.b) for of in comparisons]
    )


def _over(n_seeds: int) -> str:
    return f"mean ± 95 % over {n_seeds} seeds" if n_seeds > 1 else "1 seed"


def _over_its_seeds(results: Results, metric: str, model: ModelSummary) -> str:
    """Return a metric over the seeds of a model and, if some are missing, how many it
    has.
    """
    text, n = words.mean_and_interval(model.metrics[metric]), len(model.trials)
    n_missing = sum(trial.model == model.name for trial in results.missing)
    return f"{text} ({n} of {n + n_missing} seeds)" if n_missing else text


def trained_on(results: Results) -> str:
    """Return what is missing from a run, its data, its seeds and its training, in
    sentences.
    """
    about = _about_data(results)
    if not results.is_trained_here:
        return sentences(about, "Only the answers of the models are known.")
    noun = plural(max(results.threads, default=0), "thread")
    threads = f"{either(results.threads)} {noun} per training."
    how = f"Epoch: {words.which_epoch(results)}. Engine: {results.engine}, {threads}"
    own_training = dict[str, None]()
    for model in results.models:
        shown, items = values_of(model.name), model.training.items()  # shown in columns
        own = {
            key: v
            for key, v in items
            if shown.get(short(key)) not in (str(v), json.dumps(v))
        }
        if own:
            own_training[call(model_of(model.name), own)] = None
    return sentences(
        about,
        threads if all(model.is_baseline for model in results.models) else how,
        f"Models with their own training values: {', '.join(own_training)}."
        * bool(own_training),
    )


def _about_data(results: Results, *, in_short: bool = False) -> str:
    dataset, share, decision = (
        results.dataset,
        results.validation_split,
        results.decision,
    )
    held_out = f" (less {100 * share:.3g}%, held out)" if share else ""
    n, purpose = (
        (dataset.n_tests, "test") if dataset.n_tests else (dataset.train_size, "train")
    )
    sizes = f"{n:,} documents to {purpose} on"
    if not in_short:
        steps = f", {dataset.timesteps} steps" if dataset.timesteps else ""
        mark = f"fingerprint {dataset.fingerprint[:SHORT]}"
        sizes = f"{words.documents(dataset, held_out)}{steps}, {mark}"
    return sentences(
        f"This run is partial; {results.missing_in_words()}."
        if results.missing
        else "",
        dataset.estimate_in_words(),
        f"Data: {dataset.source} ({dataset.origin}), {sizes}.",
        f"Seeds: {numbers(results.seeds_used)}.",
        f"Answers: {decision.in_words(dataset.noun)}. At 0.5: with the probability 0.5, or the "
        f"margin 0, as the threshold. Below: test documents in which no {dataset.noun} reaches the "
        "threshold, which are given the best one or none."
        if decision
        else "",
    )


def verdicts_without(results: Results) -> str:
    """Return which verdicts change without duplicates."""
    changes = [
        f"{one.a} - {one.b} ({one.verdict} with them, {other.verdict} without)"
        if one.verdict != other.verdict
        else f"{one.a} - {one.b} (clear in the other direction)"
        for one, other in results.changed_verdicts
    ]
    return (
        f"verdicts change: {listed(changes)}"
        if changes
        else "all verdicts are the same"
    )


def power_table(pairs: Sequence[PairPower], results: Results) -> Table:
    """Return a row for each pair, with the difference that most such runs would
    show.
    """

    def seeds(pair: PairPower) -> str:
        if pair.seeds_needed:
            return f"{pair.seeds_needed:,}"
        is_told = pair.is_spread_known and pair.comparison.difference != 0
        return "more documents" if is_told else MISSING

    dataset, n = results.dataset, results.n_corrected_for
    columns: Columns[PairPower] = {
        f"{dataset.kind.score_name} of": lambda of: (
            f"{of.comparison.a} - {of.comparison.b}"
        ),
        "difference": lambda pair: f"{pair.comparison.difference:+z.4f}",
        CORRECTED: lambda pair: words.short_p(pair.comparison.p_corrected),
        "detectable alone": lambda pair: words.number(pair.detectable),
        "detectable (corrected)": lambda pair: words.number(pair.detectable_corrected),
        "seeds needed": seeds,
    }
    caption = (
        "The pairs of models without a clear difference. Detectable alone: the smallest true "
        f"difference that about three quarters of runs with {dataset.test_size:,} test documents"
        f"{words.remarks_on_tests(dataset)} and these seeds would find if no other were tested (p "
        "below 0.05). Detectable (corrected): the same in the first step of the correction for "
        f"{counted(n, 'comparison')}. Both are '-' if they would be above 1, or if a model has one "
        "or two seeds. Seeds needed: seeds of each model with which a true difference equal to the "
        f"measured one would be clear as often; 'more documents' if even {MOST:,} are too "
        "few, '-' if a model has only one seed or the two are equal."
        if pairs
        else "No pair of models is without a clear difference."
    )
    models = [(pair.comparison.a, pair.comparison.b) for pair in pairs]
    return table_of(pairs, columns, caption, models=models)


def published_tables(results: Results) -> list[Table]:
    """Return our models among those of others, and ours beside earlier results of the
    same.
    """
    others = [result for result in results.published if not result.is_of_our_model]
    same = [result for result in results.published if result.is_of_our_model]
    tables = [_among_others(results, others)] if others else []
    if same:
        rows = [
            [
                name,
                f"{ours:.4f}",
                before.source,
                f"{before.score:.4f}",
                before.lies(name),
            ]
            for before in same
            for name, ours in before.intervals.items()
        ]
        headers = ["our model", "its 95 % interval", "published", "scored", "lies"]
        caption = f"Intervals are {either(sorted({before.yardstick for before in same}))}; the "
        caption += f"uncertainty of the published numbers is not known. {ON_THE_SAME}"
        tables.append(Table(headers, rows, caption, models=[row[:1] for row in rows]))
    return tables


def _decision_of(results: Results, model: ModelSummary) -> str | None:
    """Return how the scores of one of our models became topics; ``None`` if each has
    one topic.
    """
    if results.decision is None:
        return None
    changes = model.training.get("decision", {})
    return results.decision.model_copy(update=changes).in_short()


def _decided(
    results: Results, score: str | None, decision: str | None
) -> list[str | None]:
    """Return the cells about decisions; none if each document has one topic."""
    if results.decision is None:
        return []
    return [score, decision]


def _among_others(results: Results, others: Sequence[PublishedScore]) -> Table:
    best, caveats = results.best, dict[str, list[str]]()
    interval, rows = best.interval, list[tuple[float, list[str]]]()

    def add(
        name: str, by: str, mean: float, std: float | None, *rest: str | None
    ) -> None:
        score = f"{mean:.4f}" if std is None else f"{mean:.4f} ± {std:.4f}"
        rows.append((mean, [name, by, score, *(cell or MISSING for cell in rest)]))

    places = [interval.place_of(other.score) for other in others]
    for other, place in zip(others, places, strict=True):
        if other.caveat:
            caveats.setdefault(other.caveat, []).append(other.model)
        name = f"{other.model} {CAVEAT}" if other.caveat else other.model
        saw = {True: "yes", False: "no", None: None}[other.transductive]
        at_half = f"{other.score:.4f}" if other.decision == AT_HALF.in_short() else None
        decided = _decided(results, at_half, other.decision)
        add(
            name,
            other.source,
            other.score,
            other.std,
            *decided,
            saw,
            other.pretrained,
            place,
        )
    for model in results.models:
        by, score = "ours, best" if model is best else "ours", model.score
        saw = "no" if model.pretrained == "nothing" else None
        at_half = f"{model.at_half.mean:.4f}" if model.at_half else None
        decided = _decided(results, at_half, _decision_of(results, model))
        add(
            model.name, by, score.mean, score.std, *decided, saw, model.pretrained, None
        )
    rows.sort(key=lambda row: -row[0])  # of equals, theirs come first
    caption = sentences(
        f"Of the published results, {places.count('above')} of {len(others)} lie above the 95 % "
        f"interval of {best.name}, our best model ({interval:.4f} "
        f"{others[0].yardstick}), and {places.count('inside')} inside it.",
        "std: standard deviation over trainings; many papers do not give it.",
        ABOUT_DECISIONS if results.decision else "",
        "saw test texts: whether training used the texts of the test documents, without their "
        "topics; for ours, only the ranks of words by frequency may come from all documents.",
        "pretrained: the part that was learned from other texts, which may include test texts.",
        *(
            f"{CAVEAT} {', '.join(models)}: {caveat}."
            for caveat, models in caveats.items()
        ),
        ON_THE_SAME,
    )
    std = f"{results.dataset.kind.score_name} ± std"
    headers = ["model", "by", std]
    if results.decision:
        headers += ["at 0.5", "decision"]
    headers += ["saw test texts", "pretrained", "lies"]
    return with_points(
        Table(headers, [cells for _, cells in rows], caption, text_columns=2)
    )


def summary_rows(results: Results) -> list[dict[str, object]]:
    """Return models, with parameters of grids in columns, and the majority, in full
    precision.
    """
    dataset, rows = results.dataset, list[dict[str, object]]()
    parameters = dict.fromkeys(
        key for model in results.models for key in values_of(model.name)
    )
    for model in results.models:
        row: dict[str, object] = {
            "source": dataset.source,
            "model": model.name,
            **parameter_columns(model.name, list(parameters), RESERVED),
            "params": model.params,
            "trials": model.score.n,
            f"{model.main}_low": model.interval.low,
            f"{model.main}_high": model.interval.high,
            "topics_never_predicted": len(model.topics_never_predicted),
        }
        for name in [*results.metrics, *COSTS]:
            statistic = model.statistic(name)
            row[f"{name}_mean"] = statistic and statistic.mean
            row[f"{name}_std"] = statistic and statistic.std
        rows.append(row)
    always: dict[str, object] = {
        "source": dataset.source,
        "model": dataset.majority_name,
    }
    always |= {"params": 0, f"{dataset.kind.main}_mean": dataset.majority_score}
    if dataset.kind.second in results.metrics:
        always[f"{dataset.kind.second}_mean"] = dataset.majority_second
    return [*rows, always]


def parameter_columns(
    name: str, parameters: list[str], reserved: list[str]
) -> dict[str, object]:
    """Return the values of a point for a row; a name that is ``reserved`` gets a
    prefix.
    """

    def number(text: str | None) -> float | str | None:
        if text is None or not re.fullmatch(r"-?\d+(\.\d*)?(e[+-]?\d+)?", text):
            return text
        return int(text) if text.removeprefix("-").isdecimal() else float(text)

    values = {key: number(values_of(name).get(key)) for key in parameters}
    return {
        f"parameter_{key}" if key in reserved else key: of for key, of in values.items()
    }


def _cell_of_second(task: TaskKind, model: ModelSummary) -> str:
    """Return the second metric of a task with its spread, for a cell."""
    statistic = None if task.second is None else model.metrics.get(task.second)
    return words.mean_and_interval(statistic)


def board_tables(board: Board) -> list[Table]:
    """Return the scores, with verdicts or what decides ranks, and the costs; the best
    first.
    """
    dataset, quantity = board.dataset, find_quantity(board.metric, "--metric")
    second, over = dataset.kind.second, "(mean ± 95 % over seeds)"
    n_seeds = max(entry.model.score.n for entry in board.entries)
    score_header = f"{dataset.score_name} {over}"
    always = {
        "model": dataset.majority_name,
        score_header: f"{dataset.majority_score:.4f}",
    }
    always["params"] = "0"
    keys: Columns[RankedModel] = {
        "rank": lambda entry: str(entry.rank or MISSING),
        "model": lambda entry: entry.model.name,
        "run": lambda entry: entry.run,
    }
    scores = keys | {
        score_header: lambda entry: words.mean_and_interval(entry.model.score),
        f"95 % interval {words.scope(n_seeds)}": lambda entry: (
            f"{entry.model.interval:.4f}"
        ),
    }
    if board.is_tested:
        scores["clearly worse than the first"] = lambda entry: words.worse(
            entry.against_best
        )
        scores["possible ranks"] = lambda entry: words.possible_ranks(
            entry.possible_ranks
        )
    else:
        header = f"{quantity.name} (mean over seeds)"
        scores[header] = lambda entry: words.mean_text(quantity, entry.model)
    costs = dict(keys)
    if second is not None:
        header = f"{METRICS[second].header} {over}"
        costs[header] = lambda entry: _cell_of_second(dataset.kind, entry.model)
        always[header] = words.number(dataset.majority_second)
    costs |= {
        "seeds": lambda entry: str(entry.model.score.n),
        "params": lambda entry: words.number(entry.model.params, ","),
        FIT_SECONDS.header: lambda entry: words.mean_text(FIT_SECONDS, entry.model),
    }
    return [
        _board_table(board, scores, always, _about_board(board)),
        _board_table(board, costs, always, "fit s: mean wall time of one training."),
    ]


def _board_table(
    board: Board, columns: Columns[RankedModel], always: Mapping[str, str], caption: str
) -> Table:
    """Return a row for each model, and one for ``always`` answering the majority
    topic.
    """
    rows = [[cell_of(entry) for cell_of in columns.values()] for entry in board.entries]
    rows.append([always.get(header, MISSING) for header in columns])
    return with_points(
        Table(list(columns), rows, caption, text_columns=3, is_last_apart=True), 1
    )


def _about_board(board: Board) -> str:
    """Return the caption of the scores."""
    dataset = board.dataset
    parts = [
        f"Data: {dataset.source} ({dataset.origin}), {words.documents(dataset)}, "
        f"split {dataset.split_fingerprint[:SHORT]}.",
        f"Runs: {', '.join(board.runs)}; the same trials in several runs are shown once.",
    ]
    against_best = [entry.against_best for entry in board.entries if entry.against_best]
    if board.is_tested and against_best:
        parts.append(
            "Clearly worse: the p-value of being as good as the best is below 0.05. Possible "
            "ranks: those that clear differences leave open; with 95 % confidence, they include "
            "the true ranks of all models. This is a harder question, so a model that is clearly "
            "worse than the first may still have its rank."
        )
        parts.append(words.condition(against_best))
    return sentences(*parts)


def history_table(history: RunHistory) -> Table:
    """Return a row for each run, the oldest first, with the metric of each model."""
    quantity, dataset = find_quantity(history.metric, "--metric"), history.dataset
    spread, rows = words.mean_and_interval, []
    for entry in history.entries:
        changes = entry.changes.items()
        found = [
            f"{name} {direction(change)}" for name, change in changes if change.is_clear
        ]
        found += [TOO_FEW_SEEDS] * any(
            change.has_too_few_seeds for _, change in changes
        )
        values = [
            spread(entry.values.get(name), quantity.format) for name in history.models
        ]
        about = [entry.run, minute(entry.date), short_hash(entry.commit)]
        rows.append([*about, ", ".join(found) or MISSING, *values])
    tested = [change for entry in history.entries for change in entry.changes.values()]
    caption = sentences(
        f"{quantity.header}: mean ± 95 % over seeds. Data: {dataset.source}, "
        f"{dataset.n_tests:,} documents to test on{words.remarks_on_tests(dataset)}, "
        f"split {dataset.split_fingerprint[:SHORT]}.",
        ""
        if history.is_tested
        else f"Only {dataset.kind.main} is tested for clear changes.",
        "Clear changes: against the run above; a p-value below 0.05, corrected for the models, "
        "but not for the number of runs." * bool(tested),
        words.condition(tested),
    )
    headers = ["run", "date (UTC)", "commit", "clear changes", *history.models]
    return Table(headers, rows, caption, text_columns=4)


def minute(date: str | None) -> str:
    """Return the date and time of a run, without seconds."""
    return (date or MISSING).replace("T", " ")[:16]


def short_hash(text: str | None) -> str:
    """Return the start of a commit or a fingerprint, with a + if files were changed
    since.
    """
    text = text or MISSING
    return text[:SHORT] + "+" * (len(text) > SHORT and text.endswith("+"))


def direction(change: Change) -> str:
    """Return the direction of a change."""
    return "up" if change.difference > 0 else "down"


# Two runs side by side


def comparison_tables(comparison: ComparedRuns) -> list[Table]:
    """Return how scores, other metrics and costs changed, and all other differences."""
    rows = []
    for part in ("config", "data", "environment"):
        differing = [fact for fact in comparison.differences if fact.part == part]
        own = [
            [f"{part}: {fact.key}", _shown(fact.a), _shown(fact.b)]
            for fact in differing
        ]
        rows += own or [[part, "the same", "the same"]]
    caption = "From config.yaml with every default, results.json and environment.json."
    differences = Table(["difference", "A", "B"], rows, caption, text_columns=3)
    return [_changes_table(comparison), *_means_tables(comparison), differences]


def comparison_markdown(
    comparison: ComparedRuns, verdicts: Sequence[GateVerdict]
) -> str:
    """Return a page in GitHub's Markdown: gates and scores, and all else to be
    unfolded.
    """
    scores, *others = comparison_tables(comparison)
    shown = [scores]
    if verdicts:
        n_failed = sum(not verdict.passed for verdict in verdicts)
        caption = f"{n_failed} of {counted(len(verdicts), 'gate')} failed."
        headers, rows = ["gate", "model", "outcome", ""], _outcomes(verdicts)
        shown.insert(0, Table(headers, rows, caption, text_columns=4, keys=2))
    title = f"### {for_markdown(f'{comparison.b} compared with {comparison.a}')}\n"
    fold = "<details>\n<summary>Other metrics, costs and differences</summary>\n"
    parts = [
        title,
        *map(to_markdown, shown),
        fold,
        *map(to_markdown, others),
        "</details>\n",
    ]
    return "\n".join(parts)


def _changes_table(comparison: ComparedRuns) -> Table:
    changes, dataset = comparison.models, comparison.dataset
    columns: Columns[ModelChange] = {
        f"{dataset.kind.score_name} of": lambda change: change.name,
        "in A": lambda change: f"{change.a.score.mean:.4f}",
        "in B": lambda change: f"{change.b.score.mean:.4f}",
        "B - A": lambda change: f"{change.difference:+z.4f}",
        f"95 % interval of B - A {words.scope_of(changes)}": lambda of: (
            f"{of.interval:+z.4f}"
        ),
        CORRECTED: lambda change: words.short_p(change.p_corrected),
    }
    methods = either(sorted({change.method for change in changes}))
    clear = [change for change in changes if change.is_clear]
    undecided = [change.name for change in changes if change.has_too_few_seeds]
    named = {
        "Clearly better in B": [
            change.name for change in clear if change.difference > 0
        ],
        "Clearly worse in B": [
            change.name for change in clear if change.difference < 0
        ],
        f"{TOO_FEW_SEEDS.capitalize()} for a verdict on": undecided,
        "Only in A": comparison.only_in_a,
        "Only in B": comparison.only_in_b,
    }
    caption = sentences(
        f"A: {comparison.a}, {_seeds([change.a for change in changes])}.",
        f"B: {comparison.b}, {_seeds([change.b for change in changes])}.",
        f"Scores are means over seeds, on {dataset.test_size:,} test documents"
        f"{words.remarks_on_tests(dataset)}.",
        f"p: {methods}, corrected for {counted(len(changes), 'model')}; clear: below 0.05.",
        "" if clear or undecided else "No difference is clear.",
        *(f"{label}: {', '.join(names)}." for label, names in named.items() if names),
        words.condition(changes),
    )
    return with_points(table_of(changes, columns, caption))


def _seeds(models: Sequence[ModelSummary]) -> str:
    """Return how many seeds models were trained with: one if none of them depends on
    the seed.
    """
    found = {change.score.n for change in models if change.is_random} or {1}
    least, most = min(found), max(found)
    return (
        counted(most, "seed")
        if least == most
        else f"{least:,} to {counted(most, 'seed')}"
    )


def _means_tables(comparison: ComparedRuns) -> list[Table]:
    changes, task = comparison.models, comparison.dataset.kind
    metrics = words.metrics_of(
        [model for change in changes for model in (change.a, change.b)]
    )

    def moved(metric: Quantity, change: ModelChange) -> str:
        a, b = change.a.mean_of(metric.name), change.b.mean_of(metric.name)
        return (
            MISSING if a is None or b is None else format(b - a, f"+z{metric.format}")
        )

    means: Columns[ModelChange] = {"B - A of": lambda change: change.name}
    means |= {metric.header: partial(moved, metric) for metric in metrics}
    lower = ", ".join(
        metric.header for metric in metrics if not metric.higher_is_better
    )
    of_means = "Differences of means over seeds." + (
        f" Lower is better: {lower}." if lower else ""
    )
    costs: Columns[ModelChange] = {"model": lambda change: change.name}
    if task.second is not None:
        header, over = METRICS[task.second].header, "(mean ± 95 % over seeds)"
        costs[f"{header} in A {over}"] = lambda change: _cell_of_second(task, change.a)
        costs[f"{header} in B {over}"] = lambda change: _cell_of_second(task, change.b)
    costs |= {
        f"{MS_PER_STEP.header} in A": lambda change: words.mean_text(
            MS_PER_STEP, change.a
        ),
        f"{MS_PER_STEP.header} in B": lambda change: words.mean_text(
            MS_PER_STEP, change.b
        ),
        "A/B": lambda change: (
            f"{change.speed_ratio:.2f}" if change.speed_ratio else MISSING
        ),
    }
    of_costs = "A/B: ms per step in A divided by that in B; above 1, B is faster"
    if any(_is_of_processor(fact) for fact in comparison.differences):
        of_costs += "; the processors differ"
    of_costs += "."
    tables = [table_of(changes, means, of_means)] if metrics else []
    tables.append(table_of(changes, costs, of_costs))
    return list(map(with_points, tables))


def _is_of_processor(fact: DifferingFact) -> bool:
    """Return whether two environments name different processors or kernels of BLAS."""
    return fact.key == "cpu" or fact.key.startswith("processor.")


def _shown(value: Any) -> str:
    if value is None:
        return MISSING
    if branches(value) is not None:
        return "present"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) >= 40 and not set(text) - set("0123456789abcdef+"):
        return short_hash(text)
    return textwrap.shorten(text, LONGEST, placeholder=" ...")


def _outcomes(verdicts: Sequence[GateVerdict]) -> list[tuple[str, str, str, str]]:
    """Return each gate and model with its outcome and the reason; failures of a gate
    come first.
    """
    rows = []
    for verdict in verdicts:
        for failure in verdict.failures:
            p = (
                ""
                if failure.p_corrected is None
                else f", p {words.short_p(failure.p_corrected)}"
            )
            if failure.b is None:
                reason = "B lacks " + (
                    "the model" if failure.a is None else "the metric"
                )
            else:
                reason = f"{failure.a:.6g} in A, {failure.b:.6g} in B{p}"
            rows.append((verdict.gate, failure.model, FAILED, reason))
        failed = {failure.model for failure in verdict.failures}
        passed = [name for name in verdict.checked if name not in failed]
        rows += [(verdict.gate, name, PASSED, "") for name in passed]
        rows += [(verdict.gate, name, UNMEASURED, "") for name in verdict.unmeasured]
    return rows


def verdict_lines(verdicts: Sequence[GateVerdict]) -> tuple[list[str], list[str]]:
    """Return a line for each gate that passed, and one for each model that failed
    one.
    """
    passed = [
        f"{PASSED}: {verdict.gate}: {counted(len(verdict.checked), 'model')}"
        + (
            f" ({UNMEASURED}: {', '.join(verdict.unmeasured)})"
            if verdict.unmeasured
            else ""
        )
        for verdict in verdicts
        if verdict.passed
    ]
    return passed, [
        f"{FAILED}: {gate}: {model}: {reason}"
        for gate, model, outcome, reason in _outcomes(verdicts)
        if outcome == FAILED
    ]


def junit(name: str, verdicts: Sequence[GateVerdict]) -> str:
    """Return JUnit XML, all ASCII: a test suite for each gate, a test case for each
    model.
    """
    template = find_template(
        "junit.xml.j2", clean=lambda text: NOT_IN_XML.sub("\ufffd", visible(text))
    )
    gates = ((verdict.gate, _outcomes([verdict])) for verdict in verdicts)
    suites = [
        (gate, rows, Counter(outcome for *_, outcome, _ in rows))
        for gate, rows in gates
    ]
    return (
        template.render(name=name, suites=suites)
        .encode("ascii", "xmlcharrefreplace")
        .decode()
    )
