"""The environment of a run."""

import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pytest
from blas_kernels import run_with_kernel, two_kernels
from factories import MACHINE
from packaging.requirements import Requirement

import rnnbench
from rnnbench.environment import (
    Environment,
    ProcessorRecord,
    begin_peak,
    constraints,
    environment,
    installed,
    machine,
    peak_memory,
    processor,
    usable_memory,
)


@pytest.fixture(scope="module")
def here():
    """The environment of this process."""
    return environment(["numpy", "no-such-package"], jobs=3, threads=2)


def test_the_environment_is_a_valid_record(here):
    record = Environment.model_validate(here)

    assert (record.jobs, record.threads_per_job) == (3, 2)
    assert record.cpu


def test_the_environment_has_the_time():
    before = datetime.now(UTC).replace(microsecond=0)

    date = environment([], jobs=1, threads=1)["date"]

    assert before <= datetime.fromisoformat(date) <= datetime.now(UTC)


def test_the_environment_has_the_commit_of_the_package(here):
    command = ["git", "-C", Path(rnnbench.__file__).parent, "rev-parse", "HEAD"]
    git = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (here["git_commit"] or "").removesuffix("+") == git.stdout.strip()


def test_the_environment_has_the_versions_of_packages(here):
    assert here["versions"] == {
        "rnnbench": rnnbench.__version__,
        "numpy": version("numpy"),
        "no-such-package": "not installed",
    }


def test_pip_can_install_the_packages_of_an_environment_again(here):
    first, *lines = constraints(here).splitlines()

    assert first.startswith(f"# rnnbench {rnnbench.__version__}, Python 3.")
    assert f"h5py=={version('h5py')}" in lines
    assert [str(Requirement(line)) for line in lines] == lines, "as pip reads them"


PRINT_PROCESSOR = """
from rnnbench.environment import machine
print(machine([])["processor"]["blas"])
"""


def test_the_kernel_that_blas_chose_is_recorded():
    for kernel in two_kernels():
        printed = run_with_kernel(kernel, PRINT_PROCESSOR)

        assert f" {kernel}'" in printed


@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere, the system does not tell it"
)
def test_the_processor_is_told_apart_from_others_of_its_name():
    record = processor()

    assert record.vector_instructions
    if record.vendor:  # those of ARM have no family
        words = f"{record.vendor}, family {record.family}, model {record.model}"
        assert record.in_words().startswith(words)


def test_an_environment_from_before_the_processor_was_recorded_can_be_read():
    assert "processor" not in MACHINE
    assert Environment.model_validate(MACHINE).processor is None
    assert ProcessorRecord().in_words() == ""


def test_the_commit_of_a_repository_around_the_package_is_not_told(
    tmp_path, monkeypatch
):
    for command in (
        ["init", "-q"],
        ["commit", "-q", "--allow-empty", "-m", "of someone else"],
    ):
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", "-C", tmp_path, *who, *command], check=True)  # noqa: S607
    package = tmp_path / "lib/rnnbench/__init__.py"
    package.parent.mkdir(parents=True)
    package.touch()
    monkeypatch.setattr(rnnbench, "__file__", str(package))

    assert machine([])["git_commit"] is None


def test_all_packages_are_listed_that_are_needed_however_indirectly():
    names = list(installed(["rnnbench", "no-such-package"]))

    assert {"tensorflow", "h5py", "numpy", "pyyaml"} <= set(names)
    assert not {"pytest", "hypothesis"} & set(names), "its extras"
    assert "pytest" in installed(["rnnbench[test]"])
    assert names == sorted(names)


@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere, it is what the system says"
)
def test_the_memory_of_a_process_is_not_that_of_the_one_that_started_it():
    ballast = b"1" * 300_000_000
    print_peak = "from rnnbench.environment import peak_memory; print(peak_memory())"

    said = subprocess.check_output([sys.executable, "-c", print_peak])

    assert int(said) < len(ballast) < peak_memory()


@pytest.mark.skipif(sys.platform != "linux", reason="no other system forgets a peak")
def test_memory_that_was_freed_counts_again_in_the_next_peak():
    """In a process of its own: what other tests left would be freed in the middle."""
    print_rises = """
import numpy as np
from rnnbench.environment import begin_peak, peak_memory
for _ in range(2):
    before = begin_peak()
    assert len([np.ones(10_000) for _ in range(2_000)]) == 2_000
    print(peak_memory() - before)
"""

    said = subprocess.check_output([sys.executable, "-c", print_rises], text=True)

    rises = [int(rise) for rise in said.split()]
    assert all(150e6 < rise < 200e6 for rise in rises), rises


def test_a_peak_that_the_system_does_not_forget_is_not_told(tmp_path, monkeypatch):
    monkeypatch.setattr("rnnbench.environment.PROCESS", tmp_path / "missing")

    assert begin_peak() is None


@pytest.mark.parametrize(
    ("line", "file"),
    [
        ("0::/job/step", "job/memory.max"),
        ("0::/", "memory.max"),
        ("5:memory:/job", "memory/job/memory.limit_in_bytes"),
    ],
    ids=["a group", "a container", "an older system"],
)
def test_the_limit_of_a_group_of_processes_counts(tmp_path, monkeypatch, line, file):
    monkeypatch.setattr("rnnbench.environment.PROCESS", tmp_path)
    monkeypatch.setattr("rnnbench.environment.GROUPS", tmp_path / "groups")
    (tmp_path / "cgroup").write_text(f"1:cpu:/job\n{line}\n")
    limit = tmp_path / "groups" / file
    limit.parent.mkdir(parents=True)

    limit.write_text("max\n")
    without = usable_memory()
    limit.write_text("1000000\n")
    assert usable_memory() == 1_000_000 < without


def test_memory_is_not_measured_on_windows(monkeypatch, tmp_path):
    monkeypatch.setattr("rnnbench.environment.PROCESS", tmp_path)
    monkeypatch.setitem(sys.modules, "resource", None)

    assert peak_memory() == 0
