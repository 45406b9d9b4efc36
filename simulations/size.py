"""Print the CPU time, the memory and the disk space of commands on large tables.

Run it as ``python simulations/size.py 10000x20 100000x20 804000x103+``: rows x labels,
with a + if a row may have several labels. ``--only run:tfidf_linear_svm`` chooses a case;
``--list`` prints all. The tables are made: words by Zipf's law, 100 in a row. Every
command begins with an empty cache. Linux only.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from rnnbench.environment import cpu
from rnnbench.report.table import Table, to_markdown

WORDS = 100
VOCABULARY = 100_000
SIGNS, SHARE = 40, 0.04
"""The words that hint at each label, and their share of its texts."""
SYLLABLES = [
    first + rest
    for first in "bcdfghjklmnprstvwz"
    for rest in ("a", "e", "i", "o", "u", "an", "er", "in")
]
ROWS_AT_ONCE = 20_000
MOST_MB = 14_000
"""Whatever needs more memory is killed."""
PAUSE = 0.1  # seconds
BASELINES = (
    "multinomial_naive_bayes",
    "tfidf_linear_svm",
    "tfidf_logistic_regression",
)
CONFIG = """
extends: texts
name: size
data: {on_bad: error}
models:
"""
STRATIFIED = "  stratified_NUMBER: {baseline: stratified}\n"
N_MODELS, N_SEEDS = 5, 3  # of the report


@dataclass(frozen=True)
class Shape:
    """The size of a table."""

    rows: int
    labels: int
    has_several: bool

    @classmethod
    def parse(cls, text):
        match = re.fullmatch(r"(\d+)x(\d+)(\+?)", text)
        if not match:
            raise argparse.ArgumentTypeError(f"got {text} (such as 10000x20)")
        return cls(int(match[1]), int(match[2]), bool(match[3]))

    def __str__(self):
        return f"{self.rows:,} x {self.labels}" + ", several" * self.has_several


@dataclass(frozen=True)
class Usage:
    """What a command used; ``peak_mb`` is that of all its processes together."""

    cpu_seconds: float
    peak_mb: float
    ending: str


class Folder:
    """The files of one case: a table, a config, the cache and the results."""

    def __init__(self, path, table):
        self.path, self.table, self.results = path, table, path / "results"
        self.answers = path / "answers.csv"
        self.config = path / "size.yaml"
        models = [STRATIFIED.replace("NUMBER", str(n)) for n in range(N_MODELS)]
        self.config.write_text(CONFIG + "".join(models))

    def run(self, *arguments):
        sources = [self.config, "--path", self.table, "--out", self.results]
        return ["run", *sources, "--quiet", *arguments]

    def kilobytes(self):
        files = [*self.results.rglob("*"), self.answers]
        return sum(file.stat().st_size for file in files if file.is_file()) / 1000


def show(folder):
    return ["data", "show", folder.config, "--path", folder.table]


def train(model, *options):
    """Return what gives the command that trains a model with one seed."""
    return lambda folder: folder.run("--models", model, "--seeds", "1", *options)


def predict(folder):
    files = ["--in", folder.table, "--out", folder.answers]
    return ["predict", folder.results, *files, "--quiet"]


def train_many(folder):
    models = ",".join(f"stratified_{number}" for number in range(N_MODELS))
    return folder.run("--models", models, "--seeds", str(N_SEEDS))


def report(folder):
    return ["report", folder.results]


@dataclass(frozen=True)
class Case:
    """A command that is measured, and one that comes before it."""

    name: str
    command: Callable
    before: Callable | None = None


CASES = [
    Case("data show", show),
    *[Case(f"run:{model}", train(model)) for model in BASELINES],
    Case("run:bigru_max", train("bigru_max", "--epochs", "1")),
    Case("predict --in", predict, before=train(BASELINES[0], "--save-models")),
    Case("report", report, before=train_many),
]


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shapes", nargs="*", type=Shape.parse)
    parser.add_argument("--only", help="the names of cases, with commas between them")
    parser.add_argument("--list", action="store_true")
    chosen = parser.parse_args(arguments)
    names = [case.name for case in CASES]
    if chosen.list:
        sys.stdout.write("\n".join(names) + "\n")
        return
    if chosen.only:
        names = chosen.only.split(",")
    cases = [case for case in CASES if case.name in names]
    rows = []
    for shape in chosen.shapes:
        with TemporaryDirectory() as top:
            table = Path(top) / "texts.jsonl"
            make_table(table, shape)
            for case in cases:
                rows.append([str(shape), case.name, *measured(case, table)])
                print(rows[-1], file=sys.stderr)  # noqa: T201
    caption = (
        f"CPU seconds, the largest memory of all processes together and the size of the "
        f"results. Texts of {WORDS} words, {VOCABULARY:,} words by Zipf's law. "
        f"{cpu()}, {os.cpu_count()} cores."
    )
    headers = ["rows x labels", "command", "CPU s", "peak MB", "KB of results"]
    sys.stdout.write(to_markdown(Table(headers, rows, caption)))


def measured(case, table):
    """Return the cells of a case: CPU seconds, MB and KB."""
    with TemporaryDirectory(dir=table.parent) as path:
        folder = Folder(Path(path), table)
        environment = os.environ | {"RNNBENCH_CACHE": f"{path}/cache"}
        if case.before:
            failed = usage_of(case.before(folder), environment).ending
            if failed:
                return [failed, "", ""]
        usage = usage_of(case.command(folder), environment)
        if usage.ending:
            return [usage.ending, f"{usage.peak_mb:,.0f}", ""]
        return [
            f"{usage.cpu_seconds:,.1f}",
            f"{usage.peak_mb:,.0f}",
            f"{folder.kilobytes():,.0f}",
        ]


def usage_of(arguments, environment):
    """Run a command of rnnbench to its end, and return what it used."""
    command = [sys.executable, "-m", "rnnbench", *map(str, arguments)]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
    )
    peak, ending, pid = 0, "", 0
    while not pid:
        time.sleep(PAUSE)
        peak = max(peak, memory_of(process.pid))
        if peak > MOST_MB and not ending:
            os.killpg(process.pid, signal.SIGKILL)
            ending = f"over {MOST_MB:,} MB"
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode and not ending:
        ending = f"failed ({process.returncode})"
    return Usage(used.ru_utime + used.ru_stime, peak, ending)


def memory_of(session):
    """Return the MB of all processes of a session; what they share counts once."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            after_name = (folder / "stat").read_text().rpartition(")")[2]
            if int(after_name.split()[3]) == session:
                rollup = (folder / "smaps_rollup").read_text()
                total += int(re.search(r"^Pss: +(\d+)", rollup, re.MULTILINE)[1])
        except (OSError, TypeError):  # it has ended
            continue
    return total * 1024 / 1e6


def make_table(file, shape):
    """Write a table of texts and labels, the same for the same shape."""
    random = np.random.default_rng(0)
    words = made_words(VOCABULARY)
    chances = 1 / (np.arange(VOCABULARY) + 2.7) ** 1.05
    ends = np.cumsum(chances / chances.sum())
    signs = random.choice(np.arange(200, 20_000), size=(shape.labels, SIGNS))
    chances = 1 / (np.arange(shape.labels) + 1) ** 0.7
    of_labels = chances / chances.sum()
    with file.open("w") as out:
        for start in range(0, shape.rows, ROWS_AT_ONCE):
            n = min(ROWS_AT_ONCE, shape.rows - start)
            labels = labels_of_rows(random, n, shape, of_labels)
            n_words = random.lognormal(np.log(WORDS) - 0.125, 0.5, n).astype(int)
            n_words = n_words.clip(5, 8 * WORDS)
            tokens = np.searchsorted(ends, random.random(n_words.sum()))
            tokens = tokens.clip(0, VOCABULARY - 1)
            row = np.repeat(np.arange(n), n_words)
            signed = np.flatnonzero(random.random(len(tokens)) < SHARE)
            hinted = [labels[number][0] for number in row[signed]]
            tokens[signed] = signs[hinted, random.integers(SIGNS, size=len(signed))]
            texts = np.split(words[tokens], np.cumsum(n_words)[:-1])
            for text, of_text in zip(texts, labels, strict=True):
                names = [f"label{number}" for number in of_text]
                value = str(names if shape.has_several else names[0]).replace("'", '"')
                if not shape.has_several:
                    value = f'"{value}"'
                out.write(f'{{"text": "{" ".join(text)}", "label": {value}}}\n')


def labels_of_rows(random, n, shape, chances):
    """Return the labels of each row."""
    counts = np.ones(n, int)
    if shape.has_several:
        counts += random.poisson(2.2, n)  # as in RCV1
    drawn = random.choice(shape.labels, size=counts.sum(), p=chances)
    rows = np.split(drawn, np.cumsum(counts)[:-1])
    return [list(dict.fromkeys(row.tolist())) for row in rows]


def made_words(n):
    """Return so many words, the shortest first."""
    spelled = (
        "".join(parts)
        for size in (1, 2, 3)
        for parts in product(SYLLABLES, repeat=size)
    )
    return np.array(list(islice(spelled, n)), dtype=object)


if __name__ == "__main__":
    main(sys.argv[1:])
