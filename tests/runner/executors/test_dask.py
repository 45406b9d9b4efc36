"""Trials on the workers of a Dask cluster: real schedulers and nannies, as processes."""

import hashlib
import re
import time
import zipfile
from dataclasses import replace
from functools import partial
from io import BytesIO

import cluster_tasks
import numpy as np
import pytest
from cluster_tasks import task
from clusters import children, cluster, kept, listeners, wait_for
from factories import corpora, trial

from rnnbench.errors import RnnbenchError, UserError
from rnnbench.models.code import is_installed
from rnnbench.runner.events import Connected, EpochEnded, PhaseBegan
from rnnbench.runner.executors import TRAINING, DaskExecutor, LocalExecutor
from rnnbench.runner.executors.base import WAITING
from rnnbench.runner.executors.dask.differences import (
    OTHER_CODE,
    Site,
    Wanted,
    describe_differences,
    differences,
)
from rnnbench.runner.executors.dask.parcels import own_modules, zip_modules
from rnnbench.runner.executors.dask.worker import prepare

BASELINE = {"models": {"svm": {"baseline": "tfidf_linear_svm"}}}


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    with cluster(folder) as made:
        yield made


@pytest.fixture
def trials(tmp_path):
    return [trial(tmp_path, seed=seed, **BASELINE) for seed in range(3)]


def start(where, trials, folder, carry_out=None, *, jobs=None):
    """Return the generator of outcomes, and the list of events."""
    events = []
    work = task(carry_out) if carry_out else TRAINING
    executor = DaskExecutor(jobs, str(where.file))
    return executor.run(trials, corpora(folder), events.append, work), events


def run(where, trials, folder, carry_out=None, **options):
    """Return the outcomes of trials by seed, and the events."""
    outcomes, events = start(where, trials, folder, carry_out, **options)
    return {one.seed: outcome for one, outcome in outcomes}, events


def test_results_have_the_same_bits_as_those_of_local_processes(two_workers, tmp_path, trials):
    network = trial(tmp_path, seed=7, training={"epochs": 2, "engine": "compiled"})
    kept = trial(tmp_path, seed=8, training={"epochs": 2, "engine": "native"})
    all_trials = [network, replace(kept, keep_model=True), trials[0]]

    there, events = run(two_workers, all_trials, tmp_path)

    assert len(there[8].weights) == 5
    here = LocalExecutor(2, 1).run(all_trials, corpora(tmp_path), lambda _: None, TRAINING)
    for one, expected in here:
        result = there[one.seed]
        np.testing.assert_array_equal(result.scores, expected.scores)
        np.testing.assert_array_equal(result.labels, expected.labels)
        for ours, theirs in zip(result.weights or [], expected.weights or [], strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert result.record.history == expected.record.history
        assert result.record.fingerprint == expected.record.fingerprint
        assert (result.record.machine.worker[:1], expected.record.machine) == ("w", None)
    epochs = [each.epoch for each in events if _is_epoch(each, 7)]
    assert (epochs[0], epochs[-1]) == (0, 2)
    phases = [each for each in events if isinstance(each, PhaseBegan) and each.trial == network]
    assert [each.phase for each in phases] == [
        "loading TensorFlow",
        "reading documents",
        "training",
        "building network",
        "compiling",
        "testing",
    ]
    assert {each.worker for each in phases} <= {"w0", "w1"}


def _is_epoch(event, seed):
    return isinstance(event, EpochEnded) and event.trial.seed == seed


def test_events_name_the_cluster_and_the_worker_of_a_trial(two_workers, tmp_path, trials):
    _, events = run(two_workers, trials, tmp_path, cluster_tasks.count_to_9)

    (connected,) = (each for each in events if isinstance(each, Connected))
    assert (connected.scheduler, connected.workers, connected.cores) == (two_workers.address, 2, 2)
    assert {each.worker for each in events if isinstance(each, EpochEnded)} == {"w0", "w1"}


def test_of_quick_epochs_only_the_first_and_last_are_told(two_workers, tmp_path, trials):
    _, events = run(two_workers, trials, tmp_path, cluster_tasks.count_to_9)

    assert [each.epoch for each in events if _is_epoch(each, 2)] == [0, 9]


def test_as_many_trials_run_side_by_side_as_there_are_threads(two_workers, tmp_path, trials):
    executor = DaskExecutor(address=two_workers.address)

    assert (executor.jobs, executor.threads) == (2, 1)
    assert DaskExecutor(1, two_workers.address).jobs == 1

    alone, _ = run(two_workers, trials, tmp_path, cluster_tasks.nap, jobs=1)
    assert len(set(alone.values())) == 1, "one child has carried out all of them"


def test_the_files_of_a_run_are_removed_when_it_ends_and_those_of_others_stay(
    two_workers, tmp_path, trials
):
    other, _ = start(two_workers, trials, tmp_path, cluster_tasks.nap)
    next(other)
    during = two_workers.ask(kept)

    run(two_workers, trials[:1], tmp_path, cluster_tasks.process)
    after = two_workers.ask(kept)
    outcomes = [outcome for _, outcome in other]

    assert all(any(name.endswith(".npz") for name in names) for names in during.values())
    assert all(any(name.endswith(".npz") for name in names) for names in after.values())
    assert all(isinstance(outcome, int) for outcome in outcomes)
    assert two_workers.ask(kept) == {address: [] for address in during}
    wait_for(lambda: not two_workers.ask_scheduler(listeners), "the scheduler to forget them")


def test_a_trial_that_fails_keeps_no_other_from_being_carried_out(two_workers, tmp_path, trials):
    outcomes, _ = run(two_workers, trials, tmp_path, cluster_tasks.fail)

    reasons = {outcomes[seed].reason for seed in range(3)}
    assert reasons <= {"no training today (on w0)", "no training today (on w1)"}


def test_a_killed_child_costs_no_trial(two_workers, tmp_path, trials, caplog):
    outcomes, _ = run(two_workers, trials, tmp_path, cluster_tasks.die_once)

    assert outcomes == dict.fromkeys(range(3), "done")
    assert "svm seed 0: a worker process died (killed, or out of memory?) on w" in caplog.text
    assert "it is tried again" in caplog.text


def test_a_child_that_dies_is_noticed_and_leaves_no_process_behind(two_workers, tmp_path, trials):
    work = cluster_tasks.leave_a_process_and_die_once

    outcomes, _ = run(two_workers, trials[:1], tmp_path, work)

    assert outcomes == {0: "done"}
    wait_for(lambda: not children(two_workers.folder), "the end of the process that it started", 5)


def test_a_child_begins_each_trial_in_its_own_folder(two_workers, tmp_path, trials):
    outcomes, _ = run(two_workers, trials, tmp_path, cluster_tasks.leave_the_folder, jobs=1)

    assert len(set(outcomes.values())) == 1
    assert "/" not in outcomes.values()


def test_a_trial_whose_children_die_fails_with_their_last_words(two_workers, tmp_path, trials):
    outcomes, _ = run(two_workers, trials, tmp_path, cluster_tasks.die_with_seed_0)

    assert (outcomes[1], outcomes[2]) == ("done", "done")
    assert re.match(r"a worker process died \(.*\) on w.; that was attempt 3", outcomes[0].reason)
    assert "out of memory, says the child" in outcomes[0].reason


def test_a_killed_worker_costs_no_trial(two_workers, tmp_path, trials, caplog):
    outcomes, events = run(two_workers, trials, tmp_path, cluster_tasks.kill_worker_once)

    assert outcomes == dict.fromkeys(range(3), "done")
    assert "was lost; it is tried again" in caplog.text
    waiting = [each for each in events if isinstance(each, PhaseBegan) and each.phase == WAITING]
    assert len(waiting) == caplog.text.count("it is tried again")
    assert not any(each.worker for each in waiting)
    wait_for(lambda: not children(two_workers.folder), "the end of what children started")
    wait_for(lambda: len(two_workers.workers()) == 2, "their nannies start them again")


def test_a_run_that_is_closed_ends_its_children_and_leaves_the_cluster_usable(
    two_workers, tmp_path, trials
):
    outcomes, _ = start(two_workers, trials, tmp_path, cluster_tasks.sleep_with_seed_0)
    next(outcomes)
    next(outcomes)
    assert children(two_workers.folder)

    begin = time.monotonic()
    outcomes.close()

    assert time.monotonic() - begin < 10
    assert not children(two_workers.folder)
    assert run(two_workers, trials, tmp_path, cluster_tasks.process)[0].keys() == {0, 1, 2}


def test_nothing_to_do_needs_no_cluster():
    outcomes = DaskExecutor(address="tcp://127.0.0.1:1").run([], {}, lambda _: None, TRAINING)

    assert list(outcomes) == []


def test_where_code_or_documents_differ_no_trial_is_carried_out(tmp_path, trials):
    corpus = tmp_path / f"{hashlib.sha256(b'documents').hexdigest()}.npz"
    corpus.write_bytes(b"documents")
    planned = trials[0].fingerprint
    begin = partial(prepare, cluster_tasks.prepare_nothing)

    begin(planned, "tcp://there:1", corpus, trials[0])

    with pytest.raises(UserError, match="tcp://there:1: the code of the model, or of its package"):
        begin("0" * 64, "tcp://there:1", corpus, trials[0])
    corpus.write_bytes(b"others")
    with pytest.raises(RnnbenchError, match=r"tcp://there:1: .*npz is gone, or was changed after"):
        begin(planned, "tcp://there:1", corpus, trials[0])


def test_modules_travel_with_all_files_of_their_package(working_folder):
    package = working_folder / "mine" / "parts"
    package.mkdir(parents=True)
    for name in ("mine/__init__.py", "mine/parts/__init__.py", "mine/parts/a.py", "alone.py"):
        (working_folder / name).write_text("")
    (package / "notes.txt").write_text("")

    content = zip_modules(["mine.parts.a", "alone"])

    with zipfile.ZipFile(BytesIO(content)) as opened:
        names = opened.namelist()
    assert names == ["alone.py", "mine/__init__.py", "mine/parts/__init__.py", "mine/parts/a.py"]
    assert zip_modules(["alone", "mine"]) == content, "the same bytes every time"
    assert (is_installed("numpy"), is_installed("alone")) == (True, False)


def test_what_a_module_imports_from_its_folder_travels_with_it(working_folder, tmp_path):
    files = {
        "mine.py": "import os, numpy, rnnbench\nfrom helper import WIDTH\nimport random, missing",
        "helper.py": "def width():\n    import parts.sizes\nimport mine\nfrom loose import sizes",
        "parts/__init__.py": "",
        "parts/sizes.py": "import numpy",
        "parts/template.py": "class {name}:",
        "loose/sizes.py": "",
        "other.py": "",
        "random.py": "import other",  # the standard library's comes first
        "numpy.py": "",
    }
    for name, code in files.items():
        (working_folder / name).parent.mkdir(exist_ok=True)
        (working_folder / name).write_text(code)
    model = {"models": {"own": {"python": "mine:build"}}}

    found = own_modules([trial(tmp_path, **model)])

    assert found == ["helper", "loose.sizes", "mine", "parts.sizes"]


def test_what_differs_between_versions_is_grouped():
    wanted = Wanted("3.11.7", {"keras": "3.11.0", "numpy": "2.0"}, code="")
    others = {"keras": "3.10.0", "numpy": "2.0"}
    sites = {f"w{n}": Site("", "3.12.1" if n else "3.11.2", "", others) for n in range(5)}
    found = {name: differences(site, wanted) for name, site in sites.items()}

    assert describe_differences(found, wanted).splitlines()[1:] == [
        "  keras 3.10.0 (here: 3.11.0): w0, w1, w2 and 2 more",
        "  Python 3.12.1 (here: 3.11.7): w1, w2, w3 and 1 more",
        "use the same versions and the same commit there (pip install keras==3.11.0)",
    ]


@pytest.mark.parametrize(
    ("version", "code", "found"),
    [
        ("0.5.0", "a", []),
        ("0.5.0", "b", [OTHER_CODE]),
        ("0.5.0", "", [OTHER_CODE]),  # a commit that does not say
        ("0.4.0", "b", ["rnnbench 0.4.0 (here: 0.5.0)"]),
    ],
)
def test_another_commit_of_the_same_version_is_a_difference(version, code, found):
    site = Site("", "3.11.7", "", {"rnnbench": version}, code)

    assert differences(site, Wanted("3.11.7", {"rnnbench": "0.5.0"}, "a")) == found
