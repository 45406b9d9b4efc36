"""``rnnbench power``."""

import json

import pytest
from factories import scored_run, write_run


@pytest.fixture(autouse=True)
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    write_run(scored_run({"rnn": [15, 12, 16], "lstm": [13, 14, 12]}, folder="run"))


def test_the_pairs_that_are_not_clear_are_shown(cli):
    result = cli("power", "run")

    assert result.exit_code == 0, result.stderr
    assert "rnn - lstm" in result.stdout
    assert "Seeds needed" in " ".join(result.stdout.split())


def test_json_has_every_number(cli):
    document = json.loads(cli("power", "run", "--json").stdout)

    (pair,) = document["pairs"]
    assert (pair["comparison"]["a"], pair["comparison"]["b"]) == ("rnn", "lstm")
    assert 0 < pair["detectable"] < pair["detectable_corrected"]


def test_a_model_that_is_not_there_is_named(cli):
    result = cli("power", "run", "--models", "gru")

    assert result.exit_code == 2
    assert "no run has a model 'gru' (allowed: rnn, lstm)" in result.stderr
