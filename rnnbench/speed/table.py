"""The speed tables: times by model, costs besides the steps, and matrix products."""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median

from rnnbench.report.numbers import MISSING
from rnnbench.report.table import Table, to_markdown
from rnnbench.results.lock import SPEED
from rnnbench.speed.records import ContenderTimes, SpeedResults
from rnnbench.storage import write_text
from rnnbench.text import counted

CONFIG, TABLES = "speed-config.yaml", "speed.md"
FILES = (SPEED, CONFIG, TABLES)
"""The files of a speed benchmark."""
OURS = "compiled"


def write_speed(folder: Path, results: SpeedResults, config: str) -> None:
    """Write ``speed.json``, ``speed.md``, and the resolved ``speed-config.yaml``."""
    write_text(folder / SPEED, results.model_dump_json(indent=1) + "\n")
    write_text(folder / CONFIG, config)
    write_text(folder / TABLES, "\n".join(map(to_markdown, speed_tables(results))))


def speed_tables(results: SpeedResults) -> list[Table]:
    """Return all tables."""
    products = [product_table(results)] if results.products else []
    return [speed_table(results), contender_table(results), *products]


def speed_table(results: SpeedResults) -> Table:
    """Return one row per model with the milliseconds of a step, and one for the whole table."""
    models = [each.model for each in results.product_times]
    products = [each.ms_per_step for each in results.product_times]
    ms = {each.name: [each.ms_per_step(model) for model in models] for each in results.contenders}
    columns = {"ms per step": [*models, "all trainings, s"]}
    for each in results.contenders:
        columns[each.name] = [*_ratios(ms[each.name]), f"{each.table_seconds:.1f}"]
    columns["products alone"] = [*_ratios(products), MISSING]
    if OURS in ms:
        columns[f"{OURS} / products"] = [*_ratios(ms[OURS], products), MISSING]
        ours = next(each for each in results.contenders if each.name == OURS)
        for each in results.contenders:
            if each is not ours:
                speedup = _with_range(ours.speedups(each))
                columns[f"{each.name} / {OURS}"] = [*_ratios(ms[each.name], ms[OURS]), speedup]
    rows = list(zip(*columns.values(), strict=True))
    return Table(list(columns), rows, _caption(results), is_last_apart=True)


def _ratios(
    numerators: Sequence[float | None], denominators: Sequence[float | None] | None = None
) -> list[str]:
    """Return a cell for each ratio, or each numerator alone."""
    pairs = zip(numerators, denominators or [1.0] * len(numerators), strict=True)
    return [MISSING if a is None or b is None else f"{a / b:.2f}" for a, b in pairs]


def _with_range(values: Sequence[float]) -> str:
    """Return the median, with the smallest and the largest if there are several values."""
    spread = f" ({min(values):.2f}-{max(values):.2f})" if len(values) > 1 else ""
    return f"{median(values):.2f}{spread}"


def _caption(results: SpeedResults) -> str:
    environment, n_rounds = results.environment, len(results.contenders[0].rounds)
    return (
        f"{counted(len(results.product_times), 'model')}, {counted(len(results.seeds), 'seed')}, "
        f"{results.epochs} epochs of {results.train_size:,} documents, {results.timesteps} steps "
        f"long, in batches of {results.batch_size}; medians over {counted(n_rounds, 'round')}, in "
        "which the contenders took turns. Products alone: the time of a step's matrix products in "
        f"NumPy's BLAS on one core. {environment['cpu']}, {environment['cores']} cores."
    )


def contender_table(results: SpeedResults) -> Table:
    """Return one row per contender: its processes, and its costs besides the steps."""
    headers = [
        "contender",
        "processes",
        "threads of each",
        "s not spent on steps",
        "peak MB of a process",
        "mean test accuracy",
    ]
    ways = "; ".join(f"{each.name}: {each.what}" for each in results.contenders)
    caption = (
        f"{ways[0].upper()}{ways[1:]}. Not spent on steps, by the slowest process: start, "
        "compilation, predictions, idling."
    )
    return Table(headers, [_contender_row(each) for each in results.contenders], caption)


def _contender_row(contender: ContenderTimes) -> list[str]:
    return [
        contender.name,
        str(contender.jobs),
        str(contender.threads),
        f"{contender.overhead_seconds:.1f}",
        f"{max(trial.peak_memory_mb for trial in contender.trials):,.0f}",
        f"{mean(trial.accuracy for trial in contender.trials):.4f}",
    ]


def product_table(results: SpeedResults) -> Table:
    """Return one row per shape of product with its time on this machine."""
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
