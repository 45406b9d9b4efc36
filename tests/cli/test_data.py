import json
import os
import subprocess
import sys

import pytest
from plugin_files import write_distribution

MADE_UP = ["--data", "sgml", "--path", "tiny-reuters"]


@pytest.fixture(autouse=True)
def sgml(tiny_sgml_folder, monkeypatch):
    monkeypatch.chdir(tiny_sgml_folder.parent)


def test_prepare_describes_the_newswires(cli):
    result = cli("data", "prepare", *MADE_UP, "--set", "data.test_split=0.5")

    assert result.exit_code == 0
    assert "44 newswires, 2 topics, 35 words" in result.stdout
    assert "22 newswires to train on, 22 to test on, 20 steps" in result.stdout
    for fact in ("majority baseline", "train/test overlap", "topics only in test", "█"):
        assert fact in result.stdout
    assert "not the original files of sgml" in result.stderr


def test_json_holds_the_same_facts(cli):
    facts = json.loads(cli("data", "prepare", *MADE_UP, "--json").stdout)

    assert (facts["documents"], facts["topics"], facts["vocabulary"]) == (44, 2, 35)
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


def test_show_prints_the_words_and_the_topic_of_a_newswire(cli):
    result = cli("data", "show", 1, *MADE_UP)

    assert result.stdout.startswith("newswire 1, topic acq, 6 words, ")
    assert "it buys unit 0 reuter 3" in result.stdout


@pytest.mark.parametrize(
    ("options", "places"), [([], ("training", "test")), (["--set", "data.maxlen=8"], ("left out",))]
)
def test_show_as_json_says_where_a_newswire_went(cli, options, places):
    shown = json.loads(cli("data", "show", 8, *MADE_UP, "--json", *options).stdout)

    assert (shown["topic"], shown["words"][:2]) == ("earn", ["net", "profit"])
    assert shown["place"] in places


@pytest.mark.parametrize("number", [44, 1000])
def test_a_newswire_that_does_not_exist_is_the_users_error(cli, number):
    result = cli("data", "show", number, *MADE_UP)

    assert result.exit_code == 2
    assert f"newswire {number}: there is none (allowed: 0 to 43)" in result.stderr


def test_data_out_of_reach_ends_with_3_and_says_what_to_bring(cli, monkeypatch, tmp_path):
    for name in ("KERAS_HOME", "PIP_FIND_LINKS"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    result = cli("data", "prepare")

    assert result.exit_code == 3
    for text in ("keras is out of reach: ", "Tried:", "--data r52 --path FILE"):
        assert text in result.stderr


def test_an_unknown_source_is_refused_with_those_that_exist(cli):
    result = cli("data", "prepare", "--data", "r5")

    assert result.exit_code == 2
    assert "allowed: auto, keras, sgml, r52, r8; did you mean 'r52'?" in result.stderr


# Sources of other packages

TWEETS = """
    from rnnbench.data.corpus import corpus_of_words
    from rnnbench.data.source import Source


    def read(path):
        rows = [line.split(",") for line in path.read_text().splitlines()]
        topics = sorted({topic for topic, _ in rows})
        documents = [text.split() for _, text in rows]
        words = sorted({word for words in documents for word in words})
        labels = [topics.index(topic) for topic, _ in rows]
        return corpus_of_words(documents, words, labels, topics)


    TWEETS = Source(
        name="tweets",
        help="Tweets on two topics.",
        file="a .csv file of topics and texts",
        read=read,
        tokenize=str.split,
        patterns=("*.csv",),
    )
"""


@pytest.fixture
def with_plugins(tmp_path):
    """Runs the command with a package that brings the source ``tweets``, and one that fails."""
    write_distribution(
        tmp_path / "site",
        {"tweets": "made_up_tweets:TWEETS", "broken": "not_there:BROKEN"},
        {"made_up_tweets": TWEETS},
        group="rnnbench.sources",
    )
    (tmp_path / "tweets.csv").write_text("cats,meow purr\ndogs,woof\n" * 5)
    path = os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")])

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-m", "rnnbench", "data", *arguments],
            env=os.environ | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_source_of_another_package_is_used_like_a_built_in_one(with_plugins):
    brought = with_plugins("prepare", "--data", "tweets", "--path", "tweets.csv", "--json")
    assert not brought.stderr
    facts = json.loads(brought.stdout)
    assert (facts["source"], facts["from"], facts["documents"]) == ("tweets", "tweets.csv", 10)

    shown = json.loads(with_plugins("show", "0", "--data", "tweets", "--json").stdout)
    assert (shown["topic"], shown["words"]) == ("cats", ["meow", "purr"])
    assert "auto, keras, sgml, r52, r8, tweets" in with_plugins("show", "--help").stdout


def test_a_source_of_another_package_recognises_its_files(with_plugins):
    recognised = with_plugins("prepare", "--path", "tweets.csv")

    assert "tweets (tweets.csv)" in recognised.stdout
    assert "source 'broken' of the package made-up cannot be loaded" in recognised.stderr
    assert "it is left out" in recognised.stderr


def test_a_source_that_only_reads_files_cannot_be_downloaded(with_plugins):
    refused = with_plugins("prepare", "--data", "tweets")

    assert refused.returncode == 3
    assert "  tweets: it can only be read from a file" in refused.stderr
    assert "--data tweets --path FILE: a .csv file of topics and texts" in refused.stderr


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("broken", "source 'broken' of the package made-up cannot be loaded from not_there:BROKEN"),
        ("tweets", "source 'tweets' of the package made-up failed: IsADirectoryError: "),
    ],
)
def test_a_source_that_fails_is_named_with_its_package(with_plugins, source, reason):
    refused = with_plugins("prepare", "--data", source, "--path", ".")

    assert refused.returncode == 2
    assert refused.stderr.startswith(reason)


def test_a_source_that_fails_does_not_matter_to_the_others(with_plugins):
    assert with_plugins("prepare", "--path", "tiny-reuters").returncode == 0
    listed = with_plugins("sources", "--json")

    assert [*json.loads(listed.stdout)["sources"]] == ["keras", "sgml", "r52", "r8", "tweets"]
    assert listed.stderr.count("it is left out") == 1


def test_sources_are_listed_with_the_files_that_they_read(cli):
    listed = cli("data", "sources").stdout

    for start in ("keras", "The Reuters set", "reuters.npz, with", "r8", "R8: 7,674"):
        assert f" {start} " in listed
