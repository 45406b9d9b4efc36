import json

import pytest

MADE_UP = ["--data", "sgml", "--path", "tiny-reuters"]


@pytest.fixture(autouse=True)
def sgml(tiny_sgml_folder, monkeypatch):
    monkeypatch.chdir(tiny_sgml_folder.parent)


def test_prepare_describes_what_it_got(cli):
    result = cli("data", "prepare", *MADE_UP, "--set", "data.test_split=0.5")

    assert result.exit_code == 0
    for fact in (
        "44 wires, 2 topics, 35 words",
        "22 wires to train on, 22 to test on, 20 steps",
        "majority baseline",
        "train/test overlap",
        "topics only in test",
    ):
        assert fact in result.stdout
    assert "█" in result.stdout


def test_prepare_warns_of_files_that_are_not_the_original(cli):
    result = cli("data", "prepare", *MADE_UP)

    assert "not the original Reuters-21578" in result.stderr


def test_json_holds_the_same_facts(cli):
    facts = json.loads(cli("data", "prepare", *MADE_UP, "--json").stdout)

    assert (facts["wires"], facts["topics"], facts["vocabulary"]) == (44, 2, 35)
    assert facts["train_size"] + facts["test_size"] == 44
    assert len(facts["topic_counts"]) == 2
    assert len(facts["corpus_fingerprint"]) == len(facts["dataset_fingerprint"]) == 64


def test_info_without_anything_cached_says_what_to_do(cli):
    result = cli("data", "info")

    assert result.exit_code == 2
    assert "run `rnnbench data prepare`" in result.stderr


def test_a_config_chooses_the_data(cli, tmp_path):
    config = tmp_path / "a.yaml"
    config.write_text(
        "name: a\n"
        "data: {source: sgml, path: tiny-reuters, pad_length: 5}\n"
        "models: {m: {layers: [gru: {units: 1}, dense: {units: topics, activation: softmax}]}}\n"
    )

    assert json.loads(cli("data", "info", config, "--json").stdout)["timesteps"] == 5


def test_show_prints_the_words_and_the_topic_of_a_wire(cli):
    result = cli("data", "show", 1, *MADE_UP)

    assert result.stdout.startswith("wire 1, topic acq, 6 words, ")
    assert "it buys unit 0 reuter 3" in result.stdout


def test_show_as_json(cli):
    wire = json.loads(cli("data", "show", 2, *MADE_UP, "--json").stdout)

    assert wire["topic"] == "earn"
    assert wire["words"][:2] == ["net", "profit"]
    assert wire["place"] in ("training", "test")


def test_show_says_where_a_wire_went(cli):
    wire = json.loads(cli("data", "show", 8, *MADE_UP, "--json", "--set", "data.maxlen=8").stdout)

    assert wire["place"] == "left out"


@pytest.mark.parametrize("number", [44, 1000])
def test_a_wire_that_is_not_there_is_the_users_error(cli, number):
    result = cli("data", "show", number, *MADE_UP)

    assert result.exit_code == 2
    assert f"newswire {number}: there is none (allowed: 0 to 43)" in result.stderr


def test_data_out_of_reach_ends_with_3_and_says_what_to_bring(cli, monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")

    result = cli("data", "prepare")

    assert result.exit_code == 3
    for name in ("keras", "sgml", "r52"):
        assert f"{name} is out of reach: " in result.stderr
        assert f"--data {name} --path FILE" in result.stderr
