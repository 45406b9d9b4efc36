"""What workers of a cluster must have, and their child processes, without a cluster."""

import hashlib
import pickle
import zipfile
from functools import partial
from io import BytesIO

import cluster_tasks
import pytest
from factories import corpora, trial

from rnnbench.errors import RnnbenchError, UserError
from rnnbench.plugins.dask.on_worker import RunOnWorker, prepare
from rnnbench.plugins.dask.packing import pack
from rnnbench.plugins.dask.versions import describe_differences, differences
from rnnbench.plugins.dask.worker_child import WorkerChild
from rnnbench.runner.executors import Task
from rnnbench.runner.workers import Died, Done

DOCUMENTS = b"documents, or so"
NAME = f"{hashlib.sha256(DOCUMENTS).hexdigest()}.npz"


def test_where_code_or_documents_differ_no_trial_is_carried_out(tmp_path):
    corpus = tmp_path / NAME
    corpus.write_bytes(DOCUMENTS)
    planned = trial(tmp_path, models={"svm": {"baseline": "tfidf_linear_svm"}})
    begin = partial(prepare, cluster_tasks.prepare_nothing)

    begin(planned.fingerprint, corpus, planned)

    with pytest.raises(UserError, match="the code of the model, or of its package"):
        begin("0" * 64, corpus, planned)
    corpus.write_bytes(b"others")
    with pytest.raises(RnnbenchError, match=r".*npz is gone, or was changed after"):
        begin(planned.fingerprint, corpus, planned)


def test_modules_travel_with_what_they_import_from_their_folder(
    working_folder, tmp_path
):
    files = {
        "mine.py": "import os, numpy, rnnbench\n"
        "from helper import WIDTH\nimport random, missing",
        "helper.py": "def width():\n    import parts.sizes\n"
        "import mine\nfrom loose import sizes",
        "parts/__init__.py": "",
        "parts/sizes.py": "import numpy",
        "loose/sizes.py": "",
        "other.py": "",
        "random.py": "import other",  # the standard library's comes first
        "numpy.py": "",
        "package/__init__.py": "",
        "package/below/__init__.py": "",
        "package/below/a.py": "",
        "package/below/notes.txt": "",
    }
    for name, code in files.items():
        (working_folder / name).parent.mkdir(parents=True, exist_ok=True)
        (working_folder / name).write_text(code)

    assert modules_sent("mine:build", tmp_path) == [
        "modules/helper.py",
        "modules/loose/sizes.py",
        "modules/mine.py",
        "modules/parts/__init__.py",
        "modules/parts/sizes.py",
    ]
    assert modules_sent("package.below.a:build", tmp_path) == [
        "modules/package/__init__.py",
        "modules/package/below/__init__.py",
        "modules/package/below/a.py",
    ]


def modules_sent(function, folder):
    """The names of the modules that go to workers with a model and its corpus."""
    network = trial(folder, models={"own": {"python": function}})
    files = corpora(folder)
    packed = pack([network], files)
    with zipfile.ZipFile(BytesIO(packed.corpora)) as opened:
        corpus = opened.read(packed.names[network.corpus_fingerprint])
    with zipfile.ZipFile(BytesIO(packed.modules)) as opened:
        modules = opened.namelist()
    assert corpus == files[network.corpus_fingerprint].read_bytes()
    return sorted(modules)


@pytest.fixture
def begin_on(tmp_path):
    """Begins a run on a worker of this machine, and notes who asks for the corpora."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(NAME, DOCUMENTS)
    empty = BytesIO()
    zipfile.ZipFile(empty, "w").close()
    asking = []

    def begin(worker):
        def ask():
            asking.append(worker)
            return packed.getvalue()

        folder = tmp_path / worker / "rnnbench" / "run"
        run = RunOnWorker(folder)
        assert run.begin({}, empty.getvalue(), [NAME], ask) == ([], "")
        assert (folder / NAME).read_bytes() == DOCUMENTS
        return run, folder / NAME

    return begin, asking


def test_only_the_first_worker_of_a_machine_asks_for_documents(begin_on):
    begin, asking = begin_on

    _, corpus = begin("w0")
    _, shared = begin("w1")

    assert asking == ["w0"]
    assert corpus.samefile(shared)


def test_documents_stay_until_the_last_worker_has_ended(begin_on, tmp_path):
    begin, _ = begin_on
    first, corpus = begin("w0")
    second, shared = begin("w1")

    first.end()
    assert shared.read_bytes() == DOCUMENTS
    assert not corpus.exists()
    second.end()
    assert not list(tmp_path.rglob("*run*"))


def test_a_restarted_worker_leaves_shared_documents_as_they_are(begin_on):
    begin, asking = begin_on
    begin("w0")
    _, shared = begin("w1")

    begin("w0")

    assert asking == ["w0"]
    assert shared.stat().st_nlink == 2


def test_damaged_documents_of_another_worker_are_not_used(begin_on):
    begin, asking = begin_on
    _, corpus = begin("w0")
    corpus.write_bytes(b"others")

    begin("w1")

    assert asking == ["w0", "w1"]


def test_what_differs_between_versions_is_grouped():
    here = {"Python": "3.11", "keras": "3.11.0", "numpy": "2.0"}
    others = {"keras": "3.10.0", "numpy": "2.0"}
    sites = {f"w{n}": others | {"Python": "3.12" if n else "3.11"} for n in range(5)}
    grouped = {name: differences(site, here) for name, site in sites.items()}

    assert describe_differences(grouped, here).splitlines()[1:] == [
        "  keras 3.10.0 (here: 3.11.0): w0, w1, w2 and 2 more",
        "  Python 3.12 (here: 3.11): w1, w2, w3 and 1 more",
        "use the same versions and the same commit there (pip install keras==3.11.0)",
    ]


# Children

WITHOUT_RNNBENCH = """
import os, sys
file = "rnnbench/__init__.py"
sys.path[:] = [path for path in sys.path if not os.path.exists(f"{path}/{file}")]
"""


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Starts a child that finds a module, and carries out what every child can
    import.
    """
    started = []

    def start_with(name, code):
        (tmp_path / name).write_text(code)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        started.append(WorkerChild(tmp_path, tmp_path / "place"))
        told = []
        work = pickle.dumps((Task(print, id), "trial", "corpus"))
        end = started[0].carry_out(work, told.append)
        return [*told, end]

    yield start_with
    started[0].end()


def test_a_child_that_cannot_begin_says_why(start):
    (death,) = start("rnnbench.py", "raise ImportError('half of it is missing')")

    assert isinstance(death, Died)
    assert not death.has_started
    assert death.last_words.endswith("ImportError: half of it is missing")


def test_a_child_finds_rnnbench_where_its_worker_did(start):
    begin, end = start("sitecustomize.py", WITHOUT_RNNBENCH)

    assert begin[0] == 0, "it has started"
    assert end == Done(None)
