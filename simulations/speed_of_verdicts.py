"""Print the seconds of verdicts on 100,000 documents, 10 models and 5 seeds each.

Run it as ``python simulations/speed_of_verdicts.py``; the files need 1 GB in a
temporary folder, and have a row for each answer. Commands include the start of Python.
"""

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

from rnnbench import verdict
from rnnbench.environment import cpu
from rnnbench.report.table import Table, to_markdown

N, MODELS, SEEDS, LABELS = 100_000, 10, 5, 20
PLAIN = csv.WriteOptions(
    quoting_style="none", quoting_header="none"
)  # as pandas writes it
WRITERS = {
    "parquet": parquet.write_table,
    "csv": partial(csv.write_csv, write_options=PLAIN),
}


def main():
    random, rows = np.random.default_rng(0), []
    labels = random.integers(LABELS, size=N)
    names = np.array([f"label{number}" for number in range(LABELS)])
    is_right = (
        random.random((MODELS, SEEDS, N)) < np.linspace(0.7, 0.9, MODELS)[:, None, None]
    )
    answers = np.where(is_right, labels, random.integers(LABELS, size=is_right.shape))
    scores = random.random(is_right.shape).round(4)
    for kind, right, given in (
        ("labels", names[labels], names[answers]),
        ("scores", None, scores),
    ):
        rows += [[f"arrays of {kind}", _seconds(_call, right, given)]]
        with TemporaryDirectory() as folder:
            table = _table(right, given)
            for ending, write in WRITERS.items():
                file = Path(folder) / f"answers.{ending}"
                write(table, file)
                rows += [[f".{ending} of {kind}", _seconds(_command, file)]]
    caption = (
        f"A verdict on {N:,} documents, {MODELS} models and {SEEDS} seeds. "
        f"{cpu()}, {os.cpu_count()} cores."
    )
    sys.stdout.write(to_markdown(Table(["answers", "seconds"], rows, caption)))


def _table(right, given):
    """Return a row for each answer, ``given`` ``(n_models, n_seeds, n)``."""
    model, seed, place = (index.ravel() for index in np.indices(given.shape))
    columns = {
        "model": np.char.add("model", model.astype(str)),
        "seed": seed,
        "id": place,
    }
    if right is None:
        return pa.table(columns | {"score": given.ravel()})
    return pa.table(columns | {"label": right[place], "prediction": given.ravel()})


def _call(right, given):
    verdict(right, {f"model{number}": [*own] for number, own in enumerate(given)})


def _command(file):
    command = [sys.executable, "-m", "rnnbench", "verdict", file]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def _seconds(function, *arguments):
    begun = time.perf_counter()
    function(*arguments)
    return f"{time.perf_counter() - begun:.1f}"


if __name__ == "__main__":
    main()
