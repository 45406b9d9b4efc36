"""Print how much longer a run takes on a Dask cluster than with local processes, on one
machine.

Run it as ``python simulations/overhead_of_clusters.py configs/all.yaml --seeds
3``; the arguments are those of ``rnnbench run``. The executors take turns, and each
trial is trained anew.
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from clusters import cluster

from rnnbench.environment import cpu
from rnnbench.report.table import Table, to_markdown

ROUNDS = 3
SETTINGS = {
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s",
}
"""The settings of Dask that ``docs/speed.md`` recommends."""


def main(arguments):
    cores, rows = os.cpu_count() or 1, []
    for number in range(ROUNDS):
        order = [local, dask][:: 1 if number % 2 else -1]
        seconds = {entry: entry(arguments, cores) for entry in order}
        rows.append([seconds[local], seconds[dask], seconds[dask] / seconds[local]])
        print(rows[-1], file=sys.stderr)  # noqa: T201
    rows.append([statistics.median(column) for column in zip(*rows, strict=True)])
    shown = [
        [str(number or "median"), f"{local:.1f}", f"{dask:.1f}", f"{ratio:.3f}"]
        for number, (local, dask, ratio) in zip(
            [*range(1, ROUNDS + 1), 0], rows, strict=True
        )
    ]
    settings = " and ".join(f"{name}={value}" for name, value in SETTINGS.items())
    caption = (
        f"Wall time of rnnbench run {' '.join(arguments)} with local processes, and on a Dask "
        f"cluster that is running already on the same machine, with one worker per core and "
        f"{settings}; the executors took turns. Each median is that of its column. "
        f"{cpu()}, {cores} cores."
    )
    headers = ["round", "local, s", "dask, s", "dask / local"]
    sys.stdout.write(to_markdown(Table(headers, shown, caption)))


def local(arguments, cores):
    """Return the seconds of a run with local processes."""
    return _seconds([*arguments, "--jobs", str(cores)], os.environ)


def dask(arguments, cores):
    """Return the seconds of a run on a cluster that is running already."""
    with (
        TemporaryDirectory() as folder,
        cluster(Path(folder), cores, **SETTINGS) as made,
    ):
        options = ["--executor", "dask", "--scheduler", str(made.file)]
        return _seconds([*arguments, *options], made.environment)


def _seconds(arguments, environment):
    command = [sys.executable, "-m", "rnnbench", "run", *arguments, "--quiet", "--out"]
    with TemporaryDirectory() as out:
        begun = time.monotonic()
        subprocess.run(
            [*command, out], env=environment, stdout=subprocess.DEVNULL, check=True
        )
        return time.monotonic() - begun


if __name__ == "__main__":
    main(sys.argv[1:])
