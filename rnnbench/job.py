"""From a request to a job that is ready to run.

``with prepared_job(request) as job: run(job, listener, table_files)``
"""

from collections.abc import Iterator
from contextlib import contextmanager

from rnnbench.config.load import (
    Override,
    config_text,
    load,
    load_with_files,
    select,
    with_columns,
)
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
from rnnbench.results.overwriting import check_place, mention_replaced, stored_texts
from rnnbench.results.store import OWN_PARTS, OWN_TEXTS, RESULTS, Store
from rnnbench.runner.train import Job
from rnnbench.terminal.display import show_download


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
    # 1. Read the config once, with what the request changes, and choose its models.
    overrides = [*request.overrides]
    if request.texts is not None:
        place = OWN_TEXTS
        if len(request.texts) > 1:
            place = OWN_PARTS
            overrides.insert(0, Override("", "data.split", "auto"))
        overrides += changes(dashes="", data="files", path=place)
    config = load_with_files(request.config, overrides)
    benchmark = select(config.benchmark, request.models, "models")
    # 2. Find where results go, and where trials run.
    folder = request.folder_of(benchmark.name)
    command = request.command or request.repeated_by(folder)
    executor = request.make_executor()
    # 3. Make sure that results may go there.
    if request.texts is not None:
        data = benchmark.data.model_copy(update={"path": folder / place})
        benchmark = benchmark.model_copy(update={"data": data})
    text = config_text(benchmark, folder)
    check_place(config, folder, text, record)
    with stored_texts(request.texts or {}, benchmark.data.path):
        if request.texts is not None:
            benchmark = with_columns(benchmark)
            text = config_text(benchmark, folder)
        # 4. Get the documents.
        with show_download(quiet=not request.progress) as on_bytes:
            prepared = _prepare(benchmark, corpus, on_bytes)
        if request.out is None:
            mention_replaced(folder / record, text, prepared.summary.fingerprint)
        yield Job(
            benchmark=benchmark,
            config_text=text,
            data=prepared,
            executor=executor,
            store=Store(folder),
            command=command,
            fresh=request.fresh,
            record=record,
        )


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
    return load(config, changes(settings))
