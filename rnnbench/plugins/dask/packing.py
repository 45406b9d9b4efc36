"""The files that trials need, in zip files for workers and for their machines."""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from rnnbench import UserError
from rnnbench.plugin import (
    Trial,
    files_to_send,
    sha256_file,
)

MOST_BYTES = 2**30  # sent to each machine; they pass through the scheduler's memory
MODULES = "modules"  # the folder of the modules that travel


@dataclass(frozen=True)
class Packed:
    """The files that a run sends to workers.

    Attributes:
        modules: a zip file for each worker.
        corpora: a zip file for each machine.
        names: the name in it, a sha256, of each corpus.
    """

    modules: bytes
    corpora: bytes
    names: dict[str, str]


def pack(trials: Sequence[Trial], corpora: Mapping[str, Path]) -> Packed:
    """Return the files that trials need.

    ``MODULES`` has the modules of ``python:`` models that are not installed, what they
    import from beside them, and all Python files of packages around them.
    """
    modules: dict[str, Path] = {}
    for trial in trials:
        for name, file in files_to_send(trial.model).items():
            modules[f"{MODULES}/{name}"] = file
    names: dict[str, str] = {}
    files: dict[str, Path] = {}
    for fingerprint in {trial.corpus_fingerprint for trial in trials}:
        corpus = corpora[fingerprint]
        names[fingerprint] = f"{sha256_file(corpus)}.npz"
        files[names[fingerprint]] = corpus
    size = sum(file.stat().st_size for file in (*modules.values(), *files.values()))
    if size > MOST_BYTES:
        limit = f"at most {MOST_BYTES:,} go to workers"
        hint = f"{limit}; use fewer documents, or run on this machine"
        raise UserError(f"corpora and modules have {size:,} bytes ({hint})")
    return Packed(_zipped(modules), _zipped(files), names)


def _zipped(files: Mapping[str, Path]) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(
        buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1, strict_timestamps=False
    ) as archive:
        for name, file in files.items():
            archive.write(file, name)
    return buffer.getvalue()
