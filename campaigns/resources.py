"""Takes away disk space, memory, locks or names. The command has to say so and keep its
results.
"""

import os
import resource
import shutil
import subprocess
from functools import partial
from pathlib import Path

from campaigns.bench import BASELINES, PACKAGE, RUN, rnnbench
from campaigns.campaign import Campaign, Skip, misbehaviour, rerun, unreadable

USED_UP, WRONG = 1, 2
"""The exit status when a disk or another resource is used up, and when a name is
wrong."""
COMMANDS = {
    "version": ("--version",),
    "help": ("--help",),
    "config show": ("config", "show", "tiny.yaml"),
    "config new": ("config", "new"),
    "config check": ("config", "check", "tiny.yaml", "--no-build"),
    "models show": ("models", "show", "tiny.yaml"),
    "data show": ("data", "show", "--sources", "--json"),
    "data prepare": ("data", "prepare", "tiny.yaml"),
    "compare": ("compare", "results/tiny", "results/tiny"),
    "leaderboard": ("leaderboard", "results/tiny"),
    "run": ("run", "tiny.yaml", "--models", "bayes,random"),
    "run json": ("run", "tiny.yaml", "--models", "bayes,random", "--json"),
}
"""Commands that print, and need no TensorFlow."""


def attempt(number, _random, bench, folder):
    name, check = CASES[number]
    bench.lay_out(folder)
    yield from (f"{name}: {what}" for what in check(bench, folder))


def _to_a_full_device(command, unbuffered, bench, folder):
    """Print where nothing can be written; without a buffer, this fails at once."""
    bench.copy_run(folder)
    variables = {"PYTHONUNBUFFERED": unbuffered}
    with Path("/dev/full").open("wb") as full:
        done = rnnbench(COMMANDS[command], folder, stdout=full, variables=variables)
    yield from misbehaviour(done, [USED_UP], lines=12)
    yield from unreadable(folder / "results" / "tiny")


def _limited(kind, limit, status, _bench, folder):
    """Run with a limit and, once it is gone, again."""
    variables = {
        "OPENBLAS_NUM_THREADS": "1"
    }  # with more, it may crash where memory is short
    done = rnnbench(BASELINES, folder, limits={kind: limit}, variables=variables)
    yield from misbehaviour(done, [status], lines=12)
    yield from _resumed(BASELINES, folder)


def _resumed(command, folder):
    """Run a command again; what is stored must not be trained again."""
    n_stored = len(list((folder / "results" / "tiny" / "trials").glob("[!.]*.json")))
    yield from rerun(command, folder, n_stored)


def _on_a_small_disk(kilobytes, where, command, status, _bench, folder):
    place = folder / where
    place.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        raise Skip(f"no disk can be mounted: {mounted.stderr.strip()}")
    try:
        yield from misbehaviour(rnnbench(command, folder), [status], lines=12)
        yield from unreadable(folder / "results" / "tiny")
        subprocess.run(["mount", "-o", "remount,size=64m", place], check=True)  # noqa: S607
        yield from _resumed(
            [word for word in command if word != "--save-models"], folder
        )
    finally:
        subprocess.run(["umount", "-l", place], check=True)  # noqa: S607


def _disturbed(code, command, status, _bench, folder):
    """Run code at the start of a command and of its worker processes."""
    place = folder.with_name(f"{folder.name}-code")
    place.mkdir()
    (place / "sitecustomize.py").write_text(code)
    path = os.pathsep.join([str(place), PACKAGE, os.environ.get("PYTHONPATH", "")])
    yield from misbehaviour(
        rnnbench(command, folder, variables={"PYTHONPATH": path}), [status]
    )


def _in_the_way(name, make, command, _bench, folder):
    """Put a folder where a file should be, or a file where a folder should be.

    It is noticed before anything is trained.
    """
    results = folder / "results" / "tiny"
    if command[0] == "report":
        done = rnnbench(BASELINES, folder)
        yield from misbehaviour(done, [0])
    results.mkdir(parents=True, exist_ok=True)
    obstacle = results / name
    obstacle.mkdir() if make == "folder" else obstacle.write_text("in the way")
    before = set(results.glob("trials/*"))
    done = rnnbench(command, folder)
    yield from misbehaviour(done, [WRONG], lines=12)
    if set(results.glob("trials/*")) != before:
        yield "trials were trained"
    obstacle.rmdir() if make == "folder" else obstacle.unlink()
    yield from _resumed(BASELINES, folder)


def _read_only(_bench, folder):
    if os.geteuid() == 0:
        raise Skip("nothing is read-only for root")
    (folder / "results").mkdir()
    (folder / "results").chmod(0o500)
    try:
        yield from misbehaviour(rnnbench(BASELINES, folder), [WRONG])
    finally:
        (folder / "results").chmod(0o700)


def _with_name(arguments, status, bench, folder):
    """Run a command with a name that no file can have, or that is not UTF-8."""
    bench.copy_run(folder)
    shutil.copytree(bench.folder / "sgml", folder / f"sgml-{ODD}")
    shutil.copyfile(folder / "tiny.yaml", folder / f"tiny-{ODD}.yaml")
    shutil.copytree(bench.run, folder / f"results-{ODD}")
    yield from misbehaviour(rnnbench(arguments, folder), [status])
    yield from unreadable(folder / f"out-{ODD}")


LONG = "x" * 300
DEEP = "x/" * 2_500
REMOVE_FOLDER = "import os, shutil; shutil.rmtree(os.getcwd())"
REMOVE_CACHE = """\
import os, shutil, sys
if "spawn_main" in str(sys.orig_argv):
    shutil.rmtree(os.environ["RNNBENCH_CACHE"])
"""
NO_LOCKS = """\
import errno, fcntl
def fail(*_):
    raise OSError(errno.{}, "no locks")
fcntl.flock = fail
"""
ASCII = "import sys; sys.stdout.reconfigure(encoding='ascii', errors='strict')"
DISTURBANCES = {
    "a working folder that is gone": (REMOVE_FOLDER, BASELINES, WRONG),
    "a cache that is removed": (REMOVE_CACHE, BASELINES, USED_UP),
    "files that cannot be locked": (NO_LOCKS.format("ENOTSUP"), BASELINES, WRONG),
    "files without locks of the system": (NO_LOCKS.format("ENOSYS"), BASELINES, 0),
    "help in ASCII": (ASCII, ("--help",), 0),
}
ODD = os.fsdecode(b"\xff")
"""A part of a name that is not UTF-8, as Python spells it."""
OBSTACLES = {
    **dict.fromkeys(["results.json", "table.md", "table.csv", "config.yaml"], "folder"),
    **dict.fromkeys(["environment.json", ".lock", ".lock.json"], "folder"),
    **dict.fromkeys(["trials", "predictions"], "file"),
}
NAMES = {
    "long --out": ((*BASELINES, "--out", LONG), WRONG),
    "long --path": ((*BASELINES, "--path", LONG), WRONG),
    "long config": (("run", f"{LONG}.yaml"), WRONG),
    "deep --out": ((*BASELINES, "--out", DEEP), WRONG),
    "deep --path": (("data", "prepare", "--path", DEEP), WRONG),
    "deep config": (("config", "check", DEEP), WRONG),
    "long name to write": (("config", "new", f"{LONG}.yaml"), WRONG),
    "long run": (("leaderboard", LONG), WRONG),
    "long text": (("predict", "results/tiny", "rnn", "--file", LONG), WRONG),
    "odd --out": ((*BASELINES, "--out", b"out-\xff"), WRONG),
    "odd --path": ((*BASELINES, "--path", b"sgml-\xff"), WRONG),
    "odd config": (("run", b"tiny-\xff.yaml", "--models", "bayes"), 0),
    "odd config to check": (("config", "check", b"tiny-\xff.yaml", "--no-build"), 0),
    "odd config as JSON": (
        ("config", "check", b"tiny-\xff.yaml", "--json", "--no-build"),
        0,
    ),
    "odd config to show": (("config", "show", b"tiny-\xff.yaml"), 0),
    "odd name to write": (("config", "new", b"new-\xff.yaml"), 0),
    "odd model": (("run", "tiny.yaml", "--models", b"\xff"), WRONG),
    "odd setting": (("run", "tiny.yaml", "--set", b"name=\xff"), WRONG),
    "odd key": (("run", "tiny.yaml", "--set", b"\xff=1"), WRONG),
    "odd source": (("run", "tiny.yaml", "--data", b"\xff"), WRONG),
    "odd executor": (("run", "tiny.yaml", "--executor", b"\xff"), WRONG),
    "odd run": (("leaderboard", b"results-\xff"), WRONG),
    "odd run as JSON": (("leaderboard", b"results-\xff", "--json"), WRONG),
    "odd report": (("report", b"results-\xff", "--words", "0"), WRONG),
    "odd comparison": (("compare", "results/tiny", b"results-\xff"), WRONG),
    "odd metric": (("leaderboard", "results/tiny", "--metric", b"\xff"), WRONG),
    "odd gate": (
        ("compare", "results/tiny", "results/tiny", "--fail-if", b"\xff"),
        WRONG,
    ),
    "odd text": (("predict", "results/tiny", "rnn", b"profit \xff rose"), 0),
    "odd kind": (("explain", b"\xff"), WRONG),
    "odd command": ((b"\xff",), WRONG),
}
CASES = [
    *(
        (f"{name}{how} > /dev/full", partial(_to_a_full_device, name, unbuffered))
        for name in COMMANDS
        for how, unbuffered in (("", ""), (", unbuffered", "1"))
    ),
    *(
        (f"files up to {n} bytes", partial(_limited, resource.RLIMIT_FSIZE, n, status))
        for n, status in {0: USED_UP, 100: USED_UP, 1_000: USED_UP, 20_000: 0}.items()
    ),
    *(
        (f"{n} open files", partial(_limited, resource.RLIMIT_NOFILE, n, status))
        for n, status in {
            8: USED_UP,
            12: USED_UP,
            **dict.fromkeys((16, 20, 24, 32, 48), 0),
        }.items()
    ),
    *(
        (
            f"{n} MiB of memory",
            partial(_limited, resource.RLIMIT_AS, n * 2**20, USED_UP),
        )
        for n in (60, 150)
    ),
    *(
        (
            f"{where} on a disk of {size} kB",
            partial(_on_a_small_disk, size, where, BASELINES, status),
        )
        for where, status in {"results": USED_UP, "cache": 0, "temporary": 0}.items()
        for size in (4, 16, 32)
    ),
    ("networks on a disk of 4 kB", partial(_on_a_small_disk, 4, "temporary", RUN, 0)),
    *((name, partial(_disturbed, *facts)) for name, facts in DISTURBANCES.items()),
    *(
        (f"a {make} as {name}", partial(_in_the_way, name, make, BASELINES))
        for name, make in OBSTACLES.items()
    ),
    *(
        (
            f"a {make} as {name}",
            partial(_in_the_way, name, make, ("report", "results/tiny")),
        )
        for name, make in {
            "report.html": "folder",
            "report.md": "folder",
            "plots": "file",
        }.items()
    ),
    ("a file as models", partial(_in_the_way, "models", "file", RUN)),
    ("a read-only folder", _read_only),
    *((name, partial(_with_name, *facts)) for name, facts in NAMES.items()),
]

CAMPAIGN = Campaign(long=len(CASES), short=1, attempt=attempt, is_list=True)
