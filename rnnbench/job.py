"""From a request to a job that is ready to run.

``with prepared_job(request) as job: run(job, listener, table_files)``
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rnnbench.config.load import MAX_CONFIG, dump, load, resolve, select, tree_of
from rnnbench.config.schema import Benchmark
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
from rnnbench.request import Config, Request, Settings, changes
from rnnbench.results.overwriting import check_inputs, mention_replaced
from rnnbench.results.store import OWN_TEXTS, RESULTS, Store, check_folder
from rnnbench.runner.train import Job
from rnnbench.storage import sha256_file, sha256_text, write_text
from rnnbench.terminal.display import show_download

# Of the checksum of texts, in the name of the folder of their results.
DIGITS_OF_TEXTS = 8


@contextmanager
def prepared_job(
    request: Request, record: str = RESULTS, *, corpus: Corpus | None = None
) -> Iterator[Job]:
    """Yield the job of a request.

    Args:
        request: what ``run`` or ``choose`` was asked for.
        record: the file that makes the folder a run or a choice.
        corpus: is not loaded again.
    """
    # 1. Read the config once, with its changes, and choose its models.
    overrides = [*request.overrides]
    folder = None
    if request.texts is not None:
        digits = sha256_text(request.texts)[:DIGITS_OF_TEXTS]
        folder = request.folder_of(f"{load(request.config).name}-{digits}")
        path = folder / OWN_TEXTS
        overrides += changes(dashes="", data="files", path=path)
    config = resolve(tree_of(request.config, overrides))
    benchmark = select(config.benchmark, request.models, "models")
    # 2. Find where trials run, and where results go.
    executor = request.make_executor()
    if folder is None:
        folder = request.folder_of(benchmark.name)
    # 3. Make sure that results may go there.
    text = dump(benchmark, folder)
    _check_size(benchmark, text)
    check_folder(folder, record)
    check_inputs(config, folder, text)
    with _storing(request.texts, folder / OWN_TEXTS):
        # 4. Get the documents.
        with show_download(quiet=not request.progress) as on_bytes:
            data = _prepare(benchmark, corpus, on_bytes)
        if request.out is None:
            mention_replaced(folder / record, text, data.summary.fingerprint)
        yield Job(
            benchmark=benchmark,
            config_text=text,
            data=data,
            executor=executor,
            store=Store(folder),
            command=request.command or request.repeated_by(folder),
            fresh=request.fresh,
            record=record,
        )


@contextmanager
def _storing(texts: str | None, file: Path) -> Iterator[None]:
    """Store texts, if any, in a file; it is removed if the block stores no config."""
    if texts is None:
        yield
        return
    is_new = not file.exists()
    is_new_folder = not file.parent.exists()
    if not is_new and sha256_file(file) != sha256_text(texts):
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


def load_config(config: Config, settings: Settings | None = None) -> Benchmark:
    """Return the benchmark that a config describes, with ``settings`` as its keys.

    Raises:
        ConfigError: the config is wrong; the message lists every problem, with its file
            and line.
    """
    return resolve(tree_of(config, changes(settings))).benchmark
