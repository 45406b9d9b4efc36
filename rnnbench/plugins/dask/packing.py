"""The files that trials need, in a zip file that goes to each worker."""

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path

from rnnbench import UserError
from rnnbench.plugin import (
    PythonNetwork,
    Trial,
    files_of,
    imported_beside,
    is_installed,
    sha256_file,
)

MOST_BYTES = 2**30  # sent to each worker; they pass through the scheduler's memory
MODULES = "modules"  # the folder of the modules that travel


def pack(
    trials: Sequence[Trial], corpora: Mapping[str, Path]
) -> tuple[bytes, dict[str, str]]:
    """Return a zip file, and the name in it, a sha256, of each corpus.

    ``MODULES`` has the modules of ``python:`` models that are not installed, what they
    import from beside them, and all Python files of packages around them.
    """
    files: dict[str, Path] = {}
    for module in _modules_to_send(trials):
        for name, file in files_of(module).items():
            files[f"{MODULES}/{name}"] = file
    names: dict[str, str] = {}
    for fingerprint in {trial.corpus_fingerprint for trial in trials}:
        corpus = corpora[fingerprint]
        names[fingerprint] = f"{sha256_file(corpus)}.npz"
        files[names[fingerprint]] = corpus
    size = sum(file.stat().st_size for file in files.values())
    if size > MOST_BYTES:
        limit = f"at most {MOST_BYTES:,} go to workers"
        hint = f"{limit}; use fewer documents, or run on this machine"
        raise UserError(f"corpora and modules have {size:,} bytes ({hint})")
    buffer = BytesIO()
    with zipfile.ZipFile(
        buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1, strict_timestamps=False
    ) as archive:
        for name, file in files.items():
            archive.write(file, name)
    return buffer.getvalue(), names


def _modules_to_send(trials: Iterable[Trial]) -> set[str]:
    """Return the modules of models that are not installed, and what they import."""
    left = set[str]()
    for trial in trials:
        if isinstance(trial.model, PythonNetwork):
            left.add(trial.model.python.partition(":")[0])
    modules = set[str]()
    while left:
        module = left.pop()
        if not is_installed(module):
            modules.add(module)
            left.update(set(imported_beside(module)) - modules)
    return modules
