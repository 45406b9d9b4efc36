"""The tables of a speed benchmark, and its files."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from rnnbench.plugin import (
    MISSING,
    SPEED,
    Columns,
    Table,
    counted,
    heading,
    listed,
    number_text,
    sentences,
    table_of,
    to_markdown,
    write_text,
)
from rnnbench.plugins.speed.contenders import OURS
from rnnbench.plugins.speed.records import ContenderTimes, ProductRate, SpeedResults

CONFIG = "speed-config.yaml"
TABLES = "speed.md"
FILES = (SPEED, CONFIG, TABLES)
"""The files of a speed benchmark."""
Numbers = Sequence[float | None]


def write_speed(folder: Path, results: SpeedResults, config: str) -> None:
    """Write ``speed.json``, ``speed.md``, and the resolved ``speed-config.yaml``."""
    write_text(folder / SPEED, results.model_dump_json(indent=1) + "\n")
    write_text(folder / CONFIG, config)
    write_text(folder / TABLES, "\n".join(map(to_markdown, speed_tables(results))))


def speed_tables(results: SpeedResults) -> list[Table]:
    """Return all tables: times, other costs of contenders, and rates of products."""
    tables = [speed_table(results), _costs_table(results)]
    if results.products:
        tables.append(_products_table(results))
    return tables


def speed_table(results: SpeedResults) -> Table:
    """Return the milliseconds of a step of each model, and the time of all trainings.

    ``native`` is compared with the other contenders.
    """
    in_products = {time.model: time.ms_per_step for time in results.product_times}
    models = list(in_products)
    products = list(in_products.values())
    columns: dict[str, list[str]] = {"ms per step": [*models, "all trainings, s"]}
    ms: dict[str, Numbers] = {}
    for contender in results.contenders:
        ms[contender.name] = [contender.ms_per_step(model) for model in models]
        cells = [_number(value) for value in ms[contender.name]]
        columns[contender.name] = [*cells, number_text(contender.seconds(), ".1f")]
    columns["products alone"] = [*map(_number, products), MISSING]
    contenders = {contender.name: contender for contender in results.contenders}
    if OURS in contenders:
        ours = contenders.pop(OURS)
        over_products = map(_ratio, ms[OURS], products)
        columns[f"{OURS} / products"] = [*over_products, MISSING]
        for name, contender in contenders.items():
            over_ours = map(_ratio, ms[name], ms[OURS])
            columns[f"{name} / {OURS}"] = [*over_ours, _speedup(ours, contender)]
    rows = list(zip(*columns.values(), strict=True))
    return Table(list(columns), rows, _about_times(results), is_last_apart=True)


def _number(value: float | None) -> str:
    return number_text(value, ".2f")


def _ratio(top: float | None, bottom: float | None) -> str:
    if top is None or bottom is None:
        return MISSING
    return f"{top / bottom:.2f}"


def _speedup(ours: ContenderTimes, contender: ContenderTimes) -> str:
    """Return the median speedup and, given several rounds, its range."""
    speedups = ours.speedups(contender)
    if not speedups:
        return MISSING
    text = f"{median(speedups):.2f}"
    if len(speedups) > 1:
        text += f" ({min(speedups):.2f}-{max(speedups):.2f})"
    return text


def _about_times(results: SpeedResults) -> str:
    environment = results.environment
    n_models = counted(len(results.product_times), "model")
    n_seeds = counted(len(results.seeds), "seed")
    n_rounds = counted(len(results.contenders[0].rounds), "round")
    parts = [
        f"{n_models}, {n_seeds}, {results.epochs} epochs of {results.train_size:,} "
        f"documents, {results.timesteps} steps long, in batches of "
        f"{results.batch_size}, or as a model's own training says; medians over "
        f"{n_rounds}, in which the contenders took turns. Products alone: the time of "
        "a step's matrix products in NumPy's BLAS on one core. "
        f"{environment['cpu']}, {environment['cores']} cores."
    ]
    for contender in results.contenders:
        if contender.cannot_train:
            parts.append(
                f"{contender.name} cannot train {listed(contender.cannot_train)}, so "
                "it has no time for 'all trainings'."
            )
    return sentences(*parts)


def _costs_table(results: SpeedResults) -> Table:
    columns: Columns[ContenderTimes] = {
        "contender": lambda contender: contender.name,
        "processes": lambda contender: str(contender.jobs),
        "threads of each": lambda contender: str(contender.threads),
        "s not spent on steps": _overhead,
        "peak MB of a process": _peak_memory,
        "mean test accuracy": lambda contender: number_text(contender.score()),
    }
    ways = "; ".join(
        f"{contender.name}: {contender.what}" for contender in results.contenders
    )
    caption = (
        f"{heading(ways)}. Not spent on steps, by the slowest process: start, "
        "compilation, predictions, idling."
    )
    return table_of(results.contenders, columns, caption)


def _overhead(contender: ContenderTimes) -> str:
    return f"{median(table.overhead_seconds for table in contender.rounds):.1f}"


def _peak_memory(contender: ContenderTimes) -> str:
    peak = max(trial.peak_memory_mb for trial in contender.trials)
    if not peak:  # on Windows
        return MISSING
    return f"{peak:,.0f}"


def _products_table(results: SpeedResults) -> Table:
    columns: Columns[ProductRate] = {
        "product": lambda rate: (
            f"({rate.rows} x {rate.inner})({rate.inner} x {rate.columns})"
        ),
        "in a row": lambda rate: str(rate.count),
        "us each": lambda rate: f"{rate.microseconds:.1f}",
        "GFLOP/s": lambda rate: f"{rate.gflops:.0f}",
    }
    return table_of(results.products, columns, "NumPy's BLAS on one core.")
