"""From the arguments of ``run`` and ``choose`` to a job that is ready to run."""

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from itertools import chain, product
from pathlib import Path
from typing import Any, NamedTuple

from rnnbench.config import shipped
from rnnbench.config.load import MAX_CONFIG, dump, load, select, tree_of
from rnnbench.config.schema import Benchmark
from rnnbench.data.config import PATHS
from rnnbench.data.corpus import Corpus
from rnnbench.data.load import prepare, prepare_corpus, unlabeled_fault, with_unlabeled
from rnnbench.errors import UserError
from rnnbench.request import KEYS, Config, OwnTexts, Request, Settings, changes, plain
from rnnbench.results.store import (
    BAD_ROWS,
    FILES,
    HINT,
    OWN_TEXTS,
    RESULTS,
    Store,
    check_folder,
)
from rnnbench.runner.train import Job
from rnnbench.storage import SUBFOLDERS, peek, sha256_file, write_text
from rnnbench.terminal.display import show_download
from rnnbench.text import encodable

log = logging.getLogger(__name__)
DIGITS_OF_TEXTS = (
    8  # of the checksum of texts, in the name of the folder of their results
)
WRITTEN = (*dict.fromkeys(chain(*FILES.values())), BAD_ROWS, *SUBFOLDERS)


@contextmanager
def prepared_job(
    request: Request, record: str = RESULTS, *, corpus: Corpus | None = None
) -> Iterator[Job]:
    """Yield the job of a request, which ``record`` marks; a ``corpus`` is not loaded
    again.
    """
    texts = _texts_in(request)
    if texts is not None:
        request = replace(request, config=texts.config, data="files", path=texts.file)
    values = {name: getattr(request, name, None) for name in KEYS}
    changed = changes(request.settings, dashes="", **values)
    names = [request.models] if isinstance(request.models, str) else request.models
    benchmark = select(load(source_of(request.config), changed), names, "models")
    executor = request.make_executor()
    folder = request.folder_of(benchmark.name) if texts is None else texts.file.parent
    if (spelled := encodable(str(folder))) != str(folder):
        raise UserError(f"{spelled}: the name of the folder is not in UTF-8")
    check_folder(folder, record)
    with nullcontext() if texts is None else _storing(texts):
        check_inputs(request.config, benchmark, folder)
        if (size := len(dump(benchmark, folder).encode())) > MAX_CONFIG:
            message = (
                f"its config.yaml would have {size:,} bytes (allowed: {MAX_CONFIG:,})"
            )
            raise UserError(f"{benchmark.name}: {message}; make its grids smaller")
        with show_download(quiet=not request.progress) as on_bytes:
            section = benchmark.data
            data = (
                prepare_corpus(section, corpus)
                if corpus
                else prepare(section, on_bytes)
            )
            for name, model in benchmark.models.items():
                model.fetch(on_bytes)
                if model.reads_unlabeled and data.corpus.unlabeled is None:
                    if fault := unlabeled_fault(data.corpus):
                        raise UserError(f"models.{name}: {fault}")
                    data = with_unlabeled(data, on_bytes)
        if request.out is None:
            _mention_replaced(folder / record, benchmark, data.summary.fingerprint)
        command = request.command or request.repeated_by(folder)
        yield Job(
            benchmark, data, executor, Store(folder), command, request.fresh, record
        )


def _mention_replaced(file: Path, benchmark: Benchmark, fingerprint: str) -> None:
    """Say which results, of another config or of other data, this job will replace."""
    found, folder, config = peek(file), file.parent, file.with_name("config.yaml")
    is_same = fingerprint in str(found.get("dataset"))
    digest = hashlib.sha256(dump(benchmark, folder).encode()).hexdigest()
    if found and not (is_same and config.is_file() and sha256_file(config) == digest):
        message = "%s: this will replace the results of %s (--out names another folder)"
        log.warning(message, folder, " ".join(str(found.get("command")).split()))


class _Texts(NamedTuple):
    """Texts that were given in Python: the config for them, their file and its
    content.
    """

    config: Config
    file: Path
    content: str


def _texts_in(request: Request) -> _Texts | None:
    """Return the texts that a request was given in Python; ``None`` if it was given
    none.

    Unless ``out`` names a folder, results go into one for these texts alone.
    """
    config: Config = request.config
    given: str | OwnTexts | None = request.data
    if not isinstance(config, str | Path | Mapping | Benchmark):
        given, config = config, shipped.get(shipped.TEXTS)
    if given is None or isinstance(given, str):
        return None
    try:
        if isinstance(given, tuple | list):
            if any(isinstance(part, str | bytes | Mapping | Set) for part in given):
                raise TypeError("got something else")
            rows = [
                {"text": text, "label": label}
                for text, label in zip(*given, strict=True)
            ]
            texts = "".join(f"{json.dumps(row, default=plain)}\n" for row in rows)
        elif hasattr(given, "columns"):
            texts = given.to_json(orient="records", lines=True, date_format="iso")
        else:
            raise TypeError(f"got {type(given).__name__}")
    except (
        TypeError,
        ValueError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        wanted = "should be a data frame, or two lists of equal length: texts, labels"
        raise UserError(f"data: {wanted} ({error})") from None
    name = load_config(config).name
    digest = hashlib.sha256(texts.encode()).hexdigest()
    folder = request.folder_of(f"{name}-{digest[:DIGITS_OF_TEXTS]}")
    return _Texts(config, folder / OWN_TEXTS, texts)


@contextmanager
def _storing(texts: _Texts) -> Iterator[None]:
    """Store texts that were given in Python; they are removed if the block stores no
    config.
    """
    file = texts.file
    is_new, is_new_folder = not file.exists(), not file.parent.exists()
    if (
        not is_new
        and sha256_file(file) != hashlib.sha256(texts.content.encode()).hexdigest()
    ):
        hint = "give `out` the name of another folder, or leave it out"
        raise UserError(f"{file}: holds other texts ({hint})")
    write_text(file, texts.content)
    try:
        yield
    finally:
        if is_new and not file.with_name("config.yaml").exists():
            with suppress(OSError):
                file.unlink()
                if is_new_folder:
                    file.parent.rmdir()


def load_config(config: Config, settings: Settings | None = None) -> Benchmark:
    """Return the validated benchmark that a config, with ``settings`` as its keys,
    describes.

    Raises:
        ConfigError: the config is wrong; the message lists every problem, with its file
            and line.
    """
    return load(source_of(config), changes(settings))


def check_inputs(
    config: Config, benchmark: Benchmark, folder: Path, written: Sequence[str] = WRITTEN
) -> None:
    """Make sure that the results ``written`` do not overwrite the files that they are
    made from.

    The config may be the one in the folder if its text stays the same, or if the
    finished run there stored it. Nor may results lie in a folder of texts: the next run
    would read ``.txt`` files.
    """
    data = benchmark.data
    for texts in filter(None, (getattr(data, key) for key in PATHS)):
        if data.source == "files" and folder.resolve().is_relative_to(texts.resolve()):
            raise UserError(
                f"{folder}: in {texts}, results would be read as texts ({HINT})"
            )
    if not (
        places := [folder / name for name in written if os.path.lexists(folder / name)]
    ):
        return
    text = dump(benchmark, folder)
    for i, file in enumerate(inputs_of(config, benchmark)):
        around = filter(Path.exists, (file, *file.resolve().parents))
        pairs = product(around, filter(Path.exists, places))
        for place in (place for path, place in pairs if path.samefile(place)):
            kept: list[Any] = [hashlib.sha256(text.encode()).hexdigest()]
            if i == 0:  # the config itself
                kept.append(peek(place.with_name(RESULTS)).get("config_sha256"))
            if not place.is_file() or sha256_file(place) not in kept:
                raise UserError(f"{file}: results would overwrite it ({HINT})")


def inputs_of(config: Config, benchmark: Benchmark) -> list[Path]:
    """Return the config, those that it extends, and the files and folders of its
    data.
    """
    paths = (getattr(benchmark.data, key) for key in PATHS)
    return [*tree_of(source_of(config)).files, *filter(None, paths)]


def source_of(config: Config) -> Path | Mapping[str, Any]:
    """Return a config as ``config.load`` takes it."""
    if isinstance(config, Benchmark):
        return config.model_dump(exclude_none=True)
    if isinstance(config, Mapping):
        return config
    if not isinstance(config, str | Path):
        raise UserError(
            f"config: got {type(config).__name__} (should be a file or a mapping)"
        )
    return Path(config)
