"""Columns of 0 and 1, one for each label."""

from pathlib import Path

import pandas as pd
import pytest
from sklearn.preprocessing import MultiLabelBinarizer

from rnnbench.errors import UserError
from rnnbench.outside.columns import Reading
from rnnbench.outside.files import read_answers
from rnnbench.outside.formats.indicators import pairs_of_columns

GOLD = [["a"], ["b"], ["a", "b"], []]
ANSWERS = [["a"], ["a", "b"], ["a"], []]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def indicators(labels):
    return pd.DataFrame(
        MultiLabelBinarizer(classes=["a", "b"]).fit_transform(labels),
        columns=["a", "b"],
    )


def read(file, labels=None, **columns):
    (answers,) = read_answers([file], labels, Reading(columns)).values()
    (of_model,) = answers.answers.values()
    return answers.labels, list(of_model[0])


@pytest.mark.parametrize(
    ("gold", "predicted"),
    [("true_", "pred_"), ("y_true_", "y_pred_"), ("actual_", "predicted_")],
)
def test_gold_may_stand_beside_answers(gold, predicted):
    both = [
        indicators(GOLD).add_prefix(gold),
        indicators(ANSWERS).add_prefix(predicted),
    ]
    pd.concat(both, axis=1).to_csv("mine.csv")

    assert read("mine.csv") == (GOLD, ANSWERS)


def test_gold_may_be_in_a_file_of_its_own():
    texts = pd.Series(["one", "two", "three", "four"], name="text")
    pd.concat([texts, indicators(GOLD)], axis=1).to_csv("gold.csv", index=False)
    indicators(ANSWERS).to_csv("mine.csv", index=False)

    assert read("mine.csv", Path("gold.csv")) == (GOLD, ANSWERS)


@pytest.fixture
def joined_answers():
    """Answers with a semicolon between labels."""
    return pd.Series(map(";".join, GOLD * 5), name="prediction")


def test_an_option_may_name_the_columns_of_gold(joined_answers):
    pd.concat([indicators(GOLD * 5), joined_answers], axis=1).to_csv("mine.csv")

    assert read("mine.csv", label="a,b") == (GOLD * 5, GOLD * 5)


def test_an_option_may_name_columns_in_a_file_of_gold(joined_answers):
    joined_answers.to_csv("mine.csv", index=False)
    indicators(GOLD * 5).assign(other=0).to_csv("gold.csv", index=False)

    labels, answers = read("mine.csv", Path("gold.csv"), label="a,b")

    assert labels == GOLD * 5
    assert answers == GOLD * 5


def test_an_option_may_name_columns_with_answers_beside_them():
    both = [
        indicators(GOLD).add_prefix("true_"),
        indicators(ANSWERS).add_prefix("pred_"),
    ]
    pd.concat(both, axis=1).to_csv("mine.csv")

    assert read("mine.csv", label="true_a,true_b") == (GOLD, ANSWERS)


def test_a_column_of_gold_without_0_or_1_is_named(joined_answers):
    gold = indicators(GOLD * 5).assign(c="x")
    pd.concat([gold, joined_answers], axis=1).to_csv("mine.csv")

    with pytest.raises(UserError, match=r"mine\.csv: --label: 'c' should have 0 or 1"):
        read("mine.csv", label="a,b,c")


def test_two_columns_of_gold_with_one_name_are_refused(joined_answers):
    twice = pd.concat([indicators(GOLD * 5), indicators(GOLD * 5)], axis=1)
    pd.concat([twice, joined_answers], axis=1).to_csv("mine.csv")

    with pytest.raises(UserError, match=r"mine\.csv: there are two columns 'a'"):
        read("mine.csv", label="a,b")


def test_answers_may_be_probabilities():
    probabilities = indicators(ANSWERS).add_prefix("pred_") * 0.5 + 0.2
    both = [indicators(GOLD).add_prefix("true_"), probabilities]
    pd.concat(both, axis=1).to_csv("mine.csv")

    assert read("mine.csv") == (GOLD, ANSWERS)


def test_words_may_stand_behind_labels():
    assert list(pairs_of_columns(["a_true", "a_pred", "b_true", "b_pred"])) == [
        "a",
        "b",
    ]


def test_a_single_pair_is_none():
    assert pairs_of_columns(["true_label", "pred_label"]) == {}
