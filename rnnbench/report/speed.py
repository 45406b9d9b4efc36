"""The speed tables: times by model, and what each way of training needs besides steps."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from statistics import median

from rnnbench.analysis import speed
from rnnbench.report.table import MISSING, Table, to_markdown
from rnnbench.results.speed import ContenderTimes, SpeedResults

OURS = "compiled"

Column = tuple[str, Callable[[str], str], str]
"""A header, what stands in the row of a model, and what in the row of all trainings."""


def speed_table(results: SpeedResults) -> Table:
    """Return one row a model with the milliseconds of a step, and one for all trainings."""
    columns = [*_times(results), *_ratios(results)]
    names = [each.model for each in results.product_times]
    rows = [[name, *(cell(name) for _, cell, _ in columns)] for name in names]
    whole = ["all trainings, s", *(total for _, _, total in columns)]
    headers = ["ms per step", *(header for header, _, _ in columns)]
    return Table(headers, [*rows, whole], _caption(results), is_last_apart=True)


def _times(results: SpeedResults) -> Iterator[Column]:
    for each in results.contenders:
        ms = partial(speed.ms_per_step, each)
        yield each.name, lambda model, ms=ms: f"{ms(model):.2f}", f"{speed.table_seconds(each):.1f}"
    products = _product_times(results)
    yield "products alone", lambda model: _number(products[model]), MISSING


def _ratios(results: SpeedResults) -> Iterator[Column]:
    """Yield how our engine compares, where it took part."""
    ours = speed.contender(results, OURS)
    if ours is None:
        return
    ms, products = partial(speed.ms_per_step, ours), _product_times(results)
    yield (
        f"{OURS} / products",
        lambda model: _number(products[model] and ms(model) / products[model]),
        MISSING,
    )
    for other in results.contenders:
        if other.name != OURS:
            theirs = partial(speed.ms_per_step, other)
            yield (
                f"{other.name} / {OURS}",
                lambda model, theirs=theirs: f"{theirs(model) / ms(model):.2f}",
                _with_range(speed.speed_ratios(ours, other)),
            )


def _product_times(results: SpeedResults) -> dict[str, float | None]:
    return {each.model: each.ms_per_step for each in results.product_times}


def _number(value: float | None) -> str:
    return MISSING if value is None else f"{value:.2f}"


def _with_range(values: Sequence[float]) -> str:
    """Return the median of several values, with the least and the greatest."""
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def _caption(results: SpeedResults) -> str:
    environment, n_rounds = results.environment, len(results.contenders[0].rounds)
    return (
        f"{len(results.product_times)} model(s), {len(results.seeds)} seed(s), "
        f"{results.epochs} epochs of {results.train_size:,} wires, {results.timesteps} steps long, "
        f"in batches of {results.batch_size}; medians over {n_rounds} round(s), in which the "
        "contenders took turns. Products alone: the time of a step's matrix products in NumPy's "
        f"BLAS on one core. {environment['cpu']}, {environment['cores']} cores."
    )


def contender_table(results: SpeedResults) -> Table:
    """Return one row a contender: how it trains, and what it costs besides the steps."""
    headers = [
        "contender",
        "processes",
        "threads of each",
        "s not spent on steps",
        "peak MB of a process",
        "mean test accuracy",
    ]
    what = "; ".join(f"{each.name}: {each.what}" for each in results.contenders)
    caption = (
        f"{what[0].upper()}{what[1:]}. Not spent on steps, by the slowest process: start, "
        "compilation, predictions, idling."
    )
    return Table(headers, [_contender_row(each) for each in results.contenders], caption)


def _contender_row(contender: ContenderTimes) -> list[str]:
    trials = [trial for each in contender.rounds for trial in each.trials]
    return [
        contender.name,
        str(contender.jobs),
        str(contender.threads),
        f"{speed.overhead_seconds(contender):.1f}",
        f"{speed.peak_memory_mb(contender):,.0f}",
        f"{sum(trial.accuracy for trial in trials) / len(trials):.4f}",
    ]


def product_table(results: SpeedResults) -> Table:
    """Return one row for each shape of product, with how fast this machine carries it out."""
    rows = [
        [
            f"({rate.rows} x {rate.inner})({rate.inner} x {rate.columns})",
            str(rate.count),
            f"{rate.microseconds:.1f}",
            f"{rate.gflops:.0f}",
        ]
        for rate in results.products
    ]
    return Table(["product", "in a row", "us each", "GFLOP/s"], rows, "NumPy's BLAS on one core.")


def speed_tables(results: SpeedResults) -> list[Table]:
    """Return all tables."""
    products = [product_table(results)] if results.products else []
    return [speed_table(results), contender_table(results), *products]


def to_speed_markdown(results: SpeedResults) -> str:
    """Return all tables in GitHub's Markdown."""
    return "\n".join(map(to_markdown, speed_tables(results)))
