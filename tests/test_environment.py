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
)


def test_the_environment_tells_the_commit_the_versions_and_how_the_cores_were_shared():
    command = ["git", "-C", Path(rnnbench.__file__).parent, "rev-parse", "HEAD"]
    head = subprocess.run(
        command, capture_output=True, text=True, check=False
    ).stdout.strip()

    before = datetime.now(UTC).replace(microsecond=0)
    facts = environment(["numpy", "no-such-package"], jobs=3, threads=2)

    assert before <= datetime.fromisoformat(facts["date"]) <= datetime.now(UTC)
    assert Environment.model_validate(facts)
    assert (facts["git_commit"] or "").removesuffix("+") == head
    assert (facts["jobs"], facts["threads_per_job"]) == (3, 2)
    own, others = (
        {"rnnbench": rnnbench.__version__},
        {"no-such-package": "not installed"},
    )
    assert facts["versions"] == own | {"numpy": version("numpy")} | others
    assert facts["cpu"]
    first, *lines = constraints(facts).splitlines()
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
    here = processor()

    assert here.vector_instructions
    if here.vendor:  # those of ARM tell no family
        told = f"{here.vendor}, family {here.family}, model {here.model}"
        assert here.in_words().startswith(told)


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
    found = installed(["rnnbench", "no-such-package"])

    assert {"tensorflow", "h5py", "numpy", "pyyaml"} <= set(found)
    assert not {"pytest", "hypothesis"} & set(found), "its extras"
    assert "pytest" in installed(["rnnbench[test]"])
    assert list(found) == sorted(found)


@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere, it is what the system says"
)
def test_the_memory_of_a_process_is_its_own_and_not_that_of_the_one_that_started_it():
    ballast = b"1" * 300_000_000
    print_peak = "from rnnbench.environment import peak_memory; print(peak_memory())"

    said = subprocess.check_output([sys.executable, "-c", print_peak])

    assert int(said) < len(ballast) < peak_memory()


@pytest.mark.skipif(sys.platform != "linux", reason="no other system forgets a peak")
def test_each_peak_begins_anew_and_memory_that_was_freed_counts_again():
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
