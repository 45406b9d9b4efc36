"""Print how much longer a run takes on a Dask cluster than with local processes, on one machine.

Run it as ``python tests/simulations/overhead_of_clusters.py configs/all.yaml --seeds 3``; the
arguments are those of ``rnnbench run``. The executors take turns, and each trial is trained anew.
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parents[1]))

from clusters import Cluster, cluster

from rnnbench.environment import cpu
from rnnbench.report.table import Table, to_markdown

ROUNDS = 3


def main(arguments: list[str]) -> None:
    cores = os.cpu_count() or 1
    rows = []
    with TemporaryDirectory() as folder, cluster(Path(folder, "cluster"), cores) as made:
        executors = {
            "local": ["--jobs", str(cores)],
            "dask": ["--executor", "dask", "--scheduler", str(made.file)],
        }
        for number in range(ROUNDS):
            order = [*executors][:: 1 if number % 2 else -1]
            seconds = {
                name: _seconds(
                    made, [*arguments, *executors[name]], Path(folder, f"{name}{number}")
                )
                for name in order
            }
            rows.append([seconds["local"], seconds["dask"], seconds["dask"] / seconds["local"]])
            print(rows[-1], file=sys.stderr)  # noqa: T201
    rows.append([statistics.median(column) for column in zip(*rows, strict=True)])
    shown = [
        [str(number or "median"), f"{local:.1f}", f"{dask:.1f}", f"{ratio:.3f}"]
        for number, (local, dask, ratio) in zip([*range(1, ROUNDS + 1), 0], rows, strict=True)
    ]
    caption = (
        f"Wall time of `rnnbench run {' '.join(arguments)}` with local processes, and on a Dask "
        f"cluster of as many workers as cores on the same machine; the executors took turns. "
        f"{cpu()}, {cores} cores."
    )
    headers = ["round", "local, s", "dask, s", "dask / local"]
    sys.stdout.write(to_markdown(Table(headers, shown, caption)))


def _seconds(made: Cluster, arguments: list[str]) -> float:
    command = [sys.executable, "-m", "rnnbench", "run", *arguments, "--quiet", "--out"]
    with TemporaryDirectory() as out:
        begun = time.monotonic()
        subprocess.run([*command, out], env=made.environment, stdout=subprocess.DEVNULL, check=True)
        return time.monotonic() - begun


if __name__ == "__main__":
    main(sys.argv[1:])
