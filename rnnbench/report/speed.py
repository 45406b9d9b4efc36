"""The speed tables: times by model, and what each way of training needs besides steps."""

from rnnbench.analysis import speed
from rnnbench.report.table import MISSING, Table, to_markdown
from rnnbench.results.speed import ContenderTimes, SpeedResults

OURS = "compiled"


def speed_table(results: SpeedResults) -> Table:
    """Return one row a model with the milliseconds of a step, and one for the whole table."""
    ours = speed.contender(results, OURS)
    others = [each for each in results.contenders if each.name != OURS]
    headers = [
        "ms per step",
        *(each.name for each in results.contenders),
        "product bound",
        *([f"{OURS} / bound"] if ours else []),
        *(f"{each.name} / {OURS}" for each in others if ours),
    ]
    rows = []
    for bound in results.bounds:
        ms = {each.name: speed.ms_per_step(each, bound.model) for each in results.contenders}
        rows.append(
            [
                bound.model,
                *(f"{value:.2f}" for value in ms.values()),
                f"{bound.ms_per_step:.2f}",
                *([f"{ms[OURS] / bound.ms_per_step:.2f}"] if ours else []),
                *(f"{ms[each.name] / ms[OURS]:.2f}" for each in others if ours),
            ]
        )
    whole = [
        "whole table, s",
        *(f"{speed.table_seconds(each):.1f}" for each in results.contenders),
        MISSING,
        *([MISSING] if ours else []),
        *(f"{speed.speed_ratio(ours, each):.2f}" for each in others if ours),
    ]
    return Table(headers, [*rows, whole], _caption(results), is_last_apart=True)


def _caption(results: SpeedResults) -> str:
    environment = results.environment
    return (
        f"{len(results.bounds)} models, {len(results.seeds)} seed(s), {results.epochs} epochs, "
        f"{results.train_size:,} wires of {results.timesteps} steps; medians over "
        f"{len(results.contenders[0].rounds)} round(s), the contenders in turn. "
        f"The bound is the time of the matrix products alone, on one core. "
        f"{environment['cpu']}, {environment['cores']} cores."
    )


def contender_table(results: SpeedResults) -> Table:
    """Return one row a contender: how it trains, and what it costs besides the steps."""
    headers = [
        "contender",
        "processes",
        "threads of each",
        "steps of every model in 1 s",
        "most s of a process not spent on steps",
        "most MB of a process",
        "mean test accuracy",
    ]
    rows = [_contender_row(each) for each in results.contenders]
    what = "; ".join(f"{each.name}: {each.what}" for each in results.contenders)
    return Table(headers, rows, f"{what[0].upper()}{what[1:]}.")


def _contender_row(contender: ContenderTimes) -> list[str]:
    trials = [trial for each in contender.rounds for trial in each.trials]
    return [
        contender.name,
        str(contender.jobs),
        str(contender.threads),
        f"{speed.throughput(contender):.1f}",
        f"{speed.overhead_seconds(contender):.1f}",
        f"{speed.peak_memory_mb(contender):,.0f}",
        f"{sum(trial.accuracy for trial in trials) / len(trials):.4f}",
    ]


def product_table(results: SpeedResults) -> Table:
    """Return one row for each shape of product, with how fast this machine carries it out."""
    rows = [
        [
            f"({rate.rows} x {rate.inner})({rate.inner} x {rate.columns})",
            f"{rate.microseconds:.1f}",
            f"{rate.gflops:.0f}",
        ]
        for rate in results.products
    ]
    return Table(["product", "us", "GFLOP/s"], rows, "NumPy's BLAS on one core.")


def to_speed_markdown(results: SpeedResults) -> str:
    """Return all tables in GitHub's Markdown."""
    tables = (speed_table(results), contender_table(results), product_table(results))
    return "\n".join(map(to_markdown, tables))
