"""The records of a speed benchmark, and the tables of them: times, other costs, products."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median
from typing import Annotated, Any, Literal

from rnnbench.report.table import MISSING, Table, table_of, to_markdown
from rnnbench.results.store import SPEED
from rnnbench.section import Record, formerly
from rnnbench.storage import write_text
from rnnbench.text import counted

CONFIG, TABLES = "speed-config.yaml", "speed.md"
FILES = (SPEED, CONFIG, TABLES)  # the files of a speed benchmark
OURS = "native"


class TrialTime(Record):
    """The cost of one training."""

    model: str
    seed: int
    score: Annotated[float, formerly("accuracy")]
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
    """Peak memory of the process by the end of the trial, libraries included, in 10**6 bytes."""


class TableTime(Record):
    """One contender's time for the whole table in one round."""

    seconds: float
    """Wall time from starting the processes to the last prediction."""
    trials: list[TrialTime]

    @property
    def overhead_seconds(self) -> float:
        """The longest time that a process spent outside steps, which count as the median one."""
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

    def speedups(self, baseline: "ContenderTimes") -> list[float]:
        """Return how many times faster it was in each round; a machine changes between rounds."""
        pairs = zip(baseline.rounds, self.rounds, strict=True)
        return [slow.seconds / fast.seconds for slow, fast in pairs]


class ProductRate(Record):
    """The speed of one of ``count`` products ``(rows, inner)(inner, columns)``, on one core."""

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


def speed_table(results: SpeedResults) -> Table:
    """Return one row per model with the milliseconds of a step, and one for the whole table."""
    models = [of_model.model for of_model in results.product_times]
    products = [of_model.ms_per_step for of_model in results.product_times]
    contenders = {contender.name: contender for contender in results.contenders}
    ms = {name: list(map(contenders[name].ms_per_step, models)) for name in contenders}
    columns = {"ms per step": [*models, "all trainings, s"]}
    for name, contender in contenders.items():
        seconds = median(table.seconds for table in contender.rounds)
        columns[name] = [*_ratios(ms[name]), f"{seconds:.1f}"]
    columns["products alone"] = [*_ratios(products), MISSING]
    if ours := contenders.pop(OURS, None):
        columns[f"{OURS} / products"] = [*_ratios(ms[OURS], products), MISSING]
        for name, contender in contenders.items():
            speedups = ours.speedups(contender)
            spread = f" ({min(speedups):.2f}-{max(speedups):.2f})" if len(speedups) > 1 else ""
            speedup = f"{median(speedups):.2f}{spread}"
            columns[f"{name} / {OURS}"] = [*_ratios(ms[name], ms[OURS]), speedup]
    rows = list(zip(*columns.values(), strict=True))
    environment, n_rounds = results.environment, len(results.contenders[0].rounds)
    caption = (
        f"{counted(len(models), 'model')}, {counted(len(results.seeds), 'seed')}, "
        f"{results.epochs} epochs of {results.train_size:,} documents, {results.timesteps} steps "
        f"long, in batches of {results.batch_size}, or as a model's own training says; medians "
        f"over {counted(n_rounds, 'round')}, in which the contenders took turns. Products alone: "
        f"the time of a step's matrix products in NumPy's BLAS on one core. {environment['cpu']}, "
        f"{environment['cores']} cores."
    )
    return Table(list(columns), rows, caption, is_last_apart=True)


def _ratios(
    numerators: Sequence[float | None], denominators: Sequence[float | None] | None = None
) -> list[str]:
    """Return a cell for each ratio, or each numerator alone."""
    pairs = zip(numerators, denominators or [1.0] * len(numerators), strict=True)
    return [MISSING if a is None or b is None else f"{a / b:.2f}" for a, b in pairs]


def speed_tables(results: SpeedResults) -> list[Table]:
    """Return all tables: times, the other costs of contenders, and the rates of products."""
    ways = "; ".join(f"{contender.name}: {contender.what}" for contender in results.contenders)
    costs = table_of(
        results.contenders,
        {
            "contender": lambda one: one.name,
            "processes": lambda one: str(one.jobs),
            "threads of each": lambda one: str(one.threads),
            "s not spent on steps": lambda one: (
                f"{median(table.overhead_seconds for table in one.rounds):.1f}"
            ),
            "peak MB of a process": lambda one: f"{max(t.peak_memory_mb for t in one.trials):,.0f}",
            "mean test accuracy": lambda one: f"{mean(t.score for t in one.trials):.4f}",
        },
        f"{ways[0].upper()}{ways[1:]}. Not spent on steps, by the slowest process: start, "
        "compilation, predictions, idling.",
    )
    products = table_of(
        results.products,
        {
            "product": lambda rate: f"({rate.rows} x {rate.inner})({rate.inner} x {rate.columns})",
            "in a row": lambda rate: str(rate.count),
            "us each": lambda rate: f"{rate.microseconds:.1f}",
            "GFLOP/s": lambda rate: f"{rate.gflops:.0f}",
        },
        "NumPy's BLAS on one core.",
    )
    return [speed_table(results), costs, *[products] * bool(results.products)]
