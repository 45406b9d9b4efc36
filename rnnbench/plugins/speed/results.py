"""The records of a speed benchmark, and the tables of them: times, other costs, products."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any, Literal

from rnnbench.report.table import MISSING, Table, to_markdown
from rnnbench.results.lock import SPEED
from rnnbench.section import Record
from rnnbench.storage import write_text
from rnnbench.text import counted

CONFIG, TABLES = "speed-config.yaml", "speed.md"
FILES = (SPEED, CONFIG, TABLES)
"""The files of a speed benchmark."""
OURS = "compiled"


class TrialTime(Record):
    """The cost of one training."""

    model: str
    seed: int
    accuracy: float
    """Share of test documents with the right topic, as proof that the contender really trains."""
    ms_per_step: float
    """An epoch's wall time divided by its steps; the median over the epochs after the first."""
    steps: int
    seconds: float
    """Wall time of the whole trial, compilation and predictions included."""
    started: float
    """Seconds from the start of the contender to that of the trial."""
    process: int
    peak_memory_mb: float
    """Peak memory of the process up to the end of the trial, in 10**6 bytes."""


class TableTime(Record):
    """One contender's time for the whole table in one round."""

    seconds: float
    """Wall time from starting the processes to the last prediction."""
    trials: list[TrialTime]

    @property
    def overhead_seconds(self) -> float:
        """The longest time that a process spent outside training steps."""
        by_process = defaultdict(list)
        for trial in self.trials:
            by_process[trial.process].append(trial)
        return max(
            max(trial.started + trial.seconds for trial in trials)
            - sum(trial.steps * trial.ms_per_step / 1000 for trial in trials)
            for trials in by_process.values()
        )


class ContenderTimes(Record):
    """One way of training, over all rounds."""

    name: str
    what: str
    """The way of training in words."""
    jobs: int
    threads: int
    rounds: list[TableTime]

    @property
    def trials(self) -> list[TrialTime]:
        """The trials of all rounds."""
        return [trial for table in self.rounds for trial in table.trials]

    def ms_per_step(self, model: str) -> float:
        """Return the median over all trials of ``model`` in all rounds."""
        return median(trial.ms_per_step for trial in self.trials if trial.model == model)

    @property
    def table_seconds(self) -> float:
        """The time of the whole table: the median over rounds."""
        return median(table.seconds for table in self.rounds)

    @property
    def overhead_seconds(self) -> float:
        """The time outside training steps of the slowest process: the median over rounds.

        It includes start-up, compilation, predictions, and the excess of slow epochs over the
        median.
        """
        return median(table.overhead_seconds for table in self.rounds)

    def speedups(self, baseline: "ContenderTimes") -> list[float]:
        """Return for each round how many times faster than ``baseline`` the whole table was.

        The two tables of a round were trained soon after each other, on a machine in a similar
        state; ratios of medians over rounds would lose that.
        """
        pairs = zip(baseline.rounds, self.rounds, strict=True)
        return [slow.seconds / fast.seconds for slow, fast in pairs]


class ProductRate(Record):
    """The speed of the product ``(rows, inner)(inner, columns)`` on one core of this machine.

    ``count`` such products are carried out one after the other; the time is that of one.
    """

    rows: int
    inner: int
    columns: int
    count: int
    microseconds: float
    gflops: float


class ProductTime(Record):
    """The time of the matrix products alone in one optimizer step of a model, on one core."""

    model: str
    ms_per_step: float | None
    """``None`` if all products are too thin to be bound by arithmetic."""


class SpeedResults(Record):
    """The content of ``speed.json``."""

    schema_version: Literal[1] = 1
    name: str
    dataset_fingerprint: str
    train_size: int
    timesteps: int
    epochs: int
    batch_size: int
    optimizer: str
    seeds: list[int]
    contenders: list[ContenderTimes]
    products: list[ProductRate]
    product_times: list[ProductTime]
    environment: dict[str, Any]


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
    models = [of_model.model for of_model in results.product_times]
    products = [of_model.ms_per_step for of_model in results.product_times]
    contenders = {contender.name: contender for contender in results.contenders}
    ms = {name: list(map(contenders[name].ms_per_step, models)) for name in contenders}
    columns = {"ms per step": [*models, "all trainings, s"]}
    for name, contender in contenders.items():
        columns[name] = [*_ratios(ms[name]), f"{contender.table_seconds:.1f}"]
    columns["products alone"] = [*_ratios(products), MISSING]
    if ours := contenders.pop(OURS, None):
        columns[f"{OURS} / products"] = [*_ratios(ms[OURS], products), MISSING]
        for name, contender in contenders.items():
            speedup = _with_range(ours.speedups(contender))
            columns[f"{name} / {OURS}"] = [*_ratios(ms[name], ms[OURS]), speedup]
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
    rows = [
        [
            contender.name,
            str(contender.jobs),
            str(contender.threads),
            f"{contender.overhead_seconds:.1f}",
            f"{max(trial.peak_memory_mb for trial in contender.trials):,.0f}",
            f"{mean(trial.accuracy for trial in contender.trials):.4f}",
        ]
        for contender in results.contenders
    ]
    ways = "; ".join(f"{contender.name}: {contender.what}" for contender in results.contenders)
    caption = (
        f"{ways[0].upper()}{ways[1:]}. Not spent on steps, by the slowest process: start, "
        "compilation, predictions, idling."
    )
    return Table(headers, rows, caption)


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
