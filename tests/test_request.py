"""The arguments of runs and choices, and what they change in a config."""

import inspect
import json
import re
from dataclasses import fields
from typing import get_type_hints

import numpy as np
import pandas as pd
import pytest

import rnnbench
from rnnbench.choice.command import choose
from rnnbench.cli.run import run
from rnnbench.config.load import load
from rnnbench.job import prepared_job
from rnnbench.request import KEYS, ChoiceRequest, RunRequest, changes, split_texts

ONLY_ON_THE_COMMAND_LINE = {"verbose", "quiet", "as_json", "write", "force"}
ONLY_IN_PYTHON = {"progress", "command"}
OF_THE_CONFIG = {"settings", *KEYS}
"""Arguments that change the config: a request has them as its overrides."""
STORED = {"config", "overrides", "texts", "models"}
"""What a request has that is stored with the results."""


def defaults_of(function, *, without=frozenset()):
    """The default of each parameter, by name."""
    parameters = inspect.signature(function).parameters.values()
    return {
        parameter.name: parameter.default
        for parameter in parameters
        if parameter.name not in without
    }


@pytest.mark.parametrize(
    ("kind", "function"),
    [(RunRequest, rnnbench.run), (ChoiceRequest, rnnbench.choose)],
)
def test_a_function_has_the_arguments_of_its_request(kind, function):
    arguments = defaults_of(function, without=OF_THE_CONFIG)

    assert arguments == defaults_of(kind, without={"overrides", "texts"})


@pytest.mark.parametrize(
    ("function", "command"), [(rnnbench.run, run), (rnnbench.choose, choose)]
)
def test_a_command_has_the_options_of_its_function(function, command):
    options = defaults_of(command, without=ONLY_ON_THE_COMMAND_LINE)

    assert options == defaults_of(function, without=ONLY_IN_PYTHON)


def test_a_run_shares_most_arguments_with_a_choice():
    of_run = defaults_of(rnnbench.run)
    of_choice = defaults_of(rnnbench.choose)

    assert of_run.keys() - of_choice.keys() == {"track", "save_models", "compact"}
    assert of_choice.keys() - of_run.keys() == {
        *("folds", "last", "shares", "labels", "draws", "sample", "then_fit", "on"),
        "on_test",
    }


@pytest.mark.parametrize("function", [rnnbench.run, rnnbench.choose])
def test_every_argument_is_documented(function):
    described = inspect.getdoc(function).partition("Raises:")[0]

    assert re.findall(r"^    (\w+): ", described, re.M) == [*defaults_of(function)]


@pytest.mark.parametrize(
    ("kind", "function"),
    [(RunRequest, rnnbench.run), (ChoiceRequest, rnnbench.choose)],
)
def test_a_function_has_the_types_of_its_request(kind, function):
    types = get_type_hints(function)
    names = {field.name for field in fields(kind)} & types.keys() - {"config"}

    assert {name: get_type_hints(kind)[name] for name in names} == {
        name: types[name] for name in names
    }
    assert types["return"].__name__ in ("Run", "Choice")


@pytest.mark.parametrize("kind", [RunRequest, ChoiceRequest])
def test_a_request_is_repeated_with_all_that_no_config_holds(kind):
    others = {*kind.repeated, *ONLY_IN_PYTHON, "out", "fresh"}

    assert {field.name for field in fields(kind)} - STORED == others


def test_a_long_setting_is_not_repeated_whole_by_the_messages_about_it():
    (change,) = changes(["training.seeds=[" + "0," * 1_000 + "]"])

    assert len(change.value) > 2_000
    assert change.flag == f"--set training.seeds=[{'0,' * 20}0..."


@pytest.mark.parametrize(
    ("written", "seeds", "said"),
    [
        ("50", range(50), []),
        (
            "51",
            range(51),
            ["--seeds 51: means 51 seeds, 0 to 50 (for seed 51 alone: --seeds 51,)"],
        ),
        ("51,", [51], []),
        ("[51]", [51], []),
    ],
)
def test_many_seeds_are_not_mistaken_for_one(caplog, written, seeds, said):
    benchmark = load("smoke", changes(seeds=written))

    assert benchmark.training.seeds == tuple(seeds)
    assert caplog.messages == said


def test_a_number_of_seeds_too_long_for_python_is_left_to_the_config():
    assert [change.value for change in changes(seeds="9" * 5000)] == ["9" * 5000]


def test_options_beat_the_file_only_when_given(tmp_path):
    config = tmp_path / "mine.yaml"
    config.write_text("extends: smoke\ntraining: {epochs: 7, batch_size: 5}\n")
    path = "a 😀\u2028\x7f"

    given = changes(
        ["training.batch_size=8"], seeds="3,8", data="sgml", path=path, track=["a,b"]
    )

    assert [(change.flag, change.key, change.value) for change in given] == [
        ("--seeds", "training.seeds", "[3,8]"),
        ("--data", "data.source", '"sgml"'),
        ("--path", "data.path", r'"a 😀\U00002028\U0000007f"'),
        ("--track", "tracking", '["a", "b"]'),
        ("--set training.batch_size=8", "training.batch_size", "8"),
    ]
    benchmark = load(config, [change for change in given if change.key != "tracking"])
    training = benchmark.training
    assert (training.epochs, training.batch_size, training.seeds) == (7, 8, (3, 8))
    assert str(benchmark.data.path) == path


class MadeUpDataset:
    """What is used of a ``datasets.Dataset``."""

    class features:  # noqa: N801
        @staticmethod
        def to_dict():
            return {"label": {"names": ["no", "yes"], "_type": "ClassLabel"}}

    def with_format(self, form):
        assert form is None
        return [{"text": "one", "label": 1}]


def test_a_data_set_of_hugging_face_has_the_names_of_classes():
    _, _, rows = split_texts(MadeUpDataset(), None)

    assert rows == {"train": '{"text": "one", "label": "yes"}\n'}


def test_parts_in_a_dict_of_frames_stay_apart():
    frame = pd.DataFrame({"text": ["one", "two"], "label": ["a", "b"]})

    _, _, texts = split_texts({"train": frame, "test": frame[:1]}, None)

    assert {part: len(rows.splitlines()) for part, rows in texts.items()} == {
        "train": 2,
        "test": 1,
    }


def test_parts_of_a_data_set_of_hugging_face_stay_apart(caplog):
    parts = dict.fromkeys(["train", "test", "unsupervised"], MadeUpDataset())

    _, _, texts = split_texts(parts, None)

    assert [*texts] == ["train", "test"]
    assert "data: parts that are left out: unsupervised" in caplog.text


@pytest.mark.parametrize(
    "labels", [[{"b", "a"}, {"b"}], [("a", "b"), ("b",)], [["a", "b"], ["b"]]]
)
def test_sets_of_labels_are_lists_in_one_order(labels):
    _, _, texts = split_texts((["one", "two"], labels), None)

    assert '"label": ["a", "b"]' in texts["train"]


def test_rows_of_0_and_1_are_labels():
    _, _, texts = split_texts((["one"], np.array([[0, 1, 1]])), None)

    assert texts["train"] == '{"text": "one", "label": [1, 2]}\n'


def test_networks_suit_texts_with_sets_of_labels(tmp_path):
    texts = [f"text {number}" for number in range(20)]
    labels = [[["a"], ["b"], ["a", "b"]][number % 3] for number in range(20)]
    config, _, parts = split_texts((texts, labels), None)

    with prepared_job(RunRequest(config, texts=parts, out=tmp_path / "own")) as job:
        last = job.benchmark.models["bigru_max"].last_layer

    assert last.activation == "sigmoid"


def test_a_job_has_the_parts_of_a_data_set(tmp_path):
    rows = {}
    for part in ("train", "test"):
        labels = [{"text": f"{part} {n}", "label": n % 2} for n in range(8)]
        rows[part] = "".join(f"{json.dumps(row)}\n" for row in labels)
    config, _, _ = split_texts((["one"], [1]), None)

    with prepared_job(RunRequest(config, texts=rows, out=tmp_path / "own")) as job:
        dataset = job.data.dataset

    assert len(dataset.train_documents) == 8
    assert len(dataset.test_documents) == 8
    assert not (tmp_path / "own").exists()
