"""Folders as arguments of a verdict."""

import gzip
import json
import shutil
from pathlib import Path

import pytest

from rnnbench import UserError
from rnnbench.outside.arguments import files_of
from rnnbench.outside.columns import Reading
from rnnbench.outside.files import read_answers

EXAMPLES = Path(__file__).parents[2] / "examples/answers"
TIME = "2026-12-02T09-26-57.584953"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def harness(*models):
    """Write samples of two tasks as lm-evaluation-harness names and places them."""
    for model in models:
        folder = Path("out", model, "meta-llama__X")
        folder.mkdir(parents=True)
        for task in ("qa", "qa_hard"):
            file = folder / f"samples_{task}_{TIME}.jsonl"
            shutil.copy(EXAMPLES / f"{model}.jsonl", file)
        (folder / f"results_{TIME}.json").write_text(json.dumps({"results": {}}))


def test_samples_in_a_folder_are_of_several_tasks():
    harness("small", "large")

    by_task = read_answers(["out"], None, Reading())

    assert set(by_task) == {"qa", "qa_hard"}
    assert set(by_task["qa"].answers) == {"small", "large"}


def test_samples_in_two_folders_are_of_two_models():
    harness("small", "large")

    by_task = read_answers(["out/small", "out/large"], None, Reading())

    assert list(by_task["qa_hard"].answers) == ["small", "large"]


def test_a_folder_may_have_the_name_of_a_model():
    harness("small")

    assert list(read_answers(["mine=out"], None, Reading())["qa"].answers) == ["mine"]


def test_files_of_other_kinds_are_read_in_the_order_of_their_names():
    for name in ("b.csv", "a.jsonl", "readme.md"):
        Path(name).touch()

    assert [path.name for path, _ in files_of(["."])] == ["a.jsonl", "b.csv"]


def test_packed_tables_in_a_folder_are_read():
    Path("a.csv.gz").touch()

    assert files_of(["."]) == [(Path("a.csv.gz"), "")]


def test_the_name_of_a_packed_table_has_the_model_with_its_seed():
    for seed in "01":
        table = gzip.compress(b"id,label,prediction\n1,a,a\n2,b,a\n")
        Path(f"bert-seed{seed}.csv.gz").write_bytes(table)

    (read,) = read_answers(["."], None, Reading()).values()

    assert {model: [*seeds] for model, seeds in read.answers.items()} == {
        "bert": [0, 1]
    }


def test_hidden_files_in_a_folder_are_left_out():
    Path(".ipynb_checkpoints").mkdir()
    for name in ("a.csv", ".ipynb_checkpoints/a-checkpoint.csv"):
        Path(name).touch()

    assert files_of(["."]) == [(Path("a.csv"), "")]


def test_a_run_is_no_folder_of_answers():
    Path("run").mkdir()
    Path("run/results.json").touch()

    with pytest.raises(UserError, match=r"run: is a run .--labels takes it"):
        files_of(["run"])


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_column_may_name_tasks(ending):
    rows = ["task,id,label,prediction", "x,1,a,a", "x,2,b,a", "y,1,c,c", "y,2,d,d"]
    if ending == "jsonl":
        header, *values = [row.split(",") for row in rows]
        rows = [json.dumps(dict(zip(header, row, strict=True))) for row in values]
    Path(f"all.{ending}").write_text("\n".join(rows))

    by_task = read_answers([f"all.{ending}"], None, Reading())

    assert by_task["y"].labels == ["c", "d"]
    assert list(by_task["x"].answers["all"][0]) == ["a", "a"]
