"""The environment of a run."""

import subprocess
from pathlib import Path

import rnnbench
from rnnbench.environment import environment, versions


def test_versions_are_those_of_rnnbench_and_of_the_packages_that_are_asked_for():
    found = versions(["tensorflow", "no-such-package"])

    assert list(found) == ["rnnbench", "tensorflow", "no-such-package"]
    assert found["rnnbench"] == rnnbench.__version__
    assert found["tensorflow"].startswith("2.")
    assert found["no-such-package"] == "not installed"


def test_the_environment_tells_the_commit_the_versions_and_how_the_cores_were_shared():
    command = ["git", "-C", Path(rnnbench.__file__).parent, "rev-parse", "HEAD"]
    head = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    facts = environment(["numpy"], jobs=3, threads=2)

    assert (facts["git_commit"] or "").removesuffix("+") == head
    assert (facts["jobs"], facts["threads_per_job"]) == (3, 2)
    assert facts["versions"] == versions(["numpy"])
    assert facts["cores"] >= 1
    assert facts["cpu"]
