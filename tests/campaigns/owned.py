"""Shares folders with files of the user's, with a second run, and with who removes results.

A user's file keeps its bytes, whatever its name. Of two runs with different configs in one folder,
the results are those of one. A run whose results were removed never ends as if they were there.
"""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from campaigns.bench import BASELINES, N_TRIALS, Bench, finish, rnnbench, start, wait_until
from campaigns.campaign import Campaign, misbehaviour, spell, warnings_heard

from rnnbench.analysis.load import load_run
from rnnbench.errors import RnnbenchError
from rnnbench.results.run import StoredRun

FINE, WRONG = 0, 2
OUT = ("--out", "out")
CHOOSE = ("choose", "tiny.yaml", "--models", "bayes,random", "--folds", "2", "--jobs", "1")
INTO_FOLDERS = [
    (*BASELINES, *OUT),
    (*CHOOSE, *OUT),
    ("bench-speed", "tiny.yaml", "--models", "rnn", *OUT),
    ("site", "results/tiny", *OUT),
]
INTO_FILES = [
    ("explain", "lstm", "--save", "mine.svg"),
    (*CHOOSE, "--write", "mine.yaml"),
    ("config", "new", "mine.yaml", "--from", "smoke"),
    ("leaderboard", "results/tiny", "--badge", "mine.json"),
]
INTO_RUNS = [BASELINES, ("report", "results/tiny", "--words", "0")]
"""Commands that write into the folder of a run."""
NAMES = [
    *("config.yaml", "environment.json", "constraints.txt", "results.json", "table.md"),
    *("table.csv", "choice.json", "choice.md", "site.json", "index.html", "runs/tiny/report.html"),
    *("speed.json", "speed.md", "speed-config.yaml", "report.html", "report.md", "mine.txt"),
    *("trials/bayes-seed3.json", "predictions/a.npz", "models/vocabulary.json", "tracking/a.csv"),
    *("plots/mine.png", ".lock", ".lock.json"),
]
OWN_IN_RUNS = ["report.html", "report.md", "plots/mine.png", "mine.txt", "trials/mine.txt"]
"""Names in the folder of a run that may be the user's."""


def attempt(_number: int, random: Random, bench: Bench, folder: Path) -> Iterator[str]:
    """Yield what is wrong in one of the cases."""
    bench.lay_out(folder)
    match random.choice(("folder", "folder", "file", "run", "inputs", "removal")):
        case "removal":
            yield from _removal(random, folder)
            return
        case "folder":
            own = [f"out/{name}" for name in random.sample(NAMES, random.choice((1, 1, 2, 5)))]
            command, statuses = random.choice(INTO_FOLDERS), [WRONG]
        case "file":
            own, command = ["mine.svg", "mine.yaml", "mine.json"], random.choice(INTO_FILES)
            statuses = [WRONG]
        case "run":
            names = random.sample(OWN_IN_RUNS, random.choice((1, 2)))
            own = [f"results/tiny/{name}" for name in names]
            command, statuses = random.choice(INTO_RUNS), [FINE, WRONG]
        case _:  # results go to the folder of the config and its data, or to one of the two
            out = random.choice((".", "", "sgml", "./temporary/.."))
            own, statuses = [], [WRONG]
            command = (*random.choice((BASELINES, CHOOSE)), "--out", out)
    bench.copy_run(folder)
    for name in own:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"my {name}")
    files = [*(folder / name for name in own), folder / "tiny.yaml", *folder.glob("sgml/*")]
    before = {file: file.read_bytes() for file in files}
    done = rnnbench(command, folder)
    yield from (f"{' '.join(command)}, {own}: {what}" for what in misbehaviour(done, statuses))
    for file, content in before.items():
        if not file.is_file() or file.read_bytes() != content:
            yield f"{' '.join(command)}: {file.relative_to(folder)} is lost"


def _removal(random: Random, folder: Path) -> Iterator[str]:
    """Remove results a moment after the first trial was stored."""
    place = random.choice(("", "trials", "predictions"))
    process = start(("run", "tiny.yaml", "--jobs", "2", *OUT), folder)
    trials = folder / "out" / "trials"
    wait_until(lambda: any(trials.glob("[!.]*")) or process.poll() is not None, seconds=60)
    time.sleep(random.choice((0, 0.1, 0.5, 1)) * random.random())
    shutil.rmtree(folder / "out" / place, ignore_errors=True)
    done = finish(process)
    yield from misbehaviour(done, [FINE, 1, WRONG], lines=20)
    left = len(list(trials.glob("[!.]*"))), len(list(trials.parent.glob("predictions/[!.]*")))
    if done.status == FINE and left != (N_TRIALS, N_TRIALS):
        yield f"{place or 'all'} was removed: exit status 0 with {left} files of {N_TRIALS} trials"


CAMPAIGN = Campaign(long=120, short=1, attempt=attempt)


# Two runs in one folder.

ALPHA = "models.bayes.baseline.multinomial_naive_bayes.alpha"
COMMANDS = {alpha: [*BASELINES, "--set", f"{ALPHA}={alpha}"] for alpha in (1.0, 50.0)}
"""The commands of two configs; the trials that depend on the value differ, too."""


def run_apart(bench: Bench, folder: Path) -> tuple[Bench, dict[float, list[bytes]]]:
    """Run both commands, each in a folder of its own, and return their answers too."""
    answers = {}
    for alpha, command in COMMANDS.items():
        place = bench.lay_out(folder / str(alpha))
        done = rnnbench(command, place)
        if done.status:
            raise RuntimeError(f"an undisturbed run failed: {done.err}")
        answers[alpha] = _answers(load_run(place / "results" / "tiny"))
    return bench, answers


def _answers(run: StoredRun) -> list[bytes]:
    return [trial.scores.tobytes() for of_model in run.trials.values() for trial in of_model]


def mix(
    _number: int, random: Random, apart: tuple[Bench, dict[float, list[bytes]]], folder: Path
) -> Iterator[str]:
    """Yield what is wrong when both commands run in one folder: trials have to match the config."""
    bench, answers = apart
    bench.lay_out(folder)
    first, second = random.sample(list(COMMANDS), 2)
    delay = random.choice([0, 0, random.uniform(0, 0.3), random.uniform(0, 2)])
    started = {first: start(COMMANDS[first], folder)}
    time.sleep(delay)
    started[second] = start(COMMANDS[second], folder)
    ended = {alpha: finish(process) for alpha, process in started.items()}
    for done in ended.values():
        yield from misbehaviour(done, (FINE, WRONG))
        if done.status == WRONG and "another process is writing there" not in done.err:
            yield f"refused for another reason: {done.err[:200]}"
    if not any(done.status == FINE for done in ended.values()):
        yield f"both were refused, the second one {delay:.3f} s later"
    try:
        with warnings_heard():
            run = load_run(folder / "results" / "tiny")
    except RnnbenchError as error:
        yield f"the run cannot be read: {spell(error)}"
        return
    alpha = run.config["models"]["bayes"]["baseline"]["multinomial_naive_bayes"]["alpha"]
    if ended[alpha].status:
        yield "the results are those of the run that was refused"
    if _answers(run) != answers[alpha]:
        yield f"the trials are not those of the config, the second run {delay:.3f} s later"
    if f"{ALPHA}={alpha}" not in run.results.command:
        yield f"the command is not that of the config: {run.results.command}"


MIXING = Campaign(long=30, short=0, attempt=mix, prepare=run_apart)
