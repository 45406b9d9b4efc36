"""Damages one stored file at a time: it is refused, or read as if nothing had happened."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from campaigns.bench import Bench
from campaigns.campaign import Campaign, at_most, spell, warnings_heard

from rnnbench import compare, leaderboard, load_dataset, load_run, predict
from rnnbench.analysis.errors import words_of_test_documents
from rnnbench.data.dataset import Data
from rnnbench.data.load import load_corpus
from rnnbench.errors import UserError

TEXT = "Net profit rose 7 pct"
KINDS = {
    "results": "results.json",
    "config": "config.yaml",
    "environment": "environment.json",
    "record": "trials/*.json",
    "predictions": "predictions/*.npz",
    "model": "models/rnn-*.npz",
    "vocabulary": "models/vocabulary.json",
    "corpus": "",
}
"""The files of each kind in the folder of a run; a corpus is in the cache."""
LONGEST = 10


@dataclass(frozen=True)
class Copy:
    """A copy of a run: its files, their readers, and what the readers return before any damage."""

    files: dict[str, list[Path]]
    readers: dict[str, list[Callable[[], Any]]]
    expected: dict[str, list[Any]]


def prepare(bench: Bench, folder: Path) -> Copy:
    """Copy the undisturbed run and its corpus, and read both."""
    (folder / "sgml").symlink_to(bench.folder / "sgml")
    run = bench.copy_run(folder)
    corpora = Path(os.environ["RNNBENCH_CACHE"], "corpora")
    shutil.copytree(bench.cache / "corpora", corpora)
    for file in corpora.rglob("altered-*"):  # under its own name it is found without a path
        file.rename(file.with_name(file.name.removeprefix("altered-")))
    files = {kind: sorted(run.glob(pattern)) for kind, pattern in KINDS.items() if pattern}
    files["corpus"] = sorted(corpora.rglob("sgml-*.npz"))
    readers = {kind: _readers(kind, run, bench) for kind in KINDS}
    with warnings_heard():
        expected = {kind: [read() for read in of_kind] for kind, of_kind in readers.items()}
    return Copy(files, readers, expected)


def _readers(kind: str, run: Path, bench: Bench) -> list[Callable[[], Any]]:
    if kind in ("model", "vocabulary"):
        return [lambda: [each.model_dump() for each in predict(load_run(run), "rnn", TEXT)]]
    if kind == "corpus":
        whole = load_run(bench.run)
        return [partial(words_of_test_documents, whole), _corpus, partial(_dataset, run)]
    return [partial(_facts, run, bench)]


def _facts(run: Path, bench: Bench) -> Any:
    """Return everything that is read from a run, and what comparisons say of it."""
    loaded, whole = load_run(run), load_run(bench.run)
    trials = [
        (trial.record.model_dump_json(), trial.labels.tobytes(), trial.scores.tobytes())
        for of_model in loaded.trials.values()
        for trial in of_model
    ]
    shown = repr(compare(whole, loaded)), repr(leaderboard([loaded]))
    return loaded.results.model_dump_json(), loaded.config, loaded.environment, trials, shown


def _corpus() -> str:
    return load_corpus(Data(source="sgml"), offline=True).fingerprint


def _dataset(run: Path) -> str:
    """Read the dataset from its files, which also replaces it in the cache."""
    try:
        return load_dataset(run / "config.yaml").fingerprint
    finally:
        for file in Path(os.environ["RNNBENCH_CACHE"]).rglob("altered-*.npz"):
            file.unlink()


def attempt(_number: int, random: Random, copy: Copy, _folder: Path) -> Iterator[str]:
    """Yield what is wrong when a random file is damaged and read."""
    kind = random.choice(list(KINDS))
    file = random.choice(copy.files[kind])
    content = file.read_bytes()
    how, damaged = damage(random, content)
    file.write_bytes(damaged)
    try:
        for read, expected in zip(copy.readers[kind], copy.expected[kind], strict=True):
            for what in _misread(kind, read, expected):
                yield f"{kind} {file.name[:40]}, {how}: {what}"
    finally:
        file.write_bytes(content)


def _misread(kind: str, read: Callable[[], Any], expected: Any) -> Iterator[str]:
    with warnings_heard() as heard:
        try:
            with at_most(LONGEST):
                found = read()
        except UserError as error:
            if kind == "corpus" and not any("damaged cache" in line for line in heard):
                yield f"no warning of damage: {spell(error)}"
        except Exception as error:
            yield spell(error)
        else:
            is_left_out = kind == "corpus" and found is None
            if found != expected and not is_left_out:
                yield f"another value, without an error, warnings: {heard}"


def damage(random: Random, content: bytes) -> tuple[str, bytes]:
    """Return ``content`` damaged at random, and how."""
    place = random.randrange(len(content))
    damaged = bytearray(content)
    how = random.choice(("flip", "flip", "cut", "overwrite", "empty"))
    if how == "flip":
        bit = random.randrange(8)
        damaged[place] ^= 1 << bit
        return f"bit {bit} of byte {place} flipped", bytes(damaged)
    if how == "cut":
        return f"cut after {place} bytes", content[:place]
    if how == "overwrite":
        length = min(random.randint(1, 64), len(content) - place)
        damaged[place : place + length] = random.randbytes(length)
        if damaged != content:
            return f"{length} bytes from {place} overwritten", bytes(damaged)
    return "emptied", b""


CAMPAIGN = Campaign(long=2_000, short=50, prepare=prepare, attempt=attempt)
