"""JSON objects of lists."""

import json
from pathlib import Path

import numpy as np
import pytest

from rnnbench import UserError
from rnnbench.outside.columns import Reading
from rnnbench.outside.files import read_answers

EXAMPLES = Path(__file__).parents[3] / "examples/answers"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def read(content, **reading):
    Path("predictions.json").write_text(json.dumps(content))
    (answers,) = read_answers(["predictions.json"], None, Reading(**reading)).values()
    return answers.labels, list(answers.answers["predictions"][0])


def test_outputs_of_a_trainer_are_read():
    with np.load(EXAMPLES / "bert-seed0.npz") as arrays:
        outputs = {name: array.tolist() for name, array in arrays.items()}
        right = arrays["label_ids"].tolist()
        best = arrays["predictions"].argmax(axis=1).tolist()

    assert read(outputs | {"metrics": {"test_loss": 0.5}}) == (right, best)


def test_labels_may_be_lists_of_any_length():
    outputs = {"y_true": [["a"], ["a", "b"]], "y_pred": [["b"], ["a", "b"]]}

    assert read(outputs) == ([["a"], ["a", "b"]], [["b"], ["a", "b"]])


def test_texts_are_answers_by_id():
    Path("gold.json").write_text('{"q2": "no", "q1": "yes"}')
    Path("mine.json").write_text('{"q1": "yes", "q2": "yes"}')

    (answers,) = read_answers(["mine.json"], Path("gold.json"), Reading()).values()

    assert answers.ids == ["q1", "q2"]
    assert answers.labels == ["yes", "no"]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ({"accuracy": 0.5}, "should be rows, or lists"),
        ({"predictions": [1, 2], "label_ids": [1]}, "of the same length"),
        ({"predictions": 7, "label_ids": [1]}, "of the same length"),
        ({"predictions": [[[1]]]}, "of the same length"),
        ({"predictions": None, "labels": {}}, "predictions.json: "),
    ],
)
def test_a_fault_is_named(content, fault):
    with pytest.raises(UserError, match=fault):
        read(content)
