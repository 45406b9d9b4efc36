"""`rnnbench models export`: which file is written, and what is said of it."""

import json

import pytest


@pytest.mark.parametrize("model", ["reader", "svm", "letters"])
def test_a_file_gives_the_answers_of_a_model_to_test_documents(
    cli, finished, model, tmp_path
):
    file = tmp_path / f"{model}.py"

    done = cli("models", "export", finished, model, "--out", file, "--json")

    record = json.loads(done.stdout)
    assert (record["format"], record["file"]) == ("python", str(file))
    assert record["size"] == file.stat().st_size
    assert record["texts"] >= 4
    assert record["difference"] < 1e-5


def test_without_a_name_a_file_has_that_of_the_model(
    cli, finished, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)

    done = cli("models", "export", finished, "svm", "--format", "python")

    assert done.stderr.startswith("Written to svm.py; it gives the answers of svm to ")
    assert (tmp_path / "svm.py").exists()


def test_a_file_that_exists_is_not_overwritten(cli, finished, tmp_path):
    file = tmp_path / "svm.py"
    file.write_text("mine")

    done = cli("models", "export", finished, "svm", "--out", file)

    assert done.exit_code == 2
    assert done.stderr == f"--out {file}: exists already (--force overwrites it)\n"
    assert file.read_text() == "mine"


def test_a_format_has_one_ending(cli, finished):
    done = cli(
        "models", "export", finished, "svm", "--format", "keras", "--out", "a.py"
    )

    assert done.exit_code == 2
    assert done.stderr == "--out a.py: got '.py' (allowed: .keras)\n"
