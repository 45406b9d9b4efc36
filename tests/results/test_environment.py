import subprocess

import rnnbench
from rnnbench.results.environment import environment, versions


def _git(folder, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
    command = ["git", "-C", folder, *identity, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_versions_name_what_can_change_a_result():
    found = versions()

    assert found["rnnbench"] == rnnbench.__version__
    assert found["tensorflow"].startswith("2.")
    assert found["keras"].startswith("3.")


def test_the_commit_is_that_of_the_configs_checkout(tmp_path):
    config = tmp_path / "a.yaml"
    config.write_text("name: a\n")
    _git(tmp_path, "init", "-q")
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "-qm", "first")
    head = _git(tmp_path, "rev-parse", "HEAD")

    assert environment(config, jobs=1, threads=1)["git_commit"] == head
    config.write_text("name: b\n")
    assert environment(config, jobs=1, threads=1)["git_commit"] == f"{head}+"


def test_outside_a_checkout_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))

    assert environment(tmp_path / "a.yaml", jobs=1, threads=1)["git_commit"] is None


def test_it_says_how_the_cores_were_shared(tmp_path):
    facts = environment(tmp_path / "a.yaml", jobs=3, threads=2)

    assert (facts["jobs"], facts["threads_per_job"]) == (3, 2)
    assert facts["cores"] >= 1
    assert facts["cpu"]
