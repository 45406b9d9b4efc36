"""Puts texts into a table that would control a terminal or run in a spreadsheet or on a
page.

No command sends them to a terminal. In a file, a cell is what it was or, on demand, no
formula.
"""

import csv
import os
import pty
import threading

from campaigns.bench import finish, rnnbench, start
from campaigns.campaign import Campaign, misbehaviour

PARTS = [
    *("\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "\x07", "\u202e", "\x7f"),
    *("=1+1", "+49 123", "-x", "@SUM(A1)", "\t=1", "-1.5", "a, b", 'a "quoted" word'),
    *(
        "[x](javascript:alert(1))",
        "https://example.org",
        "<b>",
        "|",
        "$x^{2$",
        "net profit",
    ),
]
CONTROLS = {"\x1b", "\x07", "\x9b", "\u202e", "\x7f"}
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
PREDICT = ("predict", "results/tiny", "bayes", "--in", "new.csv")
WIDTHS = ("0", "00", "1", "80")
OTHERS = [
    ("config", "list"),
    ("leaderboard", "results/tiny"),
    ("compare", "results/tiny"),
    ("models", "show", "tiny.yaml"),
    ("--help",),
]


def attempt(_number, random, bench, folder):
    bench.lay_out(folder)
    bench.copy_run(folder)
    rows = [[_cell(random), _cell(random)] for _ in range(random.choice((1, 5, 50)))]
    with (folder / "new.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["text", "note"], *rows])
    kind = random.choice(("terminal", "file", "safe", "width"))
    checks = {"terminal": _on_terminal, "file": _in_file, "safe": _in_safe_file}
    if kind == "width":
        yield from _of_width(random, folder)
    else:
        yield from (f"{kind}: {what}" for what in checks[kind](rows, folder))


def _cell(random):
    """Return a text of parts, at least one of which is a word."""
    parts = random.sample(PARTS, random.choice((0, 1, 2)))
    return " ".join([*parts, "net"])


def _on_terminal(_rows, folder):
    ours, theirs = pty.openpty()
    printed = bytearray()
    reader = threading.Thread(target=_read, args=(ours, printed))
    reader.start()
    process = start(PREDICT, folder, stdout=theirs)
    done = finish(process)
    os.close(theirs)
    reader.join()
    os.close(ours)
    yield from misbehaviour(done, [0])
    sent = CONTROLS & set(printed.decode(errors="replace"))
    if sent:
        yield f"sent to the terminal: {sorted(sent)}"


def _read(descriptor, printed):
    while True:
        try:
            part = os.read(descriptor, 10_000)
        except OSError:  # Linux says so at the end of a terminal
            return
        if not part:
            return
        printed += part


def _in_file(rows, folder):
    yield from misbehaviour(rnnbench((*PREDICT, "--out", "out.csv"), folder), [0])
    if [row[:2] for row in _written(folder)] != rows:
        yield "cells are changed"


def _in_safe_file(rows, folder):
    done = rnnbench((*PREDICT, "--out", "out.csv", "--csv-safe"), folder)
    yield from misbehaviour(done, [0])
    for before, after in zip(rows, _written(folder), strict=True):
        for cell, written in zip(before, after, strict=False):
            if written.startswith(FORMULAS):
                yield f"a formula: {written!r}"
            if written not in (cell, f"'{cell}"):
                yield f"{cell!r} became {written!r}"


def _written(folder):
    with (folder / "out.csv").open(newline="") as file:
        return list(csv.reader(file))[1:]


def _of_width(random, folder):
    width, command = random.choice(WIDTHS), random.choice(OTHERS)
    done = rnnbench(command, folder, variables={"COLUMNS": width})
    for what in misbehaviour(done, [0, 2]):
        yield f"COLUMNS={width} {' '.join(command)}: {what}"
    if done.status == 0 and not done.out.strip():
        yield f"COLUMNS={width} {' '.join(command)}: it prints nothing"


CAMPAIGN = Campaign(long=120, short=2, attempt=attempt)
