"""The files that travel to the workers of a cluster: corpora, and the user's own modules."""

import hashlib
import zipfile
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from rnnbench.errors import UserError
from rnnbench.models.code import files_of, imported_beside, is_installed
from rnnbench.models.descriptions import PythonNetwork
from rnnbench.runner.executors.dask.arrivals import MOST_BYTES
from rnnbench.training.trial import Trial

NO_MODULES = "no-modules"


@dataclass(frozen=True)
class Parcels:
    """Files as they travel; see ``write_files``.

    Attributes:
        files: by name, which is the sha256 of the content with an ending.
        corpora: the name of the file of each corpus, by fingerprint.
        modules: the name, without its ending, of the zip file with the user's modules.
    """

    files: Mapping[str, bytes]
    corpora: Mapping[str, str]
    modules: str


def pack(trials: Sequence[Trial], corpora: Mapping[str, Path]) -> Parcels:
    """Return the files that trials need.

    Raises:
        UserError: they are too large to be sent, or a module cannot be found.
    """
    contents, names = {}, {}
    for fingerprint in sorted({trial.corpus_fingerprint for trial in trials}):
        content = corpora[fingerprint].read_bytes()
        names[fingerprint] = f"{hashlib.sha256(content).hexdigest()}.npz"
        contents[names[fingerprint]] = content
    modules = NO_MODULES
    if own := own_modules(trials):
        content = zip_modules(own)
        modules = hashlib.sha256(content).hexdigest()
        contents[f"{modules}.zip"] = content
    if (size := sum(map(len, contents.values()))) > MOST_BYTES:
        raise UserError(
            f"corpora and modules have {size:,} bytes (at most {MOST_BYTES:,} are sent to workers; "
            "use fewer documents, or run on this machine)"
        )
    files = {name: zlib.compress(content, 1) for name, content in contents.items()}
    return Parcels(files, names, modules)


def own_modules(trials: Sequence[Trial]) -> list[str]:
    """Return the modules of ``python:`` models, and those beside them that they import.

    Installed ones are left out.
    """
    found: set[str] = set()
    left = {
        trial.model.python.partition(":")[0]
        for trial in trials
        if isinstance(trial.model, PythonNetwork)
    }
    while left:
        if not is_installed(module := left.pop()):
            found.add(module)
            left |= set(imported_beside(module)) - found
    return sorted(found)


def zip_modules(modules: Collection[str]) -> bytes:
    """Return a zip file with modules, each with all Python files of the package around it.

    Raises:
        UserError: there is no such module.
    """
    files = {name: file for module in modules for name, file in files_of(module).items()}
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as opened:
        for name, file in sorted(files.items()):
            opened.writestr(zipfile.ZipInfo(name), file.read_bytes())  # without times
    return buffer.getvalue()
