"""Puts files of the user's where commands write, or removes results while a run goes
on.

A user's file keeps its bytes, whatever its name, and a run whose results were removed
never ends as if they were there.
"""

import shutil
import time

from campaigns.bench import BASELINES, N_TRIALS, finish, rnnbench, start, wait_until
from campaigns.campaign import Campaign, misbehaviour

FINE, WRONG = 0, 2
OUT = ("--out", "out")
CHOOSE = (
    "choose",
    "tiny.yaml",
    "--models",
    "bayes,random",
    "--folds",
    "2",
    "--jobs",
    "1",
)
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
    *(
        "table.csv",
        "choice.json",
        "choice.md",
        "site.json",
        "index.html",
        "runs/tiny/report.html",
    ),
    *(
        "speed.json",
        "speed.md",
        "speed-config.yaml",
        "report.html",
        "report.md",
        "mine.txt",
    ),
    *(
        "trials/bayes-seed3.json",
        "predictions/a.npz",
        "models/vocabulary.json",
        "tracking/a.csv",
    ),
    *("plots/mine.png", ".lock", ".lock.json"),
]
HIDDEN = [".bashrc", ".config/settings.json", ".ssh/id_ed25519", ".profile"]
PREDICT = ("predict", "results/tiny", "bayes", "--in", "new.csv", "--force", "--out")
OWN_IN_RUNS = [
    "report.html",
    "report.md",
    "plots/mine.png",
    "mine.txt",
    "trials/mine.txt",
]
"""Names in the folder of a run that may be the user's."""


def attempt(_number, random, bench, folder):
    bench.lay_out(folder)
    kinds = (
        "folder",
        "folder",
        "file",
        "run",
        "inputs",
        "removal",
        "home",
        "verdict",
        "table",
    )
    match random.choice(kinds):
        case "removal":
            yield from _removal(random, folder)
            return
        case "verdict":
            yield from _verdicts(random, bench, folder)
            return
        case "home":
            own = [
                f"out/{name}" for name in random.sample(HIDDEN, random.choice((1, 2)))
            ]
            command, statuses = random.choice(INTO_FOLDERS), [WRONG]
        case "table":
            own, statuses = ["new.csv"], [WRONG]
            command = (
                *PREDICT,
                random.choice(("new.csv", "./new.csv", "temporary/../new.csv")),
            )
        case "folder":
            own = [
                f"out/{name}"
                for name in random.sample(NAMES, random.choice((1, 1, 2, 5)))
            ]
            command, statuses = random.choice(INTO_FOLDERS), [WRONG]
        case "file":
            own, command = (
                ["mine.svg", "mine.yaml", "mine.json"],
                random.choice(INTO_FILES),
            )
            statuses = [WRONG]
        case "run":
            names = random.sample(OWN_IN_RUNS, random.choice((1, 2)))
            own = [f"results/tiny/{name}" for name in names]
            command, statuses = random.choice(INTO_RUNS), [FINE, WRONG]
        case (
            _
        ):  # results go to the folder of the config and its data, or to one of the two
            out = random.choice((".", "", " ", "sgml", "./temporary/.."))
            own, statuses = [], [WRONG]
            command = (*random.choice((BASELINES, CHOOSE)), "--out", out)
    bench.copy_run(folder)
    for name in own:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"my {name}")
    files = [
        *(folder / name for name in own),
        folder / "tiny.yaml",
        *folder.glob("sgml/*"),
    ]
    before = {file: file.read_bytes() for file in files}
    done = rnnbench(command, folder)
    yield from (
        f"{' '.join(command)}, {own}: {what}" for what in misbehaviour(done, statuses)
    )
    for file, content in before.items():
        if not file.is_file() or file.read_bytes() != content:
            yield f"{' '.join(command)}: {file.relative_to(folder)} is lost"


def _verdicts(random, bench, folder):
    """Yield what is wrong if a verdict and another result are stored in one folder."""
    bench.copy_run(folder)
    for name, answer in (("mine", "a"), ("yours", "b")):
        (folder / f"{name}.csv").write_text(f"label,prediction\na,{answer}\nb,b\n")
    verdict = ("verdict", "mine.csv", "--out", "mine")
    yield from misbehaviour(rnnbench(verdict, folder), [FINE])
    command, place = random.choice(
        [
            ((*BASELINES, "--out", "mine"), "mine"),
            (("verdict", "yours.csv", "--out", "mine"), "mine"),
            (("verdict", "mine.csv", "--out", "results/tiny"), "results/tiny"),
        ]
    )
    results = folder / place / "results.json"
    before = results.read_bytes()
    yield from (
        f"{command}: {what}"
        for what in misbehaviour(rnnbench(command, folder), [WRONG])
    )
    if results.read_bytes() != before:
        yield f"{command}: {place} is replaced"


def _removal(random, folder):
    """Remove results a moment after the first trial was stored."""
    place = random.choice(("", "trials", "predictions"))
    process = start(("run", "tiny.yaml", "--jobs", "2", *OUT), folder)
    trials = folder / "out" / "trials"
    wait_until(
        lambda: any(trials.glob("[!.]*")) or process.poll() is not None, seconds=60
    )
    time.sleep(random.choice((0, 0.1, 0.5, 1)) * random.random())
    shutil.rmtree(folder / "out" / place, ignore_errors=True)
    done = finish(process)
    yield from misbehaviour(done, [FINE, 1, WRONG], lines=20)
    left = (
        len(list(trials.glob("[!.]*"))),
        len(list(trials.parent.glob("predictions/[!.]*"))),
    )
    if done.status == FINE and left != (N_TRIALS, N_TRIALS):
        yield f"{place or 'all'} was removed: exit status 0 with {left} files of {N_TRIALS} trials"


CAMPAIGN = Campaign(long=120, short=1, attempt=attempt)
