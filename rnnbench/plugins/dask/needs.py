"""The needs of a run on a cluster: the versions, code and files that each worker must have."""

import hashlib
import platform
import shlex
import zipfile
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Self

from rnnbench.environment import versions
from rnnbench.errors import RnnbenchError, UserError
from rnnbench.models import code
from rnnbench.models.descriptions import PythonNetwork
from rnnbench.storage import atomic_write
from rnnbench.text import listed
from rnnbench.training.trial import Trial

MOST_BYTES = 2**30  # sent to each worker; they pass through the scheduler's memory
OTHER_CODE = "different rnnbench code (same version, but another commit or local changes)"


@dataclass(frozen=True)
class Installed:
    """The versions and code of a machine; ``code`` is the SHA-256 of rnnbench's files."""

    python: str
    packages: Mapping[str, str]
    code: str

    @classmethod
    def here(cls, packages: Collection[str]) -> Self:
        """Return what this machine has of some packages."""
        return cls(platform.python_version(), versions(packages), code.code_of_rnnbench())


def packages_of(trials: Sequence[Trial]) -> list[str]:
    """Return the distributions that trials need, those of plug-ins too."""
    found = ((*trial.packages, *code.plugins_of(trial.model)) for trial in trials)
    return list(dict.fromkeys(name for packages in found for name in packages))


def differences(there: Installed, here: Installed) -> list[str]:
    """Return what differs at a worker, such as ``keras 3.10.0 (here: 3.11.0)``."""
    found = [
        f"{name} {there.packages[name]} (here: {version})"
        for name, version in here.packages.items()
        if there.packages.get(name, version) != version
    ]
    if there.packages.get("rnnbench") == here.packages.get("rnnbench") and there.code != here.code:
        found.insert(0, OTHER_CODE)
    if there.python.split(".")[:2] != here.python.split(".")[:2]:
        found.insert(0, f"Python {there.python} (here: {here.python})")
    return found


def describe_differences(found: Mapping[str, Sequence[str]], here: Installed) -> str:
    """Return what differs at workers, by their names, and what to do."""
    names = dict.fromkeys(line.split()[0] for of_worker in found.values() for line in of_worker)
    packages = here.packages.keys() - {"rnnbench"}
    exact = [f"{name}=={here.packages[name]}" for name in names if name in packages]
    install = f" (pip install {shlex.join(exact)})" if exact else ""
    head = "workers differ from this machine in what can change results:"
    advice = f"use the same versions and the same commit there{install}"
    return "\n".join([head, *grouped(found), advice])


def grouped(found: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a line for each thing that was found at workers, by their names."""
    workers: dict[str, list[str]] = {}
    for name, of_worker in found.items():
        for line in of_worker:
            workers.setdefault(line, []).append(name)
    return [f"  {line}: {listed(where, 3)}" for line, where in workers.items()]


def pack(
    trials: Sequence[Trial], corpora: Mapping[str, Path]
) -> tuple[dict[str, bytes], dict[str, str], str]:
    """Return the files that trials need, the names of those of corpora, and that of modules.

    Files are compressed by ``zlib``; a name is the sha256 of the content with an ending, which that
    of modules lacks.
    """
    contents, names = {}, {}
    for fingerprint in sorted({trial.corpus_fingerprint for trial in trials}):
        content = corpora[fingerprint].read_bytes()
        names[fingerprint] = f"{hashlib.sha256(content).hexdigest()}.npz"
        contents[names[fingerprint]] = content
    own = zip_modules(trials)
    modules = hashlib.sha256(own).hexdigest()
    contents[f"{modules}.zip"] = own
    if (size := sum(map(len, contents.values()))) > MOST_BYTES:
        raise UserError(
            f"corpora and modules have {size:,} bytes (at most {MOST_BYTES:,} are sent to workers; "
            "use fewer documents, or run on this machine)"
        )
    files = {name: zlib.compress(content, 1) for name, content in contents.items()}
    return files, names, modules


def zip_modules(trials: Sequence[Trial]) -> bytes:
    """Return a zip file with the modules of ``python:`` models that are not installed.

    Those beside them that they import are in it, too, and all Python files of packages around them.
    """
    networks = (trial.model for trial in trials if isinstance(trial.model, PythonNetwork))
    left = {network.python.partition(":")[0] for network in networks}
    own: set[str] = set()
    while left:
        if not code.is_installed(module := left.pop()):
            own.add(module)
            left |= set(code.imported_beside(module)) - own
    files = {name: file for module in own for name, file in code.files_of(module).items()}
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as opened:
        for name, file in sorted(files.items()):
            opened.writestr(zipfile.ZipInfo(name), file.read_bytes())  # without times
    return buffer.getvalue()


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files that have travelled, if they are as they were sent; unpack those with modules."""
    for name, packed in files.items():
        stem = Path(name).stem
        try:
            content = zlib.decompress(packed)
        except zlib.error:
            content = b""
        if hashlib.sha256(content).hexdigest() != stem:
            raise RnnbenchError(f"{name} did not arrive as it was sent")
        if name.endswith(".zip"):
            with zipfile.ZipFile(BytesIO(content)) as modules:
                modules.extractall(folder / stem)
        else:
            with atomic_write(folder / name) as opened:
                opened.write(content)
