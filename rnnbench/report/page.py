"""A run as one HTML file that needs nothing else, and as Markdown with its pictures beside it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from rnnbench.analysis.misclassified import HardDocument, hardest_documents
from rnnbench.analysis.summary import majority_name
from rnnbench.analysis.topics import f1_by_topic, frequent_topics
from rnnbench.report.folder import PAGES
from rnnbench.report.plots import COLOURS, GRID, INK, ON_DARK, PAPER, Plot, draw_plots
from rnnbench.report.table import (
    accuracy_table,
    comparisons_table,
    cost_table,
    metrics_table,
    published_table,
    to_markdown,
    unclear_from,
)
from rnnbench.results.run import Run
from rnnbench.results.schema import Results
from rnnbench.storage import atomic_write, write_text

PLOTS = "plots"


@dataclass(frozen=True)
class Mistake:
    """A wire that was often mistaken, in words.

    Attributes:
        position: in the test set.
        topic: the true one.
        text: its words, where they are at hand.
        answers: what each model said.
    """

    position: int
    topic: str
    text: str | None
    answers: dict[str, str]


def write_page(run: Run, texts: Sequence[Sequence[str]] | None, words: int, n_errors: int) -> Path:
    """Write ``report.html``, ``report.md`` and ``plots/`` into the folder of a run.

    Args:
        run: what to show.
        texts: the words of each test wire, where they are at hand.
        words: how many words of a wire are shown at most.
        n_errors: how many wires are shown.

    Returns:
        The HTML file.
    """
    plots = draw_plots(run)
    for plot in plots:
        write_text(run.folder / PLOTS / f"{plot.name}.svg", _on_paper(plot.svg))
        with atomic_write(run.folder / PLOTS / f"{plot.name}.png") as file:
            file.write(plot.png)
    facts = _facts(run, texts, words, n_errors) | {"plots": plots}
    pages = [run.folder / name for name in PAGES]
    for page in pages:
        write_text(page, _render(f"{page.name}.j2", facts))
    return pages[0]


def _facts(
    run: Run, texts: Sequence[Sequence[str]] | None, words: int, n_errors: int
) -> dict[str, Any]:
    """Return what the templates show."""
    results = run.results
    topics = frequent_topics(next(iter(run.trials.values()))[0].labels, len(results.dataset.topics))
    wires = hardest_documents(run.trials, n_errors)
    return {
        "results": results,
        "dataset": results.dataset,
        "findings": findings(results),
        "accuracy": accuracy_table(results),
        "published": published_table(results) if results.published else None,
        "metrics": metrics_table(results),
        "costs": cost_table(results),
        "comparisons": comparisons_table(results),
        "topic_f1": _topic_f1(run, topics),
        "only_in_test": [
            count.topic for count in results.dataset.topics if count.test and not count.train
        ],
        "mistakes": [_mistake(wire, results, texts, words) for wire in wires],
        "has_texts": texts is not None,
        "environment": run.environment,
        "colours": COLOURS,
        "colours_on_dark": ON_DARK,
    }


def findings(results: Results) -> list[str]:
    """Return in sentences what a reader should take away."""
    by_accuracy = sorted(results.models, key=lambda model: -model.accuracy.mean)
    best, always = by_accuracy[0], majority_name(results.dataset)
    level = [m.name for m in by_accuracy[1:] if "the best" in unclear_from(results, m.name)]
    no_better = [m.name for m in by_accuracy if always in unclear_from(results, m.name)]
    interval = best.accuracy_interval
    sentences = [
        f"{best.name} has the highest test accuracy, {best.accuracy.mean:.3f} "
        f"(95 % interval {interval.low:.3f} to {interval.high:.3f})."
    ]
    if level:
        sentences.append(f"Not clearly behind it: {', '.join(level)}.")
    sentences.append(
        f"Not clearly different from {always}, which scores "
        f"{results.dataset.majority_accuracy:.3f}: {', '.join(no_better) or 'none'}."
    )
    if not all(model.is_baseline for model in results.models):
        sentences.append(_which_epoch(results))
    return sentences


def _which_epoch(results: Results) -> str:
    if not results.validation_split:
        return f"Each network is that of the last of {results.epochs} epochs; no data chose it."
    return (
        f"Each network is the best of {results.epochs} epochs, chosen on "
        f"{results.validation_split:.0%} of the training wires, which it was not trained on. The "
        "test wires chose nothing."
    )


def _topic_f1(run: Run, topics: Sequence[int]) -> list[dict[str, Any]]:
    scores = f1_by_topic(run.trials, topics)
    return [
        {
            "count": run.results.dataset.topics[topic],
            "f1": {model: float(of_model[row]) for model, of_model in scores.items()},
        }
        for row, topic in enumerate(topics)
    ]


def _mistake(
    wire: HardDocument, results: Results, texts: Sequence[Sequence[str]] | None, words: int
) -> Mistake:
    topics = [count.topic for count in results.dataset.topics]
    answers = {
        model: topics[answer.topic]
        + (f" ({answer.trials} of {answer.of} seeds)" if answer.trials < answer.of else "")
        for model, answer in wire.answers.items()
    }
    text = None
    if texts is not None:
        all_words = texts[wire.position]
        text = " ".join(all_words[:words]) + (" …" if len(all_words) > words else "")
    return Mistake(wire.position, topics[wire.topic], text, answers)


def _render(name: str, facts: dict[str, Any]) -> str:
    environment = Environment(
        loader=PackageLoader("rnnbench.report"),
        autoescape=name.endswith(".html.j2"),  # what stands in a run's folder is not trusted
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"inline": inline_svg, "markdown": to_markdown}
    return environment.get_template(name).render(facts)


def inline_svg(plot: Plot) -> Markup:
    """Return the SVG of a plot for an HTML page: ids of its own, ink and grid by the theme."""
    svg = plot.svg[plot.svg.index("<svg") :]
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{plot.name}-", svg)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = svg.replace(INK, "var(--ink)").replace(GRID, "var(--line)")
    for number, colour in enumerate(COLOURS):
        svg = svg.replace(colour, f"var(--data-{number})")
    return Markup(svg)  # noqa: S704 - we drew it, and Matplotlib escapes what it writes


def _on_paper(svg: str) -> str:
    """Return a picture with a background, for viewers whose own may be dark."""
    start = svg.index(">", svg.index("<svg")) + 1
    return f'{svg[:start]}\n <rect width="100%" height="100%" fill="{PAPER}"/>{svg[start:]}'
