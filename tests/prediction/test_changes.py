"""Whether ``predict --in`` says that texts are not like those of the training."""

import json

import pytest
from prediction.conftest import drinks

SAME = [text for text, _ in drinks(400, seed=5)]
OTHER = [f"{text} whisky" for text in SAME]


@pytest.fixture
def predict(cli, drunk, tmp_path, monkeypatch):
    """Return what the command says about texts, and its record."""
    monkeypatch.setenv("RNNBENCH_CACHE", str(drunk.parents[1] / "cache"))

    def run(texts):
        rows = "".join(json.dumps({"text": text}) + "\n" for text in texts)
        (tmp_path / "new.jsonl").write_text(rows)
        files = ["--in", tmp_path / "new.jsonl", "--out", tmp_path / "out.jsonl"]
        done = cli("predict", drunk, "sure", *files, "--json", "--force")
        assert done.exit_code == 0, done.output
        return done.stderr, json.loads(done.stdout)["change"]

    return run


def test_texts_of_the_same_source_are_not_told_apart(predict):
    said, change = predict(SAME)

    assert said.startswith("The texts cannot be told from the training texts (AUC 0.")
    assert change["p"] > 0.05
    assert change["auc_low"] < 0.5 < change["auc_high"]
    assert (change["more"], change["less"]) == ([], [])


def test_texts_with_another_word_are_told_apart(predict):
    said, change = predict(OTHER)

    assert "The texts differ from the training texts (AUC 1.00" in said
    assert "; more often: whisky, " in said
    assert change["p"] <= 0.01
    assert change["new_texts"] <= 400


def test_other_lengths_are_told_apart(predict):
    _, change = predict([f"{text} {text}" for text in SAME])

    assert "(16 to 31 words)" in change["more"]
    assert "(4 to 7 words)" in change["less"]


def test_unknown_words_are_compared_with_those_of_test_documents(predict):
    _, same = predict(SAME)
    _, other = predict(OTHER)

    assert same["unknown_words"] == pytest.approx(same["unknown_in_test"], abs=0.01)
    assert other["unknown_words"] > other["unknown_in_test"] + 0.05


def test_few_texts_are_not_compared(predict):
    _, change = predict(SAME[:49])

    assert change is None


def test_copies_of_a_text_count_once(predict):
    _, change = predict(SAME[:60] * 5)

    assert change is None or change["new_texts"] <= 60


def test_texts_that_cannot_be_reached_are_not_compared(predict, monkeypatch, tmp_path):
    monkeypatch.setenv("RNNBENCH_CACHE", str(tmp_path / "empty"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rnnbench.prediction.command.cached_documents", lambda *_: None)
        said, change = predict(SAME)

    assert change is None
    assert "The training texts are not in the cache" in said


def test_only_the_beginning_of_a_long_text_is_compared(predict):
    _, change = predict([f"{text} pot" * 300 for text in SAME[:100]])

    assert "(1024 words or more)" in change["more"]
