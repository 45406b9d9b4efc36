import subprocess
from pathlib import Path

import rnnbench
from rnnbench.environment import environment, versions


def test_versions_name_what_can_change_a_result():
    found = versions(["tensorflow", "keras", "no-such-package"])

    assert found["rnnbench"] == rnnbench.__version__
    assert found["tensorflow"].startswith("2.")
    assert found["keras"].startswith("3.")


def test_the_commit_is_that_of_the_code_that_runs():
    folder = Path(rnnbench.__file__).parent
    command = ["git", "-C", folder, "rev-parse", "HEAD"]
    head = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    commit = environment([], jobs=1, threads=1)["git_commit"]

    assert (commit or "").removesuffix("+") == head


def test_it_says_how_the_cores_were_shared():
    facts = environment([], jobs=3, threads=2)

    assert (facts["jobs"], facts["threads_per_job"]) == (3, 2)
    assert facts["cores"] >= 1
    assert facts["cpu"]
