"""Kills a command that writes beside files of the user's; the next one tidies up after
it alone.
"""

import time
from functools import partial

from campaigns.bench import SECONDS, end_group, finish, rnnbench, start, wait_until
from campaigns.campaign import Campaign, misbehaviour

OWN = [
    ".rnnbench-mine.tmp",
    ".rnnbench-00000000-0123456789abcdef.tmp",
    "notes.tmp",
    ".hidden",
]
"""Names of the user's, some of which are almost ours."""
PREDICT = (
    "predict",
    "results/tiny",
    "bayes",
    "--in",
    "new.csv",
    "--out",
    "out/answers.csv",
)


def attempt(_number, random, bench, folder):
    bench.lay_out(folder)
    bench.copy_run(folder)
    rows = [
        f"net profit rose {number}\n" for number in range(random.choice((10, 20_000)))
    ]
    (folder / "new.csv").write_text("text\n" + "".join(rows))
    out = folder / "out"
    out.mkdir()
    for name in OWN:
        (out / name).write_text(f"my {name}")
    _kill(random, folder)
    done = rnnbench((*PREDICT, "--force"), folder)
    yield from misbehaviour(done, [0])
    if done.status == 0:
        yield from _left_over(out, folder / "temporary")


def _kill(random, folder):
    """Kill the command a moment after its start, or after it has begun to write."""
    process = start(PREDICT, folder)
    if random.random() < 0.7:
        wait_until(partial(_is_writing, process, folder), SECONDS, every=0.001)
        time.sleep(random.choice((0, 0.01, 0.1)) * random.random())
    else:
        time.sleep(random.uniform(0, 2))
    end_group(process.pid)
    finish(process)


def _is_writing(process, folder):
    """Return whether the command has begun to write, or has ended."""
    n_files = len(list((folder / "out").iterdir()))
    return n_files > len(OWN) or process.poll() is not None


def _left_over(out, temporary):
    """Yield what a killed command left, and which files of the user's are lost."""
    expected = {*OWN, "answers.csv"}
    names = {path.name for path in out.iterdir()}
    if names != expected:
        yield f"left over: {sorted(names - expected)}, lost: {sorted(expected - names)}"
    for name in OWN:
        if (out / name).read_text() != f"my {name}":
            yield f"{name} is changed"
    left = [path.name for path in temporary.iterdir()]
    if left:
        yield f"left over in TMPDIR: {left}"


CAMPAIGN = Campaign(long=60, short=1, attempt=attempt)
