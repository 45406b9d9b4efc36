"""The tables of several runs: leaderboards, histories, two runs side by side, and gates.

The outcome of gates is also Markdown for the summary of a CI job, and JUnit XML.
"""

import json
import re
import textwrap
from collections import Counter
from collections.abc import Sequence
from functools import partial
from math import comb
from typing import Any

from rnnbench.analysis.boards import Board, RunHistory
from rnnbench.analysis.compare import Change, ComparedRuns, GateVerdict, ModelChange, branches
from rnnbench.metrics import FIT_SECONDS, METRICS, MS_PER_STEP, Metric, find_quantity
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
from rnnbench.results.schema import TOO_FEW_SEEDS, ModelSummary
from rnnbench.text import counted, for_markdown, visible

SHORT = 12
"""Characters shown of a commit or a fingerprint."""
LONGEST = 76
"""The most characters that are shown of a value that differs."""
NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""The characters that XML 1.0 does not have, not even escaped."""
PASSED, FAILED, UNMEASURED = "passed", "failed", "not measured"
"""The outcomes of a gate for a model."""


# Leaderboards


def board_tables(board: Board) -> list[Table]:
    """Return the scores and the costs of the models, the best first, each with the majority.

    If another metric decides the rank, it is in the last column beside the scores; otherwise,
    that says which are clearly worse than the best.
    """
    dataset, quantity = board.dataset, find_quantity(board.metric, "--metric")
    is_tested, scores, costs, spread = board.is_tested, [], [], words.mean_and_interval
    for entry in board.entries:
        model, worse = entry.model, words.worse(entry.against_best)
        own = [str(entry.rank or MISSING), model.name, entry.run]
        interval = f"{model.interval:.4f}"
        last = worse if is_tested else words.mean_text(quantity, model)
        scores.append([*own, spread(model.score), interval, last])
        second, seconds = model.metrics.get(words.SECOND), words.mean_text(FIT_SECONDS, model)
        costs.append([*own, spread(second), str(model.score.n), words.size_text(model), seconds])
    always = [MISSING, dataset.majority_name, MISSING]
    scores.append([*always, f"{dataset.majority_score:.4f}", MISSING, MISSING])
    f1 = f"{dataset.majority_macro_f1:.4f}" if dataset.kind.has_topics else MISSING
    costs.append([*always, f1, MISSING, "0", MISSING])
    named, over = ["rank", "model", "run"], "(mean ± 95 % over seeds)"
    n_seeds = max(entry.model.score.n for entry in board.entries)
    decides = "clearly worse than the first" if is_tested else f"{quantity.name} (mean over seeds)"
    of_scores = [f"{dataset.score_name} {over}", f"95 % interval {words.scope(n_seeds)}", decides]
    of_costs = [f"{METRICS[words.SECOND].header} {over}", "seeds", "params", FIT_SECONDS.header]
    return [
        with_points(Table(headers, rows, caption, is_last_apart=True, text_columns=3), 1)
        for headers, rows, caption in (
            ([*named, *of_scores], scores, _board_caption(board)),
            ([*named, *of_costs], costs, "fit s: mean wall time of one training."),
        )
    ]


def _board_caption(board: Board) -> str:
    dataset, comparisons = board.dataset, counted(comb(len(board.entries), 2), "comparison")
    sentences = [
        f"Data: {dataset.source} ({dataset.origin}), {words.documents(dataset)}, "
        f"split {dataset.split_fingerprint[:SHORT]}.",
        f"Runs: {', '.join(board.runs)}; the same trials in several runs are shown once.",
    ]
    against_best = [entry.against_best for entry in board.entries if entry.against_best]
    if board.is_tested and against_best:
        clearly = f"Clearly worse: a p-value below 0.05, corrected for {comparisons} (Holm)."
        sentences += [clearly, words.condition(against_best)]
    return " ".join(filter(None, sentences))


# Histories


def history_table(history: RunHistory) -> Table:
    """Return a row for each run, the oldest first, with the metric of each model."""
    quantity, dataset = find_quantity(history.metric, "--metric"), history.dataset
    rows = []
    for entry in history.entries:
        changes = entry.changes.items()
        clear = [f"{name} {direction(change)}" for name, change in changes if change.is_clear]
        undecided = any(change.has_too_few_seeds for _, change in changes)
        found = ", ".join([*clear, *([TOO_FEW_SEEDS] if undecided else [])]) or MISSING
        values = [
            words.mean_and_interval(entry.values.get(name), quantity.format)
            for name in history.models
        ]
        rows.append([entry.run, minute(entry.date), short_hash(entry.commit), found, *values])
    sentences = [
        f"{quantity.header}: mean ± 95 % over seeds. Data: {dataset.source}, "
        f"{dataset.n_tests:,} documents to test on{words.remarks_on_tests(dataset)}, "
        f"split {dataset.split_fingerprint[:SHORT]}."
    ]
    if not history.is_tested:
        sentences.append(f"Only {dataset.kind.main} is tested for clear changes.")
    elif tested := [change for entry in history.entries for change in entry.changes.values()]:
        sentences += [
            "Clear changes: against the run above; a p-value below 0.05, corrected for the models "
            "(Holm), but not for the number of runs.",
            words.condition(tested),
        ]
    headers = ["run", "date (UTC)", "commit", "clear changes", *history.models]
    return Table(headers, rows, " ".join(filter(None, sentences)), text_columns=4)


def minute(date: str | None) -> str:
    """Return the date and time of a run, without seconds."""
    return (date or MISSING).replace("T", " ")[:16]


def short_hash(text: str | None) -> str:
    """Return the start of a commit or a fingerprint, with a + if files were changed since."""
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
        own = [[f"{part}: {fact.key}", _shown(fact.a), _shown(fact.b)] for fact in differing]
        rows += own or [[part, "the same", "the same"]]
    caption = "From config.yaml with every default, results.json and environment.json."
    differences = Table(["difference", "A", "B"], rows, caption, text_columns=3)
    return [_changes_table(comparison), *_means_tables(comparison), differences]


def comparison_markdown(comparison: ComparedRuns, verdicts: Sequence[GateVerdict]) -> str:
    """Return a page in GitHub's Markdown: gates and scores, and all else to be unfolded."""
    scores, *others = comparison_tables(comparison)
    shown = [scores]
    if verdicts:
        n_failed = sum(not verdict.passed for verdict in verdicts)
        caption = f"{n_failed} of {counted(len(verdicts), 'gate')} failed."
        headers, rows = ["gate", "model", "outcome", ""], _outcomes(verdicts)
        shown.insert(0, Table(headers, rows, caption, text_columns=4, keys=2))
    title = f"### {for_markdown(f'{comparison.b} compared with {comparison.a}')}\n"
    fold = "<details>\n<summary>Other metrics, costs and differences</summary>\n"
    parts = [title, *map(to_markdown, shown), fold, *map(to_markdown, others), "</details>\n"]
    return "\n".join(parts)


def _changes_table(comparison: ComparedRuns) -> Table:
    """Return the score of each model in both runs, and how certain the difference is."""
    changes, dataset = comparison.models, comparison.dataset
    columns: Columns[ModelChange] = {
        f"{dataset.kind.score_name} of": lambda change: change.name,
        "in A": lambda change: f"{change.a.score.mean:.4f}",
        "in B": lambda change: f"{change.b.score.mean:.4f}",
        "B - A": lambda change: f"{change.difference:+z.4f}",
        f"95 % interval of B - A {words.scope_of(changes)}": lambda of: f"{of.interval:+z.4f}",
        "p (Holm)": lambda change: words.short_p(change.p_holm),
    }
    methods = " or ".join(sorted({change.method for change in changes}))
    clear = [change for change in changes if change.is_clear]
    undecided = [change.name for change in changes if change.has_too_few_seeds]
    named = {
        "Clearly better in B": [change.name for change in clear if change.difference > 0],
        "Clearly worse in B": [change.name for change in clear if change.difference < 0],
        f"{TOO_FEW_SEEDS.capitalize()} for a verdict on": undecided,
        "Only in A": comparison.only_in_a,
        "Only in B": comparison.only_in_b,
    }
    sentences = [
        f"A: {comparison.a}, {_seeds([change.a for change in changes])}.",
        f"B: {comparison.b}, {_seeds([change.b for change in changes])}.",
        f"Scores are means over seeds, on {dataset.test_size:,} test documents"
        f"{words.remarks_on_tests(dataset)}.",
        f"p: {methods}, corrected for {counted(len(changes), 'model')}; clear: below 0.05.",
        "" if clear or undecided else "No difference is clear.",
        *(f"{label}: {', '.join(names)}." for label, names in named.items() if names),
        words.condition(changes),
    ]
    return with_points(table_of(changes, columns, " ".join(filter(None, sentences))))


def _seeds(models: Sequence[ModelSummary]) -> str:
    """Return how many seeds models were trained with: one if none of them depends on the seed."""
    found = {change.score.n for change in models if change.is_random} or {1}
    least, most = min(found), max(found)
    return counted(most, "seed") if least == most else f"{least:,} to {counted(most, 'seed')}"


def _means_tables(comparison: ComparedRuns) -> list[Table]:
    """Return how much the mean of each other metric changed, and macro-F1 and speed in both."""
    changes = comparison.models
    metrics = words.metrics_of([model for change in changes for model in (change.a, change.b)])

    def moved(metric: Metric, change: ModelChange) -> str:
        a, b = change.a.mean_of(metric.name), change.b.mean_of(metric.name)
        return MISSING if a is None or b is None else format(b - a, f"+z{metric.format}")

    def second(model: ModelSummary) -> str:
        return words.mean_and_interval(model.metrics.get(words.SECOND))

    means: Columns[ModelChange] = {"B - A of": lambda change: change.name}
    means |= {metric.header: partial(moved, metric) for metric in metrics}
    lower = ", ".join(metric.header for metric in metrics if not metric.higher_is_better)
    of_means = "Differences of means over seeds." + (f" Lower is better: {lower}." if lower else "")
    f1, over = METRICS[words.SECOND].header, "(mean ± 95 % over seeds)"
    costs: Columns[ModelChange] = {
        "model": lambda change: change.name,
        f"{f1} in A {over}": lambda change: second(change.a),
        f"{f1} in B {over}": lambda change: second(change.b),
        f"{MS_PER_STEP.header} in A": lambda change: words.mean_text(MS_PER_STEP, change.a),
        f"{MS_PER_STEP.header} in B": lambda change: words.mean_text(MS_PER_STEP, change.b),
        "A/B": lambda change: f"{change.speed_ratio:.2f}" if change.speed_ratio else MISSING,
    }
    is_same_cpu = all(fact.key != "cpu" for fact in comparison.differences)
    of_costs = "A/B: ms per step in A divided by that in B; above 1, B is faster"
    of_costs += "." if is_same_cpu else "; the processors differ."
    tables = table_of(changes, means, of_means), table_of(changes, costs, of_costs)
    return list(map(with_points, tables))


def _shown(value: Any) -> str:
    if value is None:
        return MISSING
    if branches(value) is not None:
        return "present"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) >= 40 and not set(text) - set("0123456789abcdef+"):
        return short_hash(text)
    return textwrap.shorten(text, LONGEST, placeholder=" ...")


# Gates


def _outcomes(verdicts: Sequence[GateVerdict]) -> list[tuple[str, str, str, str]]:
    """Return each gate and model with its outcome and the reason; failures of a gate come first."""
    rows = []
    for verdict in verdicts:
        for failure in verdict.failures:
            p = "" if failure.p_holm is None else f", p {words.short_p(failure.p_holm)}"
            if failure.b is None:
                reason = "B lacks " + ("the model" if failure.a is None else "the metric")
            else:
                reason = f"{failure.a:.6g} in A, {failure.b:.6g} in B{p}"
            rows.append((verdict.gate, failure.model, FAILED, reason))
        failed = {failure.model for failure in verdict.failures}
        passed = [name for name in verdict.checked if name not in failed]
        rows += [(verdict.gate, name, PASSED, "") for name in passed]
        rows += [(verdict.gate, name, UNMEASURED, "") for name in verdict.unmeasured]
    return rows


def verdict_lines(verdicts: Sequence[GateVerdict]) -> tuple[list[str], list[str]]:
    """Return a line for each gate that passed, and one for each model that failed one."""
    passed = [
        f"{PASSED}: {verdict.gate}: {counted(len(verdict.checked), 'model')}"
        + (f" ({UNMEASURED}: {', '.join(verdict.unmeasured)})" if verdict.unmeasured else "")
        for verdict in verdicts
        if verdict.passed
    ]
    return passed, [
        f"{FAILED}: {gate}: {model}: {reason}"
        for gate, model, outcome, reason in _outcomes(verdicts)
        if outcome == FAILED
    ]


def junit(name: str, verdicts: Sequence[GateVerdict]) -> str:
    """Return JUnit XML, all ASCII: a test suite for each gate, a test case for each model."""
    template = find_template(
        "rnnbench.report",
        "junit.xml.j2",
        clean=lambda text: NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", visible(text)),
    )
    suites = [(verdict.gate, _outcomes([verdict])) for verdict in verdicts]
    counts = [Counter(outcome for _, _, outcome, _ in rows) for _, rows in suites]
    page = template.render(name=name, suites=zip(suites, counts, strict=True))
    return page.encode("ascii", "xmlcharrefreplace").decode()
