"""Replaces files with things that never end, never start, or unpack to far too much.

Each command gets little time and memory, and has to say what is wrong.
"""

import bz2
import gzip
import io
import lzma
import os
import resource
import shutil
import socket
import tarfile
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow
from pyarrow import parquet

from campaigns.bench import rnnbench
from campaigns.campaign import Campaign, misbehaviour

SECONDS, MEMORY, PEAK_MB = 10, 6 * 2**30, 1_500
"""The time and the address space of a command, and the memory that it may really
use."""
WIDE_SECONDS = 30
"""The time of a command that reads a table; 20,000 columns take a few seconds."""
GIGABYTE = 2**30


def _link_to(target, place):
    place.symlink_to(target)


def _sparse(place):
    with place.open("wb") as file:
        file.truncate(20 * GIGABYTE)


def _socket(place):
    """Bind a socket by a short name in its own folder, because the name of one cannot
    be long.
    """
    with socket.socket(socket.AF_UNIX) as opened:
        here = os.open(".", os.O_RDONLY)
        try:
            os.chdir(place.parent)
            opened.bind("socket")
        finally:
            os.fchdir(here)
            os.close(here)
    place.with_name("socket").rename(place)


THINGS = {
    "a FIFO": os.mkfifo,
    "/dev/zero": partial(_link_to, "/dev/zero"),
    "/dev/full": partial(_link_to, "/dev/full"),
    "a sparse file of 20 GB": _sparse,
    "a socket": _socket,
    "a link to itself": lambda place: _link_to(place.name, place),
    "a folder": Path.mkdir,
}
READ = ("compare", "results/tiny", "results/tiny")
PREDICT = ("predict", "results/tiny", "rnn", "net profit rose")
PREPARE = ("data", "prepare", "--path", "sgml", "--data", "sgml")
PLACES = {
    "tiny.yaml": ("config", "check", "tiny.yaml", "--no-build"),
    "base.yaml": ("config", "check", "extending.yaml", "--no-build"),
    "data": ("data", "prepare", "--path", "data"),
    "data.tar.gz": ("data", "prepare", "--path", "data.tar.gz"),
    "reuters.npz": ("data", "prepare", "--path", "reuters.npz", "--data", "keras"),
    "sgml/reut2-000.sgm": PREPARE,
    "results/tiny/results.json": ("leaderboard", "results/tiny"),
    "results/tiny/config.yaml": READ,
    "results/tiny/environment.json": READ,
    "results/tiny/trials/*.json": READ,
    "results/tiny/predictions/*.npz": READ,
    "results/tiny/models/rnn-*.npz": PREDICT,
    "results/tiny/models/vocabulary.json": PREDICT,
    "text": ("predict", "results/tiny", "rnn", "--file", "text"),
    "results/tiny/.lock": ("report", "results/tiny", "--words", "0"),
    "results/tiny/report.html": ("report", "results/tiny", "--words", "0"),
    "results/tiny/table.md": ("run", "tiny.yaml", "--models", "bayes", "--epochs", "1"),
    "results/tiny/trials/bayes-*.json": ("run", "tiny.yaml", "--models", "bayes"),
}
"""Places of files, and a command that reads, or writes, each."""
MAY_WORK = ("report", "run")
"""Commands that may put a file in the place of a thing, or train again what cannot be
read."""


def attempt(number, _random, bench, folder):
    name, check = CASES[number]
    bench.lay_out(folder)
    bench.copy_run(folder)
    shutil.copytree(bench.cache, folder / "cache")
    yield from (f"{name}: {what}" for what in check(bench, folder))


def _thing_in_place(thing, place, bench, folder):
    (folder / "sgml").unlink()
    shutil.copytree(bench.folder / "sgml", folder / "sgml")
    (folder / "extending.yaml").write_text("extends: base.yaml\n")
    file = next(folder.glob(place), folder / place)
    file.unlink(missing_ok=True)
    THINGS[thing](file)
    arguments = PLACES[place]
    yield from _checked(
        arguments, folder, (0, 1, 2, 3) if arguments[0] in MAY_WORK else (2,)
    )


def _checked(arguments, folder, statuses=(2,), lines=12, seconds=SECONDS):
    limits = {resource.RLIMIT_AS: MEMORY}
    done = rnnbench(arguments, folder, seconds=seconds, limits=limits)
    yield from misbehaviour(done, statuses, lines=lines)
    if done.peak_mb > PEAK_MB:
        yield f"it used {done.peak_mb:,.0f} MB"


def _bomb(name, _bench, folder):
    BOMBS[name](folder / name)
    source = "files" if name.endswith(".parquet") else "sgml"
    yield from _checked(("data", "prepare", "--data", source, "--path", name), folder)


def _zeros():
    return bytes(300 * 2**20)


def _zip_of_zeros(place):
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(22):
            archive.writestr(f"reut2-{number:03}.sgm", bytes(60 * 2**20))


def _zip_that_lies(place):
    """Declare a member to be much smaller than it is."""
    _zip_of_zeros(place)
    content = place.read_bytes()
    size = (60 * 2**20).to_bytes(4, "little")
    place.write_bytes(content.replace(size, (100).to_bytes(4, "little")))


def _zip_of_many(place):
    with zipfile.ZipFile(place, "w") as archive:
        for number in range(60_000):
            archive.writestr(f"{number}", b"")


def _tar(members):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def _nested_tar(place):
    content = _tar({"reuters21578.tar.gz": gzip.compress(_tar({"x": _zeros()}), 1)})
    for _ in range(5):
        content = _tar({"reuters21578.tar.gz": gzip.compress(content, 1)})
    place.write_bytes(content)


def _tar_of_links(place):
    """Fill an archive with links and devices named like the files."""
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)
    with tarfile.open(place, "w") as archive:
        for number in range(22):
            info = tarfile.TarInfo(f"reut2-{number:03}.sgm")
            info.type, info.linkname = kinds[number % len(kinds)], "/dev/zero"
            archive.addfile(info)


def _huge_tar_header(place):
    """Declare a member of a tar to be of 8 GB, of which there is nothing."""
    info = tarfile.TarInfo("reut2-000.sgm")
    info.size = 8 * GIGABYTE - 1
    place.write_bytes(info.tobuf())


def _repeated_text(place):
    """Write a table with 60 GB of text, the same in each row."""
    texts = pyarrow.DictionaryArray.from_arrays(
        [0] * 60_000, pyarrow.array(["word " * 200_000])
    )
    parquet.write_table(
        pyarrow.table({"text": texts, "label": ["a", "b"] * 30_000}), place
    )


BOMBS = {
    "repeated.parquet": _repeated_text,
    "zeros.zip": _zip_of_zeros,
    "lies.zip": _zip_that_lies,
    "many.zip": _zip_of_many,
    "zeros.tar.gz": lambda place: place.write_bytes(gzip.compress(_zeros(), 1)),
    "zeros.tar.bz2": lambda place: place.write_bytes(bz2.compress(_zeros(), 1)),
    "zeros.tar.xz": lambda place: place.write_bytes(lzma.compress(_zeros(), preset=0)),
    "streams.gz": lambda place: place.write_bytes(gzip.compress(b"", 1) * 200_000),
    "nested.tar": _nested_tar,
    "links.tar": _tar_of_links,
    "huge.tar": _huge_tar_header,
}


def _quotes(place):
    place.write_text("text,label\n" + 'a","b\n' * 40_000)


def _wide(place):
    """Write a table of a million columns."""
    names = ",".join(f"column {number}" for number in range(10**6))
    place.write_text(f"{names}\n{names}\n")


def _wide_parquet(place):
    columns = {f"column {number}": ["a", "b"] for number in range(20_000)}
    parquet.write_table(pyarrow.table(columns), place)


def _names_twice(place):
    columns = [["a b", "c d"], ["yes", "no"], ["yes", "no"]]
    parquet.write_table(pyarrow.table(columns, names=["text", "label", "label"]), place)


def _many_arrays(place):
    with zipfile.ZipFile(place, "w") as archive:
        for number in range(60_000):
            archive.writestr(f"array {number}.npy", b"")


def _array_of_zeros(place):
    np.savez_compressed(place, prediction=np.zeros(500 * 2**20, np.int8))


def _endless_array(place):
    """Declare an array of 745 GiB, of which there is nothing."""
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**11,)}
    with place.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)


READ_TABLE = [
    ("data", "show"),
    ("data", "prepare", "--data", "files", "--path"),
    ("predict", "results/tiny", "rnn", "--in"),
    ("verdict",),
]
TABLES = {
    "quotes.csv": _quotes,
    "wide.csv": _wide,
    "wide.parquet": _wide_parquet,
    "twice.parquet": _names_twice,
}
ARRAYS = {
    "many.npz": _many_arrays,
    "zeros.npz": _array_of_zeros,
    "endless.npy": _endless_array,
}


def _read(command, name, _bench, folder):
    (TABLES | ARRAYS)[name](folder / name)
    # A model answers whatever can be read, and a row that cannot be is a problem in its
    # answers.
    statuses = (0, 2) if command[0] == "predict" else (2,)
    yield from _checked(
        (*command, name), folder, statuses, lines=20, seconds=WIDE_SECONDS
    )


CASES = [
    *(
        (f"{thing} as {place}", partial(_thing_in_place, thing, place))
        for place in PLACES
        for thing in THINGS
    ),
    *((name, partial(_bomb, name)) for name in BOMBS),
    *(
        (f"{' '.join(command)} {name}", partial(_read, command, name))
        for command in READ_TABLE
        for name in TABLES
    ),
    *((f"verdict {name}", partial(_read, ("verdict",), name)) for name in ARRAYS),
]

CAMPAIGN = Campaign(long=len(CASES), short=1, attempt=attempt, is_list=True)
