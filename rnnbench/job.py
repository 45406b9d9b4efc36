"""From the arguments of ``run`` and ``choose`` to a job that is ready to run.

``with prepared_job(request, show_download(quiet=False)) as job: ...``
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from rnnbench.config import shipped
from rnnbench.config.load import (
    MAX_CONFIG,
    LoadedConfig,
    dump,
    read_tree,
    resolve,
    select,
    set_values,
    tree_of,
)
from rnnbench.config.schema import Benchmark
from rnnbench.data.config import PATHS
from rnnbench.data.corpus import Corpus
from rnnbench.data.fetch import Progress
from rnnbench.data.load import (
    PreparedData,
    prepare,
    prepare_corpus,
    unlabeled_fault,
    with_unlabeled,
)
from rnnbench.errors import UserError
from rnnbench.request import KEYS, Config, OwnTexts, Request, Settings, changes, plain
from rnnbench.results.store import (
    HINT,
    OWN_TEXTS,
    RESULTS,
    WRITTEN,
    Store,
    check_folder,
)
from rnnbench.runner.train import Job
from rnnbench.storage import peek, sha256_file, write_text
from rnnbench.text import encodable

log = logging.getLogger(__name__)
# Of the checksum of texts, in the name of the folder of their results.
DIGITS_OF_TEXTS = 8


@contextmanager
def prepared_job(
    request: Request,
    downloads: AbstractContextManager[Progress],
    record: str = RESULTS,
    *,
    corpus: Corpus | None = None,
) -> Iterator[Job]:
    """Yield the job of a request.

    Args:
        request: what ``run`` or ``choose`` was asked for.
        downloads: gives a function to call with the progress of downloads.
        record: the file that makes the folder a run or a choice.
        corpus: is not loaded again.
    """
    # 1. Read the config; find the folder of texts that were given in Python.
    source, texts = _config_and_texts(request)
    tree = read_tree(source)
    values = {name: getattr(request, name, None) for name in KEYS}
    folder = None
    if texts is not None:
        name = resolve(tree).benchmark.name
        folder = request.folder_of(f"{name}-{_sha256(texts)[:DIGITS_OF_TEXTS]}")
        values["data"] = "files"
        values["path"] = folder / OWN_TEXTS
    # 2. Set the values of the request in it, once for all, and choose its models.
    set_values(tree, changes(request.settings, dashes="", **values))
    config = resolve(tree)
    names = request.models
    if isinstance(names, str):
        names = [names]
    benchmark = select(config.benchmark, names, "models")
    # 3. Make sure that the results may go into the folder.
    executor = request.make_executor()
    if folder is None:
        folder = request.folder_of(benchmark.name)
    _check_name(folder)
    check_folder(folder, record)
    with ExitStack() as stack:
        if texts is not None:
            stack.enter_context(_storing(texts, folder / OWN_TEXTS))
        text = dump(benchmark, folder)
        check_inputs(config, folder, text)
        _check_size(benchmark, text)
        # 4. Get the documents.
        with downloads as on_bytes:
            data = _prepare(benchmark, corpus, on_bytes)
        if request.out is None:
            _mention_replaced(folder / record, text, data.summary.fingerprint)
        command = request.command or request.repeated_by(folder)
        yield Job(
            benchmark=benchmark,
            config_text=text,
            data=data,
            executor=executor,
            store=Store(folder),
            command=command,
            fresh=request.fresh,
            record=record,
        )


def _config_and_texts(request: Request) -> tuple[Config, str | None]:
    """Return the config of a request, and the texts it was given in Python, if any."""
    config: Config = request.config
    data: str | OwnTexts | None = request.data
    if not isinstance(config, str | Path | Mapping | Benchmark):
        data = config
        config = shipped.get(shipped.TEXTS)
    if data is None or isinstance(data, str):
        return config, None
    return config, _as_json_lines(data)


def _as_json_lines(texts: Any) -> str:
    """Return texts with labels as JSON, one a line, or raise ``UserError``."""
    try:
        if isinstance(texts, tuple | list):
            for part in texts:
                if isinstance(part, str | bytes | Mapping | Set):
                    raise TypeError("got something else")
            lines = []
            for text, label in zip(*texts, strict=True):
                row = {"text": text, "label": label}
                lines.append(json.dumps(row, default=plain) + "\n")
            return "".join(lines)
        if hasattr(texts, "columns"):
            frame: str = texts.to_json(orient="records", lines=True, date_format="iso")
            return frame
        raise TypeError(f"got {type(texts).__name__}")
    except (
        TypeError,
        ValueError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        wanted = "should be a data frame, or two lists of equal length: texts, labels"
        raise UserError(f"data: {wanted} ({error})") from None


@contextmanager
def _storing(texts: str, file: Path) -> Iterator[None]:
    """Store texts in a file, which is removed if the block stores no config."""
    is_new = not file.exists()
    is_new_folder = not file.parent.exists()
    if not is_new and sha256_file(file) != _sha256(texts):
        hint = "give `out` the name of another folder, or leave it out"
        raise UserError(f"{file}: holds other texts ({hint})")
    write_text(file, texts)
    try:
        yield
    finally:
        if is_new and not file.with_name("config.yaml").exists():
            with suppress(OSError):
                file.unlink()
                if is_new_folder:
                    file.parent.rmdir()


def _check_name(folder: Path) -> None:
    spelled = encodable(str(folder))
    if spelled != str(folder):
        raise UserError(f"{spelled}: the name of the folder is not in UTF-8")


def _check_size(benchmark: Benchmark, text: str) -> None:
    """Make sure that the config of the results can be read again."""
    size = len(text.encode())
    if size > MAX_CONFIG:
        message = f"its config.yaml would have {size:,} bytes (allowed: {MAX_CONFIG:,})"
        raise UserError(f"{benchmark.name}: {message}; make its grids smaller")


def _prepare(
    benchmark: Benchmark, corpus: Corpus | None, on_bytes: Progress
) -> PreparedData:
    """Return the data of a benchmark, after fetching what its models need."""
    if corpus is None:
        data = prepare(benchmark.data, on_bytes)
    else:
        data = prepare_corpus(benchmark.data, corpus)
    for name, model in benchmark.models.items():
        model.fetch(on_bytes)
        if model.reads_unlabeled and data.corpus.unlabeled is None:
            fault = unlabeled_fault(data.corpus)
            if fault:
                raise UserError(f"models.{name}: {fault}")
            data = with_unlabeled(data, on_bytes)
    return data


def _mention_replaced(file: Path, config: str, fingerprint: str) -> None:
    """Say which results, of another config or of other data, this job will replace."""
    earlier = peek(file)
    if not earlier:
        return
    is_same_data = fingerprint in str(earlier.get("dataset"))
    if is_same_data and _holds(file.with_name("config.yaml"), config):
        return
    command = " ".join(str(earlier.get("command")).split())
    message = "%s: this will replace the results of %s (--out names another folder)"
    log.warning(message, file.parent, command)


def _holds(file: Path, text: str) -> bool:
    return file.is_file() and sha256_file(file) == _sha256(text)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def load_config(config: Config, settings: Settings | None = None) -> Benchmark:
    """Return the benchmark that a config describes, with ``settings`` as its keys.

    Raises:
        ConfigError: the config is wrong; the message lists every problem, with its file
            and line.
    """
    return resolve(tree_of(config, changes(settings))).benchmark


def check_inputs(
    config: LoadedConfig, folder: Path, text: str, written: Sequence[str] = WRITTEN
) -> None:
    """Make sure that results do not overwrite the files that they are made from.

    The config may be the one in the folder if its text stays the same, or if the
    finished run there stored it. Nor may results lie in a folder of texts: the next run
    would read ``.txt`` files.
    """
    data = config.benchmark.data
    for key in PATHS:
        texts = getattr(data, key)
        is_of_files = data.source == "files" and texts
        if is_of_files and folder.resolve().is_relative_to(texts.resolve()):
            message = f"in {texts}, results would be read as texts ({HINT})"
            raise UserError(f"{folder}: {message}")
    existing = []
    for name in written:
        if os.path.lexists(folder / name):
            existing.append(folder / name)
    for number, file in enumerate(config.inputs):
        is_config = number == 0
        for result in existing:
            if not _is_at_or_below(file, result):
                continue
            checksums = {_sha256(text)}
            if is_config:
                finished = peek(result.with_name(RESULTS))
                checksums.add(str(finished.get("config_sha256")))
            if not result.is_file() or sha256_file(result) not in checksums:
                raise UserError(f"{file}: results would overwrite it ({HINT})")


def _is_at_or_below(file: Path, place: Path) -> bool:
    """Return whether a file is at a place or, if that is a folder, in it."""
    if not place.exists():
        return False
    for path in (file, *file.resolve().parents):
        if path.exists() and path.samefile(place):
            return True
    return False
