"""Results of promptfoo: two prompts, three tests (``tests/outside/written``)."""

import json
from math import nan
from pathlib import Path

import numpy as np
import pytest

from rnnbench import UserError
from rnnbench.outside.columns import Reading
from rnnbench.outside.files import read_answers

WRITTEN = Path(__file__).parents[1] / "written"
SCORES = {"echo-prompt1": [1, 1, 1], "echo-prompt2": [0, 1, 1]}


def scores(file):
    (answers,) = read_answers([str(file)], None, Reading()).values()
    return {model: list(by_seed[0]) for model, by_seed in answers.answers.items()}


@pytest.mark.parametrize("ending", ["json", "jsonl", "csv"])
def test_each_prompt_is_a_model(ending):
    assert scores(WRITTEN / f"promptfoo.{ending}") == SCORES


def test_a_line_says_which_prompt_is_which(caplog):
    scores(WRITTEN / "promptfoo.json")

    assert "echo-prompt2: It is {{answer_b}}" in caplog.text


def test_a_provider_with_one_prompt_is_a_model(tmp_path):
    content = json.loads((WRITTEN / "promptfoo.json").read_text())
    for result in content["results"]["results"]:
        result["provider"] = {"id": f"echo:{result['promptIdx']}", "label": ""}
    file = tmp_path / "two.json"
    file.write_text(json.dumps(content))

    assert list(scores(file)) == ["echo-0", "echo-1"]


def test_a_test_without_an_answer_is_missing(tmp_path):
    content = json.loads((WRITTEN / "promptfoo.json").read_text())
    content["results"]["results"][0]["failureReason"] = 2
    file = tmp_path / "failed.json"
    file.write_text(json.dumps(content))

    np.testing.assert_equal(scores(file)["echo-prompt2"], [nan, 1, 1])


def test_passes_may_be_judged():
    file = str(WRITTEN / "promptfoo.json")

    (answers,) = read_answers([file], None, Reading({"score": "success"})).values()

    assert list(answers.answers["echo-prompt2"][0]) == [False, True, True]


@pytest.mark.parametrize("ending", ["json", "jsonl", "csv"])
def test_a_variable_may_name_clusters(ending):
    file = str(WRITTEN / f"promptfoo.{ending}")
    reading = Reading({"cluster": "vars.question"})

    (answers,) = read_answers([file], None, reading).values()

    assert len(set(answers.clusters)) == 3


@pytest.mark.parametrize("ending", ["json", "jsonl"])
def test_results_without_a_provider_are_refused(tmp_path, ending):
    file = tmp_path / f"odd.{ending}"
    content = (WRITTEN / f"promptfoo.{ending}").read_text()
    file.write_text(content.replace('"provider":', '"provider":7,"_":'))

    with pytest.raises(UserError, match="cannot be read as results of promptfoo"):
        scores(file)
